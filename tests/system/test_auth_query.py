"""auth_query: users that are not in auth_file are asked for in the database. Right and wrong
passwords, users that do not exist or may not log in, what the query may say, where it runs, and
what it must not be touched by."""
import struct
import uuid

import psycopg2
import pytest

from harness import wire
from harness.daemon import CONSOLE_PASSWORDS
from harness.pg import PASSWORDS
from harness.secrets import md5_secret
from harness.wait import until
from harness.wire import RawClient, ServerError

pytestmark = pytest.mark.weir_only
AUTH = {"auth_asker": "asker-4Kp7"}


@pytest.fixture(scope="module", autouse=True)
def asker(pg):
    """A role that may read secrets and nothing else."""
    pg.sql(f"CREATE ROLE auth_asker LOGIN SUPERUSER PASSWORD '{AUTH['auth_asker']}'", fetch=False)
    yield
    pg.sql("DROP OWNED BY auth_asker CASCADE; DROP ROLE auth_asker", fetch=False)


@pytest.fixture
def role(pg):
    """role(password, options) makes a role; gone after the test."""
    made = []

    def make(password="secret-8Vb2", options="LOGIN", hashing="scram-sha-256"):
        name = "r_" + uuid.uuid4().hex[:10]
        pg.sql(f"SET password_encryption = '{hashing}'; CREATE ROLE {name} {options}"
               f" PASSWORD '{password}'", fetch=False)
        made.append(name)
        return name

    yield make
    for name in made:
        for pid in pg.backends(name):
            pg.sql("SELECT pg_terminate_backend(%s)", (pid,))
        pg.sql(f"DROP ROLE {name}", fetch=False)


def asking(weir_factory, pg, **more):
    settings = {"auth_type": "scram-sha-256", "auth_user": "auth_asker",
                "secrets": {**AUTH, **CONSOLE_PASSWORDS}, **more}
    return weir_factory(pg, **settings)


def refusal(weir, **more):
    with pytest.raises(psycopg2.OperationalError) as failed:
        weir.connect(**more).close()
    return str(failed.value)


def whoami(weir, user, password="secret-8Vb2", **more):
    return weir.sql("SELECT current_user", user=user, password=password, **more)[0][0]


@pytest.mark.parametrize("auth_type,hashing", [
    ("scram-sha-256", "scram-sha-256"), ("md5", "scram-sha-256"), ("plain", "scram-sha-256")])
def test_users_of_the_database_log_in(weir_factory, pg, role, auth_type, hashing):
    """One secret for both sides: the verifier of pg_authid, and the keys of the client's login."""
    user = role(hashing=hashing)
    weir = asking(weir_factory, pg, auth_type=auth_type)
    if auth_type == "plain":  # nothing is learned that opens the server
        assert "authentication failed" in refusal(weir, user=user, password="wrong")
        return
    assert whoami(weir, user) == user
    assert "authentication failed" in refusal(weir, user=user, password="wrong")
    assert "authentication failed" in refusal(weir, user="nobody9", password="x")
    assert "secret-8Vb2" not in weir.log() and "SCRAM-SHA-256$" not in weir.log()


def test_md5_secrets_work_on_both_sides(weir_factory, pg):
    weir = asking(weir_factory, pg, auth_type="md5")
    assert whoami(weir, "u_md5", PASSWORDS["u_md5"]) == "u_md5"
    assert "authentication failed" in refusal(weir, user="u_md5", password="wrong")


def test_a_new_password_holds_at_once(weir_factory, pg, role):
    user = role()
    weir = asking(weir_factory, pg)
    assert whoami(weir, user) == user
    pg.sql(f"ALTER ROLE {user} PASSWORD 'other-6Nd3'", fetch=False)
    assert "authentication failed" in refusal(weir, user=user, password="secret-8Vb2")
    weir.console("RECONNECT")
    assert whoami(weir, user, "other-6Nd3") == user
    pg.sql(f"ALTER ROLE {user} NOLOGIN", fetch=False)
    assert "authentication failed" in refusal(weir, user=user, password="other-6Nd3")


