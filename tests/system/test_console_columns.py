"""The console beside PgBouncer's. Every SHOW: its 1.25's columns, types and rows first, in its order,
what is weir's own after them; command tags; and both against the one Debian has, live."""
import contextlib
import os
import struct
import subprocess

import pytest

from harness import wire
from harness.daemon import IS_PGBOUNCER, Weir
from harness.wait import free_port, until
from harness.wire import RawClient

pytestmark = pytest.mark.weir_only

INT4, INT8, TEXT, NUMERIC = 23, 20, 25, 1700
WIDER = {"id", "memtotal"}  # int4 there, where a large number wraps round; int8 here

SOCKET = """type user database replication state addr port:4 local_addr local_port:4 connect_time
    request_time wait:4 wait_us:4 close_needed:4 ptr link remote_pid:4 tls application_name
    prepared_statements:4 id:4"""
BUFFERS = """ recv_pos:4 pkt_pos:4 pkt_remain:4 send_pos:4 send_remain:4 pkt_avail:4 send_avail:4"""
TOTALS = """server_assignment_count:n xact_count:n query_count:n {received}:n {sent}:n xact_time:n
    query_time:n wait_time:n {p}client_parse_count:n {p}server_parse_count:n {p}bind_count:n"""


def stats(prefix, received, sent):
    names = TOTALS.format(received=received, sent=sent, p="").split()
    return " ".join(prefix + name for name in names)


# PgBouncer 1.25, src/admin.c and src/stats.c
SHOWS = {
    "ACTIVE_SOCKETS": SOCKET + BUFFERS,
    "CLIENTS": SOCKET,
    "CONFIG": "key value default changeable",
    "DATABASES": """name host port:4 database force_user pool_size:4 min_pool_size:4
        reserve_pool_size:4 server_lifetime:4 pool_mode load_balance_hosts max_connections:4
        current_connections:4 max_client_connections:4 current_client_connections:4 paused:4
        disabled:4""",
    "DNS_HOSTS": "hostname ttl:8 addrs",
    "DNS_ZONES": "zonename serial:8 count:4",
    "FDS": """fd:4 task user database addr port:4 cancel:8 link:4 client_encoding std_strings
        datestyle timezone password scram_client_key scram_server_key""",
    "LISTS": "list items:4",
    "MEM": "name size:4 used:4 free:4 memtotal:4",
    "PEERS": "peer_id:4 host port:4 pool_size:4",
    "PEER_POOLS": """peer_id:4 cl_active_cancel_req:4 cl_waiting_cancel_req:4 sv_active_cancel:4
        sv_login:4""",
    "POOLS": """database user cl_active:4 cl_waiting:4 cl_active_cancel_req:4
        cl_waiting_cancel_req:4 sv_active:4 sv_active_cancel:4 sv_being_canceled:4 sv_idle:4
        sv_used:4 sv_tested:4 sv_login:4 maxwait:4 maxwait_us:4 pool_mode load_balance_hosts""",
    "SERVERS": SOCKET,
    "SOCKETS": SOCKET + BUFFERS,
    "STATE": "key value",
    "STATS": "database " + stats("total_", "received", "sent") + " " + stats("avg_", "recv", "sent"),
    "STATS_AVERAGES": "database " + TOTALS.format(received="bytes_received", sent="bytes_sent",
                                                  p="avg_"),
    "STATS_TOTALS": "database " + TOTALS.format(received="bytes_received", sent="bytes_sent", p=""),
    "TOTALS": "name value:n",
    "USERS": """name pool_size reserve_pool_size pool_mode max_user_connections:4
        current_connections:4 max_user_client_connections:4 current_client_connections:4""",
    "VERSION": "version",
}
TOTALS_ROWS = [kind + name.partition(":")[0] for kind in ("total_", "avg_")
               for name in TOTALS.format(received="client_bytes", sent="server_bytes",
                                         p="ps_").split()]
LISTS_ROWS = """databases users peers pools peer_pools free_clients used_clients login_clients
    free_servers used_servers dns_names dns_zones dns_queries dns_pending""".split()
STATE_ROWS = ["active", "paused", "suspended"]

# of 1.18, renamed since; weir has both names
RENAMED = {"reserve_pool"}


def columns(text):
    kinds = {"": TEXT, "4": INT4, "8": INT8, "n": NUMERIC}
    return [(name, kinds[kind]) for name, _, kind in (word.partition(":") for word in text.split())]


def described(client, show):
    """[(name, type), ...] of RowDescription, also when there is no row."""
    client.send(wire.query(f"SHOW {show}"))
    body = dict(client.until(b"Z"))[b"T"]
    found, rest = [], body[2:]
    while rest:
        name, rest = rest.split(b"\0", 1)
        found.append((name.decode(), struct.unpack(">I", rest[6:10])[0]))
        rest = rest[18:]
    return found


