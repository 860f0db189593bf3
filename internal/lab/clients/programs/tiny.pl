# Perl's HTTP::Tiny: tiny.pl URL ROOTS [verify]
use strict; use HTTP::Tiny;
my $answer = HTTP::Tiny->new(timeout => 10, ($ARGV[2] // "") eq "verify" ? (verify_SSL => 1) : (), SSL_options => { SSL_ca_file => $ARGV[1] })->get($ARGV[0]);
print STDERR "$answer->{reason} $answer->{content}\n" unless $answer->{success};
exit !$answer->{success};
