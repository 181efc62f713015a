// The portfolio against the S&P 500, with the drawdown below and the table behind.
//
// Figures of the whole period are the server's own: the last value of the line is the return that
// the summary and the report show. Only a part that was selected by dragging is worked out here,
// from 0 % at its own beginning.

import type { PortfolioChart } from "../api/types.ts";
import { change } from "../change.ts";
import { LineChart } from "../chart/line.ts";
import { type Child, h, newId } from "../dom.ts";
import { difference, drawdown, latest, lowest, type Period, rebase, type Series } from "../figures.ts";
import { format, t } from "../i18n/index.ts";
import { panel, type Part } from "../panel.ts";
import { type Mode, modes, type Range, ranges } from "../route.ts";
import type { Store } from "../store.ts";
import { chartTable } from "./chart-table.ts";

export interface ChartChoices {
    range: Range;
    mode: Mode;
    setRange: (range: Range) => void;
    setMode: (mode: Mode) => void;
}

/** What is drawn: the whole answer, or a part of it. */
export interface Shown {
    dates: string[];
    value: Series;
    portfolio: Series;
    benchmark: Series;
    isPart: boolean;
}

const HEIGHT = 300;
const DRAWDOWN_HEIGHT = 120;
const SYNC_KEY = "performance";

/** The chart outlives its answer: the choices (table, part) are the panel's, not one drawing's. */
export function chartPanel(store: Store, choices: ChartChoices): Part {
    const holder = { mode: choices.mode, isTable: false };
    let redraw: () => void = () => undefined;
    const modeGroup = radioGroup("mode", t.view, modes, choices.mode, (mode) => t.modes[mode],
        (mode) => t.modes[mode], (mode) => {
            holder.mode = mode;
            choices.setMode(mode);
            redraw();
        });
    const rangeGroup = radioGroup("range", t.range, ranges, choices.range,
        (range) => t.ranges[range] ?? range, (range) => t.rangeNames[range] ?? range, choices.setRange);
    return panel<PortfolioChart>(store.chart, {
        title: t.performance, name: "chart", tools: [modeGroup, rangeGroup],
        isEmpty: (chart) => chart.dates.length === 0,
        empty: () => h("p", { class: "empty" }, t.noPrices),
        render: (chart) => {
            const drawing = new Drawing(chart, holder);
            redraw = () => drawing.draw();
            return drawing;
        },
    });
}

/** Buttons of which one is chosen: real radio buttons, so that the keyboard and readers know them. */
function radioGroup<T extends string>(name: string, legend: string, values: readonly T[], chosen: T,
    label: (value: T) => string, long: (value: T) => string, choose: (value: T) => void): HTMLElement {
    const group = newId(name);
    return h("fieldset", { class: "segments" }, h("legend", { class: "visually-hidden" }, legend),
        ...values.map((value) => h("label", {},
            h("input", { type: "radio", name: group, value, checked: value === chosen,
                "aria-label": long(value), "data-test": `${name}-${value}`,
                onchange: () => choose(value) }),
            h("span", { title: long(value) }, label(value)))));
}

class Drawing {
    readonly element = h("div", { class: "performance" });
    private readonly chart: PortfolioChart;
    private readonly holder: { mode: Mode; isTable: boolean };
    private part: [number, number] | null = null;
    private charts: LineChart[] = [];

    constructor(chart: PortfolioChart, holder: { mode: Mode; isTable: boolean }) {
        this.chart = chart;
        this.holder = holder;
        this.draw();
    }

    dispose(): void {
        this.charts.forEach((one) => one.dispose());
        this.charts = [];
    }

    draw(): void {
        this.dispose();
        const shown = this.shown();
        this.element.replaceChildren(
            h("div", { class: "chart-top" }, this.headline(shown), this.buttons(shown)),
            this.holder.isTable ? chartTable(shown) : this.figure(shown), this.foot(shown));
    }

    private shown(): Shown {
        const { dates, value, portfolio, benchmark_series: benchmark } = this.chart;
        if (this.part === null) {
            return { dates, value, portfolio, benchmark, isPart: false };
        }
        const [first, last] = this.part;
        return { dates: dates.slice(first, last + 1), value: value.slice(first, last + 1),
            portfolio: rebase(portfolio, first, last), benchmark: rebase(benchmark, first, last),
            isPart: true };
    }

    private headline(shown: Shown): HTMLElement {
        const portfolio = latest(shown.portfolio);
        const benchmark = latest(shown.benchmark);
        return h("p", { class: "headline", "data-test": "headline" },
            key("portfolio"), h("strong", {}, t.portfolio, " ",
                change(portfolio, format.percentChange(portfolio))),
            h("span", { class: "muted" }, ` ${t.versus} `),
            key("benchmark"), h("strong", {}, t.benchmark, " ",
                change(benchmark, format.percentChange(benchmark))));
    }

