"""horizon's database: schema, users, and the stored figures of the demonstration's portfolio, which
have to be those of horizon/data/golden.json."""
import concurrent.futures
import csv
import json
import os
import stat
import threading

import psycopg2
import pytest

from harness.horizon import DATA, PASSWORD, Horizon
from harness.pg import PASSWORDS

# Another file's users may not be in the way: every test here has an installation of its own.


def golden():
    with open(os.path.join(DATA, "golden.json"), encoding="utf-8") as file:
        return json.load(file)


# ---- schema

def test_migrate_makes_the_schema_once(pg, horizon_databases):
    horizon = Horizon(pg, horizon_databases.empty())
    out, _ = horizon.run("migrate")
    assert "applied 0001_portfolio.sql" in out
    out, _ = horizon.run("migrate")
    assert "applied" not in out and "the schema has version" in out
    horizon.done()


def test_programs_that_migrate_at_once_wait_for_each_other(pg, horizon_databases):
    horizon = Horizon(pg, horizon_databases.empty())
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        runs = [run.result()[0] for run in [pool.submit(horizon.run, "migrate") for _ in range(4)]]
    assert sum("applied 0001_portfolio.sql" in out for out in runs) == 1
    horizon.done()


def test_an_edited_migration_is_refused(horizon):
    horizon.sql("UPDATE horizon_migrations SET checksum = 'x'", fetch=False)
    _, err = horizon.run("migrate", code=1)
    assert "0001_portfolio.sql was applied with another content" in err


def test_a_newer_schema_is_left_alone(horizon):
    horizon.sql("INSERT INTO horizon_migrations VALUES (9999, '9999_future.sql', 'x')", fetch=False)
    out, _ = horizon.run("migrate")
    assert "version 9999, which is newer" in out
    horizon.add_user("ana")


def test_without_the_schema_every_verb_says_what_to_do(pg, horizon_databases):
    horizon = Horizon(pg, horizon_databases.empty())
    _, err = horizon.run("user", "list", code=1)
    assert "run `horizon migrate`" in err
    _, err = horizon.run("import", "--demo", code=1)
    assert "run `horizon migrate`" in err
    horizon.done()


def test_a_database_that_is_down_is_told(horizon):
    url = "postgres://app@127.0.0.1:1/none"
    for verb in (["migrate"], ["user", "list"], ["import", "--demo"]):
        _, err = horizon.run(*verb, code=1, DATABASE_URL=url)
        assert "the database cannot be reached" in err and "Connection refused" in err
    _, err = horizon.run("migrate", code=1, DATABASE_URL="")
    assert "DATABASE_URL" in err


# ---- users

def test_users_are_added_listed_and_get_new_passwords(horizon):
    horizon.add_user("ana")
    before = open(horizon.credentials, encoding="utf-8").read()
    assert stat.S_IMODE(os.stat(horizon.credentials).st_mode) == 0o600
    assert PASSWORD not in before and "$argon2id$v=19$m=19456,t=2,p=1$" in before
    horizon.run("user", "passwd", "ana", "--password-file", "-", text="another password\n",
                DATABASE_URL="postgres://app@127.0.0.1:1/none")
    assert open(horizon.credentials, encoding="utf-8").read() != before
    out, _ = horizon.run("user", "list")
    row = next(line for line in out.splitlines() if line.startswith("ana "))
    assert " yes " in row


@pytest.mark.parametrize("arguments, text, code, words", [
    (("add", "ana"), PASSWORD, 1, "can log in already"),
    (("add", "b b"), PASSWORD, 2, "is no login"),
    (("add", "bob"), "short", 1, "8 to 1024 bytes"),
    (("add", "bob"), "x" * 1025, 1, "8 to 1024 bytes"),
    (("passwd", "eve"), PASSWORD, 1, "horizon user add"),
    (("add",), PASSWORD, 2, "whose?"),
])
def test_wrong_users_are_refused(horizon, arguments, text, code, words):
    horizon.add_user("ana")
    before = open(horizon.credentials, encoding="utf-8").read()
    _, err = horizon.run("user", *arguments, "--password-file", "-", text=text + "\n", code=code)
    assert words in err
    assert open(horizon.credentials, encoding="utf-8").read() == before
    assert len(horizon.sql("SELECT login FROM users")) == 1


