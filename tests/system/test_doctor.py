"""weir doctor against PostgreSQL at 0, 50 and 100 % of its connections, against weir, pgbouncer and
the stand-in for a session-mode pooler: who it says it is, what it counts, what it advises."""
import contextlib
import json
import os
import signal
import subprocess
import threading
import urllib.parse

import psycopg2
import psycopg2.extras
import pytest

from harness.daemon import BIN
from harness.pg import PASSWORDS, VERSION, unprivileged
from harness.wait import free_port, until

pytestmark = pytest.mark.weir_only
LEVELS = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}


def url(user, port, database="app", password=None):
    secret = urllib.parse.quote(password or PASSWORDS[user])
    return f"postgres://{user}:{secret}@127.0.0.1:{port}/{database}"


def doctor(*arguments, answer=""):
    done = subprocess.run([BIN, "doctor", *arguments], capture_output=True, text=True, check=False,
                          timeout=60, input=answer)
    assert "Sanitizer" not in done.stderr, done.stderr
    return done


def look(*arguments):
    """The JSON; the exit code has to say the same."""
    done = doctor("--json", *arguments)
    facts = json.loads(done.stdout)
    assert done.returncode == LEVELS[facts["level"]], done
    assert all(facts["verdict"]), facts["verdict"]
    return facts


@contextlib.contextmanager
def sessions(count, port, user="app", **more):
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(count):
            connection = psycopg2.connect(host="127.0.0.1", port=port, user=user, dbname="app",
                                          password=PASSWORDS.get(user), **more)
            stack.callback(connection.close)
            opened.append(connection)
        yield opened


def others_are_gone(pg):
    until(lambda: pg.sql("SELECT count(*) AS n FROM pg_stat_activity WHERE backend_type ="
                         " 'client backend' AND pid <> pg_backend_pid()")[0]["n"] == 0, 10,
          "every other session has ended")


# ---- PostgreSQL -------------------------------------------------------------------------------


def test_an_empty_postgresql_is_good(fragile_pg):
    others_are_gone(fragile_pg)
    facts = look(url("app", fragile_pg.port))
    assert (facts["kind"], facts["level"]) == ("PostgreSQL", "ok")
    assert facts["version"].startswith(str(VERSION))
    assert facts["limits"]["server"] == {"limit": 27, "used": 0}
    assert facts["limits"]["role"]["limit"] is None
    assert facts["to_share"] == 25
    assert "0 of 27 connections are in use" in facts["verdict"][0]
    assert "Nobody else" in facts["verdict"][1]
    assert "pool_size=25" in facts["verdict"][2]


def test_half_a_role_limit_is_good_and_names_who_holds_it(fragile_pg):
    others_are_gone(fragile_pg)
    with sessions(10, fragile_pg.port, "app20", application_name="shop"):
        facts = look(url("app20", fragile_pg.port))
    assert facts["level"] == "ok"
    assert facts["limits"]["role"] == {"limit": 20, "used": 10}
    assert [(h["role"], h["application"], h["state"], h["count"]) for h in facts["holders"]] == \
        [("app20", "shop", "idle", 10)]
    assert "10 of 20" in facts["verdict"][0] and "(50 %)" in facts["verdict"][0]
    assert "the role's CONNECTION LIMIT" in facts["verdict"][0]
    assert 'application "shop"' in facts["verdict"][1]
    assert facts["to_share"] == 18


def test_the_last_slot_is_enough_for_a_look(fragile_pg):
    others_are_gone(fragile_pg)
    with sessions(19, fragile_pg.port, "app20"):
        facts = look(url("app20", fragile_pg.port))
    assert facts["level"] == "critical"
    assert facts["limits"]["role"] == {"limit": 20, "used": 19}


@pytest.mark.parametrize("user,count,limit", [
    ("app20", 20, "the role's CONNECTION LIMIT"),
    ("app", 27, "max_connections, less the reserved ones"),
])
def test_a_full_server_is_critical_and_the_limit_that_refused_is_named(fragile_pg, user, count,
                                                                       limit):
    others_are_gone(fragile_pg)
    with sessions(count, fragile_pg.port, user):
        facts = look(url(user, fragile_pg.port))
    assert facts["level"] == "critical"
    assert facts["refusal"]["full"] and facts["refusal"]["sqlstate"] == "53300"
    assert facts["refusal"]["limit"] == limit
    assert limit in facts["verdict"][0]


