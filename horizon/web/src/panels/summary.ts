// What the summary says: the total with its key figures, the allocation, the positions.

import type { Position, Summary } from "../api/types.ts";
import { change, term } from "../change.ts";
import { h, svg } from "../dom.ts";
import { format, t } from "../i18n/index.ts";
import { panel, type Part } from "../panel.ts";
import type { Store } from "../store.ts";

export function totalPanel(store: Store, goToActivities: () => void): Part {
    return panel(store.summary, {
        title: t.total, name: "total",
        isEmpty: (summary) => summary.first_activity === null,
        empty: () => h("div", { class: "empty" }, h("p", {}, t.emptyPortfolio),
            h("button", { type: "button", class: "button is-primary", onclick: goToActivities },
                t.firstActivity)),
        render: renderTotal,
    });
}

function renderTotal(summary: Summary): HTMLElement {
    const figure = (label: Node | string, value: Node | string, note?: string) =>
        h("div", { class: "figure" }, h("dt", {}, label), h("dd", {}, value,
            note === undefined ? null : h("small", {}, note)));
    return h("div", { class: "total" },
        summary.waiting_activities > 0 && h("p", { class: "notice is-warning", "data-test": "waiting" },
            t.waitingActivities(summary.waiting_activities, format.date(summary.as_of))),
        h("div", { class: "total-value" },
            h("p", { class: "total-number", "data-test": "total" }, format.money(summary.total_value)),
            h("p", { class: "total-day" },
                change(summary.day_change, format.moneyChange(summary.day_change)), " ",
                change(summary.day_change_ratio, `(${format.percentChange(summary.day_change_ratio)})`,
                    "span", "is-plain"), " ",
                h("span", { class: "muted" }, t.dayChange, ", ",
                    h("time", { datetime: summary.as_of }, format.date(summary.as_of))))),
        h("dl", { class: "figures" },
            figure(t.gain, change(summary.total_gain, format.moneyChange(summary.total_gain))),
            figure(term(t.twr, t.twrHelp), change(summary.twr, format.percentChange(summary.twr)),
                summary.twr_annualised === null ? undefined
                    : t.perYear(format.percentChange(summary.twr_annualised))),
            figure(term(t.xirr, t.xirrHelp), change(summary.xirr, format.percentChange(summary.xirr))),
            figure(t.contributions, format.money(summary.net_contributions)),
            figure(t.cash, format.money(summary.cash)),
            figure(t.dividends, format.money(summary.dividends))));
}

interface Slice {
    label: string;
    name: string;
    value: number;
    weight: number;
}

/** Positions and cash by weight, heaviest first; the share of cash is what the weights leave. */
function slices(summary: Summary): Slice[] {
    const total = summary.total_value ?? 0;
    const all = summary.positions.map((position) => ({ label: position.symbol, name: position.name,
        value: position.market_value ?? 0, weight: position.weight ?? 0 }));
    if (summary.cash !== null && total > 0) {
        all.push({ label: t.cash, name: "", value: summary.cash, weight: summary.cash / total });
    }
    return all.sort((a, b) => b.weight - a.weight);
}

export function allocationPanel(store: Store): Part {
    return panel(store.summary, {
        title: t.allocation, name: "allocation",
        isEmpty: (summary) => slices(summary).length === 0,
        empty: () => h("p", { class: "empty" }, t.emptyPositions),
        render: (summary) => {
            const all = slices(summary);
            const heaviest = Math.max(...all.map((slice) => slice.weight), 0.0001);
            return h("ul", { class: "bars" }, ...all.map((slice) => bar(slice, heaviest)));
        },
    });
}

/** The bar is drawn: its length is an attribute, not a style. */
function bar(slice: Slice, heaviest: number): HTMLElement {
    const length = Math.max(0, (slice.weight / heaviest) * 100);
    return h("li", {},
        h("span", { class: "bar-label", title: slice.name || null }, slice.label),
        h("span", { class: "bar-share" }, format.percent(slice.weight, 1)),
        h("span", { class: "bar-value muted" }, format.money(slice.value)),
        svg("svg", { class: "bar", viewBox: "0 0 100 6", preserveAspectRatio: "none",
            "aria-hidden": "true", focusable: "false" },
        svg("rect", { class: "bar-track", width: 100, height: 6 }),
        svg("rect", { class: "bar-fill", width: length.toFixed(2), height: 6 })));
}

export function positionsPanel(store: Store): Part {
    return panel(store.summary, {
        title: t.positions, name: "positions",
        isEmpty: (summary) => summary.positions.length === 0,
        empty: () => h("p", { class: "empty" }, t.emptyPositions),
        render: (summary) => {
            const heads = [t.quantity, t.price, t.value, t.weight, t.averageCost, t.unrealised, t.realised,
                t.dividends, t.today];
            return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t.positions },
                h("table", { class: "table" },
                    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t.symbol),
                        ...heads.map((head) => h("th", { scope: "col", class: "number" }, head)))),
                    h("tbody", {}, ...summary.positions.map(positionRow))));
        },
    });
}

function positionRow(position: Position): HTMLElement {
    const number = (text: string) => h("td", { class: "number" }, text);
    return h("tr", {},
        h("th", { scope: "row" }, h("strong", {}, position.symbol),
            h("span", { class: "muted row-name" }, position.name)),
        number(format.quantity(position.quantity)), number(format.money(position.price)),
        number(format.money(position.market_value)), number(format.percent(position.weight, 1)),
        number(format.money(position.average_cost)),
        h("td", { class: "number" },
            change(position.unrealised_pl, format.moneyChange(position.unrealised_pl)),
            h("small", { class: "muted" }, format.percentChange(position.unrealised_pl_ratio))),
        change(position.realised_pl, format.moneyChange(position.realised_pl), "td", "number"),
        number(format.money(position.dividends)),
        h("td", { class: "number" }, change(position.day_change, format.moneyChange(position.day_change)),
            h("small", { class: "muted" }, format.percentChange(position.day_change_ratio))));
}
