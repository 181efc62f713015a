# Perl's DBD::Pg through the daemon, with its defaults: a statement is prepared on the server from its
# second execution on, and deallocated by a simple query. ../README.md says what the cases are and
# how they report.
use strict;
use warnings;
use utf8;
use DBI;
use DBD::Pg qw(:pg_types :async);

$| = 1;
binmode(STDOUT, ':utf8');
my $table = $ENV{WEIR_TABLE};
my $clients = $ENV{WEIR_CLIENTS};

sub open_one {
    my $tls = $ENV{WEIR_CA} ? "sslmode=verify-full;sslrootcert=$ENV{WEIR_CA}" : 'sslmode=disable';
    return DBI->connect("dbi:Pg:host=$ENV{WEIR_HOST};port=$ENV{WEIR_PORT};"
        . "dbname=$ENV{WEIR_DATABASE};$tls", $ENV{WEIR_USER}, $ENV{WEIR_PASSWORD},
        { RaiseError => 1, PrintError => 0, AutoCommit => 1 });
}

sub same {
    my ($expected, $got) = @_;
    $expected //= 'undef';
    $got //= 'undef';
    die "expected $expected, got $got\n" unless $expected eq $got;
}

sub value {
    my ($c, $sql, @values) = @_;
    return $c->selectrow_array($sql, undef, @values);
}

sub refused {
    my ($c, $state, $work) = @_;
    my $done = eval { $work->(); 1 };
    die "no error $state\n" if $done;
    same($state, $c->state);
}

sub simple {
    my $c = open_one();
    same(42, scalar value($c, 'SELECT 40 + 2'));
    same(7, scalar value($c, 'SELECT ?::int + ?::int', 3, 4));
    same(1, $c->ping);
    same('two', scalar value($c, "SELECT 1; SELECT 'two'"));
    $c->disconnect;
}

sub prepared {
    my $c = open_one();
    my $add = $c->prepare('SELECT ?::int + 1000');
    for my $n (0 .. 11) {
        $add->execute($n);
        same($n + 1000, $add->fetchrow_array);
        $add->finish;
    }
    undef $add;    # DEALLOCATE
    for my $n (0 .. 20) {
        my $other = $c->prepare("SELECT ?::int * $n");
        for my $k (1 .. 3) {
            $other->execute($k);
            same($k * $n, $other->fetchrow_array);
            $other->finish;
        }
    }
    $c->disconnect;
}

