// Every text of the page in English. es.ts has the same names: a missing one does not compile.

import type { Condition, Trend } from "../api/types.ts";
import type { Kind } from "../api/errors.ts";

const errors: Record<Kind, string> = {
    network: "No connection to the server. Check the network, then try again.",
    timeout: "No answer within 10 seconds. The server may be busy: try again in a moment.",
    session: "Your session has ended. Log in again to see this.",
    credentials: "Login or password is wrong.",
    forbidden: "You are not allowed to see this.",
    busy: "The server is busy right now: all its database connections are taken. Try again in a moment.",
    slow: "The database took too long to answer. Try again in a moment.",
    invalid: "The server did not accept the request.",
    server: "The server failed to answer. Try again; if it happens again, report the request number.",
    garbled: "The answer could not be read: it is not from horizon. A proxy may have replaced it.",
};

/** Sentences for codes of the server that say more than the kind does. */
const codes: Record<string, string> = {
    database_down: "The database is down. Your data is safe; try again in a moment.",
    shutting_down: "The server is restarting. Try again in a moment.",
    user_limit: "Too many of your own requests are under way. Wait for their answers, then try again.",
    too_many_logins: "Too many attempts to log in. Wait a moment, then try again.",
    external_issuer: "This server has no login of its own: get a token from your organisation's issuer.",
    unknown_symbol: "There are no prices for this symbol. Import its prices first.",
    conflict: "This symbol is already on the list.",
};

const trends: Record<Trend, string> = { UP: "rising", DOWN: "falling", NEUTRAL: "sideways",
    UNKNOWN: "not known yet" };

const conditions: Record<Condition, string> = { ALL_TIME_HIGH: "All-time high",
    BEAR_MARKET: "Bear market", NEUTRAL_MARKET: "Neutral" };

const kinds: Record<string, string> = { BUY: "Buy", SELL: "Sell", DEPOSIT: "Deposit",
    WITHDRAWAL: "Withdrawal", DIVIDEND: "Dividend", INTEREST: "Interest", FEE: "Fee", TAX: "Tax",
    SPLIT: "Split" };

const checks: Record<string, string> = { CONCENTRATION_SINGLE_ASSET: "Largest position",
    FEE_RATIO: "Fees in relation to contributions", CASH_RESERVE: "Cash in relation to the total" };

/** Why a figure is not there. */
const reasons: Record<string, string> = {
    too_few_returns: "too few days", zero_variance: "the prices did not move",
    less_than_a_year: "only from one year on", no_solution: "there is no such rate",
    no_base_value: "nothing was held at the beginning", no_activities: "there are no activities",
    no_price_yet: "there is no price since the first activity",
    no_benchmark: "there is no benchmark", no_price: "there is no price", total_loss: "after a total loss",
    no_previous_price: "there is one price only", not_supplied: "the prices' file does not have it",
    no_value: "nothing is there to be a part of", no_cost: "it cost nothing",
    no_contributions: "nothing was paid in", no_drawdown: "it never fell",
};

const ranges: Record<string, string> = { "1m": "1M", "6m": "6M", ytd: "YTD", "1y": "1Y", "5y": "5Y",
    max: "Max" };
const rangeNames: Record<string, string> = { "1m": "1 month", "6m": "6 months",
    ytd: "since the start of the year", "1y": "1 year", "5y": "5 years", max: "all data" };

