<?php
// PHP's pgsql extension through the daemon. ../README.md says what the cases are and how they report.
declare(strict_types=1);
require __DIR__ . '/common.php';

function open(): PgSql\Connection
{
    $connection = @pg_connect(conninfo(' ') . ' user=' . getenv('WEIR_USER') . ' password='
        . getenv('WEIR_PASSWORD'), PGSQL_CONNECT_FORCE_NEW);
    return $connection ?: throw new Exception('no connection: ' . (error_get_last()['message'] ?? ''));
}

function answer(PgSql\Connection $c): PgSql\Result
{
    $result = pg_get_result($c) ?: throw new Exception('no result');
    $state = pg_result_error_field($result, PGSQL_DIAG_SQLSTATE);
    return $state ? throw new Exception($state) : $result;
}

function query(PgSql\Connection $c, string $sql, ?array $values = null): PgSql\Result
{
    $values === null ? pg_send_query($c, $sql) : pg_send_query_params($c, $sql, $values);
    try {
        return answer($c);
    } finally {
        while (pg_get_result($c)) {
        }
    }
}

function value(PgSql\Connection $c, string $sql, ?array $values = null): ?string
{
    return pg_fetch_result(query($c, $sql, $values), 0, 0);
}

function refused(string $state, callable $work): void
{
    try {
        $work();
    } catch (Exception $error) {
        same($state, $error->getMessage());
        return;
    }
    throw new Exception("no error $state");
}

function simple(): void
{
    $c = open();
    same('42', pg_fetch_result(pg_query($c, 'SELECT 40 + 2'), 0, 0));
    same('two', pg_fetch_result(pg_query($c, "SELECT 1; SELECT 'two'"), 0, 0));
    same('7', pg_fetch_result(pg_query_params($c, 'SELECT $1::int + $2::int', [3, 4]), 0, 0));
    same(true, pg_ping($c));
    pg_close($c);
}

function prepared(): void
{
    $c = open();
    pg_prepare($c, 'mine', 'SELECT $1::int + 1000');
    for ($n = 0; $n < 12; $n++) {
        same((string) ($n + 1000), pg_fetch_result(pg_execute($c, 'mine', [$n]), 0, 0));
    }
    query($c, 'DEALLOCATE mine');
    pg_prepare($c, 'mine', 'SELECT $1::int - 1000');
    same('1', pg_fetch_result(pg_execute($c, 'mine', [1001]), 0, 0));
    pg_close($c);
}

function types(): void
{
    $c = open();
    $result = query($c, 'SELECT $1::bigint, $2::text, $3::bytea, $4::bool, $5::text, $6::numeric',
        [PHP_INT_MAX, 'naïve € 🐘', pg_escape_bytea($c, "\0\1\xff"), 't', null,
            '12345678901234567890.123']);
    $row = pg_fetch_row($result);
    $row[2] = pg_unescape_bytea($row[2]);
    same([(string) PHP_INT_MAX, 'naïve € 🐘', "\0\1\xff", 't', null, '12345678901234567890.123'], $row);
    same('bytea', pg_field_type($result, 2));
    pg_close($c);
}

function rollback(): void
{
    $c = open();
    query($c, 'BEGIN');
    same(1, pg_affected_rows(query($c, 'INSERT INTO ' . TABLE . " (id, note) VALUES (1, 'tx')")));
    query($c, 'COMMIT');
    query($c, 'BEGIN');
    same(PGSQL_TRANSACTION_INTRANS, pg_transaction_status($c));
    query($c, 'INSERT INTO ' . TABLE . " (id, note) VALUES (2, 'tx')");
    query($c, 'ROLLBACK');
    same('1', value($c, 'SELECT count(*) FROM ' . TABLE . " WHERE note = 'tx'"));
    pg_insert($c, TABLE, ['id' => 3, 'note' => 'inserted']) ?: throw new Exception('pg_insert');
    same('inserted', pg_select($c, TABLE, ['id' => 3])[0]['note']);
    pg_close($c);
}