    private figure(shown: Shown): HTMLElement {
        const readout = h("p", { class: "readout" });
        const spoken = h("p", { class: "visually-hidden", "aria-live": "polite" });
        const isValue = this.holder.mode === "value";
        const show = (idx: number | null) => {
            readout.replaceChildren(...readoutOf(shown, idx ?? shown.dates.length - 1));
        };
        const main = new LineChart({
            dates: shown.dates, height: HEIGHT, key: SYNC_KEY, onCursor: show, formatDate: axisDate,
            lines: isValue
                ? [{ values: shown.value, color: "--line-portfolio", fill: "--fill-portfolio" }]
                : [{ values: shown.benchmark, color: "--line-benchmark", dash: [6, 4], width: 1.75 },
                    { values: shown.portfolio, color: "--line-portfolio", width: 2.25 }],
            formatValue: isValue ? format.moneyShort : (ratio) => format.percentChange(ratio, 0),
            onSelect: (first, last) => this.select(first, last),
        });
        const down = { portfolio: drawdown(shown.portfolio), benchmark: drawdown(shown.benchmark) };
        const below = new LineChart({
            dates: shown.dates, height: DRAWDOWN_HEIGHT, key: SYNC_KEY, formatDate: axisDate,
            lines: [{ values: down.benchmark, color: "--line-benchmark", dash: [6, 4], width: 1.25 },
                { values: down.portfolio, color: "--line-drawdown", fill: "--fill-drawdown", width: 1.5 }],
            formatValue: (ratio) => format.percentChange(ratio, 0),
        });
        this.charts = [main, below];
        show(null);
        const area = h("div", { class: "chart-area", role: "img", tabindex: 0,
            "aria-label": `${summaryOf(shown, isValue)} ${t.chartKeys}`, "data-test": "chart" },
        main.element);
        const worst = t.worst(format.percentChange(lowest(down.portfolio)),
            format.percentChange(lowest(down.benchmark)));
        walkByKeys(area, shown.dates.length, (idx) => {
            main.point(idx); // which also renews the read-out
            below.point(idx);
            spoken.textContent = readout.textContent;
        });
        return h("figure", { class: "chart-figure" }, readout, area,
            h("h3", { class: "chart-title", title: t.drawdownHelp }, t.drawdown, " ",
                h("small", { class: "muted" }, worst)),
            h("div", { role: "img", "aria-label": `${t.drawdown}: ${worst}` }, below.element), spoken);
    }

    private buttons(shown: Shown): HTMLElement {
        const { isTable } = this.holder;
        return h("div", { class: "chart-buttons" },
            shown.isPart && h("button", { type: "button", class: "button", "data-test": "whole",
                onclick: () => this.whole() }, t.wholePeriod),
            h("button", { type: "button", class: "button", "data-test": "as-table",
                onclick: () => this.toggleTable() }, isTable ? t.asChart : t.asTable));
    }

    private foot(shown: Shown): HTMLElement {
        const first = format.date(shown.dates[0]);
        const last = format.date(shown.dates[shown.dates.length - 1]);
        const mayDrag = !shown.isPart && !this.holder.isTable;
        return h("p", { class: "chart-foot muted" },
            shown.isPart ? t.partOnly(first, last) : t.period(first, last),
            mayDrag && h("span", { class: "pointer-only" }, ` · ${t.chartDrag}`));
    }

    private select(first: number, last: number): void {
        const begin = this.part?.[0] ?? 0;
        this.part = [begin + first, begin + last];
        this.draw();
    }

    private whole(): void {
        this.part = null;
        this.draw();
        this.element.querySelector<HTMLElement>(".chart-area")?.focus();
    }

    private toggleTable(): void {
        this.holder.isTable = !this.holder.isTable;
        this.draw();
        this.element.querySelector<HTMLElement>("[data-test=as-table]")?.focus();
    }
}

function key(name: "portfolio" | "benchmark"): HTMLElement {
    return h("span", { class: `key key-${name}`, "aria-hidden": "true" });
}

function summaryOf(shown: Shown, isValue: boolean): string {
    const begin = format.date(shown.dates[0]);
    const end = format.date(shown.dates[shown.dates.length - 1]);
    return isValue
        ? t.chartSummaryValue(format.money(shown.value.find((one) => one !== null)),
            format.money(latest(shown.value)), begin, end)
        : t.chartSummary(format.percentChange(latest(shown.portfolio)),
            format.percentChange(latest(shown.benchmark)), begin, end);
}

/** The day under the crosshair: date, value, both returns, their difference. */
function readoutOf(shown: Shown, idx: number): (Node | string)[] {
    const at = (series: Series) => series[idx] ?? null;
    const apart = difference(at(shown.portfolio), at(shown.benchmark));
    const pair = (label: Child, value: Child) => h("span", { class: "readout-pair" }, label, " ", value);
    return [h("time", { datetime: shown.dates[idx] ?? "" }, format.date(shown.dates[idx])), " ",
        pair(t.value, h("b", {}, format.money(at(shown.value)))), " ",
        pair(t.portfolio, h("b", {}, format.percentChange(at(shown.portfolio)))), " ",
        pair(t.benchmark, h("b", {}, format.percentChange(at(shown.benchmark)))), " ",
        pair(t.difference, h("b", {}, format.points(apart)))];
}

function axisDate(date: string, period: Period): string {
    switch (period) {
    case "day":
        return format.dayMonth(date);
    case "year":
        return date.slice(0, 4);
    default:
        return format.month(date);
    }
}

/** Left and right move by a day (with Shift by ten), Home and End jump. */
function walkByKeys(area: HTMLElement, count: number, go: (idx: number) => void): void {
    let at = count - 1;
    area.addEventListener("keydown", (event) => {
        const step = event.shiftKey ? 10 : 1;
        const next = { ArrowLeft: at - step, ArrowRight: at + step, Home: 0, End: count - 1 }[event.key];
        if (next !== undefined) {
            event.preventDefault();
            at = Math.min(count - 1, Math.max(0, next));
            go(at);
        }
    });
}