def test_a_worker_of_autovacuum_is_no_client_for_a_role_without_rights(fragile_pg):
    others_are_gone(fragile_pg)
    with fragile_pg.vacuuming("app"):
        facts = look(url("app", fragile_pg.port))
    assert not facts["sees_all"]
    assert facts["limits"]["server"]["used"] == 0 and facts["holders"] == []


def test_a_role_without_rights_counts_what_it_may_not_see(fragile_pg):
    others_are_gone(fragile_pg)
    with sessions(3, fragile_pg.port, "app20", application_name="shop"):
        facts = look(url("app", fragile_pg.port))
        text = doctor(url("app", fragile_pg.port)).stdout
    assert not facts["sees_all"]
    assert facts["limits"]["server"]["used"] == 3
    assert [(h["role"], h["state"], h["count"]) for h in facts["holders"]] == [("app20", "", 3)]
    assert "GRANT pg_read_all_stats TO app" in text


def test_a_wrong_password_is_no_full_server(fragile_pg):
    facts = look(url("app", fragile_pg.port, password="wrong"))
    assert (facts["level"], facts["refusal"]["full"]) == ("unknown", False)
    assert facts["refusal"]["sqlstate"] == "28P01"
    assert PASSWORDS["app"] not in json.dumps(facts)


def test_nobody_listening_is_unknown():
    facts = look(url("app", free_port()))
    assert facts["level"] == "unknown" and not facts["refusal"]["full"]


# ---- sessions that are stuck ------------------------------------------------------------------


def test_idle_transactions_and_waits_for_locks_are_listed(fragile_pg):
    others_are_gone(fragile_pg)
    with sessions(2, fragile_pg.port) as (holder, waiter):
        holder.cursor().execute("SELECT pg_advisory_xact_lock(7)")
        waiter.autocommit = True
        waiter_pid = waiter.get_backend_pid()
        thread = threading.Thread(target=lambda: waiter.cursor().execute(
            "SELECT pg_advisory_lock(7)"))
        thread.start()
        until(lambda: fragile_pg.sql("SELECT count(*) AS n FROM pg_locks WHERE NOT granted")[0]["n"]
              == 1, 10, "the second session waits for the lock")
        facts = look(url("app", fragile_pg.port))
        holder.rollback()
        thread.join(10)
    assert facts["troubles"] == {"idle_in_transaction": 1, "waiting_for_lock": 1, "zombie": 0}
    found = {s["trouble"]: s for s in facts["sessions"]}
    assert found["waiting_for_lock"]["pid"] == waiter_pid
    assert found["waiting_for_lock"]["blocker"] == found["idle_in_transaction"]["pid"]


def test_sessions_that_nobody_uses_any_more_are_a_warning(fragile_pg):
    others_are_gone(fragile_pg)
    with sessions(10, fragile_pg.port, "app20", application_name="leak"):
        until(lambda: fragile_pg.sql(
            "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'leak' AND state ="
            " 'idle' AND clock_timestamp() - state_change > interval '2 ms'")[0]["n"] == 10, 10,
              "all have been idle for a moment")
        facts = look("--forgotten-after=1ms", url("app20", fragile_pg.port))
        text = doctor("--forgotten-after=1ms", url("app20", fragile_pg.port)).stdout
        young = look(url("app20", fragile_pg.port))
    assert (facts["level"], facts["troubles"]["zombie"]) == ("warning", 10)
    assert {s["trouble"] for s in facts["sessions"]} == {"zombie"}
    assert "10 sessions have done nothing" in facts["verdict"][1]
    assert "idle_session_timeout" in facts["verdict"][2]
    assert "probably forgotten" in text and text.count("leak") >= 10
    assert (young["level"], young["troubles"]["zombie"]) == ("ok", 0)
    assert "idle_session_timeout" not in young["verdict"][2]


def test_a_session_whose_client_takes_no_result_is_forgotten_too(fragile_pg):
    others_are_gone(fragile_pg)
    client = psycopg2.connect(host="127.0.0.1", port=fragile_pg.port, user="app", dbname="app",
                              password=PASSWORDS["app"], application_name="gone", async_=1)
    with contextlib.closing(client):
        psycopg2.extras.wait_select(client)
        client.cursor().execute("SELECT repeat('x', 1000) FROM generate_series(1, 100000)")
        until(lambda: fragile_pg.sql(
            "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'gone' AND"
            " wait_event = 'ClientWrite' AND clock_timestamp() - state_change >"
            " interval '2 ms'")[0]["n"] == 1, 10, "the server cannot send any more")
        facts = look("--forgotten-after=1ms", url("app", fragile_pg.port))
        patient = look(url("app", fragile_pg.port))
    found = [s for s in facts["sessions"] if s["trouble"] == "zombie"]
    assert [(s["application"], s["state"]) for s in found] == [("gone", "active")]
    assert facts["level"] == "ok"  # one of 27 is no reason to wake anybody
    assert patient["troubles"]["zombie"] == 0


