-- The application's data, small: each request does some milliseconds of real work.
CREATE TABLE users (
    user_id text PRIMARY KEY,
    email text NOT NULL,
    display_name text NOT NULL
);
CREATE TABLE assets (
    symbol text PRIMARY KEY,
    name text NOT NULL
);
CREATE TABLE watched (
    user_id text NOT NULL REFERENCES users,
    symbol text NOT NULL REFERENCES assets,
    PRIMARY KEY (user_id, symbol)
);
CREATE TABLE positions (
    user_id text NOT NULL REFERENCES users,
    symbol text NOT NULL REFERENCES assets,
    quantity numeric NOT NULL,
    cost numeric NOT NULL,
    PRIMARY KEY (user_id, symbol)
);
CREATE TABLE prices (
    symbol text NOT NULL REFERENCES assets,
    day date NOT NULL,
    close numeric NOT NULL,
    PRIMARY KEY (symbol, day)
);

INSERT INTO users
    SELECT 'user-' || n, 'user' || n || '@example.org', 'User ' || n FROM generate_series(1, 200) n;
INSERT INTO assets VALUES
    ('AAPL', 'Apple'), ('MSFT', 'Microsoft'), ('NVDA', 'Nvidia'), ('VTI', 'Total market fund'),
    ('^SPX', 'S&P 500');
INSERT INTO watched SELECT user_id, symbol FROM users, assets;
INSERT INTO positions
    SELECT user_id, symbol, 10 + length(user_id), 100 + length(symbol) FROM users, assets
    WHERE symbol <> '^SPX';
INSERT INTO prices
    SELECT symbol, date '2023-01-01' + n,
           round((100 + 40 * sin(n / 30.0 + length(name)) + n / 10.0)::numeric, 2)
    FROM assets, generate_series(0, 999) n;
ANALYZE;
