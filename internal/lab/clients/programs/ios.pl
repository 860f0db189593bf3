# Perl's IO::Socket::SSL: ios.pl HOST PORT ROOTS PATH [ocsp]
use strict; use IO::Socket::SSL;
my ($host, $port, $roots, $path, $more) = @ARGV;
my %more = ($more // "") eq "ocsp" ? (SSL_ocsp_mode => SSL_OCSP_FULL_CHAIN | SSL_OCSP_FAIL_HARD | SSL_OCSP_TRY_STAPLE) : ();
my $s = IO::Socket::SSL->new(PeerHost => $host, PeerPort => $port, SSL_ca_file => $roots, SSL_verifycn_scheme => "http", Timeout => 10, %more)
  or die "$SSL_ERROR\n";
if (%more) { my $e = $s->ocsp_resolver->resolve_blocking(timeout => 10); die "$e\n" if $e; }
print $s "GET /$path HTTP/1.0\r\nHost: $host\r\n\r\n";
print substr(join("", <$s>), 0, 100), "\n";