def test_an_expired_password_is_none(weir_factory, pg, role):
    """CVE-2025-2291: the default query looks at VALID UNTIL."""
    user = role(options="LOGIN VALID UNTIL '2001-01-01'")
    other = role(options="LOGIN VALID UNTIL '2999-01-01'")
    for auth_type in ("scram-sha-256", "md5", "plain"):
        weir = asking(weir_factory, pg, auth_type=auth_type)
        assert "authentication failed" in refusal(weir, user=user, password="secret-8Vb2")
    weir = asking(weir_factory, pg)
    assert whoami(weir, other) == other


def test_roles_that_may_not_log_in_do_not(weir_factory, pg, role):
    weir = asking(weir_factory, pg)
    assert "authentication failed" in refusal(weir, user=role(options="NOLOGIN"),
                                              password="secret-8Vb2")


def test_auth_file_goes_first(weir_factory, pg, role):
    user = role()
    weir = asking(weir_factory, pg, secrets={**AUTH, **CONSOLE_PASSWORDS, user: "mine-5Tr4"},
                  databases={"app": f"host=127.0.0.1 port={pg.port} user=app"
                                    f" password={PASSWORDS['app']}"})
    assert whoami(weir, user, "mine-5Tr4") == "app"
    assert "authentication failed" in refusal(weir, user=user, password="secret-8Vb2")


def test_unknown_users_look_like_wrong_passwords(weir_factory, pg, role):
    weir = asking(weir_factory, pg)

    def conversation(user):
        with RawClient(weir.host, weir.port) as client:
            client.send(wire.startup(user, "app"))
            kind, body = client.receive()
            seen = [(kind, body)]
            first = b"n,,n=*,r=abcdefghijklmnopqrstuvwx"
            client.send(wire.message(b"p", wire.text("SCRAM-SHA-256") +
                                     struct.pack("!I", len(first)) + first))
            kind, body = client.receive()
            parts = dict(p.split("=", 1) for p in body[4:].decode().split(","))
            seen.append((kind, len(parts["s"]), parts["i"]))
            client.send(wire.message(b"p", f"c=biws,r={parts['r']},p={'A' * 43}=".encode()))
            kind, body = client.receive()
            return seen + [(kind, body.replace(user.encode(), b"USER"))]

    assert conversation(role()) == conversation("nobody9")


def test_a_function_of_ones_own(weir_factory, pg, role):
    """The documented way: SECURITY DEFINER, owned by a superuser, called by somebody who has no
    other rights; it gives a record of nulls for nobody."""
    user = role()
    pg.sql(f"""
CREATE ROLE low_asker LOGIN PASSWORD 'low-3Wd8';
CREATE SCHEMA asked;
CREATE FUNCTION asked.lookup(in i text, out name text, out secret text) AS $$
  SELECT rolname, rolpassword FROM pg_authid WHERE rolname = i AND rolcanlogin
$$ LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
REVOKE ALL ON FUNCTION asked.lookup(text) FROM public;
GRANT USAGE ON SCHEMA asked TO low_asker;
GRANT EXECUTE ON FUNCTION asked.lookup(text) TO low_asker;
""", database="app", fetch=False)
    try:
        weir = asking(weir_factory, pg, auth_user="low_asker",
                      secrets={"low_asker": "low-3Wd8", **CONSOLE_PASSWORDS},
                      auth_query="SELECT name, secret FROM asked.lookup($1)")
        assert whoami(weir, user) == user
        assert "authentication failed" in refusal(weir, user="nobody9", password="x")
        weir.stop()
    finally:
        pg.sql("DROP SCHEMA asked CASCADE; DROP OWNED BY low_asker; DROP ROLE low_asker",
               database="app", fetch=False)