sub types {
    my $c = open_one();
    my $all = $c->prepare('SELECT ?::bigint, ?::text, ?::bytea, ?::bool, ?::int[], ?::text,'
        . ' ?::numeric');
    $all->bind_param(1, '9223372036854775807');
    $all->bind_param(2, 'naïve € 🐘');
    $all->bind_param(3, "\0\1\xff", { pg_type => PG_BYTEA });
    $all->bind_param(4, 1);
    $all->bind_param(5, [1, undef, 3]);
    $all->bind_param(6, undef);
    $all->bind_param(7, '12345678901234567890.123');
    for (1 .. 3) {
        $all->execute;
        my @row = $all->fetchrow_array;
        same('9223372036854775807', $row[0]);
        same('naïve € 🐘', $row[1]);
        same("\0\1\xff", $row[2]);
        same(1, $row[3]);
        same('1,-,3', join(',', map { $_ // '-' } @{ $row[4] }));
        same(undef, $row[5]);
        same('12345678901234567890.123', $row[6]);
        $all->finish;
    }
    $c->disconnect;
}

sub rollback {
    my $c = open_one();
    my $insert = $c->prepare("INSERT INTO $table (id, note) VALUES (?, 'tx')");
    $c->begin_work;
    $insert->execute(1);
    $c->commit;
    $c->begin_work;
    $insert->execute(2);
    $c->pg_savepoint('here');
    refused($c, '23505', sub { $insert->execute(1) });
    $c->pg_rollback_to('here');
    same(2, scalar value($c, "SELECT count(*) FROM $table WHERE note = 'tx'"));
    $c->rollback;
    same(1, scalar value($c, "SELECT count(*) FROM $table WHERE note = 'tx'"));
    undef $insert;
    $c->disconnect;
}

sub error {
    my $c = open_one();
    for my $n (0 .. 7) {
        refused($c, '22012', sub { $c->do('SELECT 1/0') });
        refused($c, '42P01', sub { value($c, 'SELECT * FROM no_such_table WHERE id = ?', $n) });
        same($n, scalar value($c, 'SELECT ?::int', $n));
    }
    $c->begin_work;
    refused($c, '22P02', sub { value($c, q{SELECT 'x'::int}) });
    refused($c, '25P02', sub { value($c, 'SELECT 1') });
    $c->rollback;
    same(1, scalar value($c, 'SELECT 1'));
    $c->disconnect;
}

sub copy {
    my $c = open_one();
    $c->do("COPY $table (id, note) FROM STDIN");
    $c->pg_putcopydata("$_\tline $_\n") for 100 .. 3099;
    same(1, $c->pg_putcopyend);
    $c->do("COPY (SELECT id, note FROM $table WHERE id BETWEEN 100 AND 3099 ORDER BY id) TO STDOUT");
    my ($line, $got) = ('', '');
    $got .= $line while $c->pg_getcopydata($line) >= 0;
    same(join('', map { "$_\tline $_\n" } 100 .. 3099), $got);
    $c->do("COPY $table (id) FROM STDIN");
    $c->pg_putcopydata("not a number\n");
    refused($c, '22P02', sub { $c->pg_putcopyend });
    same(1, scalar value($c, 'SELECT 1'));
    $c->disconnect;
}

sub batch {
    my $c = open_one();
    my $insert = $c->prepare("INSERT INTO $table (id, note) VALUES (?, ?)");
    same(200, $insert->execute_array({}, [10000 .. 10199], [('batch') x 200]));
    same(200, scalar value($c, "SELECT count(*) FROM $table WHERE note = 'batch'"));
    undef $insert;
    $c->disconnect;
}

sub cancel {
    my ($eye, $c) = (open_one(), open_one());
    my $mark = "perl $table";
    $c->do("SELECT pg_sleep(60), '$mark'", { pg_async => PG_ASYNC });
    1 until value($eye, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND pid <>"
        . q{ pg_backend_pid() AND query LIKE '%' || ? || '%'}, $mark) == 1;
    same(1, $c->pg_cancel);
    same(1, scalar value($c, 'SELECT 1'));
    1 until value($eye, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <>"
        . q{ pg_backend_pid() AND query LIKE '%' || ? || '%'}, $mark) == 0;
    $_->disconnect for $c, $eye;
}

sub timeout {
    my $c = open_one();
    $c->begin_work;
    $c->do(q{SET LOCAL statement_timeout = '50ms'});
    refused($c, '57014', sub { $c->do('SELECT pg_sleep(60)') });
    $c->rollback;
    same(0, scalar value($c, 'SHOW statement_timeout'));
    $c->disconnect;
}

sub large {
    my $c = open_one();
    my $text = '0123456789abcdef' x (1 << 17);    # 2 MiB
    same(1, scalar(value($c, 'SELECT ?::text', $text) eq $text));
    $c->disconnect;
}

sub settings {
    my ($c, $other) = (open_one(), open_one());
    $c->do(q{SET application_name = 'mine'});
    $c->do(q{SET TimeZone = 'Asia/Tokyo'});
    $other->do(q{SET application_name = 'theirs'});
    for (1 .. 5) {
        same('mine', scalar value($c, 'SHOW application_name'));
        same('theirs', scalar value($other, 'SHOW application_name'));
        same('Asia/Tokyo', scalar value($c, 'SHOW TimeZone'));
    }
    $_->disconnect for $c, $other;
}

sub parallel {
    my @children;
    for my $i (0 .. $clients - 1) {
        my $pid = fork // die "fork: $!\n";
        if (!$pid) {
            my $done = eval {
                my $c = open_one();
                my $add = $c->prepare("SELECT ?::int + $i");
                for my $n (0 .. 7) {
                    $add->execute($n * 100);
                    same($n * 100 + $i, $add->fetchrow_array);
                    $add->finish;
                }
                undef $add;
                $c->disconnect;
                1;
            };
            print STDERR $@ unless $done;
            exit($done ? 0 : 1);
        }
        push @children, $pid;
    }
    for my $pid (@children) {
        waitpid($pid, 0);
        same(0, $?);
    }
}

my $is_good = 1;
my @cases = (
    simple => \&simple, prepared => \&prepared, types => \&types, rollback => \&rollback,
    error => \&error, copy => \&copy, batch => \&batch, cancel => \&cancel, timeout => \&timeout,
    large => \&large, settings => \&settings, parallel => \&parallel,
);
while (my ($name, $work) = splice(@cases, 0, 2)) {
    if (eval { $work->(); 1 }) {
        print "ok $name\n";
        next;
    }
    $is_good = 0;
    my $why = $@;
    $why =~ s/\n/ | /g;
    print "failed $name: $why\n";
}
exit($is_good ? 0 : 1);
