// What a person sees and does on the portfolio view, against the real service.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
    api, expectText, LOGIN, logIn, money, percent, ready, until, URL_, useBrowser,
} from "./lib/browser.mjs";

const world = useBrowser();
const last = (series) => series[series.length - 1];
const chartOf = (range) => api(`/api/portfolio-manager/charts/portfolio?range=${range}`);

/** Whether a canvas shows anything: the number of different colours in it. */
function colours(page, selector) {
    return page.$eval(`${selector} canvas`, (canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const seen = new Set();
        for (let at = 0; at < data.length; at += 4) {
            seen.add((data[at] << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3]);
        }
        return seen.size;
    });
}

test("after the login there are four assets and the chart against the S&P 500", async () => {
    const page = await world.open({ isLoggedIn: false });
    await page.goto(URL_);
    assert.match(await page.title(), /Log in/);
    await logIn(page);
    await ready(page);
    const [summary, chart] = [await api("/api/portfolio-manager/summary"), await chartOf("max")];
    assert.equal(await page.textContent("[data-test=total]"), money(summary.total_value));
    for (const symbol of ["AAPL", "AMZN", "GOOG", "IBM"]) {
        const card = page.locator(`[data-test=asset-${symbol}]`);
        const held = summary.positions.find((one) => one.symbol === symbol);
        await card.locator(".sparkline-line").waitFor({ state: "attached" });
        await expectText(page, `[data-test=asset-${symbol}]`, money(held.market_value));
    }
    const headline = await page.textContent("[data-test=headline]");
    assert.ok(headline.includes(percent(last(chart.portfolio))), headline);
    assert.ok(headline.includes(percent(last(chart.benchmark_series))), headline);
    assert.ok(headline.includes("S&P 500"), headline);
    assert.ok(await colours(page, "[data-test=chart]") > 10);
    assert.match(await page.getAttribute("[data-test=chart]", "aria-label"), /Portfolio \+.*S&P 500 \+/);
    assert.match(await page.title(), /Portfolio/);
});

test("the same return stands in the chart, the summary and the report", async () => {
    const page = await world.open();
    const headline = await page.textContent("[data-test=headline]");
    const [shown] = headline.match(/[+−][\d,.]+%/);
    assert.ok((await page.textContent(".panel-total .figures")).includes(shown));
    assert.ok((await page.textContent(".report-table tbody tr:first-child")).includes(shown));
});

test("another period changes the chart, the report and the address, and survives a reload", async () => {
    const page = await world.open();
    const chart = await chartOf("1y");
    await page.locator("[data-test=range-1y]").check({ force: true });
    await expectText(page, "[data-test=headline]", percent(last(chart.portfolio)));
    await expectText(page, ".report-table caption", "1 year");
    assert.equal(new URL(page.url()).searchParams.get("range"), "1y");
    await page.reload();
    await ready(page);
    assert.ok(await page.isChecked("[data-test=range-1y]"));
    await expectText(page, "[data-test=headline]", percent(last(chart.portfolio)));
});

test("every period shows the figures that the service gives for it", async () => {
    const page = await world.open();
    for (const range of ["1m", "6m", "ytd", "5y", "max"]) {
        const chart = await chartOf(range);
        await page.locator(`[data-test=range-${range}]`).check({ force: true });
        await expectText(page, "[data-test=headline]", percent(last(chart.portfolio)));
        await expectText(page, "[data-test=headline]", percent(last(chart.benchmark_series)));
    }
});

test("the chart shows the value instead of the return", async () => {
    const page = await world.open();
    const before = await page.getAttribute("[data-test=chart]", "aria-label");
    await page.locator("[data-test=mode-value]").check({ force: true });
    const chart = await chartOf("max");
    const label = await page.waitForFunction((text) => {
        const { ariaLabel } = document.querySelector("[data-test=chart]");
        return ariaLabel !== text && ariaLabel;
    }, before);
    assert.ok((await label.jsonValue()).includes(money(last(chart.value))));
    assert.equal(new URL(page.url()).searchParams.get("mode"), "value");
    assert.ok(await colours(page, "[data-test=chart]") > 10);
});

test("the crosshair reads the day under the pointer", async () => {
    const page = await world.open();
    const chart = await chartOf("max");
    await expectText(page, ".readout", money(last(chart.value)));
    const area = page.locator("[data-test=chart] .u-over");
    await area.hover({ position: { x: 1, y: 60 } });
    await expectText(page, ".readout", money(chart.value[0]));
    await page.mouse.move(5, 5);
    await expectText(page, ".readout", money(last(chart.value)));
});