def test_settings_of_the_database_line(weir_factory, pg, role):
    user = role()
    weir = asking(weir_factory, pg, auth_user=None, databases={
        "app": f"host=127.0.0.1 port={pg.port} auth_user=auth_asker",
        "other": f"host=127.0.0.1 port={pg.port} dbname=app auth_user=auth_asker auth_query="
                 "'SELECT $1::text, ''plain-2Qw9'''",
        "silent": f"host=127.0.0.1 port={pg.port} dbname=app"})
    assert whoami(weir, user) == user
    assert "authentication failed" in refusal(weir, user=user, dbname="other",
                                              password="secret-8Vb2")
    assert "authentication failed" in refusal(weir, user=user, dbname="silent",
                                              password="secret-8Vb2")


@pytest.mark.parametrize("where", ["option", "line"])
def test_auth_dbname_says_where_the_query_runs(weir_factory, pg, role, where):
    user = role()
    name = "t_" + uuid.uuid4().hex[:10]
    pg.sql(f"CREATE TABLE {name} AS SELECT rolname, rolpassword FROM pg_authid", database="postgres",
           fetch=False)
    try:
        line = " auth_dbname=users" if where == "line" else ""
        weir = asking(weir_factory, pg, auth_dbname="users" if where == "option" else None,
                      auth_query=f"SELECT rolname, rolpassword FROM {name} WHERE rolname = $1",
                      databases={"app": f"host=127.0.0.1 port={pg.port}" + line,
                                 "users": f"host=127.0.0.1 port={pg.port} dbname=postgres"})
        assert whoami(weir, user) == user
        if where == "option":  # the console, too, asks there
            weir.write(admin_users=user, auth_type="scram-sha-256", auth_user="auth_asker",
                       auth_dbname="users", secrets={**AUTH, **CONSOLE_PASSWORDS},
                       auth_query=f"SELECT rolname, rolpassword FROM {name} WHERE rolname = $1",
                       databases={"users": f"host=127.0.0.1 port={pg.port} dbname=postgres"})
            weir.signal(1)
            weir.await_log("reloaded")
            weir.connect(user=user, password="secret-8Vb2", dbname="pgbouncer").close()
    finally:
        pg.sql(f"DROP TABLE {name}", database="postgres", fetch=False)


@pytest.mark.parametrize("query,why", [
    ("SELECT 1/0, $1", "division by zero (22012)"),
    ("SELECT rolname FROM pg_authid WHERE rolname = $1", "expected two columns"),
    ("SELECT $1::text, 'a', 'b'", "expected two columns"),
    ("SELECT $1::text, 'x' FROM generate_series(1, 2)", "more than one row"),
    ("SELECT 'somebody'::text, $1::text", "another user"),
    ("SELECT $1::text, repeat('x', 5000)", "too long"),
    ("SELECT $1::text, pg_terminate_backend(pg_backend_pid())::text", "terminating connection"),
    ("SELEKT $1", "syntax error"),
    ("SELECT 1; SELECT $1", "multiple commands"),
])
def test_a_query_that_gives_no_answer(weir_factory, pg, query, why):
    """Nobody gets in, the log says why, and who is outside is told nothing of it."""
    weir = asking(weir_factory, pg, auth_query=query)
    for _ in range(2):
        text = refusal(weir, user="u_scram", password=PASSWORDS["u_scram"])
        assert "auth_query failed" in text and why not in text
    assert why in weir.await_log("auth_query for user")
    assert whoami(weir, "auth_asker", AUTH["auth_asker"]) == "auth_asker"


