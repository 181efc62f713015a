// Operations: the pool of database connections, live. Asks once a second while the page is seen;
// an answer that fails leaves the last figures and says so.

import { request } from "../api/client.ts";
import { ApiError } from "../api/errors.ts";
import type { Histogram, Operations } from "../api/types.ts";
import { h, svg } from "../dom.ts";
import { type Bucket, condense } from "../figures.ts";
import { format, MISSING, t } from "../i18n/index.ts";
import { errorBox, type Part } from "../panel.ts";

const POLL_MS = 1000;
/** Points in the live chart: two minutes. */
const POINTS_MAX = 120;
/** Rows of a histogram. */
const ROWS_MAX = 10;

interface Point {
    inUse: number;
    waiting: number;
}

export function operationsView(): Part {
    const place = h("div", { class: "operations", "aria-busy": "true" },
        h("div", { class: "skeleton", "aria-hidden": "true" }, h("i"), h("i"), h("i"), h("i")));
    const abort = new AbortController();
    const points: Point[] = [];
    let timer = 0;
    let last: Operations | null = null;

    const ask = async () => {
        clearTimeout(timer);
        try {
            last = await request<Operations>("/api/operations", { signal: abort.signal });
            points.push({ inUse: last.pool.in_use, waiting: last.pool.waiting });
            points.splice(0, points.length - POINTS_MAX);
            show(last, points, null);
        } catch (error) {
            if (abort.signal.aborted) {
                return;
            }
            show(last, points, error instanceof ApiError ? error : new ApiError("garbled"));
        }
        if (!document.hidden) {
            timer = window.setTimeout(() => void ask(), POLL_MS);
        }
    };
    const show = (found: Operations | null, seen: Point[], error: ApiError | null) => {
        place.setAttribute("aria-busy", "false");
        const box = error === null ? null : errorBox(error, () => void ask());
        place.replaceChildren(...[box, found === null ? null : body(found, seen, error === null)]
            .filter((node): node is HTMLElement => node !== null));
    };
    const seen = () => {
        if (!document.hidden) {
            void ask();
        }
    };
    document.addEventListener("visibilitychange", seen);
    void ask();
    return {
        element: place,
        dispose: () => {
            abort.abort();
            clearTimeout(timer);
            document.removeEventListener("visibilitychange", seen);
        },
    };
}

/** How many connections there may be: what the server grants, when that is known to be fewer. */
function limitOf(found: Operations): number {
    const { limit, ceiling } = found.pool;
    return ceiling === null ? limit : Math.min(limit, ceiling);
}

function body(found: Operations, points: Point[], isLive: boolean): HTMLElement {
    const { pool } = found;
    const limit = limitOf(found);
    const tile = (label: string, value: string, name = "", note = "") => h("div", { class: `tile ${name}` },
        h("dt", {}, label), h("dd", {}, value, note === "" ? null : h("small", {}, note)));
    return h("div", { class: "operations-body" },
        h("section", { class: "panel", "aria-label": t.operations },
            h("header", { class: "panel-head" }, h("h2", {}, t.operations),
                h("p", { class: "muted" }, t.operationsHelp), health(found, isLive)),
            found.notice === null ? null : h("p", { class: "notice" }, noticeOf(found)),
            pool.last_failure !== null && pool.backing_off
                ? h("p", { class: "notice is-warning" }, pool.last_failure) : null,
            h("dl", { class: "tiles", "data-test": "pool" },
                tile(t.inUse, format.integer(pool.in_use), "is-used"),
                tile(t.waiting, format.integer(pool.waiting), pool.waiting > 0 ? "is-warning" : ""),
                tile(t.idle, format.integer(pool.idle), "",
                    pool.connecting > 0 ? `${t.connecting}: ${pool.connecting}` : ""),
                tile(t.ceiling, format.integer(limit))),
            h("h3", { class: "chart-title" }, t.poolLive),
            liveChart(points, limit, t.poolSummary(format.integer(pool.in_use), format.integer(limit),
                format.integer(pool.waiting)))),
        h("div", { class: "pair" }, histogram(t.waits, found.wait_histogram),
            histogram(t.holds, found.hold_histogram)),
        facts(found));
}

/** The server's notice in the chosen language; its own words where its numbers are not known. */
function noticeOf(found: Operations): string {
    const { asked_for: asked, granted, using_all: using } = found;
    return asked === null || granted === null || using === null ? found.notice ?? ""
        : t.poolNotice(format.integer(asked), format.integer(granted), format.integer(using));
}

function health(found: Operations, isLive: boolean): HTMLElement {
    const [name, text] = !isLive ? ["is-warning", t.paused]
        : found.process.draining ? ["is-warning", t.draining]
            : found.pool.backing_off ? ["is-warning", t.backingOff]
                : found.pool.waiting > 0 ? ["is-warning", t.saturated] : ["is-good", t.healthy];
    return h("p", { class: `health ${name}`, "data-test": "health" }, text);
}

