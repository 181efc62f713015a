"""Databases that `*` makes, and pools, are forgotten when nobody has used them for long enough."""
import pytest

from harness.wait import until

pytestmark = pytest.mark.weir_only


def databases(weir):
    return {row["name"] for row in weir.console("SHOW DATABASES")} - {"pgbouncer"}


def pools(weir):
    return {(row["database"], row["user"]) for row in weir.console("SHOW POOLS")} - {
        ("pgbouncer", "pgbouncer")}


def start(weir_factory, pg, **settings):
    line = f"host=127.0.0.1 port={pg.port}"
    return weir_factory(pg, databases={"named": line + " dbname=app", "*": line}, **settings)


def test_a_database_of_the_star_is_forgotten(weir_factory, pg):
    weir = start(weir_factory, pg, autodb_idle_timeout=0.3, server_idle_timeout=0.2)
    weir.sql("SELECT 1", dbname="named")
    held = weir.connect(dbname="postgres")
    weir.sql("SELECT 1", dbname="app")
    until(lambda: databases(weir) == {"named", "postgres"}, 10, "app is forgotten")
    weir.await_log("database app was not used for autodb_idle_timeout")
    assert ("named", "app") in pools(weir)  # what the file names stays
    held.close()
    until(lambda: databases(weir) == {"named"}, 10, "postgres is forgotten too")
    assert weir.sql("SELECT 1", dbname="app") == [(1,)]  # and is made again when it is asked for
    assert "app" in {row["database"] for row in weir.console("SHOW STATS")}


def test_while_it_has_a_server_it_is_used(weir_factory, pg):
    weir = start(weir_factory, pg, autodb_idle_timeout=0.1)
    weir.sql("SELECT 1", dbname="app")
    weir.sql("SELECT 1", dbname="postgres")
    weir.console("DISABLE postgres")
    pg.terminate("app")
    until(lambda: "app" not in databases(weir), 10, "app has lost its server")
    assert "postgres" in databases(weir)  # what an operator has said about it is not forgotten
    weir.console("ENABLE postgres")
    weir.console("RELOAD")
    until(lambda: "postgres" not in databases(weir), 10, "now it is")


def test_a_pool_is_forgotten_when_that_is_asked_for(weir_factory, pg):
    weir = start(weir_factory, pg, pool_idle_timeout=0.3, server_idle_timeout=0.2)
    held = weir.connect("u_scram", dbname="named")
    weir.sql("SELECT 1", dbname="named")
    until(lambda: pools(weir) == {("named", "u_scram")}, 10, "app's pool is forgotten")
    held.close()
    until(lambda: not pools(weir), 10, "so is the other")
    assert weir.sql("SELECT 1", dbname="named") == [(1,)]


def test_a_reload_shortens_the_time(weir_factory, pg):
    weir = start(weir_factory, pg)
    weir.sql("SELECT 1", dbname="app")
    pg.terminate("app")
    until(lambda: weir.pool()["sv_idle"] == 0, 10, "its server is gone")
    assert "app" in databases(weir)
    line = f"host=127.0.0.1 port={pg.port}"
    weir.write(databases={"*": line}, autodb_idle_timeout=0.1)
    weir.console("RELOAD")
    until(lambda: "app" not in databases(weir), 10, "app is forgotten")
