"""The portfolio service as it was: FastAPI, SQLAlchemy and asyncpg, on horizon's own tables.

The same five requests with the same answers, so that `horizon verify` can be put to both. Written as
its kind is usually written, and kindly: everything is read and nothing computed, rows become JSON
without a model in between, the figures come from the same stored rows. As there, each request looks
its user up and holds one connection. The pool has the settings of the incident: 20 connections and 10
more when busy, 30 s of patience, pre-ping, recycling.

    DATABASE_URL=postgresql://... OLD_STACK_PASSWORD=... python3 -m uvicorn old_stack:app

There is one login, demo with OLD_STACK_PASSWORD.
"""
import base64
import hashlib
import hmac
import json
import os
import time

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

PASSWORD = os.environ["OLD_STACK_PASSWORD"]
SECRET = hashlib.sha256(PASSWORD.encode()).digest()
SECONDS = 900

engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgres://", "postgresql://", 1).replace(
        "postgresql://", "postgresql+asyncpg://", 1),
    pool_size=20, max_overflow=10, pool_timeout=30, pool_recycle=3600, pool_pre_ping=True)
app = FastAPI()
bearer = HTTPBearer()

COMMON = "s.as_of::text, s.as_of || '/' || s.data_version AS data_version, s.base_currency, s.benchmark"
ITEM = """
    a.symbol, a.name, a.kind, a.currency, v.price::float8, v.previous_close::float8, v.change::float8,
    v.change_ratio, v.price_date::text, v.open::float8, v.high::float8, v.low::float8, v.volume,
    v.high_52w::float8, v.low_52w::float8, v.high_date::text, v.high_price::float8, v.high_drawdown,
    v.market_condition, v.trend_50d, v.trend_200d, v.sparkline, v.is_stale AS stale"""
ITEMS = f"""
    SELECT {COMMON}, {ITEM} FROM snapshots s JOIN assets a USING (user_id)
      JOIN views v ON v.user_id = a.user_id AND v.asset_id = a.id
     WHERE s.user_id = :user AND """
WATCH = text(ITEMS + """EXISTS (SELECT FROM watchlist w WHERE w.user_id = a.user_id
                        AND w.asset_id = a.id) ORDER BY a.symbol""")
MARKET = text(ITEMS + "a.kind = 'INDEX' ORDER BY a.symbol")
MOVERS = text("""
    SELECT a.symbol, v.change_ratio FROM watchlist w
      JOIN assets a ON a.user_id = w.user_id AND a.id = w.asset_id
      JOIN views v ON v.user_id = w.user_id AND v.asset_id = w.asset_id
     WHERE w.user_id = :user ORDER BY abs(v.change_ratio) DESC""")
SUMMARY = text(f"""
    SELECT {COMMON}, s.total_value::float8, s.cash::float8, s.market_value::float8,
           s.net_contributions::float8, s.total_gain::float8, s.cost_basis::float8,
           s.unrealised_pl::float8, s.realised_pl::float8, s.dividends::float8, s.fees::float8,
           s.day_change::float8, s.day_change_ratio, s.twr, s.twr_annualised, s.xirr,
           s.first_activity::text FROM snapshots s WHERE s.user_id = :user""")
POSITIONS = text("""
    SELECT a.symbol, a.name, p.quantity::float8, p.price::float8, p.market_value::float8, p.weight,
           p.average_cost::float8, p.cost_basis::float8, p.unrealised_pl::float8,
           p.unrealised_pl_ratio, p.realised_pl::float8, p.dividends::float8, p.day_change::float8,
           p.day_change_ratio
      FROM positions p JOIN assets a ON a.user_id = p.user_id AND a.id = p.asset_id
     WHERE p.user_id = :user AND p.quantity > 0 ORDER BY a.symbol""")
FIGURES = text(f"""
    SELECT {COMMON}, f.subject, f.total AS return, f.annualised AS annualised_365, f.xirr, f.volatility,
           f.sharpe AS sharpe_rf0, f.max_drawdown, f.drawdown_peak::text AS mdd_peak,
           f.drawdown_trough::text AS mdd_trough, f.beta, f.correlation, f.alpha AS alpha_arith
      FROM snapshots s JOIN figures f USING (user_id) WHERE s.user_id = :user AND f.range = :range""")
CHECKS = text("SELECT key, name, value, threshold, is_fulfilled AS fulfilled FROM checks"
              " WHERE user_id = :user")
CHART = text(f"""
    SELECT {COMMON}, c.start_day::text AS start, c."end_day"::text AS "end", c.series
      FROM snapshots s JOIN charts c USING (user_id) WHERE s.user_id = :user AND c.range = :range""")
LOOK_UP = text("SELECT user_id, login, name FROM users WHERE user_id = :user AND is_active")


# ---- tokens

