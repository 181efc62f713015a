// The table behind the chart: the same days as numbers. Up to half a year every day; beyond that
// the last trading day of each month, and the first day.

import { difference } from "../figures.ts";
import { h } from "../dom.ts";
import { change } from "../change.ts";
import { format, t } from "../i18n/index.ts";
import type { Shown } from "./chart.ts";

const DAYS_MAX = 130;

/** The rows to show, newest first. */
export function tableRows(dates: string[]): number[] {
    const all = dates.map((_, idx) => idx);
    const rows = dates.length <= DAYS_MAX ? all
        : all.filter((idx) => idx === 0 || idx === dates.length - 1
            || dates[idx]!.slice(0, 7) !== dates[idx + 1]!.slice(0, 7));
    return rows.reverse();
}

export function chartTable(shown: Shown): HTMLElement {
    const { dates } = shown;
    const caption = t.tableCaption(format.date(dates[0]), format.date(dates[dates.length - 1]));
    const number = (head: string) => h("th", { scope: "col", class: "number" }, head);
    return h("div", { class: "scroll chart-table", tabindex: 0, role: "region", "aria-label": caption },
        h("table", { class: "table", "data-test": "chart-table" },
            h("caption", { class: "muted" }, caption, ". ", dates.length > DAYS_MAX ? t.tableMonths : ""),
            h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t.date), number(t.value),
                number(t.portfolio), number(t.benchmark), number(t.difference))),
            h("tbody", {}, ...tableRows(dates).map((idx) => tableRow(shown, idx)))));
}

function tableRow(shown: Shown, idx: number): HTMLElement {
    const portfolio = shown.portfolio[idx] ?? null;
    const benchmark = shown.benchmark[idx] ?? null;
    const apart = difference(portfolio, benchmark);
    return h("tr", {},
        h("th", { scope: "row" }, h("time", { datetime: shown.dates[idx] ?? "" },
            format.date(shown.dates[idx]))),
        h("td", { class: "number" }, format.money(shown.value[idx])),
        change(portfolio, format.percentChange(portfolio), "td", "number"),
        change(benchmark, format.percentChange(benchmark), "td", "number"),
        change(apart, format.points(apart), "td", "number"));
}
