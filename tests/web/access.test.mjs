// Everybody can use it: by keyboard, with a screen reader, on a telephone, with large text.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { api, expectText, LOGIN, money, PASSWORD, percent, ready, URL_, useBrowser } from "./lib/browser.mjs";

const world = useBrowser();
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf-8");
const VIEWS = { portfolio: "[data-test=headline]", activities: "[data-test=activities]",
    operations: "[data-test=pool]" };
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/** What axe-core has to say about the page: by these rules, or by all of WCAG 2.2 AA. */
async function violations(page, rules) {
    await page.evaluate(axe);
    const runOnly = rules ? { type: "rule", values: rules } : { type: "tag", values: TAGS };
    const { violations: found } = await page.evaluate((only) => window.axe.run(document, { runOnly: only,
        resultTypes: ["violations"] }), runOnly);
    return found.map((one) => `${one.id}: ${one.nodes.map((node) => node.target).join(", ")}`);
}

async function width(page) {
    return page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
}

for (const [colorScheme, rules] of [["light", null], ["dark", ["color-contrast"]]]) {
    test(`axe-core finds nothing against WCAG 2.2 AA in any view, ${colorScheme}`, async () => {
        const page = await world.open({ isLoggedIn: false, colorScheme });
        await page.goto(URL_);
        await page.waitForSelector("[data-test=login]");
        assert.deepEqual(await violations(page, rules), []);
        await page.fill("[name=username]", LOGIN);
        await page.fill("[name=password]", PASSWORD);
        await page.press("[name=password]", "Enter");
        await ready(page);
        for (const [view, place] of Object.entries(VIEWS)) {
            await page.click(`[data-test=view-${view}]`);
            await page.waitForSelector(place);
            assert.deepEqual(await violations(page, rules), [], view);
        }
        await page.click("[data-test=view-portfolio]");
        await page.click("[data-test=as-table]");
        await page.waitForSelector("[data-test=chart-table]");
        assert.deepEqual(await violations(page, rules), []);
    });
}

for (const [name, viewport] of [["a telephone", { width: 390, height: 844 }],
    ["the narrowest of WCAG's reflow", { width: 320, height: 640 }]]) {
    test(`nothing scrolls sideways on ${name}`, async () => {
        const page = await world.open({ isLoggedIn: false, viewport, isMobile: true, hasTouch: true,
            deviceScaleFactor: 2, locale: "es-ES" });
        await page.goto(URL_);
        await page.waitForSelector("[data-test=login]");
        assert.deepEqual(await width(page), [viewport.width, viewport.width]);
        await page.fill("[name=username]", LOGIN);
        await page.fill("[name=password]", PASSWORD);
        await page.press("[name=password]", "Enter");
        await ready(page);
        for (const [view, place] of Object.entries(VIEWS)) {
            await page.click(`[data-test=view-${view}]`);
            await page.waitForSelector(place);
            assert.deepEqual(await width(page), [viewport.width, viewport.width], view);
        }
        await page.click("[data-test=view-portfolio]");
        await page.click("[data-test=as-table]");
        assert.deepEqual(await width(page), [viewport.width, viewport.width]);
    });
}

/** Presses Tab until something has the focus that matches; fails when it never comes. */
async function tabTo(page, selector) {
    for (let count = 0; count < 80; count += 1) {
        await page.keyboard.press("Tab");
        if (await page.evaluate((what) => document.activeElement.matches(what), selector)) {
            return;
        }
    }
    assert.fail(`Tab never comes to ${selector}`);
}

test("everything can be done by keyboard alone", async () => {
    const page = await world.open({ isLoggedIn: false });
    await page.goto(URL_);
    await page.waitForSelector("[data-test=login]");
    await page.keyboard.type(LOGIN); // the first field has the focus
    await page.keyboard.press("Tab");
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await ready(page);

    await page.reload();
    await ready(page);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "content");

    const chart = await api("/api/portfolio-manager/charts/portfolio?range=5y");
    await tabTo(page, "[data-test^=range-]");
    await page.keyboard.press("ArrowLeft");
    assert.ok(await page.isChecked("[data-test=range-5y]"));
    await expectText(page, "[data-test=headline]", percent(chart.portfolio.at(-1)));
    await tabTo(page, "[data-test=chart]");
    await page.keyboard.press("Home");
    await expectText(page, ".readout", money(chart.value[0]));
    await page.keyboard.press("ArrowRight");
    await expectText(page, ".readout", money(chart.value[1]));
    await expectText(page, ".chart-figure [aria-live=polite]", money(chart.value[1]));

    await page.keyboard.press("Shift+Tab");
    assert.equal(await page.evaluate(() => document.activeElement.dataset.test), "as-table");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[data-test=chart-table]");
    assert.equal(await page.evaluate(() => document.activeElement.dataset.test), "as-table");
    await tabTo(page, "[data-test=add-symbol] input");
    await tabTo(page, ".panel-report .scroll");
});

test("what has the focus can be seen", async () => {
    const page = await world.open();
    const seen = new Set();
    for (;;) {
        await page.keyboard.press("Tab");
        const [place, outline] = await page.evaluate(() => {
            const active = document.activeElement;
            const shown = active.matches("input[type=radio]") ? active.nextElementSibling : active;
            return [active.outerHTML.slice(0, 200), getComputedStyle(shown).outlineStyle];
        });
        if (seen.has(place) || place.startsWith("<body")) {
            break; // once around
        }
        seen.add(place);
        assert.notEqual(outline, "none", place);
    }
    assert.ok(seen.size > 10, `only ${seen.size} places can have the focus`);
});

test("a screen reader is told once that everything is loaded", async () => {
    const page = await world.open();
    await expectText(page, "body > [role=status]", "All data is loaded.");
    assert.equal(await page.locator("h1").count(), 1);
    const regions = await page.locator("main section").evaluateAll((all) =>
        all.map((one) => document.getElementById(one.getAttribute("aria-labelledby"))?.textContent));
    assert.deepEqual(regions.filter((name) => !name), []);
});

test("whoever wants no motion gets none", async () => {
    const page = await world.open({ reducedMotion: "reduce" });
    const moving = await page.evaluate(() => [...document.querySelectorAll("*")].filter((one) => {
        const style = getComputedStyle(one);
        return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0;
    }).map((one) => one.className));
    assert.deepEqual(moving, []);
});

test("the operations view shows the pool, live", async () => {
    const page = await world.open();
    await page.click("[data-test=view-operations]");
    await page.waitForSelector("[data-test=pool]");
    const { pool } = await api("/api/operations");
    const limit = pool.ceiling === null ? pool.limit : Math.min(pool.limit, pool.ceiling);
    await expectText(page, "[data-test=pool] .tile:last-child", String(limit));
    await expectText(page, "[data-test=health]", /All is well|Saturated/);
    const lent = () => page.locator(".facts dd").first().textContent();
    const before = await lent();
    await api("/api/portfolio-manager/summary");
    await page.waitForFunction((text) => document.querySelector(".facts dd").textContent !== text, before);
    assert.ok(await page.locator(".histogram tbody tr").count() > 3);
});
