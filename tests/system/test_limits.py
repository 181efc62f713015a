"""Limits of clients and servers: per database, per user, globally, by their own keys; who shares a
pool where the database has a user of its own."""
import psycopg2
import psycopg2.errors
import pytest

from harness.wait import until

pytestmark = pytest.mark.weir_only
DB_LIMIT = "client connections exceeded (max_db_client_connections)"
USER_LIMIT = "client connections exceeded (max_user_client_connections)"


def value(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def row(weir, show, name):
    return next(row for row in weir.console(f"SHOW {show}") if row["name"] == name)


def refused(weir, text, **more):
    with pytest.raises(psycopg2.OperationalError) as error:
        weir.connect(**more)
    assert text in str(error.value)


# ---- clients

def test_clients_of_a_database_are_limited_over_all_users(weir_factory, pg):
    conninfo = f"host=127.0.0.1 port={pg.port} dbname=app"
    weir = weir_factory(pg, max_db_client_connections=2, databases={
        "app": conninfo, "wide": conninfo + " max_db_client_connections=3"})
    held = [weir.connect("app"), weir.connect("u_scram")]
    refused(weir, DB_LIMIT)
    refused(weir, DB_LIMIT, user="u_md5")
    database = row(weir, "DATABASES", "app")
    assert (database["max_client_connections"], database["current_client_connections"]) == (2, 2)
    held += [weir.connect(dbname="wide") for _ in range(3)]
    refused(weir, DB_LIMIT, dbname="wide")
    held.pop(0).close()
    until(lambda: row(weir, "DATABASES", "app")["current_client_connections"] == 1, 10, "one left")
    held.append(weir.connect("app"))
    assert "closing because: client connections exceeded (max_db_client_connections)" in weir.log()
    for connection in held:
        connection.close()


def test_clients_of_a_user_are_limited_over_all_databases(weir_factory, pg):
    conninfo = f"host=127.0.0.1 port={pg.port} dbname=app"
    weir = weir_factory(pg, max_user_client_connections=2, databases={"app": conninfo,
                                                                     "b": conninfo},
                        users={"u_scram": "max_user_client_connections=1"})
    held = [weir.connect(), weir.connect(dbname="b")]
    refused(weir, USER_LIMIT)
    refused(weir, USER_LIMIT, dbname="b")
    held.append(weir.connect("u_scram"))
    refused(weir, USER_LIMIT, user="u_scram", dbname="b")
    user = row(weir, "USERS", "u_scram")
    assert (user["max_user_client_connections"], user["current_client_connections"]) == (1, 1)
    assert row(weir, "USERS", "app")["current_client_connections"] == 2
    for connection in held:
        connection.close()


def test_admins_come_in_above_the_limits(weir_factory, pg):
    weir = weir_factory(pg, max_user_client_connections=1, max_db_client_connections=1,
                        admin_users="admin,u_trust")
    held = [weir.connect("u_trust") for _ in range(3)]
    refused(weir, DB_LIMIT)
    for connection in held:
        connection.close()


def test_a_reload_changes_the_limits_and_drops_nobody(weir_factory, pg):
    weir = weir_factory(pg)
    held = [weir.connect() for _ in range(3)]
    weir.write(max_db_client_connections=2)
    weir.console("RELOAD")
    refused(weir, DB_LIMIT)
    assert [value(c, "SELECT 1") for c in held] == [1, 1, 1]
    weir.write(max_db_client_connections=4)
    weir.console("RELOAD")
    held.append(weir.connect())
    refused(weir, DB_LIMIT)
    for connection in held:
        connection.close()


def test_a_refused_login_holds_no_place(weir_factory, pg):
    weir = weir_factory(pg, auth_type="scram-sha-256", max_db_client_connections=1)
    for _ in range(3):
        with pytest.raises(psycopg2.OperationalError, match="password|authentication"):
            weir.connect(password="wrong")
    weir.connect().close()
    until(lambda: row(weir, "DATABASES", "app")["current_client_connections"] == 0, 10, "nobody")
    weir.connect().close()


# ---- one pool for a database with a user of its own

def shared(weir, pg, **more):
    return {"app": weir.conninfo(user="u_md5", password="md5-5Lw7", **more)}


def test_a_database_with_a_user_has_one_pool_for_all_clients(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    weir.start(databases=shared(weir, pg, pool_size=1))
    one, two = weir.connect("app"), weir.connect("u_scram")
    assert value(one, "SELECT current_user || pg_backend_pid()") == \
        value(two, "SELECT current_user || pg_backend_pid()")
    pools = [r for r in weir.console("SHOW POOLS") if r["database"] == "app"]
    assert [(r["user"], r["cl_active"], r["sv_idle"]) for r in pools] == [("u_md5", 2, 1)]
    assert {r["user"] for r in weir.console("SHOW CLIENTS") if r["database"] == "app"} == \
        {"app", "u_scram"}
    one.close()
    two.close()


def test_a_reload_that_changes_the_user_moves_its_clients(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    weir.start(databases=shared(weir, pg))
    one, two = weir.connect("app"), weir.connect("u_scram", autocommit=False)
    assert value(one, "SELECT current_user") == value(two, "SELECT current_user") == "u_md5"
    weir.write()
    weir.console("RELOAD")
    assert value(one, "SELECT current_user") == "app"
    assert value(two, "SELECT current_user") == "u_md5"  # its transaction goes on where it is
    two.commit()
    assert value(two, "SELECT current_user") == "u_scram"
    two.commit()
    until(lambda: not pg.backends("u_md5"), 10, "the old servers are gone")
    assert weir.pool("u_md5") is None
    one.close()
    two.close()


def test_time_outs_are_those_of_the_client_not_of_the_servers_user(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    weir.start(databases=shared(weir, pg), users={"u_scram": "idle_transaction_timeout=0.3"})
    patient, hasty = weir.connect("app", autocommit=False), weir.connect("u_scram",
                                                                         autocommit=False)
    assert value(patient, "SELECT 1") == value(hasty, "SELECT 1") == 1
    weir.await_log("closing because: idle transaction timeout")
    with pytest.raises(psycopg2.Error):
        value(hasty, "SELECT 1")
    assert value(patient, "SELECT 1") == 1
    patient.close()
    hasty.close()


# ---- servers without demand

def test_a_minimum_is_kept_from_the_start_on_where_the_user_is_known(weir_factory, pg):
    weir = weir_factory(pg, start=False)
    weir.start(databases=shared(weir, pg, min_pool_size=2))
    until(lambda: (weir.pool("u_md5") or {}).get("sv_idle") == 2, 10, "two servers are there")
    assert len(pg.backends("u_md5")) == 2
    pg.terminate("u_md5")
    until(lambda: weir.pool("u_md5")["sv_idle"] == 2, 10, "two others are there")
    weir.write(databases=shared(weir, pg, min_pool_size=3))
    weir.console("RELOAD")
    until(lambda: weir.pool("u_md5")["sv_idle"] == 3, 10, "a third one")


def test_a_minimum_is_kept_once_a_pool_was_used(weir_factory, pg):
    weir = weir_factory(pg, min_pool_size=2)
    assert weir.pool() is None
    weir.sql("SELECT 1")
    until(lambda: weir.pool()["sv_idle"] == 2, 10, "two servers are there")