@pytest.mark.parametrize("answer,is_ended", [("y\n", True), ("\n", False), ("", False)])
def test_idle_transactions_are_ended_only_after_a_yes(fragile_pg, answer, is_ended):
    others_are_gone(fragile_pg)
    with sessions(2, fragile_pg.port) as (idle, rested):
        idle.cursor().execute("SELECT 1")
        pid = idle.get_backend_pid()
        # the age has to be above the limit, and both are measured by the server
        until(lambda: fragile_pg.sql(
            "SELECT clock_timestamp() - state_change > interval '2 ms' AS old FROM pg_stat_activity"
            " WHERE pid = %s AND state = 'idle in transaction'", (pid,))[0]["old"], 10,
              "the session has been idle in transaction for a moment")
        done = doctor("--terminate-idle-in-transaction=1ms", url("app", fragile_pg.port),
                      answer=answer)
        assert f"pid {pid}" in done.stdout and "[y/N]" in done.stdout
        if is_ended:
            until(lambda: pid not in fragile_pg.backends("app"), 10, "the session has ended")
        else:
            assert "Nothing was changed" in done.stdout
            assert pid in fragile_pg.backends("app")
        assert rested.get_backend_pid() in fragile_pg.backends("app")


def test_a_session_younger_than_asked_for_is_left_alone(fragile_pg):
    others_are_gone(fragile_pg)
    with sessions(1, fragile_pg.port) as (idle,):
        idle.cursor().execute("SELECT 1")
        done = doctor("--terminate-idle-in-transaction=10min", url("app", fragile_pg.port),
                      answer="y\n")
        assert "none" in done.stdout
        idle.cursor().execute("SELECT 1")


# ---- poolers ----------------------------------------------------------------------------------


def test_weir_is_told_from_what_it_stands_in_front_of(weir_factory, fragile_pg):
    weir = weir_factory(fragile_pg, default_pool_size=5, stats_users="stats,app")
    facts = look(url("app", weir.port))
    assert (facts["kind"], facts["level"]) == ("weir", "ok")
    assert facts["version"].startswith(str(VERSION)) and facts["pooler_version"].startswith("weir ")
    pools = [p for p in facts["pools"] if (p["database"], p["role"]) == ("app", "app")]
    assert pools[0]["limit"] == 5 and pools[0]["waiting"] == 0
    assert facts["limits"]["server"]["limit"] == 27


def test_a_busy_weir_tells_who_waits(weir_factory, fragile_pg):
    others_are_gone(fragile_pg)
    weir = weir_factory(fragile_pg, default_pool_size=1, stats_users="stats,app")
    with sessions(2, weir.port) as (holder, waiter):
        holder.cursor().execute("SELECT 1")
        thread = threading.Thread(target=lambda: waiter.cursor().execute("SELECT 1"))
        thread.start()
        until(lambda: weir.pool()["cl_waiting"] == 1, 10, "a client waits")
        facts = look("--timeout=1s", url("app", weir.port))
        holder.rollback()
        thread.join(10)
    assert facts["kind"] == "weir" and facts["level"] in ("warning", "critical")
    assert "wait" in facts["verdict"][0] and "servers of the pool are lent" in facts["verdict"][1]


def test_a_console_that_is_closed_still_tells_who_it_is(weir_factory, fragile_pg):
    weir = weir_factory(fragile_pg)
    facts = look(url("app", weir.port))
    assert facts["kind"] == "weir" and not facts["pools"]
    assert "add it to stats_users" in facts["note"]


def test_the_console_itself_may_be_named(weir_factory, fragile_pg):
    weir = weir_factory(fragile_pg)
    weir.sql("SELECT 1")
    facts = look(url("stats", weir.port, "pgbouncer", "any"))
    assert facts["kind"] == "weir" and facts["pools"]


