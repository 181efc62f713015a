// The contract of horizon's answers, as the page reads it (all of it: /api/openapi.json).
//
// Money is in the base currency, ratios are fractions (0.02 is 2 %), dates are YYYY-MM-DD. What the
// server cannot know is null. Unknown fields are ignored.

/** Codes of why members are null, by their names (Reasons in the document). */
export type Reasons = Record<string, string>;

export interface Envelope {
    reasons: Reasons;
    as_of: string | null;
    generated_at: string;
    data_version: string;
    base_currency: string;
}

export type Trend = "UP" | "DOWN" | "NEUTRAL" | "UNKNOWN";
export type Condition = "ALL_TIME_HIGH" | "BEAR_MARKET" | "NEUTRAL_MARKET";

export interface Quote {
    symbol: string;
    name: string;
    kind: string;
    currency: string;
    price: number | null;
    previous_close: number | null;
    change: number | null;
    change_ratio: number | null;
    price_date: string | null;
    open: number | null;
    high: number | null;
    low: number | null;
    volume: number | null;
    high_52w: number | null;
    low_52w: number | null;
    all_time_high: { date: string; price: number; drawdown_ratio: number } | null;
    market_condition: Condition | null;
    trend_50d: Trend | null;
    trend_200d: Trend | null;
    sparkline: number[];
    stale: boolean;
    reasons: Reasons;
}

export interface Watch extends Envelope {
    items: Quote[];
}

export interface Position {
    symbol: string;
    name: string;
    quantity: number;
    price: number | null;
    market_value: number | null;
    weight: number | null;
    average_cost: number | null;
    cost_basis: number | null;
    unrealised_pl: number | null;
    unrealised_pl_ratio: number | null;
    realised_pl: number | null;
    dividends: number | null;
    day_change: number | null;
    day_change_ratio: number | null;
    reasons: Reasons;
}

export interface Summary extends Envelope {
    total_value: number | null;
    cash: number | null;
    market_value: number | null;
    net_contributions: number | null;
    total_gain: number | null;
    cost_basis: number | null;
    cost_method: string;
    unrealised_pl: number | null;
    realised_pl: number | null;
    dividends: number | null;
    fees: number | null;
    day_change: number | null;
    day_change_ratio: number | null;
    twr: number | null;
    twr_annualised: number | null;
    xirr: number | null;
    first_activity: string | null;
    /** Activities after `as_of`, which the figures do not know yet. */
    waiting_activities: number;
    positions: Position[];
}

export interface PortfolioFigures {
    reasons: Reasons;
    twr_cumulative: number | null;
    twr_annualised_365: number | null;
    xirr: number | null;
    volatility: number | null;
    sharpe_rf0: number | null;
    max_drawdown: number | null;
    beta: number | null;
    correlation: number | null;
    alpha_arith: number | null;
}

export interface BenchmarkFigures {
    reasons: Reasons;
    return: number | null;
    annualised: number | null;
    volatility: number | null;
    sharpe_rf0: number | null;
    max_drawdown: number | null;
}

export interface AssetFigures {
    reasons: Reasons;
    return: number | null;
    annualised_365: number | null;
    volatility: number | null;
    sharpe_rf0: number | null;
    max_drawdown: number | null;
    mdd_peak: string | null;
    mdd_trough: string | null;
    beta: number | null;
    correlation: number | null;
    alpha_arith: number | null;
}

export interface Check {
    key: string;
    name: string;
    value: number | null;
    threshold: number | null;
    fulfilled: boolean | null;
    reasons: Reasons;
}

export interface Report extends Envelope {
    benchmark: string;
    range: string;
    conventions: {
        returns: string;
        trading_days: number;
        stdev_ddof: number;
        risk_free_annual: number;
        day_count: number;
        annual_from_days: number;
        alpha: string;
    };
    /** null where there is no portfolio yet */
    portfolio: PortfolioFigures | null;
    /** null without prices of the benchmark */
    benchmark_figures: BenchmarkFigures | null;
    assets: Record<string, AssetFigures>;
    checks: Check[];
}

export interface Market extends Envelope {
    status: string;
    benchmark: string;
    indices: Quote[];
    movers: { gainers: string[]; losers: string[] };
}

export interface PortfolioChart extends Envelope {
    range: string;
    start: string | null;
    end: string | null;
    benchmark: string;
    benchmark_return_type: string;
    unit: string;
    dates: string[];
    value: (number | null)[];
    portfolio: (number | null)[];
    benchmark_series: (number | null)[];
}

export const activityKinds = ["BUY", "SELL", "DEPOSIT", "WITHDRAWAL", "DIVIDEND", "INTEREST", "FEE",
    "TAX", "SPLIT"] as const;
export type ActivityKind = (typeof activityKinds)[number];

/** An activity as it is sent; fields that its kind does not have are left out. */
export interface NewActivity {
    date: string;
    kind: ActivityKind;
    symbol?: string;
    quantity?: number;
    price?: number;
    fee?: number;
    amount?: number;
    numerator?: number;
    denominator?: number;
}

export interface Activity {
    id: number;
    date: string;
    kind: string;
    symbol: string | null;
    quantity: number | null;
    price: number | null;
    fee: number | null;
    amount: number | null;
    numerator: number | null;
    denominator: number | null;
    /** It is after the last price, so the figures do not know it yet. */
    waiting: boolean;
}

export interface ActivityList {
    items: Activity[];
    next_before: number | null;
}

/** Counts of durations, not cumulative; an upper limit of null means "more". */
export interface Histogram {
    upper_ms: (number | null)[];
    count: number[];
}

export interface Operations {
    pool: {
        size: number; overflow_max: number; limit: number; ceiling: number | null;
        in_use: number; idle: number; connecting: number; waiting: number;
        oldest_wait_ms: number | null; oldest_hold_ms: number | null;
        takes: number; timeouts: number; refusals: number; connects: number; connect_failures: number;
        backing_off: boolean; last_failure: string | null;
        server_max: number | null; role_limit: number | null;
    };
    wait_histogram: Histogram;
    hold_histogram: Histogram;
    http: { requests: number; in_flight: number; by_status: Record<string, number>;
        connections: number; workers: number; queued: number };
    process: { pid: number; processes: number; uptime_s: number; version: string; draining: boolean };
    asked_for: number | null;
    using: number | null;
    granted: number | null;
    using_all: number | null;
    notice: string | null;
}
