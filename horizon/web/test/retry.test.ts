import assert from "node:assert/strict";
import { test } from "node:test";
import { errorBody, kindOf } from "../src/api/errors.ts";
import { isBusy, nextTryMs, retryAfterMs, TRIES_MAX } from "../src/api/retry.ts";

test("Retry-After is seconds or a date", () => {
    const now = Date.parse("2026-11-24T10:00:00Z");
    assert.equal(retryAfterMs("2", now), 2000);
    assert.equal(retryAfterMs("Tue, 24 Nov 2026 10:00:03 GMT", now), 3000);
    assert.equal(retryAfterMs("Tue, 24 Nov 2026 09:00:00 GMT", now), 0);
    assert.equal(retryAfterMs(null, now), null);
    assert.equal(retryAfterMs("soon", now), null);
    assert.equal(retryAfterMs("", now), null);
});

test("the next try never comes before the server wants it", () => {
    for (const random of [0, 0.5, 0.999]) {
        assert.ok(nextTryMs(1, 2000, 10_000, random)! >= 2000);
    }
    assert.notEqual(nextTryMs(1, 2000, 10_000, 0), nextTryMs(1, 2000, 10_000, 0.9));
});

test("those who are told to come back at once are spread all the same", () => {
    assert.ok(nextTryMs(1, 0, 10_000, 0.9)! > 0);
});

test("without Retry-After the wait doubles", () => {
    assert.equal(nextTryMs(1, null, 10_000, 0), 500);
    assert.equal(nextTryMs(2, null, 10_000, 0), 1000);
});

test("there are few tries, and none that outlasts the limit", () => {
    assert.equal(nextTryMs(TRIES_MAX, 100, 10_000, 0), null);
    assert.equal(nextTryMs(1, 30_000, 10_000, 0), null);
    assert.equal(nextTryMs(1, 2000, 1500, 0), null);
});

test("only a busy server is asked again", () => {
    assert.deepEqual([200, 400, 401, 429, 500, 503, 504].filter(isBusy), [429, 503]);
    assert.equal(kindOf(503), "busy");
    assert.equal(kindOf(504), "slow");
    assert.equal(kindOf(409), "invalid");
    assert.equal(kindOf(500), "server");
});

test("the body of an error is read, whatever it is", () => {
    assert.deepEqual(errorBody('{"error":{"code":"pool_exhausted","message":"m","request_id":"r"}}'),
        { code: "pool_exhausted", message: "m", request_id: "r" });
    assert.deepEqual(errorBody("<!DOCTYPE html><title>Application error</title>"), {});
    assert.deepEqual(errorBody(""), {});
    assert.deepEqual(errorBody('{"error":"text"}'), {});
    assert.deepEqual(errorBody('{"error":{"code":7}}'), {});
    assert.deepEqual(errorBody("null"), {});
});