def test_the_database_cannot_be_asked(weir_factory, pg, fake):
    weir = asking(weir_factory, pg, secrets={"auth_asker": "wrong", **CONSOLE_PASSWORDS},
                  query_wait_timeout=2)
    text = refusal(weir, user="u_scram", password=PASSWORDS["u_scram"])
    assert "auth_query failed" in text and "auth_asker" not in text
    assert "password authentication failed" in weir.await_log("could not run as auth_asker")
    silent = fake("Silent")
    weir = asking(weir_factory, pg, client_login_timeout=1, query_wait_timeout=30,
                  databases={"app": f"host=127.0.0.1 port={silent.port} dbname=app"})
    text = refusal(weir, user="u_scram", password=PASSWORDS["u_scram"])
    assert "client_login_timeout" in text or "auth_query failed" in text


def test_a_slow_query_ends_with_the_login(weir_factory, pg):
    weir = asking(weir_factory, pg, client_login_timeout=1, server_connect_timeout=2,
                  auth_query="SELECT $1::text, pg_sleep(60)::text")
    text = refusal(weir, user="u_scram", password=PASSWORDS["u_scram"])
    assert "client_login_timeout" in text
    until(lambda: not pg.sql("SELECT 1 FROM pg_stat_activity WHERE usename = 'auth_asker' AND"
                             " state = 'active' AND query LIKE '%%pg_sleep%%'")
          or "auth_query did not end in time" in weir.log(), 20, "the server is given up")


def test_a_server_that_ended_while_it_was_idle_is_replaced(weir_factory, pg, role):
    user = role()
    weir = asking(weir_factory, pg)
    for _ in range(4):
        assert whoami(weir, user) == user
        pg.terminate("auth_asker")
    assert "auth_query failed" not in weir.log()


def test_clients_that_leave_while_they_are_asked_about(weir_factory, pg, role):
    user = role()
    weir = asking(weir_factory, pg, auth_query="SELECT rolname, rolpassword FROM pg_authid, "
                                               "pg_sleep(0.2) WHERE rolname = $1")
    for _ in range(12):
        client = RawClient(weir.host, weir.port)
        client.send(wire.startup(user, "app"))
        client.close()
    assert whoami(weir, user) == user


def test_a_reload_that_moves_the_database_keeps_who_waits(weir_factory, pg, role):
    user = role()
    weir = asking(weir_factory, pg)
    weir.console("PAUSE app")
    with RawClient(weir.host, weir.port) as client:
        client.send(wire.startup(user, "app"))
        until(lambda: weir.pool(user="auth_asker (auth_query)"), 10, "the lookup has a pool")
        until(lambda: int(weir.pool(user="auth_asker (auth_query)")["cl_waiting"]) == 1, 10,
              "the lookup waits")
        weir.write(auth_type="scram-sha-256", auth_user="auth_asker",
                   secrets={**AUTH, **CONSOLE_PASSWORDS},
                   databases={"app": f"host=localhost port={pg.port} dbname=app"})
        weir.console("RELOAD")
        weir.console("RESUME app")
        assert client.receive()[0] == b"R"


def test_what_a_client_says_does_not_reach_the_query(weir_factory, pg, role):
    """CVE-2025-12819: a search_path in the start-up message, before anybody is authenticated. The
    schema has a table and an operator that would let everybody in."""
    user, schema = role(), "evil_" + uuid.uuid4().hex[:8]
    pg.sql(f"CREATE SCHEMA {schema}; GRANT USAGE ON SCHEMA {schema} TO public;"
           f"CREATE VIEW {schema}.pg_authid AS SELECT rolname, 'known-1Zz0'::text AS rolpassword,"
           " NULL::timestamptz AS rolvaliduntil, true AS rolcanlogin FROM pg_catalog.pg_roles;"
           f"GRANT SELECT ON {schema}.pg_authid TO public", database="app", fetch=False)
    try:
        for more in ({}, {"track_extra_parameters": "search_path"},
                     {"pool_mode": "session"}, {"ignore_startup_parameters": "search_path"}):
            weir = asking(weir_factory, pg, **more)
            options = f"-c search_path={schema},pg_catalog"
            assert "authentication failed" in refusal(weir, user=user, password="known-1Zz0",
                                                      options=options)
            with RawClient(weir.host, weir.port) as client:
                client.send(wire.startup(user, "app", search_path=f"{schema}, pg_catalog"))
                assert client.receive()[0] == b"R"
            # somebody who may be the auth_user leaves a search_path and a temporary table behind
            friend = weir.connect(user="auth_asker", password=AUTH["auth_asker"])
            with friend.cursor() as cursor:
                cursor.execute(f"SET search_path = {schema}, pg_catalog")
                cursor.execute("CREATE TEMP TABLE IF NOT EXISTS pg_authid AS SELECT rolname,"
                               " 'known-1Zz0'::text AS rolpassword, NULL::timestamptz AS"
                               " rolvaliduntil, true AS rolcanlogin FROM pg_roles")
            friend.close()
            assert "authentication failed" in refusal(weir, user=user, password="known-1Zz0")
            assert whoami(weir, user) == user
            weir.stop()
    finally:
        pg.sql(f"DROP SCHEMA {schema} CASCADE", database="app", fetch=False)