test("a dragged part begins at 0 % on both lines, and the whole period comes back", async () => {
    const page = await world.open();
    const chart = await chartOf("max");
    const box = await page.locator("[data-test=chart] .u-over").boundingBox();
    await page.mouse.move(box.x + box.width / 4, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + 60, { steps: 4 });
    await page.mouse.up();
    await page.waitForSelector("[data-test=whole]");
    await page.locator("[data-test=as-table]").click();
    const rows = page.locator("[data-test=chart-table] tbody tr");
    const begin = await rows.last().locator("time").getAttribute("datetime");
    const end = await rows.first().locator("time").getAttribute("datetime");
    const [first, until] = [chart.dates.indexOf(begin), chart.dates.indexOf(end)];
    assert.ok(Math.abs(first / chart.dates.length - 0.25) < 0.02, begin);
    const since = (series) => (1 + series[until]) / (1 + series[first]) - 1;
    const headline = await page.textContent("[data-test=headline]");
    assert.ok(headline.includes(percent(since(chart.portfolio))), headline);
    assert.ok(headline.includes(percent(since(chart.benchmark_series))), headline);
    assert.ok((await rows.last().textContent()).includes("0.00%"));
    await page.locator("[data-test=whole]").click();
    await expectText(page, "[data-test=headline]", percent(last(chart.portfolio)));
});

test("the table behind the chart has the chart's figures", async () => {
    const page = await world.open();
    await page.locator("[data-test=range-1m]").check({ force: true });
    const chart = await chartOf("1m");
    await expectText(page, "[data-test=headline]", percent(last(chart.portfolio)));
    await page.locator("[data-test=as-table]").click();
    const rows = page.locator("[data-test=chart-table] tbody tr");
    assert.equal(await rows.count(), chart.dates.length);
    const newest = await rows.first().textContent();
    for (const text of [money(last(chart.value)), percent(last(chart.portfolio)),
        percent(last(chart.benchmark_series))]) {
        assert.ok(newest.includes(text), `${newest} has no ${text}`);
    }
    assert.equal(await page.locator("[data-test=chart-table] th[scope=col]").count(), 5);
    await page.locator("[data-test=as-table]").click();
    await page.waitForSelector("[data-test=chart] canvas");
});

test("allocation and cash add up to all there is", async () => {
    const page = await world.open();
    const shares = await page.locator(".bar-share").allTextContents();
    assert.equal(shares.length, 5);
    const sum = shares.reduce((total, text) => total + parseFloat(text), 0);
    assert.ok(Math.abs(sum - 100) < 0.3, shares.join(" "));
});

test("the page is Spanish when the browser asks for Spanish, and English again when told so", async () => {
    const page = await world.open({ locale: "es-ES" });
    assert.equal(await page.getAttribute("html", "lang"), "es");
    await expectText(page, ".panel-total h2", "Valor total");
    await expectText(page, "[data-test=headline]", /\+\d+,\d\d\s%/);
    await page.selectOption("[data-test=language]", "en");
    await expectText(page, ".panel-total h2", "Total value");
    assert.equal(await page.getAttribute("html", "lang"), "en");
    await page.reload();
    await expectText(page, ".panel-total h2", "Total value");
    await page.selectOption("[data-test=language]", "es");
    await expectText(page, ".panel-report h2", "Informe");
    await ready(page);
});

test("dark is what the system says until the person says otherwise, and charts are drawn anew", async () => {
    const page = await world.open({ colorScheme: "dark" });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const picture = () => page.$eval("[data-test=chart] canvas", (canvas) => canvas.toDataURL());
    const changes = (condition, what) => until(condition, () => page.waitForTimeout(20), what);
    const [dark, darkPicture] = [await ground(), await picture()];
    await page.emulateMedia({ colorScheme: "light" });
    await changes(async () => (await ground()) !== dark && (await picture()) !== darkPicture, "light");
    await page.selectOption("[data-test=theme]", "dark");
    await changes(async () => (await ground()) === dark && (await picture()) === darkPicture, "dark");
    await page.reload();
    assert.equal(await ground(), dark);
});

test("log out forgets the session, also after going back", async () => {
    const page = await world.open();
    await page.click("[data-test=logout]");
    await page.waitForSelector("[data-test=login]");
    await page.reload();
    await page.waitForSelector("[data-test=login]");
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    assert.equal(await page.locator("[data-test=total]").count(), 0);
});

test("a wrong password is told as such, without leaving the form", async () => {
    const page = await world.open({ isLoggedIn: false, mayFail: true });
    await page.goto(URL_);
    await page.click("[data-test=login] button");
    await expectText(page, "[data-test=login] [role=alert]", "Enter your login.");
    await logIn(page, LOGIN, "certainly wrong");
    await expectText(page, "[data-test=login] [role=alert]", "Login or password is wrong.");
    assert.equal(await page.evaluate(() => document.activeElement.name), "password");
    assert.equal(await page.inputValue("[name=username]"), LOGIN);
});

test("views are steps of the browser's history", async () => {
    const page = await world.open();
    await page.click("[data-test=view-activities]");
    await page.waitForSelector("[data-test=activities]");
    assert.match(page.url(), /view=activities/);
    await page.goBack();
    await page.waitForSelector("[data-test=headline]");
    await page.goForward();
    await page.waitForSelector("[data-test=activities]");
});

test("the page is served with a policy that allows no inline code", async () => {
    const answer = await fetch(URL_);
    const policy = answer.headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src|script-src/);
    assert.doesNotMatch(policy, /unsafe/);
    const html = await answer.text();
    assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/i);
});
