// What the page does when the service is slow, busy, down or wrong. The real service cannot be made
// to do these on demand, so its answers are replaced on their way; that it is really gone is in
// down.test.mjs. Time is the browser's clock, wound forward: nobody waits ten seconds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { expectText, FIVE, logIn, PANELS, ready, until, URL_, useBrowser } from "./lib/browser.mjs";

const world = useBrowser();
const HEROKU_503 = { status: 503, contentType: "text/html; charset=utf-8",
    body: "<!DOCTYPE html><html><head><title>Application error</title></head><body>H12</body></html>" };
const problem = (status, code) => ({ status,
    json: { error: { code, message: `${code}, says the server`, request_id: "req-4711" } } });
const pathOf = (route) => new URL(route.request().url()).pathname.replace("/api/portfolio-manager/", "");

/** A page that has just logged in and loads; its clock stands still unless the test winds it. The
 *  routes are set before. */
async function openWith(setUp) {
    const page = await world.open({ isLoggedIn: false, mayFail: true });
    page.underWay = new Set();
    page.on("request", (request) => page.underWay.add(request));
    page.on("requestfinished", (request) => page.underWay.delete(request));
    page.on("requestfailed", (request) => page.underWay.delete(request));
    await page.clock.install();
    await setUp(page);
    await page.goto(URL_);
    await page.waitForSelector("[data-test=login]");
    await page.clock.pauseAt(Date.now() + 60_000);
    await logIn(page);
    await page.waitForSelector("[data-test=logout]"); // only then may the clock be wound forward
    return page;
}

test("a slow answer shows a skeleton, then a word, then an error with a button that works", async () => {
    let isSlow = true;
    const page = await openWith((it) => it.route("**/report*", (route) => {
        if (!isSlow) {
            void route.continue();
        }
    }));
    await page.waitForSelector("[data-test=total]");
    await page.clock.fastForward(250);
    await page.waitForSelector(".panel-report .skeleton");
    assert.equal(await page.locator(".slow-note").count(), 0);
    assert.equal(await page.getAttribute(".panel-report", "aria-busy"), "true");
    await page.clock.fastForward(5000);
    await expectText(page, ".panel-report .slow-note", "Still loading");
    assert.equal(await page.locator(".panel-error").count(), 0);
    await page.clock.fastForward(5000);
    await expectText(page, ".panel-report [role=alert]", "No answer within 10 seconds");
    assert.equal(await page.getAttribute(".panel-report", "aria-busy"), "false");
    assert.equal(await page.locator(".panel-error").count(), 1);
    isSlow = false;
    await page.click(".panel-report .panel-error button");
    await page.waitForSelector(".report-table");
});

test("an answer within 200 ms shows no skeleton", async () => {
    const held = [];
    const page = await openWith((it) => it.route(FIVE, (route) => held.push(route)));
    await page.waitForSelector(".panel-report[aria-busy=true]");
    await page.clock.runFor(190);
    assert.equal(await page.locator(".skeleton").count(), 0);
    await page.clock.runFor(20);
    assert.ok(await page.locator(".skeleton").count() >= 5);
    await until(() => held.length === 5, () => page.waitForTimeout(10), "five requests");
    await Promise.all(held.map((route) => route.continue()));
    for (const selector of ["[data-test=total]", "[data-test=chart]", ".report-table", ".card", ".index"]) {
        await page.waitForSelector(selector);
    }
    assert.equal(await page.locator(".skeleton").count(), 0);
});

/** Lets a quarter of a second pass for the page, but none while it waits for an answer. */
function wind(page) {
    return page.underWay.size > 0 ? page.waitForTimeout(20) : page.clock.runFor(250);
}

for (const [source, panel] of Object.entries(PANELS)) {
    test(`an HTML error page in place of ${source} spoils that panel alone`, async () => {
        const page = await openWith((it) => it.route(`**/api/portfolio-manager/${source}*`,
            (route) => route.fulfill(HEROKU_503)));
        const box = page.locator(`.panel-${panel} .panel-error`).first();
        // The page tries again before it says so.
        await until(() => box.count(), () => wind(page), "an error box");
        assert.match(await box.textContent(), /busy.*Try again/s);
        const others = Object.entries(PANELS).filter(([one]) => one !== source);
        for (const [, other] of others) {
            assert.equal(await page.locator(`.panel-${other} .panel-error`).count(), 0, other);
        }
    });
}

test("an HTML page with status 200 is an error too", async () => {
    const page = await openWith((it) => it.route("**/market", (route) =>
        route.fulfill({ ...HEROKU_503, status: 200 })));
    await expectText(page, ".panel-market [role=alert]", "could not be read");
});

test("an answer of another form cannot break the page", async () => {
    const page = await world.open({ isLoggedIn: false });
    const seen = [];
    page.removeAllListeners("console"); // the page reports it, which is right here
    page.on("console", (message) => seen.push(message.text()));
    await page.route("**/market", (route) => route.fulfill({ json: { data_version: "x", indices: 7 } }));
    await page.goto(URL_);
    await logIn(page);
    await expectText(page, ".panel-market [role=alert]", "does not have the agreed form");
    await page.waitForSelector("[data-test=total]");
    assert.ok(seen.length > 0);
});

