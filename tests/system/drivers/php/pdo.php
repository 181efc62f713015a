<?php
// PDO's pgsql driver through the daemon: with its defaults every prepare() becomes a named statement
// on the server. ../README.md says what the cases are and how they report.
declare(strict_types=1);
require __DIR__ . '/common.php';

function open(): PDO
{
    return new PDO('pgsql:' . conninfo(';'), getenv('WEIR_USER'), getenv('WEIR_PASSWORD'));
}

function value(PDO $c, string $sql, array $values = []): mixed
{
    $statement = $c->prepare($sql);
    $statement->execute($values);
    return $statement->fetchColumn();
}

function refused(string $state, callable $work): void
{
    try {
        $work();
    } catch (PDOException $error) {
        same($state, $error->errorInfo[0]);
        return;
    }
    throw new Exception("no error $state");
}

function simple(): void
{
    $c = open();
    same(42, $c->query('SELECT 40 + 2')->fetchColumn());
    same(0, $c->exec("SET application_name = 'pdo'"));
    same(7, value($c, 'SELECT ?::int + ?::int', [3, 4]));
}

function prepared(): void
{
    $c = open();
    $add = $c->prepare('SELECT :n::int + 1000 AS v');
    for ($n = 0; $n < 12; $n++) {
        $add->execute(['n' => $n]);
        same(['v' => $n + 1000], $add->fetch(PDO::FETCH_ASSOC));
    }
    for ($n = 0; $n < 30; $n++) { // every one is prepared, used, and deallocated
        same($n, value($c, "SELECT ?::int + $n", [0]));
    }
}

function types(): void
{
    $c = open();
    $all = $c->prepare('SELECT ?::bigint, ?::text, ?::bytea, ?::bool, ?::text, ?::numeric');
    $all->bindValue(1, PHP_INT_MAX, PDO::PARAM_INT);
    $all->bindValue(2, 'naïve € 🐘');
    $all->bindValue(3, "\0\1\xff", PDO::PARAM_LOB);
    $all->bindValue(4, true, PDO::PARAM_BOOL);
    $all->bindValue(5, null, PDO::PARAM_NULL);
    $all->bindValue(6, '12345678901234567890.123');
    $all->execute();
    $row = $all->fetch(PDO::FETCH_NUM);
    $row[2] = stream_get_contents($row[2]);
    same([PHP_INT_MAX, 'naïve € 🐘', "\0\1\xff", true, null, '12345678901234567890.123'], $row);
}

function rollback(): void
{
    $c = open();
    $insert = $c->prepare('INSERT INTO ' . TABLE . " (id, note) VALUES (?, 'tx')");
    $c->beginTransaction();
    $insert->execute([1]);
    $c->commit();
    $c->beginTransaction();
    $insert->execute([2]);
    same(true, $c->inTransaction());
    $c->rollBack();
    refused('23505', fn() => $insert->execute([1]));
    same(1, value($c, 'SELECT count(*) FROM ' . TABLE . " WHERE note = 'tx'"));
}

function error(): void
{
    $c = open();
    for ($n = 0; $n < 8; $n++) {
        refused('22012', fn() => $c->query('SELECT 1/0'));
        refused('42P01', fn() => value($c, 'SELECT * FROM no_such_table WHERE id = ?', [$n]));
        same($n, value($c, 'SELECT ?::int', [$n]));
    }
    $c->beginTransaction();
    refused('22P02', fn() => $c->query("SELECT 'x'::int"));
    refused('25P02', fn() => $c->query('SELECT 1'));
    $c->rollBack();
    same(1, value($c, 'SELECT 1'));
}

function copy_rows(): void
{
    $c = open();
    $lines = array_map(fn($n) => "$n\tline $n", range(100, 3099));
    same(true, $c->pgsqlCopyFromArray(TABLE, $lines, "\t", '\\\\N', 'id,note'));
    $out = $c->pgsqlCopyToArray('(SELECT id, note FROM ' . TABLE
        . ' WHERE id BETWEEN 100 AND 3099 ORDER BY id)');
    same($lines, array_map('rtrim', $out));
    refused('22P02', fn() => $c->pgsqlCopyFromArray(TABLE, ['not a number'], "\t", '\\\\N', 'id'));
    same(1, value($c, 'SELECT 1'));
}

function cursor(): void
{
    $c = open();
    $c->beginTransaction();
    $rows = $c->prepare('SELECT generate_series(1, 1000) AS v',
        [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL]);
    $rows->execute();
    $sum = 0;
    while ($row = $rows->fetch(PDO::FETCH_NUM)) {
        $sum += $row[0];
    }
    same(500500, $sum);
    same([1], $rows->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_FIRST));
    $rows = null;
    $c->commit();
}

function large_object(): void
{
    $c = open();
    $c->beginTransaction();
    $oid = $c->pgsqlLOBCreate();
    $stream = $c->pgsqlLOBOpen($oid, 'w');
    fwrite($stream, str_repeat('lob', 10000));
    $stream = null;
    same(str_repeat('lob', 10000), stream_get_contents($c->pgsqlLOBOpen($oid, 'r')));
    $c->pgsqlLOBUnlink($oid);
    $c->commit();
}

function timeout(): void
{
    $c = open();
    $c->beginTransaction();
    $c->exec("SET LOCAL statement_timeout = '50ms'");
    refused('57014', fn() => value($c, 'SELECT pg_sleep(60)'));
    $c->rollBack();
    same('0', value($c, 'SHOW statement_timeout'));
}

function large(): void
{
    $text = str_repeat('0123456789abcdef', 1 << 17); // 2 MiB
    same(true, value(open(), 'SELECT ?::text', [$text]) === $text);
}

function settings(): void
{
    [$c, $other] = [open(), open()];
    $c->exec("SET application_name = 'mine'; SET TimeZone = 'Asia/Tokyo'");
    $other->exec("SET application_name = 'theirs'");
    for ($n = 0; $n < 5; $n++) {
        same('mine', value($c, 'SHOW application_name'));
        same('theirs', value($other, 'SHOW application_name'));
        same('Asia/Tokyo', value($c, 'SHOW TimeZone'));
    }
}

// A process for each client: PDO has no asynchronous queries.
function parallel(): void
{
    $children = [];
    for ($i = 0; $i < CLIENTS; $i++) {
        $pid = pcntl_fork();
        if ($pid === 0) {
            $isGood = false;
            try {
                $c = open();
                $add = $c->prepare("SELECT ?::int + $i");
                for ($n = 0; $n < 8; $n++) {
                    $add->execute([$n * 100]);
                    same($n * 100 + $i, $add->fetchColumn());
                }
                $isGood = true;
            } catch (Throwable $error) {
                fwrite(STDERR, $error->getMessage() . "\n");
            }
            exit($isGood ? 0 : 1);
        }
        $children[] = $pid;
    }
    foreach ($children as $pid) {
        pcntl_waitpid($pid, $status);
        same(0, $status);
    }
}

report(['simple' => simple(...), 'prepared' => prepared(...), 'types' => types(...),
    'rollback' => rollback(...), 'error' => error(...), 'copy' => copy_rows(...),
    'cursor' => cursor(...), 'large_object' => large_object(...), 'timeout' => timeout(...),
    'large' => large(...), 'settings' => settings(...), 'parallel' => parallel(...)]);