def test_the_name_is_a_value_not_a_part_of_the_query(weir_factory, pg):
    weir = asking(weir_factory, pg)
    for name in ("u_scram' OR '1'='1", "u_scram'--", "$1", '"u_scram"', "u_scram;SELECT 1"):
        assert "authentication failed" in refusal(weir, user=name, password=PASSWORDS["u_scram"])
    assert "auth_query failed" not in weir.log()


def test_trust_and_lines_of_hba_ask_whether_the_user_exists(weir_factory, pg, role):
    user = role()
    weir = asking(weir_factory, pg, auth_type="trust", databases={
        "app": f"host=127.0.0.1 port={pg.port} user=app password={PASSWORDS['app']}"})
    assert whoami(weir, user, "") == "app"
    assert '"trust" authentication failed' in refusal(weir, user="nobody9", password="")


def test_lookups_have_a_pool_of_their_own(weir_factory, pg, role):
    user = role()
    weir = asking(weir_factory, pg)
    for _ in range(8):
        assert whoami(weir, user) == user
    assert weir.pool(user="auth_asker (auth_query)")["sv_idle"] == 1
    assert weir.pool(user="auth_asker") is None


def test_many_logins_at_once(weir_factory, pg, role):
    user = role()
    weir = asking(weir_factory, pg)
    clients = [RawClient(weir.host, weir.port) for _ in range(40)]
    for client in clients:
        client.send(wire.startup(user, "app"))
    for client in clients:
        assert client.receive()[0] == b"R"
        client.close()
    assert len(pg.backends("auth_asker")) <= 4


def test_secrets_in_plain_text(weir_factory, pg):
    """A table of one's own may keep passwords in any form that auth_file knows."""
    weir = asking(weir_factory, pg, auth_query="SELECT $1::text, 'plain-2Qw9'", databases={
        "app": f"host=127.0.0.1 port={pg.port} user=app password={PASSWORDS['app']}"})
    assert whoami(weir, "whoever", "plain-2Qw9") == "app"
    secret = md5_secret("whoever", "md5-7Ht2")
    weir = asking(weir_factory, pg, auth_type="md5", auth_query=f"SELECT $1::text, '{secret}'",
                  databases={"app": f"host=127.0.0.1 port={pg.port} user=app"
                                    f" password={PASSWORDS['app']}"})
    assert whoami(weir, "whoever", "md5-7Ht2") == "app"
    with pytest.raises((ServerError, psycopg2.OperationalError)):
        whoami(weir, "somebody", "md5-7Ht2")


def test_wrong_settings_are_told_at_the_start(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    weir.port = 1
    weir.write(auth_dbname="nowhere", auth_user="x")
    weir.spawn(["serve", "--check", weir.ini])
    assert weir.process.wait(20) == 1
    weir.process = None
    assert "auth_dbname = nowhere is not allowed" in weir.log()
