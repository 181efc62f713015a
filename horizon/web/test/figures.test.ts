// Against the vectors of horizon/domain and the shipped example responses, so that the page's own
// arithmetic agrees with the server's.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { PortfolioChart, Report } from "../src/api/types.ts";
import { axisMarks, condense, difference, drawdown, latest, lowest, rebase } from "../src/figures.ts";

const examples = join(process.env["WEB_FOLDER"] ?? ".", "..", "data", "examples");

function example<T>(name: string): T {
    return JSON.parse(readFileSync(join(examples, `${name}.json`), "utf-8")) as T;
}

function near(actual: number | null, expected: number, tolerance = 1e-9): void {
    assert.ok(actual !== null && Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
}

/** Cumulative returns of daily ones. */
function cumulative(daily: number[]): number[] {
    let product = 1;
    return daily.map((ratio) => (product *= 1 + ratio) - 1);
}

test("a part of a series begins at 0 % and compounds", () => {
    const part = rebase([0, 0.1, 0.21, 0.0648], 1, 3);
    assert.equal(part.length, 3);
    near(part[0]!, 0);
    near(part[1]!, 0.1);
    near(part[2]!, 1.0648 / 1.1 - 1);
});

test("a part that begins without figures is measured from its first figure", () => {
    const part = rebase([null, null, 0.25, 0.5], 1, 3);
    assert.deepEqual(part.slice(0, 2), [null, 0]);
    near(part[2]!, 0.2);
});

test("a part without any figure stays empty", () => {
    assert.deepEqual(rebase([0, null, null], 1, 2), [null, null]);
});

test("nothing is measured from a total loss", () => {
    assert.deepEqual(rebase([-1, 0.5], 0, 1), [null, null]);
});

test("the drawdown of empyrical's vectors", () => {
    near(lowest(drawdown(cumulative([0.01, 0.1, -0.04, 0.02, 0.03, 0.02, 0.01, -0.1]))), -0.1);
    near(lowest(drawdown(cumulative([0, -0.06, -0.07, -0.01, -0.09, -0.02, -0.06, -0.08, -0.05]))),
        -0.3659, 1e-5);
    near(lowest(drawdown(cumulative([0.1, -0.1, 0.1]))), -0.1);
});

test("the base of the range is the first peak", () => {
    near(drawdown([-0.2])[0]!, -0.2);
});

test("a day without a figure has no drawdown and is no peak", () => {
    const found = drawdown([0.5, null, 0.2]);
    assert.equal(found[1], null);
    near(found[2]!, 1.2 / 1.5 - 1);
});

test("the largest drawdown of the chart is the report's", () => {
    const chart = example<PortfolioChart>("charts_portfolio");
    const report = example<Report>("report");
    near(lowest(drawdown(chart.portfolio)), report.portfolio!.max_drawdown!, 5e-6);
    near(lowest(drawdown(chart.benchmark_series)), report.benchmark_figures!.max_drawdown!, 5e-6);
});

test("the last value of the chart is the report's return", () => {
    near(latest(example<PortfolioChart>("charts_portfolio").portfolio),
        example<Report>("report").portfolio!.twr_cumulative!, 5e-7);
});

test("a missing side makes no difference", () => {
    assert.equal(difference(0.5, null), null);
    assert.equal(difference(undefined, 0.5), null);
    near(difference(0.5, 0.2), 0.3);
});

test("five years have a mark at the first trading day of each year", () => {
    const { dates } = example<PortfolioChart>("charts_portfolio");
    const { period, marks } = axisMarks(dates, 8);
    assert.equal(period, "year");
    assert.deepEqual(marks.map((idx) => dates[idx]),
        ["2014-01-02", "2015-01-02", "2016-01-04", "2017-01-03", "2018-01-02"]);
});

test("a year has a mark for each month where there is room, for each quarter where there is not", () => {
    const dates = example<PortfolioChart>("charts_portfolio").dates.slice(-253);
    assert.equal(axisMarks(dates, 12).period, "month");
    assert.equal(axisMarks(dates, 12).marks.length, 12);
    assert.equal(axisMarks(dates, 5).period, "quarter");
});

test("a month has marks at days, never more than there is room for", () => {
    const dates = example<PortfolioChart>("charts_portfolio").dates.slice(-22);
    const { period, marks } = axisMarks(dates, 6);
    assert.equal(period, "day");
    assert.ok(marks.length > 2 && marks.length <= 6);
});

test("forty years are thinned out", () => {
    const dates = Array.from({ length: 480 }, (_, month) =>
        `${1980 + Math.floor(month / 12)}-${String((month % 12) + 1).padStart(2, "0")}-03`);
    assert.ok(axisMarks(dates, 6).marks.length <= 6);
});

test("a histogram loses its empty ends, not its counts", () => {
    const uppers = [1, 2, 4, 8, 16, 32, null];
    assert.deepEqual(condense(uppers, [0, 0, 3, 0, 5, 0, 0], 10), [{ lower: 2, upper: 4, count: 3 },
        { lower: 4, upper: 8, count: 0 }, { lower: 8, upper: 16, count: 5 }]);
    const rows = condense(uppers, [1, 2, 3, 4, 5, 6, 7], 3);
    assert.equal(rows.length, 3);
    assert.equal(rows.reduce((sum, row) => sum + row.count, 0), 28);
    assert.deepEqual(rows.map((row) => row.upper), [4, 32, null]);
    assert.deepEqual(condense(uppers, [0, 0, 0, 0, 0, 0, 0], 3), []);
});

test("no days, no marks", () => {
    assert.deepEqual(axisMarks([], 6).marks, []);
});
