"""track_extra_parameters: which session parameters follow a client from server to server, what
PostgreSQL has to report for that, and what happens with those it does not."""
import contextlib
import os
import signal

import pytest

from harness import wire
from harness.pg import OTHER_BIN, Cluster
from harness.wait import until
from harness.wire import RawClient

pytestmark = pytest.mark.weir_only


@pytest.fixture
def one_server(weir_factory, pg):
    """Every client has the same server, one transaction after the other."""
    return lambda **settings: weir_factory(pg, default_pool_size=1, **settings)


@contextlib.contextmanager
def client(weir, **startup):
    with RawClient(weir.host, weir.port) as made:
        yield made.login(**startup)


def shown(one, name):
    return one.ask(f"SHOW {name}")[0][0].decode()


def test_the_interval_style_follows_by_default(one_server):
    weir = one_server()
    with client(weir) as a, client(weir) as b, client(weir, IntervalStyle="iso_8601") as c:
        a.ask("SET intervalstyle = 'sql_standard'")
        assert [shown(each, "IntervalStyle") for each in (b, a, c, a, b)] == \
            ["postgres", "sql_standard", "iso_8601", "sql_standard", "postgres"]


def test_named_parameters_follow_in_any_spelling(one_server):
    weir = one_server(track_extra_parameters="Default_Transaction_Read_Only, DATESTYLE, timezone")
    with client(weir) as a, client(weir) as b, \
            client(weir, default_transaction_read_only="on") as c:
        a.ask("SET default_transaction_read_only = on")
        assert [shown(each, "default_transaction_read_only") for each in (b, a, c, b, a)] == \
            ["off", "on", "on", "off", "on"]
        a.ask("SET default_transaction_read_only = off")
        assert [shown(each, "default_transaction_read_only") for each in (c, a)] == ["on", "off"]


def test_the_default_is_pgbouncers(one_server):
    weir = one_server()
    row = next(row for row in weir.console("SHOW CONFIG") if row["key"] == "track_extra_parameters")
    assert (row["default"], row["changeable"]) == ("IntervalStyle", "no")


@pytest.mark.parametrize("tracked", ["", "search_path", "search_path, work_mem, statement_timeout"])
def test_what_is_never_reported_follows_as_it_was_asked_for_at_the_start(one_server, tracked):
    """PostgreSQL 15 reports neither; whoever asked at the start has it, nobody else has."""
    weir = one_server(track_extra_parameters=tracked)
    with client(weir, search_path="one, two", work_mem="7MB") as a, client(weir) as b, \
            client(weir, options="-c search_path=three -c statement_timeout=4321") as c:
        for _ in range(2):
            assert [shown(each, "search_path") for each in (a, b, c, b)] == \
                ["one, two", '"$user", public', "three", '"$user", public']
            assert [shown(each, "work_mem") for each in (a, b, c)] == ["7MB", "4MB", "4MB"]
            assert [shown(each, "statement_timeout") for each in (c, a, b)] == \
                ["4321ms", "0", "0"]


def test_what_cannot_be_taken_back_for_the_next_client_is_refused(one_server):
    """Parameters that nobody reports are moved to where they are taken back from: there is room for
    8192 bytes."""
    weir = one_server(track_extra_parameters="search_path")
    with RawClient(weir.host, weir.port) as hostile:
        hostile.send(wire.startup(**{"a.b": "x" * 8180, "search_path": "evil"}))
        kind, body = hostile.receive()
        assert kind == b"E" and b"08P01" in body and b"too long together" in body
    with client(weir, **{"a.b": "x" * 8000, "search_path": "mine"}) as large, client(weir) as plain:
        assert shown(large, "search_path") == "mine"
        assert shown(plain, "search_path") == '"$user", public'


def test_who_leaves_while_its_parameters_are_set_leaves_nothing_of_the_one_before(weir_factory, pg):
    """What failed has undone, too, that the parameters of the client before were taken back."""
    weir = weir_factory(pg, default_pool_size=1, auth_type="trust")
    with client(weir, search_path="evil") as before:
        assert shown(before, "search_path") == "evil"
        server = pg.backends("app")[0]
        os.kill(server, signal.SIGSTOP)
        try:
            with RawClient(weir.host, weir.port) as brief:
                brief.send(wire.startup(work_mem="bad"))
                until(lambda: [row["state"] for row in weir.console("SHOW SERVERS")] == ["active"],
                      10, "the server has been asked to take its parameters")
            until(lambda: len([row for row in weir.console("SHOW CLIENTS")
                               if row["database"] == "app"]) == 1, 10, "it has left")
        finally:
            os.kill(server, signal.SIGCONT)
        with client(weir) as after:
            assert shown(after, "search_path") == '"$user", public'


# ---- servers that report different things

@pytest.fixture(scope="module")
def other_pg(authority):
    """PostgreSQL reports search_path from 18 on; this one does where the run's does not."""
    if not os.path.exists(f"{OTHER_BIN}/postgres"):
        pytest.fail(f"{OTHER_BIN} is missing: script/setup installs it")
    cluster = Cluster(authority, programs=OTHER_BIN)
    yield cluster
    cluster.done()


class Versions:
    """A pool with one server of each of two versions; says which one the next query goes to."""

    def __init__(self, weir, stack):
        self.holders = [stack.enter_context(client(weir)) for _ in range(2)]

    @contextlib.contextmanager
    def only(self, number):
        """The server of that number, in the order of the versions, is free, the other is not."""
        for holder in self.holders:
            holder.ask("BEGIN")
        versions = {holder: int(shown(holder, "server_version_num")) for holder in self.holders}
        assert len(set(versions.values())) == 2
        self.holders.sort(key=versions.get)
        self.holders[number].ask("COMMIT")
        yield
        self.holders[1 - number].ask("COMMIT")


@pytest.mark.parametrize("first", [0, 1])
def test_a_parameter_that_only_some_servers_report_follows_on_all(weir_factory, pg, other_pg, fake,
                                                                  first):
    gates = [fake("Gate", (pg, other_pg)[first].port, host="127.0.1.1")]
    gates.append(fake("Gate", (other_pg, pg)[first].port, host="127.0.1.2", port=gates[0].port))
    weir = weir_factory(
        pg, default_pool_size=2, track_extra_parameters="search_path",
        server_tls_sslmode="disable",
        databases={"app": f"host=127.0.1.1,127.0.1.2 port={gates[0].port} dbname=app"})
    wanted = {}
    with contextlib.ExitStack() as stack:
        def add(path, **startup):
            made = stack.enter_context(client(weir, **startup))
            wanted[made] = path
        plain = '"$user", public'
        add("early", search_path="early")  # one server is there, and says what servers report
        add(plain)
        versions = Versions(weir, stack)
        with versions.only(0):  # now both are
            pass
        add("late", search_path="late")
        add(plain)
        for step, number in enumerate((0, 1, 1, 0, 1, 0, 0, 1)):
            with versions.only(number):
                for each in list(wanted) if step % 2 else reversed(list(wanted)):
                    assert shown(each, "search_path") == wanted[each]
        with versions.only(1):
            setting = next(iter(wanted))
            setting.ask("SET search_path = changed")
            wanted[setting] = "changed"
        for number in (1, 1, 0, 1):
            with versions.only(number):
                assert [shown(each, "search_path") for each in wanted] == list(wanted.values())
