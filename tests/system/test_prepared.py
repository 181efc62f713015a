"""Prepared statements and the extended protocol in transaction mode: names belong to the client,
whatever server it gets; errors, pipelines, DEALLOCATE and DISCARD, more statements than fit, a plan
that a migration made invalid."""
import pytest

from harness import wire
from harness.pools import pools_add_up
from harness.wire import RawClient, ServerError

pytestmark = pytest.mark.weir_only


def raw(weir, **more):
    return RawClient(weir.host, weir.port).login("app", "app", **more)


def run_named(client, name, values=()):
    """Bind and execute a statement prepared before."""
    client.send(wire.bind(name, values=values), wire.execute(), wire.SYNC)
    return client.answer()


def prepare(client, name, sql):
    client.send(wire.parse(name, sql), wire.SYNC)
    return client.answer()


def pin(client):
    """Takes a server into a transaction, so that others get another one."""
    client.ask("BEGIN")
    return client


def test_a_named_statement_works_on_every_server(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=3)
    with raw(weir) as client, raw(weir) as other, raw(weir) as third:
        prepare(client, "s", "SELECT $1::int + 1, pg_backend_pid()")
        pids = {run_named(client, "s", [1])[0][1]}
        pin(other)
        pids.add(run_named(client, "s", [1])[0][1])
        pin(third)
        answer = run_named(client, "s", [41])
        pids.add(answer[0][1])
        assert answer[0][0] == b"42"
        assert len(pids) > 1, "the test did not reach a second server"
        other.ask("ROLLBACK")
        third.ask("ROLLBACK")
    pools_add_up(weir, 3)


def test_same_name_in_two_clients_means_two_statements(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir) as one, raw(weir) as two:
        prepare(one, "same", "SELECT 'one', $1::int")
        prepare(two, "same", "SELECT 'two', $1::text, 2")
        for n in range(5):
            assert run_named(one, "same", [n]) == [[b"one", str(n).encode()]]
            assert run_named(two, "same", [n]) == [[b"two", str(n).encode(), b"2"]]


def test_preparing_a_name_twice_is_the_servers_error(weir):
    with raw(weir) as client:
        prepare(client, "dup", "SELECT 1")
        with pytest.raises(ServerError, match="42P05"):
            prepare(client, "dup", "SELECT 2")
        assert run_named(client, "dup") == [[b"1"]]


def test_close_frees_the_name(weir):
    with raw(weir) as client:
        prepare(client, "c", "SELECT 1")
        client.send(wire.close(b"S", "c"), wire.SYNC)
        assert [kind for kind, _ in client.until(b"Z")] == [b"3", b"Z"]
        with pytest.raises(ServerError, match="26000"):
            run_named(client, "c")
        prepare(client, "c", "SELECT 2")
        assert run_named(client, "c") == [[b"2"]]


def test_closing_what_does_not_exist_is_no_error(weir):
    with raw(weir) as client:
        client.send(wire.close(b"S", "never made"), wire.close(b"P", "neither"), wire.SYNC)
        assert [kind for kind, _ in client.until(b"Z")] == [b"3", b"3", b"Z"]


def test_unknown_statements_are_errors_and_the_session_goes_on(weir):
    with raw(weir) as client:
        for part in (wire.describe(b"S", "unknown"), wire.bind("unknown")):
            client.send(part, wire.SYNC)
            with pytest.raises(ServerError) as failed:
                client.answer()
            assert failed.value.fields["C"] == "26000"
            assert "unknown" in failed.value.fields["M"]
        client.send(wire.describe(b"P", "no portal"), wire.SYNC)
        with pytest.raises(ServerError, match="34000"):
            client.answer()
        assert client.ask("SELECT 1") == [[b"1"]]
    pools_add_up(weir)


def test_describe_of_statement_and_portal(weir):
    with raw(weir) as client:
        prepare(client, "d", "SELECT $1::int AS a, $2::text AS b")
        client.send(wire.describe(b"S", "d"), wire.bind("d", values=[1, "x"]),
                    wire.describe(b"P"), wire.execute(), wire.SYNC)
        kinds = [kind for kind, _ in client.until(b"Z")]
        assert kinds == [b"t", b"T", b"2", b"T", b"D", b"C", b"Z"]


@pytest.mark.parametrize("command", ["DEALLOCATE ALL", "DISCARD ALL", "deallocate all;",
                                     "DEALLOCATE PREPARE ALL"])
def test_deallocate_all_and_discard_all_forget_the_clients_statements(weir_factory, pg, command):
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir) as one, raw(weir) as two:
        prepare(one, "s", "SELECT 1")
        prepare(two, "s", "SELECT 2")
        one.ask(command)
        with pytest.raises(ServerError, match="26000"):
            run_named(one, "s")
        assert run_named(two, "s") == [[b"2"]], "another client's statement was lost"
        prepare(one, "s", "SELECT 3")
        assert run_named(one, "s") == [[b"3"]]
        assert run_named(two, "s") == [[b"2"]]


def test_more_statements_than_a_server_may_keep(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1, max_prepared_statements=10)
    with raw(weir) as client:
        for n in range(50):
            prepare(client, f"s{n}", f"SELECT {n}, $1::int")
        for n in list(range(50)) + list(range(49, -1, -1)):
            assert run_named(client, f"s{n}", [n]) == [[str(n).encode()] * 2]
        kept = client.ask("SELECT count(*) FROM pg_prepared_statements")
        assert int(kept[0][0]) <= 10
    pools_add_up(weir, 1)


