<?php
// What pgsql.php and pdo.php share: the environment, comparing, reporting.
declare(strict_types=1);

define('TABLE', getenv('WEIR_TABLE'));
define('CLIENTS', (int) getenv('WEIR_CLIENTS'));

function conninfo(string $between): string
{
    $words = ['host=' . getenv('WEIR_HOST'), 'port=' . getenv('WEIR_PORT'),
        'dbname=' . getenv('WEIR_DATABASE')];
    $ca = getenv('WEIR_CA');
    $words[] = $ca === '' ? 'sslmode=disable' : 'sslmode=verify-full' . $between . "sslrootcert=$ca";
    return implode($between, $words);
}

function same(mixed $expected, mixed $got): void
{
    if ($expected !== $got) {
        throw new Exception('expected ' . var_export($expected, true) . ', got '
            . var_export($got, true));
    }
}

/** @param array<string, callable> $cases */
function report(array $cases): never
{
    $isGood = true;
    foreach ($cases as $name => $work) {
        try {
            $work();
            echo "ok $name\n";
        } catch (Throwable $error) {
            $isGood = false;
            $why = get_class($error) . ': ' . $error->getMessage() . ' in line ' . $error->getLine();
            echo "failed $name: " . str_replace("\n", ' | ', $why) . "\n";
        }
    }
    exit($isGood ? 0 : 1);
}
