// The report: figures of risk and return by column (portfolio, index, each asset), and the checks.

import type { AssetFigures, BenchmarkFigures, Check, PortfolioFigures, Report } from "../api/types.ts";
import { change, term } from "../change.ts";
import { h } from "../dom.ts";
import { MISSING, format, t } from "../i18n/index.ts";
import { panel, type Part } from "../panel.ts";
import type { Store } from "../store.ts";

type FigureName = keyof typeof t.figures;
/** What a column has of each figure; undefined: it does not exist there at all. */
type Column = Partial<Record<FigureName, number | null>> & { reasons?: Partial<Record<FigureName, string>> };

/** The server's names of the figures, by the page's. */
const sources: Record<FigureName, string[]> = {
    return: ["twr_cumulative", "return"], annualised: ["twr_annualised_365", "annualised_365", "annualised"],
    xirr: ["xirr"], volatility: ["volatility"], sharpe: ["sharpe_rf0"], drawdown: ["max_drawdown"],
    beta: ["beta"], correlation: ["correlation"], alpha: ["alpha_arith"],
};

const rows: { name: FigureName; kind: "change" | "percent" | "number" }[] = [
    { name: "return", kind: "change" }, { name: "annualised", kind: "change" },
    { name: "xirr", kind: "change" }, { name: "volatility", kind: "percent" },
    { name: "sharpe", kind: "number" }, { name: "drawdown", kind: "change" },
    { name: "beta", kind: "number" }, { name: "correlation", kind: "number" },
    { name: "alpha", kind: "change" },
];

function columnOf(figures: PortfolioFigures | BenchmarkFigures | AssetFigures | null): Column {
    const column: Column = { reasons: {} };
    if (figures === null) {
        return column;
    }
    for (const [name, keys] of Object.entries(sources) as [FigureName, string[]][]) {
        const key = keys.find((one) => one in figures);
        if (key !== undefined) {
            column[name] = (figures as unknown as Record<string, number | null>)[key] ?? null;
            column.reasons![name] = figures.reasons?.[key] ?? "";
        }
    }
    return column;
}

export function reportPanel(store: Store): Part {
    return panel<Report>(store.report, {
        title: t.report, name: "report",
        isEmpty: (report) => (report.portfolio?.twr_cumulative ?? null) === null
            && Object.keys(report.assets).length === 0,
        empty: () => h("p", { class: "empty" }, t.emptyPositions),
        render: (report) => h("div", {}, figureTable(report), checkList(report.checks),
            h("p", { class: "muted note" }, t.conventions(report.conventions.trading_days,
                format.percent(report.conventions.risk_free_annual, 0),
                report.conventions.annual_from_days))),
    });
}

function figureTable(report: Report): HTMLElement {
    const columns: [string, Column][] = [[t.portfolio, columnOf(report.portfolio)],
        [t.benchmark, columnOf(report.benchmark_figures)],
        ...Object.entries(report.assets).map(([symbol, figures]): [string, Column] =>
            [symbol, columnOf(figures)])];
    const period = t.rangeNames[report.range] ?? report.range;
    return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t.report },
        h("table", { class: "table report-table" },
            h("caption", { class: "muted" }, `${t.range}: ${period}`),
            h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t.figure),
                ...columns.map(([name]) => h("th", { scope: "col", class: "number" }, name)))),
            h("tbody", {}, ...rows.map((row) => h("tr", {},
                h("th", { scope: "row" }, term(t.figures[row.name], t.figureHelp[row.name])),
                ...columns.map(([, column]) => cell(column, row)))))));
}

function cell(column: Column, row: (typeof rows)[number]): HTMLElement {
    const value = column[row.name];
    if (value === undefined || value === null) {
        const reason = t.reasons[column.reasons?.[row.name] ?? ""] ?? t.notMeaningful;
        return h("td", { class: "number muted" }, h("span", { title: value === null ? reason : null },
            MISSING, value === null && h("span", { class: "visually-hidden" }, ` (${reason})`)));
    }
    return row.kind === "change" ? change(value, format.percentChange(value), "td", "number")
        : h("td", { class: "number" },
            row.kind === "percent" ? format.percent(value) : format.number(value));
}

function checkList(checks: Check[]): HTMLElement | null {
    if (checks.length === 0) {
        return null;
    }
    return h("div", { class: "checks" }, h("h3", {}, t.checks),
        h("ul", {}, ...checks.map(checkRow)));
}

/** A check that cannot be made is neither fulfilled nor not: the reason stands in place of the word. */
function checkRow(check: Check): HTMLElement {
    const [name, mark, word] = check.fulfilled === null
        ? ["", MISSING, t.reasons[check.reasons.fulfilled ?? ""] ?? t.notMeaningful]
        : check.fulfilled ? ["is-good", "✓", t.fulfilled] : ["is-warning", "!", t.notFulfilled];
    return h("li", { class: name, "data-test": `check-${check.key}` },
        h("span", { class: "check-mark", "aria-hidden": "true" }, mark),
        h("span", {}, t.checkNames[check.key] ?? check.name),
        h("span", { class: "muted" }, t.checkValue(format.percent(check.value),
            format.percent(check.threshold))),
        h("span", { class: "check-word" }, word));
}
