"""The five panels and their invariants, the contract (openapi.json), and editing what is behind them."""
import copy
import json
import os
import re

import jsonschema
import pytest
from harness.daemon import ROOT
from harness.horizon import DATA, PASSWORD
from harness.service import sign

MANAGER = "/api/portfolio-manager"
RANGES = ["1m", "6m", "ytd", "1y", "3y", "5y", "max"]
EXAMPLES = {"watch": "watch", "summary": "summary", "report": "report", "market": "market",
            "charts/portfolio": "charts_portfolio"}
NOBODY = "00000000-0000-4000-8000-000000000000"

with open(os.path.join(ROOT, "horizon", "serve", "openapi.json"), encoding="utf-8") as file:
    OPENAPI = json.load(file)


def conform(answer, method, path):
    """The answer is one that the document has for this endpoint."""
    operation = OPENAPI["paths"][path][method.lower()]
    described = operation["responses"].get(str(answer.status))
    assert described, f"{method} {path}: {answer.status} is not in the document: {answer}"
    if "$ref" in described:
        described = OPENAPI["components"]["responses"][described["$ref"].split("/")[-1]]
    if "content" not in described:
        assert answer.body == b""
        return answer
    media, content = next(iter(described["content"].items()))
    assert answer.headers["content-type"].startswith(media)
    if media == "application/json":
        schema = {**copy.deepcopy(content["schema"]), "components": OPENAPI["components"]}
        jsonschema.Draft202012Validator(schema).validate(answer.json)
    return answer


def panel(service, name, token, query="", **more):
    return conform(service.get(f"{MANAGER}/{name}{query}", token, **more), "GET",
                   f"{MANAGER}/{name}").json


