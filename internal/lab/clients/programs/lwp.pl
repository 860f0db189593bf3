# Perl's LWP: lwp.pl URL ROOTS
use strict; use LWP::UserAgent;
my $answer = LWP::UserAgent->new(timeout => 10, ssl_opts => { SSL_ca_file => $ARGV[1] })->get($ARGV[0]);
print STDERR $answer->status_line, "\n" unless $answer->is_success;
print substr($answer->decoded_content // "", 0, 100), "\n";
exit !$answer->is_success;