def test_a_user_of_the_database_gets_into_another_machines_file(horizon):
    user_id = horizon.add_user("ana")
    os.rename(horizon.credentials, horizon.credentials + ".elsewhere")
    assert horizon.add_user("ana") == user_id
    assert user_id in open(horizon.credentials, encoding="utf-8").read()


def test_users_added_at_once_are_all_in_the_file(horizon):
    names = [f"user{i}" for i in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(horizon.add_user, names))
    lines = open(horizon.credentials, encoding="utf-8").read().splitlines()
    assert sorted(line.split(":")[0] for line in lines if not line.startswith("#")) == names


def test_caches_hear_of_a_user_who_changes(horizon):
    user_id = horizon.add_user("ana")
    listener = horizon.pg.connect(horizon.database)
    listener.cursor().execute("LISTEN horizon_user; LISTEN horizon_data")
    horizon.sql("UPDATE users SET is_active = false WHERE login = 'ana'", fetch=False)
    listener.cursor().execute("SELECT 1")
    assert [(notice.channel, notice.payload) for notice in listener.notifies] == [
        ("horizon_user", user_id)]
    listener.close()


# ---- nothing of somebody else's

def test_no_row_can_refer_to_another_users(horizon):
    ana, demo = horizon.add_user("ana"), horizon.demo()
    asset = horizon.sql("SELECT id FROM assets WHERE user_id = %s LIMIT 1", (demo,))[0]["id"]
    account = horizon.sql("SELECT id FROM accounts WHERE user_id = %s", (ana,))[0]["id"]
    for table, columns, values in (
            ("prices", "user_id, asset_id, day, close, source", (ana, asset, "2020-01-01", 1, "x")),
            ("watchlist", "user_id, asset_id", (ana, asset)),
            ("activities", "user_id, account_id, asset_id, day, kind, quantity, price",
             (ana, account, asset, "2020-01-01", "BUY", 1, 1))):
        marks = ", ".join(["%s"] * len(values))
        with pytest.raises(psycopg2.errors.ForeignKeyViolation):
            horizon.sql(f"INSERT INTO {table} ({columns}) VALUES ({marks})", values, fetch=False)


def test_importing_for_one_user_changes_nothing_of_another(horizon):
    horizon.demo()
    before = derived(horizon, "demo")
    horizon.add_user("ana")
    path = horizon.file("a.csv", "date,type,symbol,quantity,price,amount\n"
                                 "2018-05-01,DEPOSIT,,,,1000\n2018-05-02,BUY,AAPL,1,170,\n")
    horizon.run("import", "activities", path, "--user", "ana")
    assert derived(horizon, "demo") == before
    rows = horizon.sql("SELECT count(*) AS n FROM prices JOIN users USING (user_id)"
                       " WHERE login = 'ana'")
    assert rows[0]["n"] == 0  # AAPL of ana is another asset than AAPL of demo


def derived(horizon, login):
    """Everything that is stored for a user, as text."""
    tables = ("snapshots", "valuations", "positions", "views", "figures", "charts", "checks",
              "activities", "prices", "assets", "watchlist", "accounts")
    return {table: horizon.sql(f"SELECT t::text AS row FROM {table} t JOIN users u USING (user_id)"
                               " WHERE login = %s ORDER BY 1", (login,)) for table in tables}


def test_a_deleted_user_leaves_nothing(horizon):
    horizon.demo()
    horizon.sql("DELETE FROM users WHERE login = 'demo'", fetch=False)
    for table in ("activities", "prices", "assets", "snapshots", "charts", "figures", "views"):
        assert horizon.sql(f"SELECT count(*) AS n FROM {table}")[0]["n"] == 0, table


# ---- stored figures

@pytest.fixture(scope="module")
def demo(pg, horizon_databases):
    """An installation with the demonstration's portfolio, to be read only."""
    horizon = Horizon(pg, horizon_databases.migrated())
    horizon.demo()
    yield horizon
    horizon.done()


def near(got, wanted, digits=9):
    assert abs(float(got) - wanted) <= 10 ** -digits * (1 + abs(wanted)), (got, wanted)


