// What a person changes: the watch list and the activities. Every test leaves things as they were.
import assert from "node:assert/strict";
import { test } from "node:test";
import { api, expectText, logIn, money, ready, URL_, useBrowser } from "./lib/browser.mjs";

const world = useBrowser();
const total = async () => (await api("/api/portfolio-manager/summary")).total_value;

async function openActivities(options = {}) {
    const page = await world.open(options);
    await page.click("[data-test=view-activities]");
    await page.waitForSelector("[data-test=activities]");
    return page;
}

async function fill(page, kind, fields) {
    await page.selectOption("[name=kind]", kind);
    for (const [name, value] of Object.entries(fields)) {
        await page.fill(`[data-test=entry] [name=${name}]`, value);
    }
    await page.click("[data-test=entry] button");
}

/** Deletes the first row, whatever it is, and answers yes. */
async function removeFirst(page) {
    const rows = page.locator("[data-test=activities] tbody tr");
    const count = await rows.count();
    await rows.first().locator("button").click();
    await page.click("[data-test=remove-yes]");
    await page.waitForFunction((before) =>
        document.querySelectorAll("[data-test=activities] tbody tr").length === before - 1, count);
}

test("a deposit changes the total at once, and is gone when it is deleted", async () => {
    const before = await total();
    const { as_of: day } = await api("/api/portfolio-manager/summary");
    const page = await openActivities();
    await fill(page, "DEPOSIT", { date: day, amount: "1,234.50" });
    await expectText(page, "[role=status]", "Saved");
    await expectText(page, "[data-test=activities] tbody tr:first-child", money(1234.5));
    await page.click("[data-test=view-portfolio]");
    await expectText(page, "[data-test=total]", money(before + 1234.5));
    await page.click("[data-test=view-activities]");
    await removeFirst(page);
    await page.click("[data-test=view-portfolio]");
    await expectText(page, "[data-test=total]", money(before));
    assert.equal(await total(), before);
});

test("an activity after the last price says that it is not in the figures yet", async () => {
    const before = await total();
    const page = await openActivities();
    await fill(page, "DEPOSIT", { date: "2018-05-14", amount: "77" });
    await expectText(page, "[role=status]", "Saved. It is after the last price");
    await expectText(page, "[data-test=activities] tbody tr:first-child .is-warning", "no price yet");
    await page.click("[data-test=view-portfolio]");
    await expectText(page, "[data-test=waiting]", /One activity is after the last price, of .*May 11, 2018/);
    await expectText(page, "[data-test=total]", money(before));
    await page.click("[data-test=view-activities]");
    await removeFirst(page);
    await page.click("[data-test=view-portfolio]");
    await page.waitForSelector("[data-test=waiting]", { state: "detached" });
});

test("a deletion that the person thinks better of deletes nothing", async () => {
    const page = await openActivities();
    const count = await page.locator("[data-test=activities] tbody tr").count();
    await page.locator("[data-test=activities] tbody tr button").first().click();
    await page.waitForSelector("dialog[open]");
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
    assert.equal(await page.locator("[data-test=activities] tbody tr").count(), count);
});

test("what is wrong with an activity stands at its field before anything is sent", async () => {
    const page = await openActivities();
    const sent = [];
    page.on("request", (request) => request.method() === "POST" && sent.push(request.url()));
    await fill(page, "BUY", { date: "", symbol: "not a symbol", quantity: "0", price: "x", fee: "-1" });
    for (const [field, text] of [["date", "Enter a day"], ["symbol", "Enter a symbol"],
        ["quantity", "above 0"], ["price", "above 0"], ["fee", "0 or more"]]) {
        await expectText(page, `.field-${field} .field-error`, text);
        assert.equal(await page.getAttribute(`[data-test=entry] [name=${field}]`, "aria-invalid"), "true");
    }
    assert.equal(await page.evaluate(() => document.activeElement.name), "date");
    assert.deepEqual(sent, []);
    await page.selectOption("[name=kind]", "SPLIT");
    assert.equal(await page.locator(".field-error:not(:empty)").count(), 0);
    assert.ok(await page.isVisible("[name=numerator]"));
    assert.equal(await page.locator("[data-test=entry] [name=price]").count(), 0);
});

test("selling more than there is is refused, with the reason", async () => {
    const page = await openActivities({ mayFail: true });
    const { as_of: day } = await api("/api/portfolio-manager/summary");
    await fill(page, "SELL", { date: day, symbol: "ibm", quantity: "100000", price: "1" });
    await expectText(page, "[data-test=entry] .form-error", /contradict.*100000 IBM are sold.*only 50/);
    assert.equal(await page.inputValue("[data-test=entry] [name=quantity]"), "100000");
});

