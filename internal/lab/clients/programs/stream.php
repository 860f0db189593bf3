<?php // PHP's streams: stream.php URL ROOTS
$context = stream_context_create(["ssl" => ["cafile" => $argv[2]], "http" => ["timeout" => 10]]);
$body = file_get_contents($argv[1], false, $context);
if ($body === false) { exit(1); }
echo substr($body, 0, 100), "\n";
