// The README's pictures of the page, as docs/images/*.png: `tests/web/run.py --pictures [NAME...]`.
// Nothing in them is made up: what fails there has really failed.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { ARGUMENTS, api, logIn, ready, URL_ } from "./lib/browser.mjs";
import { Service } from "./lib/service.mjs";

const FOLDER = new URL("../../docs/images/", import.meta.url).pathname;
const DESKTOP = { viewport: { width: 1280, height: 900 }, locale: "en-US" };
const WINDOW = { viewport: { width: 900, height: 640 }, locale: "en-US" };
const LOAD_S = 20; // the operations view shows a minute; a third of it is a picture
const SETTLE_MS = 500;

async function logInAt(page, url = URL_) {
    await page.goto(url);
    await logIn(page);
    await ready(page);
}

/** Shows an address once somebody is logged in. */
const at = (path) => async (page) => {
    await logInAt(page);
    await page.goto(new URL(path, URL_).href);
};

/** Page loads, a few at a time, until told to stop. */
async function load(isOver) {
    const paths = ["watch", "summary", "market", "report?range=max", "charts/portfolio?range=max"];
    while (!isOver()) {
        await Promise.all(paths.map((path) => api(`/api/portfolio-manager/${path}`)));
    }
}

async function operations(page) {
    await at("/?view=operations")(page);
    let isOver = false;
    const loads = Array.from({ length: 6 }, () => load(() => isOver));
    await page.waitForTimeout(LOAD_S * 1000);
    return async () => {
        isOver = true;
        await Promise.all(loads);
    };
}

/** Nobody reads the tables of the chart and of the report: two panels wait, the others do not. */
async function slow(page) {
    const service = new Service({ HORIZON_QUERY_TIMEOUT_MS: "13000" });
    await service.start();
    await page.goto(service.url);
    const lock = spawn("psql", ["-X", "-q", process.env.DATABASE_URL],
        { stdio: ["pipe", "pipe", "inherit"] });
    lock.stdin.write("BEGIN; LOCK TABLE charts, figures; \\echo locked\n");
    await new Promise((resolve) => lock.stdout.once("data", resolve));
    await logIn(page);
    await page.waitForSelector(".panel-chart .slow-note");
    await page.waitForSelector("[data-test=total]");
    return async () => {
        lock.stdin.end("ROLLBACK;\n");
        await service.stop();
    };
}

/** The service ends while somebody looks at the page and asks for another period. */
async function down(page) {
    const service = new Service();
    await service.start();
    await logInAt(page, service.url);
    await service.stop();
    await page.locator("[data-test=range-1y]").check({ force: true });
    await page.waitForSelector(".panel-chart [role=alert]");
}

/** A service that starts anew without HORIZON_JWT_SECRET does not know the tokens it gave. */
async function expired(page) {
    const service = new Service();
    await service.start();
    await logInAt(page, service.url);
    await service.stop();
    await service.start();
    await page.reload();
    await page.waitForSelector("[data-test=login]");
    return () => service.stop();
}

/** What is shown; `show` makes it and may return what is to be done afterwards. */
const PICTURES = {
    "page-light": { ...DESKTOP, colorScheme: "light", show: at("/") },
    "page-dark": { ...DESKTOP, colorScheme: "dark", show: at("/?range=1y&mode=value") },
    "page-phone": { viewport: { width: 390, height: 844 }, deviceScaleFactor: 1.5, isMobile: true,
        hasTouch: true, colorScheme: "light", locale: "es-ES", show: at("/") },
    "page-operations": { ...DESKTOP, colorScheme: "dark", show: operations },
    "page-login": { ...WINDOW, colorScheme: "light", show: (page) => page.goto(URL_) },
    "page-expired": { ...WINDOW, colorScheme: "dark", show: expired },
    "page-slow": { ...DESKTOP, colorScheme: "light", show: slow },
    "page-down": { ...DESKTOP, colorScheme: "dark", show: down },
};

const names = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ARGUMENTS });
mkdirSync(FOLDER, { recursive: true });
for (const name of names.length > 0 ? names : Object.keys(PICTURES)) {
    const { show, ...options } = PICTURES[name];
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const finish = await show(page);
    await page.waitForTimeout(SETTLE_MS);
    await page.screenshot({ path: `${FOLDER}${name}.png` });
    if (typeof finish === "function") {
        await finish();
    }
    await context.close();
}
await browser.close();