function error(): void
{
    $c = open();
    for ($n = 0; $n < 8; $n++) {
        refused('22012', fn() => query($c, 'SELECT 1/0'));
        refused('42P01', fn() => query($c, 'SELECT * FROM no_such_table WHERE id = $1', [$n]));
        same((string) $n, value($c, 'SELECT $1::int', [$n]));
    }
    query($c, 'BEGIN');
    refused('22P02', fn() => query($c, "SELECT 'x'::int"));
    refused('25P02', fn() => query($c, 'SELECT 1'));
    query($c, 'ROLLBACK');
    same('1', value($c, 'SELECT 1'));
    pg_close($c);
}

function copy_rows(): void
{
    $c = open();
    $lines = array_map(fn($n) => "$n\tline $n\n", range(100, 3099));
    same(true, pg_copy_from($c, TABLE . ' (id, note)', $lines));
    same(3000, count(pg_copy_to($c, '(SELECT id, note FROM ' . TABLE . ' WHERE id >= 100)')));
    same(false, @pg_copy_from($c, TABLE . ' (id)', ["not a number\n"]));
    same('1', value($c, 'SELECT 1'));
    pg_close($c);
}

function cursor(): void
{
    $c = open();
    query($c, 'BEGIN');
    query($c, 'DECLARE here CURSOR FOR SELECT generate_series(1, 1000)');
    $sum = 0;
    while ($rows = pg_fetch_all_columns(query($c, 'FETCH 70 FROM here'))) {
        $sum += array_sum($rows);
    }
    same(500500, $sum);
    query($c, 'COMMIT');
    pg_close($c);
}

function cancel(): void
{
    $eye = open();
    $c = open();
    $mark = 'php ' . TABLE;
    pg_send_query($c, "SELECT pg_sleep(60), '$mark'");
    while (value($eye, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND pid <>"
        . " pg_backend_pid() AND query LIKE '%' || $1 || '%'", [$mark]) !== '1') {
    }
    // pg_cancel_query sends the request and reads the answers
    same(true, pg_cancel_query($c));
    same('1', value($c, 'SELECT 1'));
    while (value($eye, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <>"
        . " pg_backend_pid() AND query LIKE '%' || $1 || '%'", [$mark]) !== '0') {
    }
    pg_close($c);
    pg_close($eye);
}

function timeout(): void
{
    $c = open();
    query($c, 'BEGIN');
    query($c, "SET LOCAL statement_timeout = '50ms'");
    refused('57014', fn() => query($c, 'SELECT pg_sleep(60)'));
    query($c, 'ROLLBACK');
    same('0', value($c, 'SHOW statement_timeout'));
    pg_close($c);
}

function large(): void
{
    $c = open();
    $text = str_repeat('0123456789abcdef', 1 << 17); // 2 MiB
    same(true, value($c, 'SELECT $1::text', [$text]) === $text);
    pg_close($c);
}

function settings(): void
{
    [$c, $other] = [open(), open()];
    query($c, "SET application_name = 'mine'");
    query($c, "SET TimeZone = 'Asia/Tokyo'");
    query($other, "SET application_name = 'theirs'");
    for ($n = 0; $n < 5; $n++) {
        same('mine', value($c, 'SHOW application_name'));
        same('theirs', value($other, 'SHOW application_name'));
        same('Asia/Tokyo', value($c, 'SHOW TimeZone'));
    }
    same('Asia/Tokyo', pg_parameter_status($c, 'TimeZone'));
    pg_close($c);
    pg_close($other);
}

// No threads: more connections than servers, each with a question under way.
function parallel(): void
{
    $connections = [];
    for ($i = 0; $i < CLIENTS; $i++) {
        $connections[] = $c = open();
        pg_send_query_params($c, 'SELECT $1::int * 100, pg_sleep(0.01)', [$i]);
    }
    foreach ($connections as $i => $c) {
        same((string) ($i * 100), pg_fetch_result(answer($c), 0, 0));
        pg_close($c);
    }
}

report(['simple' => simple(...), 'prepared' => prepared(...), 'types' => types(...),
    'rollback' => rollback(...), 'error' => error(...), 'copy' => copy_rows(...),
    'cursor' => cursor(...), 'cancel' => cancel(...), 'timeout' => timeout(...),
    'large' => large(...), 'settings' => settings(...), 'parallel' => parallel(...)]);