@pytest.fixture
def pgbouncer(fragile_pg, tmp_path):
    """Debian's, in front of the cluster; app may see its console."""
    folder = tmp_path
    os.chmod(folder, 0o755)
    for parent in folder.parents:
        if str(parent).startswith("/tmp/"):
            os.chmod(parent, 0o755)
    port = free_port()
    (folder / "users.txt").write_text(
        "".join(f'"{user}" "{PASSWORDS[user]}"\n' for user in ("app", "app20")))
    (folder / "pgbouncer.ini").write_text(f"""[databases]
app = host=127.0.0.1 port={fragile_pg.port} dbname=app
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {folder}/users.txt
stats_users = app
pool_mode = transaction
default_pool_size = 4
max_client_conn = 50
""")
    process = subprocess.Popen(["/usr/sbin/pgbouncer", str(folder / "pgbouncer.ini")],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               **unprivileged())

    def answers():
        with contextlib.suppress(psycopg2.OperationalError):
            psycopg2.connect(host="127.0.0.1", port=port, user="app", dbname="app",
                             password=PASSWORDS["app"]).close()
            return True
        return False

    until(answers, 20, "pgbouncer answers")
    yield port
    process.kill()
    process.wait(10)


def test_pgbouncer_is_told_with_its_pools(pgbouncer):
    facts = look(url("app", pgbouncer))
    assert (facts["kind"], facts["level"]) == ("PgBouncer", "ok")
    assert facts["pooler_version"].startswith("PgBouncer 1.")
    pools = [p for p in facts["pools"] if p["database"] == "app"]
    assert pools[0]["limit"] == 4 and pools[0]["mode"] == "transaction"
    assert "default_pool_size" in facts["verdict"][2]


def test_pgbouncer_is_told_even_when_its_console_is_closed(pgbouncer):
    facts = look(url("app20", pgbouncer))
    assert facts["kind"] == "PgBouncer" and not facts["pools"]
    assert "add it to stats_users" in facts["note"]


def test_a_session_mode_pooler_is_noticed_and_its_refusal_read(fragile_pg, fake):
    others_are_gone(fragile_pg)
    pooler = fake("SessionLimit", fragile_pg.port, 3)
    facts = look(url("app", pooler.port))
    assert (facts["kind"], facts["level"]) == ("relay", "ok")
    assert "session-mode pooler" in facts["verdict"][0]
    with sessions(3, pooler.port):
        facts = look(url("app", pooler.port))
        text = doctor(url("app", pooler.port)).stdout
    assert (facts["kind"], facts["level"]) == ("Supavisor", "critical")
    assert facts["refusal"]["sqlstate"] == "XX000"
    assert "pool_size of Supavisor's session mode" in facts["verdict"][0]
    assert "transaction mode" in facts["verdict"][2]
    assert text.startswith("CRITICAL: No connection is left")


def test_who_has_been_lent_a_server_is_told_by_application(weir_factory, fragile_pg):
    weir = weir_factory(fragile_pg, default_pool_size=3, stats_users="stats,app")
    with sessions(1, weir.port, application_name="cart") as (holder,):
        holder.cursor().execute("SELECT 1")
        facts = look(url("app", weir.port))
    held = [h for h in facts["lent"] if h["application"] == "cart"]
    assert len(held) == 1 and held[0]["role"] == "app" and held[0]["age"] >= 0
    assert held[0]["client"].startswith("127.0.0.1:")


# ---- live -------------------------------------------------------------------------------------


def test_top_looks_again_and_again(fragile_pg):
    others_are_gone(fragile_pg)
    with sessions(4, fragile_pg.port, "app20", application_name="shop"):
        done = subprocess.run([BIN, "top", "--interval=10ms", "--count=3",
                               url("app20", fragile_pg.port)], capture_output=True, text=True,
                              check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("weir top, ") == 3 and "\033" not in done.stdout
    assert done.stdout.count("4 of 20 connections are in use") == 3


def test_top_ends_when_asked_to(fragile_pg):
    process = subprocess.Popen([BIN, "top", "--interval=1h", url("app", fragile_pg.port)],
                               stdout=subprocess.PIPE, text=True)
    while "OK: " not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    process.stdout.close()


# ---- command line -----------------------------------------------------------------------------


def test_a_wrong_command_line_cannot_tell():
    assert doctor("--nonsense").returncode == 3
    assert doctor("a", "b").returncode == 3
    assert "has to be a span" in doctor("--timeout=soon", "postgres://x").stderr
    assert "has to be a span" in doctor("--forgotten-after=0", "postgres://x").stderr
    assert doctor("--help").returncode == 0
    done = subprocess.run([BIN, "top", "--count=0", "postgres://x"], capture_output=True,
                          text=True, check=False, timeout=60)
    assert done.returncode == 2 and "--count has to be" in done.stderr
