"""horizon import: the files people have, and the broken ones: told by row, and nothing half done."""
import os
import threading

import pytest

from harness.horizon import DATA, Horizon
from harness.wait import until

YAHOO = """\
Date,Open,High,Low,Close,Adj Close,Volume
2018-05-09,186.550003,187.399994,185.220001,187.360001,186.640305,23211200
2018-05-10,187.740005,190.369995,187.649994,190.039993,189.309998,27989300
2018-05-11,null,null,null,null,null,null
"""
ACTIVITIES = """\
Date,Type,Symbol,Quantity,UnitPrice,Fee,Amount,Currency
2018-05-08,DEPOSIT,,,,,1000,USD
2018-05-09,BUY,AAPL,2,187.36,1.50,,USD
2018-05-10,SELL,AAPL,1,190.04,1.50,,USD
"""
NOTHING = {"prices": 0, "activities": 0, "assets": 0}


@pytest.fixture
def ana(horizon):
    """An installation with the user ana, who has nothing."""
    horizon.add_user("ana")
    return horizon


@pytest.fixture(scope="module")
def bare(pg, horizon_databases):
    """The same for all tests in which nothing may be written."""
    installation = Horizon(pg, horizon_databases.migrated())
    installation.add_user("ana")
    yield installation
    installation.done()


