-- What people own and did, the prices, and what follows from both.
--
-- Always so:
-- 1. Every row belongs to one user. Keys begin with user_id and foreign keys carry it along, so that
--    no row can refer to a row of somebody else.
-- 2. The tables below "derived" are a function of those above; only the program's revaluation writes
--    them, for one user at a time and in the transaction that changes what they follow from.
-- 3. snapshots.data_version grows with every revaluation and never repeats.

CREATE TABLE users (
    user_id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    login         text NOT NULL UNIQUE CHECK (login ~ '^[A-Za-z0-9._@+-]{1,64}$'),
    name          text NOT NULL CHECK (length(name) <= 100),
    base_currency text NOT NULL DEFAULT 'USD' CHECK (base_currency ~ '^[A-Z]{3}$'),
    benchmark     text NOT NULL DEFAULT '^SPX',
    is_active     boolean NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE accounts (
    user_id  uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    id       bigint GENERATED ALWAYS AS IDENTITY,
    name     text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    currency text NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z]{3}$'),
    PRIMARY KEY (user_id, id),
    UNIQUE (user_id, name)
);

CREATE TABLE assets (
    user_id  uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    id       bigint GENERATED ALWAYS AS IDENTITY,
    symbol   text NOT NULL CHECK (length(symbol) BETWEEN 1 AND 32),
    name     text NOT NULL CHECK (length(name) <= 100),
    kind     text NOT NULL DEFAULT 'EQUITY' CHECK (kind IN ('EQUITY', 'ETF', 'FUND', 'INDEX', 'OTHER')),
    currency text NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z]{3}$'),
    PRIMARY KEY (user_id, id),
    UNIQUE (user_id, symbol)
);

-- Closes are split-adjusted, as price files have them; adj_close takes dividends into account too.
CREATE TABLE prices (
    user_id   uuid NOT NULL,
    asset_id  bigint NOT NULL,
    day       date NOT NULL,
    open      numeric(18,6) CHECK (open > 0),
    high      numeric(18,6) CHECK (high > 0),
    low       numeric(18,6) CHECK (low > 0),
    close     numeric(18,6) NOT NULL CHECK (close > 0),
    adj_close numeric(18,6) CHECK (adj_close > 0),
    volume    bigint CHECK (volume >= 0),
    source    text NOT NULL,
    PRIMARY KEY (user_id, asset_id, day),
    FOREIGN KEY (user_id, asset_id) REFERENCES assets ON DELETE CASCADE
);

-- Quantities and prices are as traded: a SPLIT restates what was before it. Who enters trades in
-- today's shares enters no SPLIT. `amount` is a deposit's, dividend's, ... money, always positive.
CREATE TABLE activities (
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    account_id      bigint NOT NULL,
    asset_id        bigint,
    day             date NOT NULL CHECK (day BETWEEN '1900-01-01' AND '2199-12-31'),
    kind            text NOT NULL CHECK (kind IN ('DEPOSIT', 'WITHDRAWAL', 'BUY', 'SELL', 'DIVIDEND',
                                                  'INTEREST', 'FEE', 'TAX', 'SPLIT')),
    quantity        numeric(20,8) CHECK (quantity > 0 AND quantity <= 10000000000),
    price           numeric(18,6) CHECK (price >= 0),
    fee             numeric(18,2) NOT NULL DEFAULT 0 CHECK (fee >= 0),
    amount          numeric(18,2) CHECK (amount > 0),
    numerator       integer CHECK (numerator BETWEEN 1 AND 10000),
    denominator     integer CHECK (denominator BETWEEN 1 AND 10000),
    note            text NOT NULL DEFAULT '' CHECK (length(note) <= 500),
    idempotency_key text CHECK (length(idempotency_key) <= 320),
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id),
    UNIQUE (user_id, idempotency_key),
    FOREIGN KEY (user_id, account_id) REFERENCES accounts,
    FOREIGN KEY (user_id, asset_id) REFERENCES assets,
    CHECK ((asset_id IS NOT NULL) = (kind IN ('BUY', 'SELL', 'DIVIDEND', 'SPLIT'))),
    CHECK ((quantity IS NOT NULL AND price IS NOT NULL) OR kind NOT IN ('BUY', 'SELL')),
    CHECK ((amount IS NOT NULL) = (kind NOT IN ('BUY', 'SELL', 'SPLIT'))),
    CHECK ((numerator IS NOT NULL AND denominator IS NOT NULL) = (kind = 'SPLIT'))
);
CREATE INDEX activities_by_day ON activities (user_id, day, id);
CREATE INDEX activities_by_asset ON activities (user_id, asset_id);

CREATE TABLE watchlist (
    user_id  uuid NOT NULL,
    asset_id bigint NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, asset_id),
    FOREIGN KEY (user_id, asset_id) REFERENCES assets ON DELETE CASCADE
);

-- ---- derived -------------------------------------------------------------------------------------
-- Money has 2 decimals, prices 6, quantities 8; ratios are fractions. A figure that does not exist is
-- NULL, and `reasons` ({"column": "code"}) says why.

