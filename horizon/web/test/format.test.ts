import assert from "node:assert/strict";
import { test } from "node:test";
import { direction, makeFormat, MISSING } from "../src/format.ts";

const us = makeFormat("en-US", "USD");
const spain = makeFormat("es-ES", "EUR");
/** Intl puts no-break spaces; what they are is its business. */
const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, " ");

test("a change always has its sign, and the minus is a minus", () => {
    assert.equal(us.percentChange(2.15323607), "+215.32%");
    assert.equal(us.percentChange(-0.00376775), "−0.38%");
    assert.equal(us.moneyChange(-1338.54), "−$1,338.54");
    assert.equal(us.moneyChange(48474.1), "+$48,474.10");
});

test("what rounds to zero has no sign", () => {
    assert.equal(us.percentChange(-0.0000001), "0.00%");
    assert.equal(us.percentChange(0), "0.00%");
});

test("Spanish has a comma, and a space before the percent sign", () => {
    assert.equal(plain(spain.percentChange(0.66958626)), "+66,96 %");
    assert.equal(plain(spain.money(359009.47)), "359.009,47 €");
    assert.equal(plain(makeFormat("es", "USD").money(1234.5)), "1.234,50 $");
});

test("what is missing is a dash, never NaN", () => {
    for (const nothing of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY]) {
        assert.equal(us.money(nothing), MISSING);
        assert.equal(us.percentChange(nothing), MISSING);
        assert.equal(us.points(nothing), MISSING);
        assert.equal(us.milliseconds(nothing), MISSING);
    }
    assert.equal(us.date(null), MISSING);
    assert.equal(us.date("garbage"), MISSING);
});

test("a day stays that day in every time zone", () => {
    assert.equal(process.env["TZ"], "America/New_York");
    assert.equal(us.date("2018-05-11"), "May 11, 2018");
    assert.equal(us.month("2018-01-01"), "Jan 2018");
});

test("differences of returns are percentage points", () => {
    assert.equal(us.points(1.4836), "+148.36 pp");
});

test("quantities keep their fractions, axes are short", () => {
    assert.equal(us.quantity(0.12345678), "0.12345678");
    assert.equal(us.quantity(440), "440");
    assert.equal(us.moneyShort(359009.47), "$359K");
});

test("durations show two units", () => {
    assert.equal(us.duration(59), "59 s");
    assert.equal(us.duration(3 * 3600 + 120), "3 h 2 min");
    assert.equal(us.duration(2 * 86400 + 3600), "2 d 1 h");
    assert.equal(us.duration(0), "0 s");
});

test("short times have the unit in which they can be read", () => {
    assert.equal(us.milliseconds(0), "0 ms");
    assert.equal(us.milliseconds(0.064), "64 µs");
    assert.equal(us.milliseconds(4.096), "4.1 ms");
    assert.equal(us.milliseconds(65.5), "66 ms");
    assert.equal(us.milliseconds(2097.152), "2.1 s");
});

test("the direction is that of the rounded figure", () => {
    assert.equal(direction(0.002), "up");
    assert.equal(direction(-0.002), "down");
    assert.equal(direction(-0.00001), "flat");
    assert.equal(direction(null), "flat");
});
