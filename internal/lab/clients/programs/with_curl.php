<?php // PHP's curl extension: with_curl.php URL ROOTS
$c = curl_init($argv[1]);
curl_setopt_array($c, [CURLOPT_CAINFO => $argv[2], CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 10]);
$body = curl_exec($c);
if ($body === false) { fwrite(STDERR, curl_error($c) . "\n"); exit(1); }
echo substr($body, 0, 100), "\n";