def same(actual, expected, path=""):
    """Everything of an example is in the answer. Numbers there may have no more than 6 decimals; lists
    of things with a key may have more of them."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            if key not in ("generated_at", "data_version"):
                assert key in actual, f"{path}.{key}"
                same(actual[key], value, f"{path}.{key}")
    elif isinstance(expected, list) and expected and isinstance(expected[0], dict) and \
            "key" in expected[0]:
        keyed = {value["key"]: value for value in actual}
        for value in expected:
            same(keyed[value["key"]], value, f"{path}.{value['key']}")
    elif isinstance(expected, list):
        assert len(actual) == len(expected), path
        for i, value in enumerate(expected):
            same(actual[i], value, f"{path}[{i}]")
    elif isinstance(expected, float):
        assert actual == pytest.approx(expected, rel=1e-6, abs=6e-7), path
    else:
        assert actual == expected, path


# ---- the contract


@pytest.mark.parametrize("name", EXAMPLES)
def test_panel_of_the_demonstration_is_its_example(shared, name):
    with open(os.path.join(DATA, "examples", EXAMPLES[name] + ".json"), encoding="utf-8") as file:
        example = json.load(file)
    same(panel(shared, name, shared.demo_token), example)


def test_panels_agree_with_each_other(shared):
    token = shared.demo_token
    watch, summary, report, market, chart = (panel(shared, name, token) for name in EXAMPLES)
    assert len({(p["as_of"], p["data_version"]) for p in (watch, summary, report, market, chart)}) == 1
    weights = sum(position["weight"] for position in summary["positions"])
    assert weights + summary["cash"] / summary["total_value"] == pytest.approx(1, abs=1e-6)
    assert summary["total_value"] == chart["value"][-1]
    assert summary["twr"] == chart["portfolio"][-1] == report["portfolio"]["twr_cumulative"]
    index = market["indices"][0]
    assert index["symbol"] == "^SPX" == chart["benchmark"]
    assert report["benchmark_figures"]["return"] == chart["benchmark_series"][-1]
    prices = {item["symbol"]: item["price"] for item in watch["items"]}
    assert len(summary["positions"]) == 4
    for position in summary["positions"]:
        assert prices[position["symbol"]] * position["quantity"] == \
            pytest.approx(position["market_value"], abs=0.01)


@pytest.mark.parametrize("name", RANGES)
def test_chart_and_report_have_every_range(shared, name):
    chart = panel(shared, "charts/portfolio", shared.demo_token, f"?range={name}")
    report = panel(shared, "report", shared.demo_token, f"?range={name}")
    columns = [chart[key] for key in ("dates", "value", "portfolio", "benchmark_series")]
    assert len({len(column) for column in columns}) == 1 and len(chart["dates"]) > 15
    assert chart["range"] == report["range"] == name
    assert chart["portfolio"][-1] == report["portfolio"]["twr_cumulative"]
    assert chart["dates"][0] == chart["start"] and chart["dates"][-1] == chart["end"]


def test_panels_of_a_user_without_anything_are_empty_and_not_missing(shared):
    for name in EXAMPLES:
        panel(shared, name, shared.token)
    assert panel(shared, "watch", shared.token)["items"] == []
    chart = panel(shared, "charts/portfolio", shared.token)
    assert chart["dates"] == chart["portfolio"] == [] and chart["start"] is None
    summary = panel(shared, "summary", shared.token)
    assert summary["positions"] == [] and summary["total_value"] is None
    assert summary["reasons"]["twr"] == "no_activities"


TEXTS = {}
for language in ("en", "es"):
    with open(os.path.join(ROOT, f"horizon/web/src/i18n/{language}.ts"), encoding="utf-8") as file:
        TEXTS[language] = file.read()


def nulls(value, path=""):
    """The members of objects that are null, or lists with nulls in them, and what their object says of it."""
    if isinstance(value, dict):
        for name in value.get("reasons", {}):
            assert value[name] is None or None in value[name], f"{path}.{name} has a reason and is there"
        for name, member in value.items():
            if member is None or (isinstance(member, list) and None in member):
                yield f"{path}.{name}", value.get("reasons", {}).get(name)
            yield from nulls(member, f"{path}.{name}")
    elif isinstance(value, list):
        for i, member in enumerate(value):
            yield from nulls(member, f"{path}[{i}]")


def spoken(code):
    """The page has words for the code, in both languages."""
    return all(re.search(rf"\b{code}:", text) for text in TEXTS.values())


PRICES = "Date,Close\n"
BOUGHT = [("2018-05-10", "DEPOSIT", "", "", "", "1000"), ("2018-05-10", "BUY", "X", "10", "100", "")]
PORTFOLIOS = {  # prices of X, of the index, activities
    "nothing": (None, None, []),
    "prices alone": (PRICES + "2018-05-10,100\n2018-05-11,101\n", None, []),
    "no prices": (None, None, [("2018-05-10", "DEPOSIT", "", "", "", "1000")]),
    "one day": (PRICES + "2018-05-10,100\n", PRICES + "2018-05-10,2700\n", BOUGHT),
    "no index": (PRICES + "2018-05-10,100\n2018-05-11,101\n2018-05-14,99\n", None, BOUGHT),
    "a young index": (PRICES + "2018-05-10,100\n2018-05-11,101\n2018-05-14,99\n",
                      PRICES + "2018-05-14,2700\n", BOUGHT),
    "everything given away": (PRICES + "2018-05-10,100\n2018-05-11,101\n", None, BOUGHT + [
        ("2018-05-11", "SELL", "X", "10", "101", ""), ("2018-05-11", "WITHDRAWAL", "", "", "", "1010")]),
    "a gift": (PRICES + "2018-05-10,100\n2018-05-11,101\n", None,
               [("2018-05-10", "BUY", "X", "10", "0", "")]),
    "all to come": (PRICES + "2018-05-09,100\n", None, BOUGHT),
    "flat": (PRICES + "2018-05-10,100\n2018-05-11,100\n2018-05-14,100\n",
             PRICES + "2018-05-10,2700\n2018-05-11,2700\n2018-05-14,2700\n", BOUGHT),
}


@pytest.mark.parametrize("name", ["the demonstration", *PORTFOLIOS])
def test_whatever_is_null_has_its_reason(shared, name):
    login = name.replace(" ", "-")
    if name == "the demonstration":
        token = shared.demo_token
    else:
        shared.add_user(login)
        prices, index, activities = PORTFOLIOS[name]
        for symbol, content in (("X", prices), ("^SPX", index)):
            if content:
                shared.run("import", "prices", "--user", login, "--symbol", symbol,
                           shared.file("prices.csv", content))
        if activities:
            rows = ["date,type,symbol,quantity,price,amount", *map(",".join, activities)]
            shared.run("import", "activities", "--user", login,
                       shared.file("activities.csv", "\n".join(rows)))
        token = shared.login(login)
    for panel_name in EXAMPLES:
        for query in ("", "?range=1m") if panel_name in ("report", "charts/portfolio") else ("",):
            answer = panel(shared, panel_name, token, query)
            for path, reason in nulls(answer):
                assert reason, f"{panel_name}{query}{path} is null without a reason"
                assert spoken(reason), reason


def test_returns_a_year_begin_with_a_year(shared):
    """The rate of a few weeks, carried on for a year, would say more than is known."""
    shared.add_user("yearling")
    token = shared.login("yearling")

    def figures(last):
        shared.run("import", "prices", "--user", "yearling", "--symbol", "X",
                   shared.file("prices.csv", f"Date,Close\n2017-05-11,100\n{last},110\n"))
        answer = panel(shared, "report", token)
        return answer["conventions"]["annual_from_days"], answer["portfolio"]

    shared.run("import", "activities", "--user", "yearling", shared.file(
        "activities.csv", "date,type,symbol,quantity,price,amount\n2017-05-11,DEPOSIT,,,,1000\n"
        "2017-05-11,BUY,X,10,100,\n"))
    days, early = figures("2018-05-10")
    assert days == 365 and early["twr_cumulative"] == pytest.approx(0.1)
    for name in ("xirr", "twr_annualised_365"):
        assert early[name] is None and early["reasons"][name] == "less_than_a_year"
    _, whole = figures("2018-05-11")
    assert whole["xirr"] == pytest.approx(0.1) and whole["twr_annualised_365"] == pytest.approx(0.1)


def test_known_version_is_not_sent_again(shared):
    for name in EXAMPLES:
        first = shared.get(f"{MANAGER}/{name}", shared.demo_token)
        assert first.headers["etag"].startswith(f'"{first.json["data_version"]}.')
        assert first.headers["vary"] == "Authorization"
        for tag in (first.headers["etag"], f'"x", W/{first.headers["etag"]}', "*"):
            again = shared.get(f"{MANAGER}/{name}", shared.demo_token, headers={"If-None-Match": tag})
            assert (again.status, again.body) == (304, b"")
        other = shared.get(f"{MANAGER}/{name}", shared.demo_token, headers={"If-None-Match": '"x"'})
        assert other.status == 200


def test_tag_of_one_user_is_not_that_of_another_with_the_same_version(shared):
    """A browser that one person leaves to another asks with the tag that it has."""
    shared.add_user("twin")
    twin = shared.login("twin")
    for name in EXAMPLES:
        mine = shared.get(f"{MANAGER}/{name}", shared.token)
        theirs = shared.get(f"{MANAGER}/{name}", twin, headers={"If-None-Match": mine.headers["etag"]})
        assert theirs.status == 200
        assert theirs.json["data_version"] == mine.json["data_version"]
        assert theirs.headers["etag"] != mine.headers["etag"]


def test_document_has_every_endpoint_and_is_served(shared):
    served = shared.get("/api/openapi.json")
    assert served.json == OPENAPI
    with open(os.path.join(ROOT, "horizon", "serve", "routes.c"), encoding="utf-8") as source:
        rows = re.findall(r'\{METHOD_(\w+),\s*(MANAGER )?"([^"]+)"', source.read())
    table = {(method.lower(), (MANAGER if manager else "") + path.replace("/*", "/{}"))
             for method, manager, path in rows}
    document = {(method, re.sub(r"\{\w+\}", "{}", path))
                for path, methods in OPENAPI["paths"].items() for method in methods}
    assert table == document


def test_other_answers_conform_too(shared):
    token = shared.token
    for path in ("/api/me", "/api/operations", f"{MANAGER}/assets", f"{MANAGER}/activities",
                 "/healthz", "/readyz", "/metrics"):
        conform(shared.get(path, token), "GET", path)
    login = {"login": "ann", "password": PASSWORD}
    tokens = conform(shared.ask("POST", "/api/auth/login", login), "POST", "/api/auth/login").json
    conform(shared.ask("POST", "/api/auth/refresh", {"refresh_token": tokens["refresh_token"]}),
            "POST", "/api/auth/refresh")
    for method, path, body in (("GET", "/api/me", None), ("POST", f"{MANAGER}/watch", "{}"),
                               ("POST", f"{MANAGER}/activities", "{}")):
        conform(shared.ask(method, path, body), method, path)
        conform(shared.ask(method, path, body or None, sign(shared.claims(NOBODY))), method, path)
    conform(shared.get(f"{MANAGER}/report?range=9y", token), "GET", f"{MANAGER}/report")


# ---- prices that are missing


@pytest.fixture
def small(service_factory, horizon_databases):
    """small(symbol={day: close}, ...) is a service whose user ann paid 2,000 in on Monday, the 7th of
    May 2018, and bought 10 IBM at 100 and 10 AAPL at 100; days are of that month."""
    def make(**closes):
        service = service_factory(horizon_databases)
        service.add_user("ann")
        for symbol, days in closes.items():
            learn(service, symbol, days)
        service.run("import", "activities", "--user", "ann", service.file("activities.csv", (
            "date,type,symbol,quantity,price,amount\n"
            "2018-05-07,DEPOSIT,,,,2000\n"
            "2018-05-07,BUY,IBM,10,100,\n"
            "2018-05-07,BUY,AAPL,10,100,\n")))
        service.start()
        service.token = service.login("ann")
        return service
    return make


def learn(service, symbol, days):
    rows = "".join(f"2018-05-{day:02},{close}\n" for day, close in days.items())
    service.run("import", "prices", "--user", "ann", "--symbol", symbol.replace("SPX", "^SPX"),
                service.file("prices.csv", "Date,Close\n" + rows))


def items_of(service, name, key):
    return {item["symbol"]: item for item in panel(service, name, service.token)[key]}


def test_asset_without_a_price_today_has_the_last_one_and_is_stale(small):
    service = small(IBM={7: 100, 10: 110, 11: 121}, AAPL={7: 100, 10: 120}, SPX={7: 2000, 10: 2020})
    watch = items_of(service, "watch", "items")
    assert {symbol: item["stale"] for symbol, item in watch.items()} == {"IBM": False, "AAPL": True}
    assert (watch["AAPL"]["price"], watch["AAPL"]["price_date"]) == (120, "2018-05-10")
    assert (watch["IBM"]["price"], watch["IBM"]["price_date"]) == (121, "2018-05-11")
    index = items_of(service, "market", "indices")["^SPX"]
    assert index["stale"] and (index["price"], index["price_date"]) == (2020, "2018-05-10")
    # the day's change is of what has a price of that day
    summary = panel(service, "summary", service.token)
    positions = {position["symbol"]: position for position in summary["positions"]}
    assert summary["as_of"] == "2018-05-11" and summary["total_value"] == 10 * 121 + 10 * 120
    assert (positions["AAPL"]["market_value"], positions["AAPL"]["day_change"]) == (1200, 0)
    assert (positions["IBM"]["market_value"], positions["IBM"]["day_change"]) == (1210, 110)
    assert summary["day_change"] == 110
    assert summary["day_change_ratio"] == pytest.approx(110 / 2300, abs=1e-8)
    chart = panel(service, "charts/portfolio", service.token)
    assert chart["value"] == [2000, 2300, 2410]
    assert panel(service, "market", service.token)["movers"] == {"gainers": ["IBM"], "losers": []}

    learn(service, "AAPL", {11: 114})
    fresh = items_of(service, "watch", "items")["AAPL"]
    assert (fresh["stale"], fresh["price"], fresh["price_date"]) == (False, 114, "2018-05-11")
    assert panel(service, "summary", service.token)["day_change"] == 110 - 60
    assert panel(service, "market", service.token)["movers"] == {"gainers": ["IBM"],
                                                                 "losers": ["AAPL"]}


def test_benchmark_that_begins_after_the_portfolio_is_null_before_and_counts_from_its_first_day(small):
    closes = {7: 100, 8: 110, 9: 99, 10: 108.9, 11: 98.01}
    service = small(IBM=closes, AAPL=closes, SPX={9: 2000, 10: 2100, 11: 2058})
    chart = panel(service, "charts/portfolio", service.token)
    assert chart["dates"] == [f"2018-05-{day:02}" for day in closes]
    assert chart["portfolio"] == pytest.approx([0, 0.1, -0.01, 0.089, -0.0199], abs=1e-8)
    assert chart["benchmark_series"][:2] == [None, None]
    assert chart["benchmark_series"][2:] == pytest.approx([0, 0.05, 0.029], abs=1e-8)
    report = panel(service, "report", service.token)
    assert report["portfolio"]["start"] == "2018-05-07"
    assert report["benchmark_figures"]["start"] == "2018-05-09"
    assert report["benchmark_figures"]["return"] == pytest.approx(0.029, abs=1e-8)
    # of the two days that both have a return for: 10 % and -10 % beside 5 % and -2 %
    assert report["portfolio"]["beta"] == pytest.approx(20 / 7, abs=1e-8)
    assert report["portfolio"]["correlation"] == pytest.approx(1, abs=1e-8)


@pytest.mark.parametrize("spx, series, reason", [
    ({7: 2000, 8: 2100}, [0, 0.05, 0.05], "too_few_returns"),
    ({11: 2000}, [None, None, 0], "too_few_returns"),
    ({}, [None, None, None], "no_benchmark"),
])
def test_benchmark_that_is_too_short_for_figures_says_so(small, spx, series, reason):
    closes = {7: 100, 8: 110, 11: 99}
    service = small(IBM=closes, AAPL=closes, **({"SPX": spx} if spx else {}))
    chart = panel(service, "charts/portfolio", service.token)
    assert chart["benchmark_series"] == series
    assert chart["portfolio"] == pytest.approx([0, 0.1, -0.01], abs=1e-8)
    report = panel(service, "report", service.token)
    portfolio = report["portfolio"]
    missing = None if series[0] == 0 else "no_price" if spx else "no_benchmark"
    assert chart["reasons"].get("benchmark_series") == missing
    assert report["reasons"].get("benchmark_figures") == (None if spx else "no_benchmark")
    for name in ("beta", "correlation", "alpha_arith"):
        assert portfolio[name] is None and portfolio["reasons"][name] == reason


# ---- editing


@pytest.fixture
def demo(service_factory, horizon_databases):
    """A service with the demonstration's user, whose data a test may change."""
    service = service_factory(horizon_databases)
    service.demo()
    service.start()
    service.token = service.login("demo")
    return service


