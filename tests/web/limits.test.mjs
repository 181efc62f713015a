// A database that grants fewer connections than were asked for: the operations view says so in the
// page's language, with the numbers of all processes, and shows the limits the server named.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { expectText, logIn, ready, useBrowser } from "./lib/browser.mjs";
import { Service } from "./lib/service.mjs";

const world = useBrowser();
const service = new Service({ HORIZON_POOL_SIZE: "400", HORIZON_MAX_OVERFLOW: "10" });
after(() => service.stop());

const answered = (page) => page.waitForResponse(async (response) =>
    response.url().endsWith("/api/operations") && response.ok() && (await response.json()).granted !== null);
const fact = (page, name) => page.locator(".facts div", { has: page.locator(`dt:text-is("${name}")`) })
    .locator("dd").textContent();

test("what the database grants is told in the language of the page, and changes with it", async () => {
    await service.start();
    const page = await world.open({ isLoggedIn: false, locale: "es-ES" });
    await page.goto(service.url);
    await logIn(page);
    await ready(page);
    const answer = answered(page);
    await page.goto(`${service.url}?view=operations`);
    const { asked_for: asked, granted, using_all: using, pool } = await (await answer).json();
    assert.equal(asked, 410);
    assert.ok(granted <= 97 && granted > using && using > 0, `${granted} granted, ${using} used`);
    await expectText(page, ".operations-body .notice", `Pedidas ${asked} conexiones, la base de datos ` +
        `concede ${granted}: se usan ${using}, el resto espera.`);
    assert.equal(pool.server_max, 97);
    assert.equal(await fact(page, "El servidor acepta como mucho"), "97");
    assert.equal(await fact(page, "Pedidas / usadas"), `${asked} / ${using}`);
    await page.selectOption("[data-test=language]", "en");
    await expectText(page, ".operations-body .notice", `Asked for ${asked} connections, the database ` +
        `grants ${granted}: using ${using}, the rest waits in line.`);
    assert.equal(await fact(page, "The server accepts at most"), "97");
});