test("a busy server is asked again after the time it named, and a few times only", async () => {
    const times = [];
    const page = await openWith((it) => it.route("**/market", (route) => {
        times.push(times.length);
        return route.fulfill({ ...problem(503, "pool_exhausted"), headers: { "Retry-After": "2" } });
    }));
    await page.waitForSelector("[data-test=total]");
    await page.clock.fastForward(1900);
    assert.equal(times.length, 1);
    await until(() => page.locator(".panel-market .panel-error").count(), () => wind(page),
        "an error box");
    await expectText(page, ".panel-market [role=alert]", "database connections are taken");
    await expectText(page, ".panel-market [role=alert]", "req-4711");
    assert.equal(times.length, 3);
});

test("a busy server that recovers is not even mentioned", async () => {
    let tries = 0;
    const page = await openWith((it) => it.route("**/market", (route) => {
        tries += 1;
        return tries > 1 ? route.continue()
            : route.fulfill({ ...problem(503, "pool_exhausted"), headers: { "Retry-After": "1" } });
    }));
    await until(() => page.locator(".index-number").count(), () => wind(page), "the second try");
    assert.equal(tries, 2);
    assert.equal(await page.locator(".panel-error").count(), 0);
});

for (const [status, code, text] of [[504, "query_timeout", "took too long"],
    [500, "internal", "failed to answer"], [403, "forbidden", "not allowed"],
    [503, "database_down", "database is down"]]) {
    test(`status ${status} ${code} is told in words, with the number of the request`, async () => {
        const page = await openWith((it) => it.route("**/market", (route) =>
            route.fulfill({ ...problem(status, code), headers: { "Retry-After": "60" } })));
        await expectText(page, ".panel-market [role=alert]", text);
        await expectText(page, ".panel-market [role=alert]", "req-4711");
    });
}

test("an expired token is renewed once for all five requests, unnoticed", async () => {
    let renewals = 0;
    const refused = [];
    const page = await openWith(async (it) => {
        await it.route(FIVE, async (route) => {
            if (renewals === 0) {
                refused.push(pathOf(route));
                return route.fulfill(problem(401, "token_expired"));
            }
            return route.continue();
        });
        await it.route("**/api/auth/refresh", (route) => {
            renewals += 1;
            return route.continue();
        });
    });
    await ready(page);
    assert.equal(new Set(refused).size, 5, refused.join(" "));
    assert.equal(renewals, 1);
    assert.equal(await page.locator("[data-test=login]").count(), 0);
});

test("a session that has ended leads all five to one login, and back to the same place", async () => {
    const page = await world.open({ mayFail: true, path: "/?range=6m" });
    await ready(page);
    let renewals = 0;
    await page.route(FIVE, (route) => route.fulfill(problem(401, "token_expired")));
    await page.route("**/api/auth/refresh", (route) => {
        renewals += 1;
        return route.fulfill(problem(401, "token_expired"));
    });
    await page.reload();
    await page.waitForSelector("[data-test=login]");
    await expectText(page, ".login [role=status]", "Your session has ended");
    assert.equal(await page.locator("[data-test=login]").count(), 1);
    assert.equal(renewals, 1);
    assert.equal(new URL(page.url()).searchParams.get("range"), "6m");
    await page.unrouteAll();
    await logIn(page);
    await ready(page);
    assert.ok(await page.isChecked("[data-test=range-6m]"));
    assert.equal(await page.locator(".panel-error").count(), 0);
});

test("a server that cannot be reached for the renewal does not end the session", async () => {
    const page = await world.open({ mayFail: true });
    await page.route(FIVE, (route) => route.fulfill(problem(401, "token_expired")));
    await page.route("**/api/auth/refresh", (route) => route.abort("connectionrefused"));
    await page.reload();
    await expectText(page, ".panel-total [role=alert]", "No connection to the server");
    assert.equal(await page.locator("[data-test=login]").count(), 0);
    await page.unrouteAll();
    for (const panel of Object.values(PANELS)) {
        await page.locator(`.panel-${panel} .panel-error button`).click();
    }
    await ready(page);
});

test("answers of two versions lead to one more request for the older ones, and no more", async () => {
    const count = {};
    const page = await openWith((it) => it.route(FIVE, async (route) => {
        const path = pathOf(route);
        count[path] = (count[path] ?? 0) + 1;
        const answer = await route.fetch();
        const body = await answer.json();
        const isNew = path === "summary" || count[path] > 1;
        await route.fulfill({ response: answer, headers: { ...answer.headers(), etag: "" },
            json: { ...body, data_version: isNew ? "new" : "old",
                generated_at: `2026-01-0${isNew ? 2 : 1}T10:00:00Z` } });
    }));
    await page.waitForSelector("[data-test=total]");
    const isDone = () => ["watch", "market", "report", "charts/portfolio"].every((path) => count[path] === 2);
    await until(isDone, () => page.waitForTimeout(20), "the second requests");
    await ready(page);
    await page.waitForTimeout(300);
    assert.deepEqual(count, { watch: 2, market: 2, report: 2, "charts/portfolio": 2, summary: 1 });
});

test("an empty portfolio says what to do", async () => {
    const page = await openWith((it) => it.route("**/{summary,watch,charts/portfolio*}", async (route) => {
        const answer = await route.fetch();
        const body = await answer.json();
        const empty = Object.fromEntries(Object.entries(body).map(([name, value]) => [name,
            Array.isArray(value) ? []
                : ["data_version", "base_currency", "generated_at"].includes(name) ? value : null]));
        await route.fulfill({ json: empty });
    }));
    await expectText(page, ".panel-total", "There is nothing here yet");
    await expectText(page, ".panel-watch", "Nothing on the watch list");
    await expectText(page, ".panel-chart", "no prices in this period");
    await page.click(".panel-total .empty button");
    await page.waitForSelector("[data-test=entry]");
});