def add(service, token=None, **activity):
    return conform(service.ask("POST", f"{MANAGER}/activities", activity, token or service.token),
                   "POST", f"{MANAGER}/activities")


def delete(service, what, token=None):
    kind, name = what.split("/")
    return conform(service.ask("DELETE", f"{MANAGER}/{what}", token=token or service.token),
                   "DELETE", f"{MANAGER}/{kind}/" + ("{id}" if kind == "activities" else "{symbol}"))


def test_activity_that_is_added_and_deleted_shows_in_every_panel(demo):
    before = panel(demo, "summary", demo.token)
    added = add(demo, date="2018-05-11", kind="BUY", symbol="AAPL", quantity=2.5, price=188.59,
                fee=1.25, note="a note")
    assert added.status == 201
    assert {key: added.json[key] for key in ("kind", "symbol", "quantity", "price", "fee", "note")} == \
        {"kind": "BUY", "symbol": "AAPL", "quantity": 2.5, "price": 188.59, "fee": 1.25,
         "note": "a note"}
    after = panel(demo, "summary", demo.token)
    assert after["data_version"] != before["data_version"]
    assert after["cash"] == pytest.approx(before["cash"] - 2.5 * 188.59 - 1.25, abs=0.011)
    assert after["positions"][0]["quantity"] == before["positions"][0]["quantity"] + 2.5
    assert panel(demo, "charts/portfolio", demo.token)["data_version"] == after["data_version"]
    newest = panel(demo, "activities", demo.token)["items"][0]
    assert newest == added.json
    assert delete(demo, f"activities/{newest['id']}").status == 204
    last = panel(demo, "summary", demo.token)
    assert last["total_value"] == before["total_value"]
    assert last["data_version"] not in (before["data_version"], after["data_version"])
    assert delete(demo, f"activities/{newest['id']}").code == "not_found"


