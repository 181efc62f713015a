// The README's pictures of the page, as docs/images/*.png: `tests/web/run.py --pictures`.
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { ARGUMENTS, api, logIn, ready, URL_ } from "./lib/browser.mjs";

const FOLDER = new URL("../../docs/images/", import.meta.url).pathname;
const DESKTOP = { viewport: { width: 1280, height: 900 }, locale: "en-US" };
const PICTURES = {
    "page-light": { ...DESKTOP, colorScheme: "light" },
    "page-dark": { ...DESKTOP, colorScheme: "dark", path: "/?range=1y&mode=value" },
    "page-phone": { viewport: { width: 390, height: 844 }, deviceScaleFactor: 1.5, isMobile: true,
        hasTouch: true, colorScheme: "light", locale: "es-ES" },
    "page-operations": { ...DESKTOP, colorScheme: "dark", path: "/?view=operations", seconds: 20 },
};

/** Something to see in the operations view: page loads, a few at a time, until told to stop. */
async function load(isOver) {
    const paths = ["watch", "summary", "market", "report?range=max", "charts/portfolio?range=max"];
    while (!isOver()) {
        await Promise.all(paths.map((path) => api(`/api/portfolio-manager/${path}`)));
    }
}

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ARGUMENTS });
mkdirSync(FOLDER, { recursive: true });
for (const [name, { path, seconds = 0, ...options }] of Object.entries(PICTURES)) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    await page.goto(URL_);
    await logIn(page);
    await ready(page);
    if (path) {
        await page.goto(new URL(path, URL_).href);
    }
    let isOver = false;
    const loads = seconds ? Array.from({ length: 6 }, () => load(() => isOver)) : [];
    await page.waitForTimeout(500 + seconds * 1000);
    await page.screenshot({ path: `${FOLDER}${name}.png` });
    isOver = true;
    await Promise.all(loads);
    await context.close();
}
await browser.close();
