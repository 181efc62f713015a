import assert from "node:assert/strict";
import { test } from "node:test";
import { activityKinds } from "../src/api/types.ts";
import { checkActivity, fieldsOf, parseDecimal } from "../src/entry.ts";

test("numbers are read as each language writes them", () => {
    assert.equal(parseDecimal("1234.5", "en"), 1234.5);
    assert.equal(parseDecimal("1,234.50", "en"), 1234.5);
    assert.equal(parseDecimal("1,234", "en"), 1234);
    assert.equal(parseDecimal("1234,5", "es"), 1234.5);
    assert.equal(parseDecimal("1.234,50", "es"), 1234.5);
    assert.equal(parseDecimal("1.234", "es"), 1234);
    assert.equal(parseDecimal(" 1 234,5 ", "es"), 1234.5);
});

test("a sign that cannot separate thousands is the decimal sign in any language", () => {
    assert.equal(parseDecimal("1.5", "es"), 1.5);
    assert.equal(parseDecimal("1,5", "en"), 1.5);
    assert.equal(parseDecimal(".5", "en"), 0.5);
});

test("what is no number is none", () => {
    for (const text of ["", " ", "abc", "1.2.3", "1e5", "0x10", "12a", "-", "."]) {
        assert.equal(parseDecimal(text, "en"), null, text);
    }
});

test("a purchase needs everything but the fee", () => {
    const good = checkActivity("BUY", { date: "2018-05-11", symbol: " aapl ", quantity: "1.5",
        price: "188.50", fee: "" }, "2026-11-24", "en");
    assert.deepEqual(good, { activity: { kind: "BUY", date: "2018-05-11", symbol: "AAPL", quantity: 1.5,
        price: 188.5, fee: 0 } });
    assert.deepEqual(checkActivity("BUY", { date: "", symbol: "", quantity: "0", price: "x", fee: "-1" },
        "2026-11-24", "en"), { faults: { date: "needDate", symbol: "needSymbol",
        quantity: "needPositive", price: "needPositive", fee: "needNotNegative" } });
});

test("nothing happens in the future", () => {
    assert.ok("faults" in checkActivity("DEPOSIT", { date: "2026-11-25", amount: "1" }, "2026-11-24", "en"));
    assert.ok("activity" in checkActivity("DEPOSIT", { date: "2026-11-24", amount: "1" },
        "2026-11-24", "en"));
});

test("fields of another kind are not sent", () => {
    assert.deepEqual(checkActivity("DEPOSIT", { date: "2018-01-02", amount: "5", symbol: "AAPL", price: "3" },
        "2026-11-24", "en"), { activity: { kind: "DEPOSIT", date: "2018-01-02", amount: 5 } });
});

test("a split has whole numbers", () => {
    assert.ok("activity" in checkActivity("SPLIT", { date: "2014-06-09", symbol: "AAPL", numerator: "7",
        denominator: "1" }, "2026-11-24", "en"));
    assert.ok("faults" in checkActivity("SPLIT", { date: "2014-06-09", symbol: "AAPL", numerator: "1.5",
        denominator: "1" }, "2026-11-24", "en"));
});

test("each kind has its fields, the date first", () => {
    for (const kind of activityKinds) {
        assert.equal(fieldsOf[kind][0], "date");
    }
});