def test_activities_are_paged_newest_first(demo):
    everything = panel(demo, "activities", demo.token, "?limit=1000")
    assert everything["next_before"] is None
    paged, before = [], ""
    while before is not None:
        page = panel(demo, "activities", demo.token, f"?limit=7{before and f'&before={before}'}")
        assert 1 <= len(page["items"]) <= 7
        paged += page["items"]
        before = page["next_before"]
    assert paged == everything["items"]
    keys = [(item["date"], item["id"]) for item in paged]
    assert keys == sorted(keys, reverse=True)


def test_activity_that_contradicts_others_changes_nothing(demo):
    before = panel(demo, "summary", demo.token)
    sold = add(demo, date="2018-05-11", kind="SELL", symbol="IBM", quantity=1000, price=1)
    assert (sold.status, sold.code) == (409, "contradiction") and "IBM" in \
        sold.json["error"]["message"]
    bought = next(item for item in panel(demo, "activities", demo.token, "?limit=1000")["items"]
                  if item["kind"] == "BUY" and item["symbol"] == "IBM")
    assert delete(demo, f"activities/{bought['id']}").code == "contradiction"
    assert panel(demo, "summary", demo.token)["data_version"] == before["data_version"]


@pytest.mark.parametrize("change, field", [
    ({"date": "2018-02-30"}, "date"), ({"date": None}, "date"), ({"date": "1800-01-01"}, "date"),
    ({"kind": "STEAL"}, "kind"), ({"symbol": None}, "symbol"), ({"symbol": "a b"}, "symbol"),
    ({"quantity": 0}, "quantity"), ({"quantity": -1}, "quantity"), ({"quantity": "1"}, "quantity"),
    ({"quantity": 1e11}, "quantity"), ({"quantity": 0.000000001}, "quantity"),
    ({"price": -1}, "price"), ({"price": 1e300}, "price"), ({"price": None}, "price"),
    ({"fee": 0.001}, "fee"), ({"amount": 5}, "amount"), ({"numerator": 2}, "numerator"),
    ({"note": "x" * 501}, "note"), ({"user_id": "x"}, "user_id"),
])
def test_wrong_activity_is_told_by_its_field(shared, change, field):
    activity = {"date": "2018-05-11", "kind": "BUY", "symbol": "AAPL", "quantity": 1, "price": 1}
    answer = add(shared, **{**activity, **change})
    assert (answer.status, answer.code) == (422, "invalid_field")
    assert answer.json["error"]["field"] == field


