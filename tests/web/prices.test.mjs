// What the page shows where prices are missing: an asset without a price of the last day, an index
// that begins after the portfolio. A person of this file's own, whose prices come by `horizon import`.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { expectText, logIn, ready, URL_, useBrowser } from "./lib/browser.mjs";

const world = useBrowser();
const OWNER = "owner";
const folder = mkdtempSync(join(tmpdir(), "horizon-prices-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function horizon(...verb) {
    execFileSync(process.env.HORIZON_BIN, verb, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
}

function file(name, lines) {
    const path = join(folder, name);
    writeFileSync(path, `${lines.join("\n")}\n`);
    return path;
}

function learn(symbol, closes) {
    const rows = Object.entries(closes).map(([day, close]) => `2018-05-${day},${close}`);
    horizon("import", "prices", "--user", OWNER, "--symbol", symbol,
        file("prices.csv", ["Date,Close", ...rows]));
}

before(() => {
    horizon("user", "add", OWNER, "--password-file", file("password", [process.env.HORIZON_PASSWORD]));
    learn("AAPL", { "07": 100, "08": 110, "09": 99, 10: 108.9 });
    learn("IBM", { "07": 100, "08": 110, "09": 99, 10: 108.9, 11: 98.01 });
    learn("^SPX", { "09": 2000, 10: 2100, 11: 2058 });
    horizon("import", "activities", "--user", OWNER, file("activities.csv", [
        "date,type,symbol,quantity,price,amount", "2018-05-07,DEPOSIT,,,,2000",
        "2018-05-07,BUY,IBM,10,100,", "2018-05-07,BUY,AAPL,10,100,"]));
});

async function open() {
    const page = await world.open({ isLoggedIn: false });
    await page.goto(URL_);
    await logIn(page, OWNER);
    await ready(page);
    return page;
}

/** Whether a canvas has a pixel of the colour that a CSS variable names. */
function isDrawn(page, variable) {
    return page.$eval("[data-test=chart] canvas", (canvas, name) => {
        const paint = document.createElement("canvas").getContext("2d");
        paint.fillStyle = getComputedStyle(canvas).getPropertyValue(name);
        paint.fillRect(0, 0, 1, 1);
        const [red, green, blue] = paint.getImageData(0, 0, 1, 1).data;
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        for (let at = 0; at < data.length; at += 4) {
            if (data[at] === red && data[at + 1] === green && data[at + 2] === blue && data[at + 3] === 255) {
                return true;
            }
        }
        return false;
    }, variable);
}

test("an asset without a price of the last day says so, and of when its price is", async () => {
    const page = await open();
    const tag = page.locator("[data-test=asset-AAPL] .tag.is-warning");
    assert.equal(await tag.textContent(), "old price");
    assert.match(await tag.getAttribute("title"), /last price is of .*May 10, 2018/);
    await expectText(page, "[data-test=asset-AAPL] .card-number", "108.90");
    await expectText(page, "[data-test=asset-IBM] .card-number", "98.01");
    assert.equal(await page.locator("[data-test=asset-IBM] .tag.is-warning").count(), 0);
});

test("an index that begins after the portfolio is drawn from its first day on", async () => {
    const page = await open();
    await expectText(page, "[data-test=headline]", "S&P 500 ▲+2.90%");
    assert.ok(await isDrawn(page, "--line-benchmark"));
    await page.locator("[data-test=as-table]").click();
    const rows = page.locator("[data-test=chart-table] tbody tr");
    const index = await rows.evaluateAll((all) => all.map((row) =>
        `${row.querySelector("time").dateTime} ${row.cells[3].textContent}`));
    assert.deepEqual(index, ["2018-05-11 ▲+2.90%", "2018-05-10 ▲+5.00%", "2018-05-09 ■0.00%",
        "2018-05-08 –", "2018-05-07 –"]);
});