def test_error_in_a_pipeline_skips_to_sync(weir):
    with raw(weir) as client:
        good = wire.parse("", "SELECT 1") + wire.bind() + wire.execute()
        bad = wire.parse("", "SELECT 1/0") + wire.bind() + wire.execute()
        never = wire.parse("never", "SELECT 9") + wire.bind("never") + wire.execute()
        client.send(good, bad, never, good, wire.SYNC, good, wire.SYNC)
        first = [kind for kind, _ in client.until(b"Z")]
        assert first == [b"1", b"2", b"D", b"C", b"1", b"2", b"E", b"Z"] or \
            first == [b"1", b"2", b"D", b"C", b"1", b"E", b"Z"]
        assert [kind for kind, _ in client.until(b"Z")] == [b"1", b"2", b"D", b"C", b"Z"]
        with pytest.raises(ServerError, match="26000"):  # it was skipped, so it does not exist
            run_named(client, "never")
        prepare(client, "never", "SELECT 10")
        assert run_named(client, "never") == [[b"10"]]
    pools_add_up(weir)


def test_a_syntax_error_in_parse_leaves_no_statement(weir):
    with raw(weir) as client:
        with pytest.raises(ServerError, match="42601"):
            prepare(client, "broken", "SELEKT 1")
        with pytest.raises(ServerError, match="26000"):
            run_named(client, "broken")
        prepare(client, "broken", "SELECT 1")
        assert run_named(client, "broken") == [[b"1"]]


def test_a_thousand_statements_in_one_pipeline(weir):
    with raw(weir) as client:
        prepare(client, "n", "SELECT $1::int")
        parts = []
        for n in range(1000):
            if n % 3 == 0:
                parts += [wire.parse("", "SELECT $1::int"), wire.bind(values=[n])]
            else:
                parts += [wire.bind("n", values=[n])]
            parts += [wire.execute()]
            if n % 10 == 9:
                parts += [wire.SYNC]
        client.send(*parts)
        rows = []
        for _ in range(100):
            rows += client.answer()
        assert rows == [[str(n).encode()] for n in range(1000)]
    pools_add_up(weir)


def test_flush_without_sync_answers_and_keeps_the_server(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir) as client:
        client.send(wire.parse("", "SELECT 1"), wire.bind(), wire.execute(), wire.FLUSH)
        kinds = [kind for kind, _ in client.until(b"C")]
        assert kinds == [b"1", b"2", b"D", b"C"]
        assert int(weir.pool()["sv_active"]) == 1
        client.send(wire.SYNC)
        assert client.until(b"Z")[-1][1] == b"I"
    pools_add_up(weir, 1)


def test_portals_fetched_in_pieces(weir):
    with raw(weir) as client:
        client.ask("BEGIN")
        client.send(wire.parse("", "SELECT generate_series(1, 10)"), wire.bind(portal="p"),
                    wire.execute("p", 4), wire.execute("p", 4), wire.execute("p", 4), wire.SYNC)
        seen = client.until(b"Z")
        kinds = [kind for kind, _ in seen]
        assert kinds.count(b"D") == 10 and kinds.count(b"s") == 2 and kinds.count(b"C") == 1
        client.ask("COMMIT")


def test_null_values_and_binary_parameters(weir):
    with raw(weir) as client:
        prepare(client, "v", "SELECT $1::text, $2::bytea")
        assert run_named(client, "v", [None, b"\\x00ff"]) == [[None, b"\\x00ff"]]


def test_a_plan_made_invalid_by_a_migration_recovers(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1)
    weir.sql("DROP TABLE IF EXISTS migrated; CREATE TABLE migrated (a int);"
             " INSERT INTO migrated VALUES (1)")
    with raw(weir) as client, raw(weir) as other:
        prepare(client, "m", "SELECT * FROM migrated")
        assert run_named(client, "m") == [[b"1"]]
        other.ask("ALTER TABLE migrated ADD COLUMN b text DEFAULT 'new'")
        # the first use may still fail (rows were promised in another shape); it must not stay so
        try:
            rows = run_named(client, "m")
        except ServerError as error:
            assert error.fields["C"] == "0A000"
            rows = run_named(client, "m")
        assert rows == [[b"1", b"new"]]
        prepare(other, "m2", "SELECT * FROM migrated")
        assert run_named(other, "m2") == [[b"1", b"new"]]
    weir.sql("DROP TABLE migrated")
    pools_add_up(weir, 1)


def test_a_server_replaced_behind_a_prepared_statement(weir_factory, pg):
    weir = weir_factory(pg, default_pool_size=1)
    with raw(weir) as client:
        prepare(client, "s", "SELECT $1::int, pg_backend_pid()")
        before = run_named(client, "s", [1])[0][1]
        weir.console("RECONNECT")
        after = run_named(client, "s", [2])[0]
        assert after[0] == b"2" and after[1] != before
    pools_add_up(weir, 1)


def test_what_weir_answers_itself_comes_behind_ready_for_query(weir_factory, pg):
    """Pipelines whose next batch begins with a Parse of what the server has, or a Close."""
    weir = weir_factory(pg, default_pool_size=1)
    known = wire.parse("known", "SELECT 7")
    with wire.RawClient(weir.host, weir.port) as client:
        client.login()
        client.send(known, wire.SYNC)
        client.until(b"Z")
        for first, answer in ((wire.query("SELECT 1"), b"TDCZ"), (wire.SYNC, b"Z"),
                              (wire.query("SELECT 1/0"), b"EZ")):
            # all at once, as drivers do that do not wait for their own ReadyForQuery
            client.send(first, wire.close(b"S", "known"), known, wire.bind("known"), wire.execute(),
                        wire.SYNC, wire.query("SELECT 2"))
            seen = b"".join(kind for _ in range(3) for kind, _ in client.until(b"Z"))
            assert seen == answer + b"312DCZ" + b"TDCZ"