CREATE TABLE snapshots (
    user_id           uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    data_version      bigint NOT NULL,
    as_of             date,
    valued_at         timestamptz NOT NULL DEFAULT now(),
    base_currency     text NOT NULL,
    benchmark         text NOT NULL,
    total_value       numeric(18,2),
    cash              numeric(18,2),
    market_value      numeric(18,2),
    net_contributions numeric(18,2),
    total_gain        numeric(18,2),
    cost_basis        numeric(18,2),
    unrealised_pl     numeric(18,2),
    realised_pl       numeric(18,2),
    dividends         numeric(18,2),
    interest          numeric(18,2),
    fees              numeric(18,2),
    day_change        numeric(18,2),
    day_change_ratio  double precision,
    cash_weight       double precision,
    twr               double precision,
    twr_annualised    double precision,
    xirr              double precision,
    first_activity    date,
    activity_count    integer NOT NULL,
    reasons           json NOT NULL
);

CREATE TABLE valuations (
    user_id           uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    day               date NOT NULL,
    total_value       numeric(18,2) NOT NULL,
    cash              numeric(18,2) NOT NULL,
    market_value      numeric(18,2) NOT NULL,
    cost_basis        numeric(18,2) NOT NULL,
    net_contributions numeric(18,2) NOT NULL,
    inflow            numeric(18,2) NOT NULL,
    outflow           numeric(18,2) NOT NULL,
    wealth            double precision NOT NULL,
    benchmark         numeric(18,6),
    PRIMARY KEY (user_id, day)
);

-- Positions that are or were held; quantity 0 is one that was sold.
CREATE TABLE positions (
    user_id             uuid NOT NULL,
    asset_id            bigint NOT NULL,
    quantity            numeric(20,8) NOT NULL,
    price               numeric(18,6),
    market_value        numeric(18,2) NOT NULL,
    weight              double precision,
    average_cost        numeric(18,6),
    cost_basis          numeric(18,2) NOT NULL,
    unrealised_pl       numeric(18,2) NOT NULL,
    unrealised_pl_ratio double precision,
    realised_pl         numeric(18,2) NOT NULL,
    dividends           numeric(18,2) NOT NULL,
    day_change          numeric(18,2) NOT NULL,
    day_change_ratio    double precision,
    PRIMARY KEY (user_id, asset_id),
    FOREIGN KEY (user_id, asset_id) REFERENCES assets ON DELETE CASCADE
);

-- What a watch list shows of an asset; none for an asset without a price.
CREATE TABLE views (
    user_id            uuid NOT NULL,
    asset_id           bigint NOT NULL,
    price              numeric(18,6) NOT NULL,
    previous_close     numeric(18,6),
    change             numeric(18,6),
    change_ratio       double precision,
    price_date         date NOT NULL,
    open               numeric(18,6),
    high               numeric(18,6),
    low                numeric(18,6),
    volume             bigint,
    high_52w           numeric(18,6) NOT NULL,
    low_52w            numeric(18,6) NOT NULL,
    high_date          date NOT NULL,
    high_price         numeric(18,6) NOT NULL,
    high_drawdown      double precision NOT NULL,
    market_condition   text NOT NULL,
    trend_50d          text NOT NULL,
    trend_200d         text NOT NULL,
    sparkline          json NOT NULL,
    is_stale           boolean NOT NULL,
    PRIMARY KEY (user_id, asset_id),
    FOREIGN KEY (user_id, asset_id) REFERENCES assets ON DELETE CASCADE
);

-- One row for each range and subject: '' is the portfolio, anything else a symbol (the benchmark's
-- and those watched or held).
CREATE TABLE figures (
    user_id          uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    range            text NOT NULL,
    subject          text NOT NULL,
    start_day        date,
    end_day          date,
    observations     integer NOT NULL,
    total            double precision,
    annualised       double precision,
    xirr             double precision,
    volatility       double precision,
    downside         double precision,
    sharpe           double precision,
    max_drawdown     double precision,
    drawdown_peak    date,
    drawdown_trough  date,
    beta             double precision,
    correlation      double precision,
    alpha            double precision,
    alpha_compounded double precision,
    reasons          json NOT NULL,
    PRIMARY KEY (user_id, range, subject)
);

-- The chart of a range as the members of the JSON object that a client gets, each an array, all of
-- `points` elements: {"dates": [...], "value": [...], "portfolio": [...], "benchmark_series": [...]}.
CREATE TABLE charts (
    user_id   uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    range     text NOT NULL,
    start_day date,
    end_day   date,
    points    integer NOT NULL,
    series    json NOT NULL,
    PRIMARY KEY (user_id, range)
);
ALTER TABLE charts ALTER COLUMN series SET STORAGE EXTERNAL;

CREATE TABLE checks (
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    key          text NOT NULL,
    name         text NOT NULL,
    value        double precision,
    threshold    double precision NOT NULL,
    is_fulfilled boolean,
    PRIMARY KEY (user_id, key)
);

-- ---- news ----------------------------------------------------------------------------------------
-- Caches of users listen on horizon_user and forget the user whose id they hear.

CREATE FUNCTION horizon_user_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('horizon_user', OLD.user_id::text);
    RETURN NULL;
END $$;

CREATE TRIGGER user_changed AFTER UPDATE OR DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION horizon_user_changed();