@contextlib.contextmanager
def debians_with(pg, **settings):
    """Debian's pgbouncer."""
    there = Weir(pg, None)
    there.port = free_port()
    there.write(user="postgres", event_backend=None, **settings)
    process = subprocess.Popen(["/usr/sbin/pgbouncer", "-q", "-u", "postgres", there.ini])
    try:
        until(there.listens, 10, "pgbouncer listens")
        yield there
    finally:
        process.terminate()
        process.wait(10)
        there.forget()


@pytest.fixture(scope="module")
def debians(pg):
    """Debian's pgbouncer, by its console's (host, port)."""
    if IS_PGBOUNCER:
        pytest.skip("it is what is tested already")
    with debians_with(pg) as there:
        yield there.host, there.port


@pytest.fixture
def console(weir):
    with RawClient(weir.host, weir.port) as client:
        yield client.login("admin", "pgbouncer")


def test_columns_and_types_are_those_of_pgbouncer_1_25(console):
    for show, text in SHOWS.items():
        expected = columns(text)
        found = described(console, show)[:len(expected)]
        assert [name for name, _ in found] == [name for name, _ in expected], show
        assert [(name, kind) for name, kind in found if name not in WIDER] == \
            [(name, kind) for name, kind in expected if name not in WIDER], show


def test_weirs_own_columns_say_so(weir):
    """What is not PgBouncer's is marked in the manual, so that nobody takes it for a standard."""
    root = os.path.join(os.path.dirname(__file__), "..", "..")
    with open(os.path.join(root, "docs", "reference", "console.md")) as manual:
        marked = manual.read()
    with RawClient(weir.host, weir.port) as client:
        client.login("admin", "pgbouncer")
        for show, text in SHOWS.items():
            for name, _ in described(client, show)[len(columns(text)):]:
                line = next(line for line in marked.splitlines()
                            if line.startswith(f"| `{name}` |") and "weir" in line)
                assert line, (show, name)


def test_columns_of_debians_pgbouncer_are_all_there_in_its_order(console, debians):
    with RawClient(*debians) as theirs:
        theirs.login("admin", "pgbouncer")
        for show in SHOWS:
            try:
                before = described(theirs, show)
            except (KeyError, wire.ServerError):
                assert show in ("PEERS", "PEER_POOLS", "STATE")  # came later
                continue
            now = [name for name, _ in described(console, show)]
            names = [name for name, _ in before]
            assert set(names) <= set(now), show
            kept = [name for name in names if name not in RENAMED]
            assert [name for name in now if name in kept] == kept, show


@pytest.mark.parametrize("show,expected", [("TOTALS", TOTALS_ROWS), ("LISTS", LISTS_ROWS),
                                           ("STATE", STATE_ROWS)])
def test_rows_with_names_are_those_of_pgbouncer(weir, show, expected):
    rows = [next(iter(row.values())) for row in weir.console(f"SHOW {show}")]
    assert rows[:len(expected)] == expected


# ---- command tags

COMMANDS = ["SHOW VERSION", "SHOW HELP", "SHOW client_encoding", "RELOAD", "PAUSE", "RESUME",
            "PAUSE app", "RESUME app", "KILL app", "RESUME app", "DISABLE app", "ENABLE app",
            "RECONNECT", "WAIT_CLOSE app", "SUSPEND", "RESUME", "SET server_lifetime = 1200",
            "set query_timeout to '30'", "SET DateStyle = 'ISO'", "SET client_encoding to utf8"]


def tag_of(client, command):
    client.send(wire.query(command))
    return dict(client.until(b"Z")).get(b"C", b"an error\0").decode().rstrip("\0")


def tags(client):
    return {command: tag_of(client, command) for command in COMMANDS}


def test_command_tags_are_those_of_debians_pgbouncer(console, debians):
    with RawClient(*debians) as theirs:
        theirs.login("admin", "pgbouncer")
        assert tags(console) == tags(theirs)


def test_set_answers_with_what_was_set(console):
    """So does 1.25: scripts compare it."""
    assert tag_of(console, "SET default_pool_size = 7") == "SET default_pool_size=7"
    assert tag_of(console, "SET server_reset_query = 'SELECT 1, 2'") == \
        "SET server_reset_query=SELECT 1, 2"
    assert tag_of(console, "SET default_pool_size = 'x'") == "an error"


def test_kill_client_and_shutdown_have_tags(weir, console):
    with RawClient(weir.host, weir.port) as other:
        other.login("app", "app")
        number = next(row["id"] for row in weir.console("SHOW CLIENTS") if row["user"] == "app")
        assert tag_of(console, f"KILL_CLIENT {number}") == "KILL_CLIENT"
        assert other.is_closed()
    assert tag_of(console, "SHUTDOWN WAIT_FOR_CLIENTS") == "SHUTDOWN"
    assert weir.process.wait(15) == 0
    weir.process = None