def comparable(answer):
    return {key: value for key, value in answer.items()
            if key not in ("generated_at", "data_version", "waiting_activities", "activity_count")}


def test_activity_after_the_last_price_waits_for_one_and_is_told(demo):
    """Figures are of the day of the last price: with what came later there is no day yet."""
    before = {name: panel(demo, name, demo.token) for name in EXAMPLES}
    assert before["summary"]["waiting_activities"] == 0
    added = add(demo, date="2018-05-14", kind="DEPOSIT", amount=1000)
    bought = add(demo, date="2018-05-15", kind="BUY", symbol="IBM", quantity=1, price=144)
    assert added.json["waiting"] is bought.json["waiting"] is True
    after = {name: panel(demo, name, demo.token) for name in EXAMPLES}
    for name in EXAMPLES:
        assert comparable(after[name]) == comparable(before[name]), name
    summary = after["summary"]
    assert summary["as_of"] == "2018-05-11" and summary["waiting_activities"] == 2
    assert summary["activity_count"] == before["summary"]["activity_count"] + 2
    newest = panel(demo, "activities", demo.token, "?limit=3")["items"]
    assert [item["waiting"] for item in newest] == [True, True, False]
    # a price of the first one's day: that one is in, the other still waits
    out, _ = demo.run("import", "prices", "--user", "demo", "--symbol", "IBM",
                      demo.file("ibm.csv", "Date,Close\n2018-05-14,144.3\n"))
    assert "1 activity is after the last price, which is of 2018-05-14" in out
    later = panel(demo, "summary", demo.token)
    assert later["as_of"] == "2018-05-14" and later["waiting_activities"] == 1
    assert later["cash"] == pytest.approx(summary["cash"] + 1000, abs=0.011)