def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def sign(head):
    return encode(hmac.digest(SECRET, head.encode(), "sha256"))


def make_token(user):
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": user, "exp": int(time.time()) + SECONDS})
    head = ".".join(encode(json.dumps(part).encode()) for part in parts)
    return f"{head}.{sign(head)}"


def user_of(credentials: HTTPAuthorizationCredentials = Depends(bearer)):
    head, _, signature = credentials.credentials.rpartition(".")
    if not hmac.compare_digest(sign(head), signature):
        raise HTTPException(401, "Could not validate credentials")
    claims = json.loads(decode(head.split(".")[1]))
    if claims["exp"] < time.time():
        raise HTTPException(401, "Could not validate credentials")
    return claims["sub"]


async def connection_of(user: str = Depends(user_of)):
    """One connection a request, after the user is looked up."""
    async with engine.connect() as connection:
        if (await connection.execute(LOOK_UP, {"user": user})).first() is None:
            raise HTTPException(401, "Could not validate credentials")
        yield connection, user


# ---- answers

def envelope(row):
    return {"as_of": row["as_of"], "data_version": row["data_version"],
            "base_currency": row["base_currency"], "benchmark": row["benchmark"],
            "generated_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


async def rows_of(session, statement, **more):
    connection, user = session
    return (await connection.execute(statement, {"user": user, **more})).mappings().all()


def item_of(row):
    item = {name: value for name, value in row.items()
            if name not in ("as_of", "data_version", "base_currency", "benchmark")}
    item["all_time_high"] = {"date": item.pop("high_date"), "price": item.pop("high_price"),
                             "drawdown_ratio": item.pop("high_drawdown")}
    return item


@app.post("/api/auth/login")
async def login(request: Request):
    body = await request.json()
    if body["login"] != "demo" or not hmac.compare_digest(body["password"], PASSWORD):
        raise HTTPException(401, "Incorrect username or password")
    async with engine.connect() as connection:
        row = (await connection.execute(text("SELECT user_id FROM users WHERE login = 'demo'"))).one()
    return {"token_type": "Bearer", "access_token": make_token(str(row.user_id)), "expires_in": SECONDS}


@app.get("/api/portfolio-manager/watch")
async def watch(session=Depends(connection_of)):
    rows = await rows_of(session, WATCH)
    return JSONResponse({**envelope(rows[0]), "items": [item_of(row) for row in rows]})


@app.get("/api/portfolio-manager/summary")
async def summary(session=Depends(connection_of)):
    row = (await rows_of(session, SUMMARY))[0]
    positions = await rows_of(session, POSITIONS)
    return JSONResponse({**envelope(row), **row, "positions": [dict(each) for each in positions]})


@app.get("/api/portfolio-manager/report")
async def report(range: str = "max", session=Depends(connection_of)):
    rows = await rows_of(session, FIGURES, range=range)
    checks = await rows_of(session, CHECKS)
    figures = {row["subject"]: {name: row[name] for name in row
                                if name not in ("as_of", "data_version", "base_currency", "benchmark",
                                                "subject") and (name != "xirr" or not row["subject"])}
               for row in rows}
    portfolio = figures.pop("")
    portfolio["twr_cumulative"] = portfolio.pop("return")
    portfolio["twr_annualised_365"] = portfolio.pop("annualised_365")
    benchmark = figures.pop(rows[0]["benchmark"], None)
    if benchmark:
        benchmark["annualised"] = benchmark.pop("annualised_365")
    return JSONResponse({**envelope(rows[0]), "range": range, "portfolio": portfolio,
                         "benchmark_figures": benchmark, "assets": figures,
                         "checks": [dict(check) for check in checks]})


@app.get("/api/portfolio-manager/market")
async def market(session=Depends(connection_of)):
    rows = await rows_of(session, MARKET)
    movers = await rows_of(session, MOVERS)
    return JSONResponse({
        **envelope(rows[0]), "status": "CLOSED", "indices": [item_of(row) for row in rows],
        "movers": {"gainers": [row["symbol"] for row in movers if row["change_ratio"] > 0],
                   "losers": [row["symbol"] for row in movers if row["change_ratio"] < 0]}})


@app.get("/api/portfolio-manager/charts/portfolio")
async def chart(range: str = "max", session=Depends(connection_of)):
    row = (await rows_of(session, CHART, range=range))[0]
    return JSONResponse({**envelope(row), "range": range, "start": row["start"], "end": row["end"],
                         "benchmark_return_type": "price", "unit": "ratio", **row["series"]})


@app.get("/api/operations")
async def operations():
    """As much as `horizon verify` asks for. Errors of this pool show as failed requests only."""
    return {"pool": {"limit": 30, "timeouts": 0, "refusals": 0, "connect_failures": 0, "waiting": 0},
            "process": {"pid": os.getpid(), "processes": 1}}