test("an asset leaves the watch list and stays in the portfolio", async () => {
    const page = await world.open();
    await page.click("[data-test=asset-IBM] button");
    await page.waitForSelector("[data-test=asset-IBM]", { state: "detached" });
    await ready(page);
    assert.match(await page.textContent(".panel-positions"), /IBM/);
    await page.fill("[data-test=add-symbol] input", "ibm");
    await page.press("[data-test=add-symbol] input", "Enter");
    await page.waitForSelector("[data-test=asset-IBM]");
});

test("a symbol without prices is refused, one with prices comes and goes", async () => {
    const page = await world.open({ mayFail: true });
    const add = async (symbol) => {
        await page.fill("[data-test=add-symbol] input", symbol);
        await page.press("[data-test=add-symbol] input", "Enter");
    };
    await add("");
    await expectText(page, ".panel-watch .form-error", "Enter a symbol");
    await add("nosuch");
    await expectText(page, ".panel-watch .form-error", "NOSUCH: There are no prices");
    await add("AAPL");
    await expectText(page, ".panel-watch .form-error", "AAPL: This symbol is already on the list");
    await add("^spx");
    await page.waitForSelector("[data-test='asset-^SPX']");
    await ready(page);
    await expectText(page, "[data-test='asset-^SPX'] .card-held", "not held");
    await page.click("[data-test='asset-^SPX'] button");
    await page.waitForSelector("[data-test='asset-^SPX']", { state: "detached" });
    const { items } = await api("/api/portfolio-manager/watch");
    assert.deepEqual(items.map((one) => one.symbol), ["AAPL", "AMZN", "GOOG", "IBM"]);
});

test("what the server finds wrong with a field stands at that field", async () => {
    const page = await openActivities({ mayFail: true });
    await page.route("**/activities", (route) => route.fulfill({ status: 422, json: { error: {
        code: "invalid_field", field: "price", message: "price is higher than any price of that day",
        request_id: "r" } } }));
    await fill(page, "BUY", { date: "2018-05-11", symbol: "AAPL", quantity: "1", price: "99999" });
    await expectText(page, ".field-price .field-error", "higher than any price");
    assert.equal(await page.evaluate(() => document.activeElement.name), "price");
});

test("a new person sees what to do first, and the first deposit at once", async () => {
    const page = await world.open({ isLoggedIn: false });
    await page.goto(URL_);
    await logIn(page, process.env.HORIZON_NOVICE);
    await expectText(page, ".panel-total", "There is nothing here yet");
    for (const [panel, text] of [["watch", "Nothing on the watch list"], ["market", "No index prices"],
        ["chart", "no prices in this period"], ["report", "No positions"], ["positions", "No positions"]]) {
        await expectText(page, `.panel-${panel} .empty`, text);
    }
    await page.click(".panel-total .empty button");
    await page.waitForSelector("[data-test=entry]");
    await fill(page, "DEPOSIT", { date: "2018-05-10", amount: "1000" });
    await page.waitForSelector("[data-test=activities]");
    await page.click("[data-test=view-portfolio]");
    await ready(page);
    await expectText(page, "[data-test=total]", money(1000));
    await expectText(page, "[data-test=headline]", /Portfolio .*0\.00%.*S&P 500 –/);
    await page.waitForSelector(".report-table");
    assert.equal(await page.locator(".panel-error").count(), 0);
    await page.click("[data-test=view-activities]");
    await page.locator("[data-test=activities] tbody tr button").click();
    await page.click("[data-test=remove-yes]");
    await expectText(page, ".panel-activities .empty", "No activities yet");
});

test("a check that cannot be made says why, and is neither fulfilled nor not", async () => {
    const page = await world.open({ isLoggedIn: false });
    await page.goto(URL_);
    await logIn(page, process.env.HORIZON_NOVICE);
    await page.click(".panel-total .empty button");
    await page.waitForSelector("[data-test=entry]");
    await fill(page, "INTEREST", { date: "2018-05-10", amount: "10" });
    await page.waitForSelector("[data-test=activities]");
    await page.click("[data-test=view-portfolio]");
    await expectText(page, "[data-test=check-FEE_RATIO] .check-word", "nothing was paid in");
    await expectText(page, "[data-test=check-CASH_RESERVE] .check-word", "Fulfilled");
    await page.click("[data-test=view-activities]");
    await removeFirst(page);
    await expectText(page, ".panel-activities .empty", "No activities yet");
});