def test_activity_after_the_last_price_may_not_contradict_either(demo):
    sold = add(demo, date="2018-06-01", kind="SELL", symbol="IBM", quantity=1000, price=1)
    assert (sold.status, sold.code) == (409, "contradiction")
    spent = add(demo, date="2018-06-01", kind="WITHDRAWAL", amount=99999999)
    assert spent.code == "contradiction" and "DEPOSIT" in spent.json["error"]["message"]
    assert panel(demo, "summary", demo.token)["waiting_activities"] == 0


def test_split_after_the_last_price_leaves_the_figures_alone(demo):
    """The prices do not know it yet either."""
    before = panel(demo, "summary", demo.token)
    split = add(demo, date="2018-06-01", kind="SPLIT", symbol="AAPL", numerator=7, denominator=1)
    assert split.status == 201
    assert add(demo, date="2018-06-02", kind="SELL", symbol="AAPL", quantity=700, price=26).status == 201
    assert comparable(panel(demo, "summary", demo.token)) == comparable(before)


def test_portfolio_whose_activities_all_wait_says_so(demo):
    demo.add_user("late")
    token = demo.login("late")
    demo.run("import", "prices", "--user", "late", "--symbol", "IBM",
             demo.file("ibm.csv", "Date,Close\n2018-05-14,144.3\n"))
    add(demo, token, date="2018-05-15", kind="DEPOSIT", amount=5)
    summary = panel(demo, "summary", token)
    assert summary["total_value"] is None and summary["waiting_activities"] == 1
    assert summary["reasons"]["total_value"] == summary["reasons"]["twr"] == "no_price_yet"
    assert summary["first_activity"] == "2018-05-15"
    assert panel(demo, "report", token)["portfolio"]["reasons"]["xirr"] == "no_price_yet"