def rows(horizon):
    return {table: horizon.sql(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in NOTHING}


def prices(horizon, content, *arguments, code=0):
    path = horizon.file("prices.csv", content)
    return horizon.run("import", "prices", path, "--user", "ana", *arguments, code=code)


def activities(horizon, content, *arguments, code=0):
    path = horizon.file("activities.csv", content)
    return horizon.run("import", "activities", path, "--user", "ana", *arguments, code=code)


def snapshot(horizon, login="ana"):
    return horizon.sql("SELECT s.* FROM snapshots s JOIN users USING (user_id) WHERE login = %s",
                       (login,))[0]


# ---- what is read

def test_prices_and_activities_become_a_portfolio(ana):
    out, _ = prices(ana, YAHOO, "--symbol", "AAPL", "--name", "Apple Inc.")
    assert "2 prices new" in out and "1 rows without a price" in out
    out, _ = activities(ana, ACTIVITIES)
    assert "3 activities new" in out
    row = snapshot(ana)
    assert float(row["cash"]) == 812.32  # 1000 - 2 x 187.36 - 1.50 + 190.04 - 1.50
    assert float(row["market_value"]) == 190.04
    assert ana.sql("SELECT name, kind FROM assets")[0] == {"name": "Apple Inc.", "kind": "EQUITY"}
    assert ana.sql("SELECT symbol FROM watchlist JOIN assets ON id = asset_id")[0]["symbol"] == "AAPL"


def test_reading_a_file_again_changes_nothing(ana):
    prices(ana, YAHOO, "--symbol", "AAPL")
    activities(ana, ACTIVITIES)
    before = snapshot(ana), rows(ana)
    out, _ = prices(ana, YAHOO, "--symbol", "AAPL")
    assert "0 prices new, 0 changed, 2 known already" in out
    out, _ = activities(ana, ACTIVITIES)
    assert "0 activities new, 0 changed, 3 known already" in out
    assert (snapshot(ana), rows(ana)) == before


def test_a_file_that_has_grown_adds_what_is_new(ana):
    activities(ana, ACTIVITIES)
    out, _ = activities(ana, ACTIVITIES + "2018-05-11,DIVIDEND,AAPL,1,0.73,,,USD\n")
    assert "1 activities new, 0 changed, 3 known" in out
    assert float(snapshot(ana)["dividends"]) == 0.73


def test_what_was_entered_by_hand_is_known(ana):
    ana.sql("INSERT INTO activities (user_id, account_id, day, kind, amount)"
            " SELECT user_id, id, '2018-05-08', 'DEPOSIT', 1000 FROM accounts", fetch=False)
    out, _ = activities(ana, ACTIVITIES)
    assert "2 activities new, 0 changed, 1 known" in out


def test_corrected_prices_replace_the_old_ones(ana):
    prices(ana, YAHOO, "--symbol", "AAPL")
    activities(ana, ACTIVITIES)
    out, _ = prices(ana, YAHOO.replace("190.039993", "191.000000").replace("190.369995", "191.2"),
                    "--symbol", "AAPL")
    assert "0 prices new, 1 changed, 1 known" in out
    assert float(snapshot(ana)["market_value"]) == 191.00


def test_the_shipped_files_are_read(ana):
    """Every price and activity of horizon/data, in one call each; the figures are the golden ones."""
    with open(os.path.join(DATA, "prices_daily.csv"), encoding="utf-8") as file:
        out, _ = prices(ana, file.read())
    assert "6300 prices new" in out and "5 new assets" in out
    with open(os.path.join(DATA, "demo_activities.csv"), encoding="utf-8") as file:
        out, _ = activities(ana, file.read())
    assert "51 activities new" in out
    row = snapshot(ana)
    assert (float(row["total_value"]), round(row["twr"], 8)) == (359009.47, 2.15323607)
    kinds = ana.sql("SELECT kind FROM assets WHERE symbol = '^SPX'")
    assert kinds[0]["kind"] == "INDEX"


def test_prices_made_from_the_column_value_are_told(ana):
    """Other programs' Value is the price of one share, Portfolio Performance's what a trade came to."""
    prices(ana, YAHOO, "--symbol", "AAPL")
    trades = ("date,type,symbol,shares,value\n2018-05-10,DEPOSIT,,,1000\n2018-05-10,BUY,AAPL,2,190\n"
              "2018-05-11,BUY,AAPL,1,191\n")
    out, _ = activities(ana, trades, "--dry-run")
    assert "made the price or amount of 3 rows; say --column price=Value if it is a price\n" in out
    out, _ = activities(ana, trades, "--column", "price=Value")
    assert "column Value" not in out
    told = ana.sql("SELECT price FROM activities WHERE kind = 'BUY' ORDER BY day")
    assert [float(row["price"]) for row in told] == [190, 191]


def test_a_trade_in_old_shares_and_a_split_are_the_same_trade(ana):
    with open(os.path.join(DATA, "prices_daily.csv"), encoding="utf-8") as file:
        prices(ana, file.read())
    activities(ana, "date,type,symbol,quantity,price,amount,ratio\n"
                    "2013-05-13,DEPOSIT,,,,30000,\n"
                    "2013-05-13,BUY,AAPL,50,454.74002,,\n"
                    "2014-06-09,SPLIT,AAPL,,,,7:1\n")
    row = ana.sql("SELECT quantity, cost_basis, price FROM positions")[0]
    assert (float(row["quantity"]), float(row["cost_basis"])) == (350, 22737.00)
    first = ana.sql("SELECT total_value FROM valuations ORDER BY day LIMIT 1")[0]
    assert float(first["total_value"]) == 30000.00


def as_stooq(text, header):
    """Yahoo's rows as Stooq writes them: other headers, no adjusted close."""
    lines = [line.split(",") for line in text.splitlines()[1:] if "null" not in line]
    return header + "\n" + "\n".join(",".join(line[:5] + line[6:]) for line in lines) + "\n"


@pytest.mark.parametrize("content", [
    as_stooq(YAHOO, "Date,Open,High,Low,Close,Volume"),
    as_stooq(YAHOO, "Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen"),
    as_stooq(YAHOO, "Data,Otwarcie,Najwyższy,Najniższy,Zamknięcie,Wolumen"),
    as_stooq(YAHOO, "Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen")
    .replace(",", ";").replace(".", ","),
    as_stooq(YAHOO, "Date,Open,High,Low,Close,Volume").replace(",", "\t").replace("\n", "\r\n"),
    "\ufeff" + as_stooq(YAHOO, '"Date","Open","High","Low","Close","Volume"'),
], ids=["english", "polish", "accents", "decimal comma", "tabs and CRLF", "BOM and quotes"])
def test_price_files_of_all_kinds_say_the_same(ana, content):
    out, _ = prices(ana, content, "--symbol", "AAPL")
    assert "2 prices new" in out
    row = ana.sql("SELECT * FROM prices ORDER BY day DESC LIMIT 1")[0]
    assert [float(row[name]) for name in ("open", "high", "low", "close")] == [
        187.740005, 190.369995, 187.649994, 190.039993]
    assert row["volume"] == 27989300 and row["day"].isoformat() == "2018-05-10"


def test_stooqs_bulk_file_brings_several_symbols(ana):
    out, _ = prices(ana, "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
                         "AAPL.US,D,20180511,000000,189.49,190.06,187.45,188.59,25806600,0\n"
                         "^SPX,D,20180511,000000,2722.7,2732.86,2717.45,2727.72,1862700000,0\n")
    assert "2 new assets" in out
    symbols = {row["symbol"]: row["kind"] for row in ana.sql("SELECT symbol, kind FROM assets")}
    assert symbols == {"AAPL": "EQUITY", "^SPX": "INDEX"}


def test_standard_input_is_a_file(ana):
    out, _ = ana.run("import", "prices", "-", "--user", "ana", "--symbol", "AAPL", text=YAHOO)
    assert "2 prices new" in out


def test_a_dry_run_reports_and_writes_nothing(bare):
    out, _ = prices(bare, YAHOO, "--symbol", "AAPL", "--dry-run")
    assert "2 prices would be new" in out and "nothing was written" in out
    assert rows(bare) == NOTHING
    _, err = activities(bare, ACTIVITIES.replace("SELL,AAPL,1", "SELL,AAPL,3"), "--dry-run", code=1)
    assert "activities.csv:4: 3 AAPL are sold on 2018-05-10, but only 2 are held then" in err
    assert rows(bare) == NOTHING


# ---- what is refused

@pytest.mark.parametrize("content, words", [
    ("Date,Open\n2018-05-11,1\n", "prices.csv:1: the column Close"),
    ("Open,Close\n1,1\n", "prices.csv:1: the column Date"),
    ("2018-05-11,1\n2018-05-12,2\n", "a first line with the columns' names is needed"),
    (YAHOO + "2018-05-12,1,2,1,abc,1,1\n", 'prices.csv:5: the close "abc" is no number'),
    (YAHOO + "2018-05-32,1,2,1,1,1,1\n", "prices.csv:5: \"2018-05-32\" is no date"),
    (YAHOO + "2018-05-10,1,2,1,1,1,1\n", "prices.csv:5: line 3 has other prices"),
    ("<!DOCTYPE html>\n<html><body>Too many requests</body></html>\n", "this is a web page"),
    ("Exceeded the daily hits limit\n", "quota is used up"),
    ("", "the file is empty"),
    ("Date,Close\n2018-05-11,null\n", "there is no price in it"),
    ('Date,Close\n"2018-05-11,1\n', "prices.csv:2: a quote is never closed"),
    (b"Date,Close\n2018-05-11,\0\n", "zero bytes"),
    ("Date,Close\n2018-05-11,1\n".encode("utf-16"), "UTF-16"),
    ("Date;Close\n2018-05-10;1,5\n2018-05-11;1,6\n2018-05-12;1.7\n", 'prices.csv:4: the close "1.7"'),
    ("Date,Close\n01/02/2018,1\n", "--dates dmy or --dates mdy"),
], ids=lambda value: value[:24] if isinstance(value, str) and " " in value else "")
def test_broken_price_files_are_refused_and_nothing_is_written(bare, content, words):
    _, err = prices(bare, content, "--symbol", "X", code=1)
    assert words in err.replace("A first", "a first") and "nothing was imported" in err
    assert rows(bare) == NOTHING and snapshot(bare)["data_version"] == 1


@pytest.mark.parametrize("change, words", [
    (("Type,", "Kinds,"), "activities.csv:1: the column Type"),
    (("BUY", "HODL"), 'activities.csv:3: the type "HODL"'),
    (("BUY,AAPL", "BUY,"), "activities.csv:3: a BUY needs a symbol"),
    (("187.36", "null"), "activities.csv:3: a BUY needs a price"),
    (("AAPL,2", "AAPL,-2"), "activities.csv:3: the quantity is negative"),
    (("1.50,,USD", "1.50,,EUR"), "activities.csv:3: the row is in EUR"),
    (("2018-05-08", "2018-02-30"), 'activities.csv:2: "2018-02-30" is no date'),
    (("AAPL,1,", "AAPL,3,"), "activities.csv:4: 3 AAPL are sold on 2018-05-10, but only 2"),
    (("1000", "100"), "the portfolio is worth -"),
    (("2018-05-10,SELL,AAPL,1,190.04", "2018-05-09,BUY,AAPL,2,187.36"),
     "activities.csv:4: the row is a duplicate of line 3"),
], ids=lambda value: value[1][:20] if isinstance(value, tuple) else "")
def test_broken_activities_are_refused_by_row_and_nothing_is_written(bare, change, words):
    content = ACTIVITIES.replace(*change)
    assert content != ACTIVITIES
    if "worth" in words:
        content = content.replace("2018-05-09,BUY", "2018-05-09,FEE,,,,,200,USD\n2018-05-09,BUY")
    _, err = activities(bare, content, code=1)
    assert words in err and "nothing was imported" in err
    assert rows(bare) == NOTHING and snapshot(bare)["data_version"] == 1


def test_every_wrong_row_is_told_at_once(bare):
    content = "Date,Close\n" + "".join(f"2018-05-{day:02},x\n" for day in range(1, 31))
    _, err = prices(bare, content, "--symbol", "X", code=1)
    assert err.count("is no number") == 20 and "and 10 more" in err


def test_one_broken_file_keeps_the_others_out(bare):
    good = bare.file("good.csv", YAHOO)
    bad = bare.file("bad.csv", "Date,Close\n2018-05-11,x\n")
    _, err = bare.run("import", "prices", good, bad, "--symbol", "X", "--user", "ana", code=1)
    assert "bad.csv:2" in err and "nothing was imported" in err
    assert rows(bare) == NOTHING


def test_repeats_are_kept_when_they_are_meant(ana):
    content = ACTIVITIES + "2018-05-08,DEPOSIT,,,,,1000,USD\n"
    _, err = activities(ana, content, code=1)
    assert "say --repeats" in err
    activities(ana, content, "--repeats")
    assert float(snapshot(ana)["net_contributions"]) == 2000
    activities(ana, content, "--repeats")
    assert float(snapshot(ana)["net_contributions"]) == 2000


def test_columns_and_delimiter_are_what_the_caller_says(bare):
    content = "Tag\tKurs\tprice\n2021-01-04\t10,5\t1\n2021-01-05\t11\t1\n"
    path = bare.file("odd.csv", content.replace("\t", "~"))
    _, err = bare.run("import", "prices", path, "--user", "ana", "--symbol", "X", code=1)
    assert "no column of the first line is known" in err and "--column" in err
    told = ("--column", "date=Tag", "--column=close=KURS", "--symbol", "X", "--user", "ana")
    bare.run("import", "prices", path, "--delimiter", "~", *told)
    bare.run("import", "prices", bare.file("tab.csv", content), "--delimiter=tab", *told)
    closes = bare.sql("SELECT close FROM prices ORDER BY day")
    assert [float(row["close"]) for row in closes] == [10.5, 11]


@pytest.mark.parametrize("arguments, code, words", [
    (("prices", "x.csv"), 2, "--user LOGIN"),
    (("prices", "--user", "ana"), 2, "which file?"),
    (("quotes", "x.csv", "--user", "ana"), 2, "import what?"),
    (("prices", "missing.csv", "--user", "ana"), 1, "missing.csv cannot be read"),
    (("prices", ".", "--user", "ana"), 1, "cannot be read: Is a directory"),
    (("prices", "x.csv", "--user", "eve"), 1, 'there is no user "eve"'),
    (("prices", "x.csv", "--user", "ana", "--kind", "STOCK", "--symbol", "X"), 2, "--kind is"),
    (("prices", "x.csv", "--user", "ana", "--name", "X"), 2, "say --symbol too"),
    (("prices", "x.csv", "--user", "ana", "--nonsense"), 2, "there is no option --nonsense"),
    (("prices", "x.csv", "--user"), 2, "--user needs a value"),
    (("prices", "x.csv", "--user", "ana", "--delimiter", "ab"), 2, "--delimiter is one character"),
    (("prices", "x.csv", "--user", "ana", "--delimiter", '"'), 2, "--delimiter is one character"),
    (("prices", "x.csv", "--user", "ana", "--column", "price"), 2, "--column is NAME=HEADER"),
    (("prices", "x.csv", "--user", "ana") + ("--column", "close=x") * 33, 2, "more than 32 times"),
])
def test_wrong_usage_says_what_to_do(bare, arguments, code, words):
    _, err = bare.run("import", *arguments, code=code)
    assert words in err


def test_the_connection_may_break_in_the_middle(ana):
    """A backend that is killed while it imports: told, and nothing is half done."""
    path = ana.file("prices.csv", "Date,Close\n2018-05-11,1\n")
    lock = ana.pg.connect(ana.database)
    lock.autocommit = False
    lock.cursor().execute("LOCK TABLE prices IN ACCESS EXCLUSIVE MODE")
    result = []
    run = threading.Thread(target=lambda: result.append(
        ana.run("import", "prices", path, "--user", "ana", "--symbol", "X", code=1)))
    run.start()
    until(lambda: ana.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                          " WHERE datname = %s AND wait_event_type = 'Lock'", (ana.database,)),
          30, "the import waits for the lock")
    run.join(30)
    lock.close()
    assert "nothing was imported" in result[0][1] and "closed" in result[0][1]
    assert rows(ana) == NOTHING