function liveChart(points: Point[], limit: number, summary: string): HTMLElement {
    const width = POINTS_MAX;
    const height = 40;
    const top = Math.max(limit, 1, ...points.map((one) => Math.max(one.inUse, one.waiting))) * 1.1;
    const x = (nth: number) => width - points.length + nth + 1;
    const y = (value: number) => height - (value / top) * height;
    const line = (of: (point: Point) => number) => points.map((point, nth) =>
        `${nth === 0 ? "M" : "L"}${x(nth)} ${y(of(point)).toFixed(2)}`).join("");
    const used = line((point) => point.inUse);
    return h("div", { class: "live", role: "img", "aria-label": summary },
        svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", focusable: "false" },
            svg("path", { class: "live-limit", d: `M0 ${y(limit).toFixed(2)}H${width}` }),
            svg("path", { class: "live-area",
                d: used === "" ? "" : `${used}L${width} ${height}L${x(0)} ${height}Z` }),
            svg("path", { class: "live-used", d: used }),
            svg("path", { class: "live-waiting", d: line((point) => point.waiting) })),
        h("p", { class: "live-legend muted", "aria-hidden": "true" },
            h("span", { class: "key key-used" }), t.inUse, h("span", { class: "key key-waiting" }), t.waiting,
            h("span", { class: "key key-limit" }), t.ceiling));
}

function histogram(title: string, found: Histogram): HTMLElement {
    const rows = condense(found.upper_ms, found.count, ROWS_MAX);
    const total = rows.reduce((sum, row) => sum + row.count, 0);
    const most = Math.max(1, ...rows.map((row) => row.count));
    const line = (row: Bucket) => h("tr", {},
        h("th", { scope: "row" }, row.upper === null ? t.above(format.milliseconds(row.lower))
            : t.upTo(format.milliseconds(row.upper))),
        h("td", { class: "histogram-bar" }, svg("svg", { class: "bar", viewBox: "0 0 100 6",
            preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" },
        svg("rect", { class: "bar-track", width: 100, height: 6 }),
        svg("rect", { class: "bar-fill", width: ((row.count / most) * 100).toFixed(2), height: 6 }))),
        h("td", { class: "number" }, format.integer(row.count)),
        h("td", { class: "number muted" }, format.percent(row.count / total, 1)));
    return h("section", { class: "panel", "aria-label": title },
        h("header", { class: "panel-head" }, h("h2", {}, title)),
        total === 0 ? h("p", { class: "empty" }, t.noWaits)
            : h("div", { class: "scroll" }, h("table", { class: "table histogram" },
                h("thead", { class: "visually-hidden" }, h("tr", {}, h("th", { scope: "col" }, t.duration),
                    h("td", {}), h("th", { scope: "col" }, t.requests),
                    h("th", { scope: "col" }, t.share))),
                h("tbody", {}, ...rows.map(line)))));
}

function facts(found: Operations): HTMLElement {
    const { pool, http, process } = found;
    const known = (value: number | null) => (value === null ? MISSING : format.integer(value));
    const rows: [string, string][] = [
        [t.fact.takes, known(pool.takes)], [t.fact.timeouts, known(pool.timeouts)],
        [t.fact.refusals, known(pool.refusals)], [t.fact.connects, known(pool.connects)],
        [t.fact.failures, known(pool.connect_failures)],
        [t.fact.oldestWait, format.milliseconds(pool.oldest_wait_ms)],
        [t.fact.oldestHold, format.milliseconds(pool.oldest_hold_ms)],
        [t.fact.size, `${known(pool.size)} + ${known(pool.overflow_max)}`],
        [t.fact.using, `${known(found.asked_for)} / ${known(found.using_all ?? found.using)}`],
        [t.fact.serverMax, known(pool.server_max)], [t.fact.roleLimit, known(pool.role_limit)],
        [t.fact.requests, known(http.requests)], [t.fact.inFlight, known(http.in_flight)],
        [t.fact.connections, known(http.connections)], [t.fact.workers, known(http.workers)],
        [t.fact.processes, known(process.processes)], [t.fact.uptime, format.duration(process.uptime_s)],
        [t.fact.version, process.version],
    ];
    const status = Object.entries(http.by_status).filter(([, count]) => count > 0)
        .map(([code, count]) => `${code}: ${format.integer(count)}`).join(" · ");
    return h("section", { class: "panel", "aria-label": t.facts },
        h("header", { class: "panel-head" }, h("h2", {}, t.facts)),
        h("dl", { class: "facts" }, ...rows.map(([name, value]) =>
            h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
        status === "" ? null : h("p", { class: "muted note" }, `${t.byStatus}: ${status}`));
}