def test_every_kind_of_activity_can_be_added(demo):
    for activity in ({"kind": "DEPOSIT", "amount": 0.1}, {"kind": "WITHDRAWAL", "amount": 0.1},
                     {"kind": "SELL", "symbol": "AAPL", "quantity": 0.00000001, "price": 0},
                     {"kind": "DIVIDEND", "symbol": "IBM", "amount": 3, "fee": 0.5},
                     {"kind": "INTEREST", "amount": 1}, {"kind": "FEE", "amount": 1},
                     {"kind": "TAX", "amount": 1},
                     {"kind": "SPLIT", "symbol": "IBM", "numerator": 2, "denominator": 1}):
        assert add(demo, date="2018-05-11", **activity).status == 201, activity


def test_watch_list_takes_and_gives_assets(demo):
    token = demo.token
    assets = panel(demo, "assets", token)["assets"]
    assert {asset["symbol"] for asset in assets if asset["watched"]} == {"AAPL", "AMZN", "GOOG", "IBM"}
    assert delete(demo, "watch/GOOG").status == 204
    assert [item["symbol"] for item in panel(demo, "watch", token)["items"]] == ["AAPL", "AMZN", "IBM"]
    assert delete(demo, "watch/GOOG").code == "not_found"
    again = demo.ask("POST", f"{MANAGER}/watch", {"symbol": "GOOG"}, token)
    assert conform(again, "POST", f"{MANAGER}/watch").status == 201
    twice = demo.ask("POST", f"{MANAGER}/watch", {"symbol": "GOOG"}, token)
    assert (twice.status, twice.code) == (409, "conflict")
    assert demo.ask("POST", f"{MANAGER}/watch", {"symbol": "^SPX"}, token).status == 201
    assert delete(demo, "watch/%5ESPX").status == 204


def test_ids_and_symbols_of_another_user_do_not_exist(demo):
    demo.add_user("eve")
    eve = demo.login("eve")
    item = panel(demo, "activities", demo.token)["items"][0]
    assert panel(demo, "activities", eve)["items"] == []
    assert panel(demo, "activities", eve, f"?before={item['id']}")["items"] == []
    stolen = demo.ask("DELETE", f"{MANAGER}/activities/{item['id']}", token=eve)
    assert (stolen.status, stolen.code) == (404, "not_found")
    for answer in (demo.ask("POST", f"{MANAGER}/watch", {"symbol": "AAPL"}, eve),
                   add(demo, eve, date="2018-05-11", kind="BUY", symbol="AAPL", quantity=1, price=1)):
        assert (answer.status, answer.code) == (404, "unknown_symbol")
    assert panel(demo, "activities", demo.token)["items"][0] == item
    assert panel(demo, "summary", eve)["total_value"] is None
