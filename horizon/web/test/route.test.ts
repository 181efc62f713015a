import assert from "node:assert/strict";
import { test } from "node:test";
import { modes, parseRoute, ranges, showRoute, views } from "../src/route.ts";

test("every address leads back to itself", () => {
    for (const view of views) {
        for (const range of ranges) {
            for (const mode of modes) {
                const route = { view, range, mode };
                assert.deepEqual(parseRoute(showRoute(route).slice(1)), route);
            }
        }
    }
});

test("what is unknown is the default", () => {
    const home = { view: "portfolio", range: "max", mode: "return" };
    assert.deepEqual(parseRoute("?range=10y&view=../../etc&mode="), home);
    assert.deepEqual(parseRoute(""), home);
    assert.equal(showRoute(parseRoute("")), "/");
});
