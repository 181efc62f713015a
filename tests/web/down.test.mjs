// The service is really gone, and comes back: with its secret (tokens stay good) and without (every
// token is refused, as if all had expired).
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { expectText, logIn, PANELS, ready, useBrowser } from "./lib/browser.mjs";
import { Service } from "./lib/service.mjs";

const world = useBrowser();
const services = [];
after(() => Promise.all(services.map((one) => one.stop())));

async function openOn(service) {
    services.push(service);
    await service.start();
    const page = await world.open({ isLoggedIn: false, mayFail: true });
    await page.goto(service.url);
    await logIn(page);
    await ready(page);
    return page;
}

test("a service that is down spoils no panel that has data, and each comes back by its button", async () => {
    const service = new Service({ HORIZON_JWT_SECRET: "a secret of the tests, thirty-two bytes" });
    const page = await openOn(service);
    await service.stop();
    await page.locator("[data-test=range-1y]").check({ force: true });
    for (const panel of ["chart", "report"]) {
        await expectText(page, `.panel-${panel} [role=alert]`, "No connection to the server");
        await expectText(page, `.panel-${panel} [role=alert]`, "What you see below was loaded before.");
        await page.waitForSelector(`.panel-${panel} table, .panel-${panel} canvas`);
    }
    assert.equal(await page.locator(".panel-total .panel-error").count(), 0);
    await service.start();
    for (const panel of ["chart", "report"]) {
        await page.click(`.panel-${panel} .panel-error button`);
    }
    await ready(page);
    await expectText(page, ".report-table caption", "1 year");
    assert.equal(await page.locator(".panel-error").count(), 0);
});

test("tokens that the service no longer knows lead to one login, and back", async () => {
    const service = new Service();
    const page = await openOn(service);
    await page.locator("[data-test=range-6m]").check({ force: true });
    await ready(page);
    await service.stop();
    await service.start();
    await page.reload();
    await page.waitForSelector("[data-test=login]");
    await expectText(page, ".login [role=status]", "Your session has ended");
    await logIn(page);
    await ready(page);
    assert.ok(await page.isChecked("[data-test=range-6m]"));
    for (const panel of Object.values(PANELS)) {
        assert.equal(await page.locator(`.panel-${panel} .panel-error`).count(), 0, panel);
    }
});