def cents(got, wanted):
    assert abs(float(got) - wanted) <= 0.0050001, (got, wanted)


def test_the_stored_summary_is_golden(demo):
    final = golden()["demo_portfolio"]["final"]
    row = demo.sql("SELECT * FROM snapshots")[0]
    assert row["as_of"].isoformat() == final["as_of"] == "2018-05-11"
    assert row["activity_count"] == 51 and row["first_activity"].isoformat() == "2013-05-13"
    for column, key in (("total_value", "total_value"), ("cash", "cash"), ("fees", "fees"),
                        ("market_value", "market_value_securities"), ("dividends", "dividends"),
                        ("net_contributions", "net_contributions"), ("total_gain", "total_gain"),
                        ("unrealised_pl", "unrealised_fifo"), ("realised_pl", "realised_fifo")):
        cents(row[column], final[key])
    near(row["twr"], final["twr_cumulative"])
    near(row["twr_annualised"], final["twr_annualised_365"])
    near(row["xirr"], final["xirr"])
    assert row["reasons"] == {}


def test_the_stored_positions_are_golden(demo):
    positions = golden()["demo_portfolio"]["final"]["positions"]
    rows = {row["symbol"]: row for row in demo.sql(
        "SELECT a.symbol, p.* FROM positions p JOIN assets a ON a.id = p.asset_id")}
    assert set(rows) == set(positions) == {"AAPL", "AMZN", "GOOG", "IBM"}
    for symbol, wanted in positions.items():
        row = rows[symbol]
        assert float(row["quantity"]) == wanted["quantity"]
        near(row["price"], wanted["price"])
        near(row["weight"], wanted["weight_of_total"])
        near(row["day_change_ratio"], wanted["day_change_pct"])
        for column, key in (("market_value", "market_value"), ("cost_basis", "cost_basis_fifo"),
                            ("unrealised_pl", "unrealised_fifo"), ("dividends", "dividends"),
                            ("realised_pl", "realised_fifo"), ("day_change", "day_change")):
            cents(row[column], wanted[key])


def test_the_stored_days_are_golden(demo):
    with open(os.path.join(DATA, "demo_portfolio_series.csv"), encoding="utf-8") as file:
        wanted = list(csv.DictReader(file))
    chart = demo.sql("SELECT * FROM charts WHERE range = 'max'")[0]
    rows = demo.sql("SELECT * FROM valuations ORDER BY day")
    assert len(rows) == len(wanted) == chart["points"] == 1260
    series = chart["series"]
    for i, (row, day) in enumerate(zip(rows, wanted)):
        assert row["day"].isoformat() == series["dates"][i] == day["date"]
        cents(row["total_value"], float(day["total_value"]))
        near(row["wealth"] - 1, float(day["twr_cumulative"]), 7)
        near(series["portfolio"][i], float(day["twr_cumulative"]), 7)
        near(series["benchmark_series"][i], float(day["spx_cumulative"]), 7)
        assert series["value"][i] == float(row["total_value"])


def test_the_stored_figures_are_golden(demo):
    ranges = golden()["ranges"]
    names = {"1m": "1M", "6m": "6M", "ytd": "YTD", "1y": "1Y", "3y": "3Y", "max": "MAX"}
    seen = 0
    for row in demo.sql("SELECT * FROM figures WHERE subject <> '' AND range <> '5y'"):
        wanted = ranges[names[row["range"]]]["series"][row["subject"]]["price"]
        assert row["start_day"].isoformat() == ranges[names[row["range"]]]["base_date"]
        for column, key in (("total", "return"), ("volatility", "volatility"),
                            ("sharpe", "sharpe_rf0"), ("max_drawdown", "max_drawdown"),
                            ("beta", "beta"), ("correlation", "correlation"),
                            ("alpha", "alpha_arith"), ("alpha_compounded", "alpha_comp")):
            if key in wanted:
                near(row[column], wanted[key])
        assert row["drawdown_trough"].isoformat() == wanted["mdd_trough"]
        is_long = (row["end_day"] - row["start_day"]).days >= 365
        assert (row["annualised"] is not None) == is_long
        assert row["reasons"].get("annualised") == (None if is_long else "less_than_a_year")
        seen += 1
    assert seen == 6 * 5


