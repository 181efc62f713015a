// Debian's Chromium with horizon's page in it, for one file of tests.
//
//     const world = useBrowser();              // before, after and afterEach of node's test runner
//     const page = await world.open();         // a context of its own; closed after the test
//
// Every test fails that leaves an error on the page's console. A test that makes the server fail
// says so (`open({ mayFail: true })`): then the browser's own "Failed to load resource" is expected,
// anything else still is not.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before } from "node:test";
import { chromium } from "playwright-core";

export const URL_ = process.env.HORIZON_URL;
export const LOGIN = process.env.HORIZON_LOGIN;
export const PASSWORD = process.env.HORIZON_PASSWORD;
export const ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"];
/** How long an expectation may take on a busy machine. */
const PATIENCE_MS = 20_000;

export function useBrowser() {
    const world = { contexts: [], errors: [] };
    before(async () => {
        world.folder = mkdtempSync(join(tmpdir(), "horizon-chromium-"));
        const server = { executablePath: "/usr/bin/chromium", args: ARGUMENTS, timeout: 60_000 };
        // The browser's profile is a folder of this run's own; contexts come from its browser.
        world.home = await chromium.launchPersistentContext(world.folder, server);
        world.browser = world.home.browser();
    });
    after(async () => {
        await world.home?.close();
        rmSync(world.folder, { recursive: true, force: true, maxRetries: 5 });
    });
    afterEach(async () => {
        const { contexts, errors } = world;
        world.contexts = [];
        world.errors = [];
        for (const context of contexts) {
            await context.close();
        }
        assert.deepEqual(errors, [], "the page's console has errors");
    });
    world.open = async ({ mayFail = false, path = "/", isLoggedIn = true, ...options } = {}) => {
        const context = await world.browser.newContext({ locale: "en-US",
            viewport: { width: 1360, height: 900 }, ...options });
        context.setDefaultTimeout(PATIENCE_MS);
        world.contexts.push(context);
        const page = await context.newPage();
        page.on("pageerror", (error) => world.errors.push(String(error)));
        page.on("console", (message) => {
            const isExpected = mayFail && message.text().startsWith("Failed to load resource");
            if (message.type() === "error" && !isExpected) {
                world.errors.push(message.text());
            }
        });
        if (isLoggedIn) {
            await page.goto(URL_);
            await logIn(page);
            await ready(page);
            if (path !== "/") {
                await page.goto(new URL(path, URL_).href);
            }
        }
        return page;
    };
    return world;
}

export async function logIn(page, login = LOGIN, password = PASSWORD) {
    await page.fill("[name=username]", login);
    await page.fill("[name=password]", password);
    await page.click("[data-test=login] button");
}

/** All five answers are on the screen. */
export async function ready(page) {
    await page.waitForSelector("[data-test=total]");
    await page.waitForSelector("[data-test=chart] canvas");
    await page.waitForFunction(() => document.querySelectorAll(".panel[aria-busy=true]").length === 0);
}

/** The text once it is as expected; says what it was instead when it never is. */
export async function expectText(page, selector, expected) {
    const place = page.locator(selector).first();
    const end = Date.now() + PATIENCE_MS;
    let text = "";
    while (Date.now() < end) {
        text = (await place.textContent().catch(() => "")) ?? "";
        if (expected instanceof RegExp ? expected.test(text) : text.includes(expected)) {
            return text;
        }
        await page.waitForTimeout(50);
    }
    return assert.fail(`${selector} is "${text}", not ${expected}`);
}

/** Repeats `step` until `condition` holds; fails when it never does. */
export async function until(condition, step, what) {
    const end = Date.now() + PATIENCE_MS;
    while (!await condition()) {
        assert.ok(Date.now() < end, `never: ${what}`);
        await step();
    }
}

/** Ratio as the page shows it in English: +12.34% or −0.38%. */
export function percent(ratio) {
    const sign = ratio > 0 ? "+" : ratio < 0 ? "−" : "";
    const text = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })
        .format(Math.abs(ratio) * 100);
    return `${sign}${text}%`;
}

export function money(value) {
    return new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" }).format(value)
        .replace("-", "−");
}

let token = null;

/** The answer of the API itself, to compare the page with. */
export async function api(path, options = {}) {
    token ??= await (async () => {
        const answer = await fetch(new URL("/api/auth/login", URL_), { method: "POST",
            headers: { "Content-Type": "application/json" },
            body: JSON.stringify({ login: LOGIN, password: PASSWORD }) });
        return (await answer.json()).access_token;
    })();
    const answer = await fetch(new URL(path, URL_), { ...options,
        headers: { Authorization: `Bearer ${token}` } });
    const text = await answer.text();
    assert.ok(answer.ok, `${path}: ${answer.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
}

export const PANELS = { watch: "watch", summary: "total", market: "market", report: "report",
    "charts/portfolio": "chart" };
export const FIVE = "**/api/portfolio-manager/{watch,summary,market,report*,charts/portfolio*}";