export const en = {
    language: "Language",
    tagline: "Your portfolio against the market",
    skip: "Skip to the content",
    navigation: "Views",
    views: { portfolio: "Portfolio", activities: "Activities", operations: "Operations" },
    theme: "Theme",
    themes: { auto: "Auto theme", light: "Light", dark: "Dark" },
    logOut: "Log out",
    loggedInAs: (login: string) => `Logged in as ${login}`,

    loginTitle: "Log in",
    loginName: "Login",
    password: "Password",
    showPassword: "Show password",
    logIn: "Log in",
    loggingIn: "Logging in …",
    sessionEnded: "Your session has ended. Log in again: you come back to where you were.",
    loginNeeded: "Enter your login.",
    passwordNeeded: "Enter your password.",

    loading: "Loading",
    stillLoading: "Still loading …",
    shownIsOlder: "What you see below was loaded before.",
    loaded: "All data is loaded.",
    partlyLoaded: (failed: number) =>
        failed === 1 ? "One part could not be loaded." : `${failed} parts could not be loaded.`,
    retry: "Try again",
    requestNumber: (id: string) => `Request ${id}`,
    errors, codes,
    cannotShow: "This part cannot be shown: the server's answer does not have the agreed form.",
    asOf: (date: string) => `as of ${date}`,
    close: "Close",

    total: "Total value",
    dayChange: "on the last day",
    gain: "Total gain",
    twr: "Return (TWR)",
    twrHelp: "Time-weighted: what one unit of money made, whenever it was paid in. " +
        "Deposits and withdrawals do not change it.",
    xirr: "Return a year (XIRR)",
    xirrHelp: "Money-weighted: the yearly interest at which your payments would have grown to today's " +
        "value. Only from one year on.",
    contributions: "Paid in, net",
    cash: "Cash",
    dividends: "Dividends",
    perYear: (value: string) => `${value} a year`,
    emptyPortfolio: "There is nothing here yet. Import prices (horizon import prices), then enter " +
        "a deposit and your first purchase, or import all of them (horizon import activities).",
    firstActivity: "Enter an activity",

    performance: "Performance",
    portfolio: "Portfolio",
    benchmark: "S&P 500",
    versus: "against",
    view: "Chart shows",
    modes: { return: "Return", value: "Value" },
    range: "Period", ranges, rangeNames,
    difference: "Difference",
    drawdown: "Drawdown",
    drawdownHelp: "How far below the highest point so far",
    worst: (portfolio: string, benchmark: string) => `lowest: portfolio ${portfolio}, S&P 500 ${benchmark}`,
    chartSummary: (portfolio: string, benchmark: string, start: string, end: string) =>
        `Portfolio ${portfolio}, S&P 500 ${benchmark}, ${start} to ${end}.`,
    chartSummaryValue: (first: string, last: string, start: string, end: string) =>
        `Value of the portfolio: ${first} on ${start}, ${last} on ${end}.`,
    chartKeys: "Arrow keys move along the days, Home and End jump.",
    chartDrag: "Drag across the chart to look at a part of it.",
    period: (start: string, end: string) => `${start} – ${end}`,
    partOnly: (start: string, end: string) => `${start} – ${end}, from 0 % at its beginning`,
    wholePeriod: "Whole period",
    asTable: "Show as table",
    asChart: "Show as chart",
    tableCaption: (start: string, end: string) => `Portfolio and S&P 500, ${start} to ${end}`,
    tableMonths: "Last trading day of each month.",
    date: "Date",
    value: "Value",
    noPrices: "There are no prices in this period.",

    assets: "Watch list",
    price: "Price",
    high52: "52 weeks",
    fromHigh: (value: string) => `${value} from its high`,
    stale: "old price",
    staleHelp: (date: string) => `The last price is of ${date}.`,
    trend: (days: number, trend: string) => `${days} days: ${trend}`,
    trends, conditions,
    lastDays: (count: number) => `last ${count} closes`,
    emptyWatch: "Nothing on the watch list. Add a symbol below.",
    addSymbol: "Add a symbol",
    symbol: "Symbol",
    add: "Add",
    symbolNeeded: "Enter a symbol, for example AAPL.",
    removeSymbol: (symbol: string) => `Remove ${symbol} from the watch list`,
    removed: (symbol: string) => `${symbol} is no longer on the watch list.`,
    added: (symbol: string) => `${symbol} is on the watch list.`,
    held: (quantity: string, value: string) => `${quantity} held · ${value}`,
    notHeld: "not held",

    allocation: "Allocation",
    positions: "Positions",
    name: "Name",
    quantity: "Quantity",
    cost: "Cost",
    averageCost: "Average cost",
    weight: "Weight",
    unrealised: "Unrealised gain",
    realised: "Realised gain",
    today: "Last day",
    emptyPositions: "No positions yet.",

    report: "Report",
    figure: "Figure",
    figures: {
        return: "Return", annualised: "Return a year", xirr: "XIRR", volatility: "Volatility",
        sharpe: "Sharpe ratio", drawdown: "Largest drawdown", beta: "Beta", correlation: "Correlation",
        alpha: "Alpha a year",
    },
    figureHelp: {
        return: "What one unit of money made in the period (time-weighted for the portfolio).",
        annualised: "The same per year of 365 days; only from one year on.",
        xirr: "Money-weighted return a year; only from one year on.",
        volatility: "How much the daily returns scatter, per year of 252 trading days.",
        sharpe: "Mean daily return over its scatter, per year; risk-free rate 0.",
        drawdown: "From a peak to the lowest point after it.",
        beta: "How strongly it follows the S&P 500.",
        correlation: "How closely it follows the S&P 500: 1 is in step.",
        alpha: "What is left of the daily returns after beta times the S&P 500, times 252.",
    },
    notMeaningful: "not meaningful here", reasons,
    checks: "Checks", checkNames: checks,
    checkValue: (value: string, limit: string) => `${value}, limit ${limit}`,
    fulfilled: "Fulfilled", notFulfilled: "Not fulfilled",
    conventions: (days: number, rate: string, annualFrom: number) =>
        `Simple daily returns of prices, ${days} trading days a year, risk-free rate ${rate}. ` +
        `Returns a year, XIRR too, from ${annualFrom} days on: carried on for a year, that of a few weeks ` +
        "would say more than is known.",

    market: "Market",
    marketOpen: "open", marketClosed: "closed",
    gainers: "Up", losers: "Down", none: "none",
    emptyMarket: "No index prices yet. Import them with horizon import.",
    range52: (low: string, high: string) => `52 weeks: ${low} to ${high}`,

    activities: "Activities",
    newActivity: "New activity",
    kind: "Kind", kinds,
    activityPrice: "Price",
    fee: "Fee",
    amount: "Amount",
    splitNew: "New shares",
    splitOld: "for old shares",
    save: "Save",
    saving: "Saving …",
    saved: "Saved. All figures are up to date.",
    savedWaiting: "Saved. It is after the last price: the figures take it in when newer prices are " +
        "imported (horizon import prices).",
    waitingTag: "no price yet",
    waitingHelp: "It is after the last price: the figures take it in when newer prices are imported " +
        "(horizon import prices).",
    waitingActivities: (count: number, date: string) =>
        (count === 1 ? "One activity is" : `${count} activities are`) + ` after the last price, ` +
        `of ${date}, and not in these figures yet. Import newer prices (horizon import prices).`,
    remove: "Delete",
    removeActivity: (what: string) => `Delete ${what}`,
    reallyRemove: (what: string) => `Delete ${what}? All figures are worked out anew.`,
    removeYes: "Delete", removeNo: "Keep",
    removedActivity: "Deleted. All figures are up to date.",
    emptyActivities: "No activities yet. Enter the first one above.",
    more: "Show older ones",
    needDate: "Enter a day that is not in the future.",
    needSymbol: "Enter a symbol, for example AAPL.",
    needPositive: "Enter a number above 0.",
    needNotNegative: "Enter 0 or more.",
    needWhole: "Enter a whole number from 1 on.",
    contradiction: "This would contradict the other activities.",

    operations: "Operations",
    operationsHelp: "The pool of database connections, live.",
    inUse: "In use", idle: "Idle", waiting: "Waiting", ceiling: "Limit", connecting: "Connecting",
    inUseOf: (used: string, limit: string) => `${used} of ${limit}`,
    poolLive: "Connections in the last two minutes",
    poolSummary: (used: string, limit: string, waiting: string) =>
        `${used} of ${limit} connections in use, ${waiting} requests waiting.`,
    waits: "How long requests waited for a connection",
    holds: "How long requests kept one",
    upTo: (ms: string) => `up to ${ms}`,
    above: (ms: string) => `above ${ms}`,
    duration: "Duration",
    poolNotice: (asked: string, granted: string, using: string) =>
        `Asked for ${asked} connections, the database grants ${granted}: ` +
        `using ${using}, the rest waits in line.`,
    requests: "Requests",
    share: "Share",
    noWaits: "Nobody has asked for a connection yet.",
    facts: "Facts",
    fact: {
        takes: "Connections lent", timeouts: "Waits that ended in vain", refusals: "Refused by the server",
        connects: "Connections opened", failures: "Failed to open", oldestWait: "Longest waiting now",
        oldestHold: "Longest in use now", serverMax: "The server accepts at most",
        roleLimit: "Limit of the role", size: "Pool size and overflow", using: "Asked for / using",
        requests: "Requests answered", inFlight: "Requests under way", connections: "Browser connections",
        workers: "Workers", uptime: "Running for", version: "Version", processes: "Processes",
    },
    byStatus: "Answers by status",
    live: "live", paused: "interrupted",
    healthy: "All is well", saturated: "Saturated: requests are waiting",
    backingOff: "The database refuses connections",
    draining: "This process is shutting down",
};

export type Messages = typeof en;