def test_stored_figures_agree_with_each_other(demo):
    row = demo.sql("""
        SELECT s.*, (SELECT sum(weight) FROM positions) AS weights,
               (SELECT sum(market_value) FROM positions) AS positions_value,
               (SELECT total FROM figures WHERE range = 'max' AND subject = '') AS report_twr,
               (SELECT price FROM views v JOIN assets a ON a.id = v.asset_id
                 WHERE symbol = '^SPX') AS index_price,
               (SELECT benchmark FROM valuations ORDER BY day DESC LIMIT 1) AS last_benchmark
          FROM snapshots s""")[0]
    near(row["weights"] + row["cash_weight"], 1)
    cents(row["positions_value"], float(row["market_value"]))
    assert row["report_twr"] == row["twr"]
    assert row["index_price"] == row["last_benchmark"]
    for chart in demo.sql("SELECT * FROM charts"):
        figure = demo.sql("SELECT * FROM figures WHERE range = %s AND subject = ''",
                          (chart["range"],))[0]
        near(chart["series"]["portfolio"][-1], figure["total"], 7)
        assert chart["start_day"] == figure["start_day"]
        assert chart["series"]["value"][-1] == float(row["total_value"])


def test_the_watch_list_shows_what_the_examples_show(demo):
    with open(os.path.join(DATA, "examples", "watch.json"), encoding="utf-8") as file:
        items = json.load(file)["items"]
    rows = demo.sql("SELECT a.symbol, a.name, a.kind, v.* FROM watchlist w JOIN assets a"
                    " ON a.id = w.asset_id JOIN views v ON v.asset_id = a.id ORDER BY symbol")
    assert [row["symbol"] for row in rows] == [item["symbol"] for item in items]
    for row, item in zip(rows, items):
        assert row["name"] == item["name"] and row["is_stale"] is item["stale"]
        for column in ("price", "previous_close", "change", "open", "high", "low", "volume",
                       "high_52w", "low_52w"):
            near(row[column], item[column], 6)
        for column in ("market_condition", "trend_50d", "trend_200d"):
            assert row[column] == item[column]
        assert [round(spark, 2) for spark in row["sparkline"]] == item["sparkline"]
        assert row["high_date"].isoformat() == item["all_time_high"]["date"]


def test_a_new_user_has_an_empty_portfolio_with_reasons(horizon):
    horizon.add_user("ana")
    row = horizon.sql("SELECT * FROM snapshots")[0]
    assert row["total_value"] is None and row["reasons"]["twr"] == "no_activities"
    chart = horizon.sql("SELECT series FROM charts WHERE range = 'max'")[0]["series"]
    assert chart == {"dates": [], "value": [], "portfolio": [], "benchmark_series": []}


def test_making_the_demonstration_again_changes_nothing(horizon):
    horizon.demo()
    before = derived(horizon, "demo")
    out, _ = horizon.run("import", "--demo")
    assert "with the password it has" in out
    assert derived(horizon, "demo") == before


def test_edits_of_one_user_wait_for_each_other(horizon):
    """Two imports at once: both are in the figures afterwards."""
    horizon.add_user("ana")
    begin = threading.Barrier(2)

    def deposit(i):
        path = horizon.file(f"{i}.csv", f"date,type,amount\n2018-05-0{i},DEPOSIT,{i}00\n")
        begin.wait(30)
        horizon.run("import", "activities", path, "--user", "ana")

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(deposit, (1, 2)))
    row = horizon.sql("SELECT total_value, activity_count, data_version FROM snapshots")[0]
    assert (float(row["total_value"]), row["activity_count"], row["data_version"]) == (300, 2, 3)


def test_hashes_are_of_one_role_only(horizon):
    """The password of the database is in no output of the program."""
    _, err = horizon.run("user", "list", code=1,
                         DATABASE_URL=f"postgres://app:{PASSWORDS['app']}x@127.0.0.1:"
                                      f"{horizon.pg.port}/{horizon.database}")
    assert PASSWORDS["app"] not in err and "password authentication failed" in err
