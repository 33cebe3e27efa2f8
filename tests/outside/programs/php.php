<?php
// Reads requests from the file that is named first, and prints for each whether the guide's code accepts it.
require __DIR__ . '/guide.php';

function accepts(array $request): bool
{
    $server = [];
    foreach ($request['headers'] as $name => $value) {
        $server['HTTP_' . strtoupper(strtr($name, '-', '_'))] = $value;
    }
    if (function_exists('isGenuine')) {
        return isGenuine($server, base64_decode($request['body']), $request['secrets']);
    }
    return hasSecret($server, $request['secrets'][0]);
}

echo json_encode(array_map('accepts', json_decode(file_get_contents($argv[1]), true)));
