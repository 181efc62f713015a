// When a request may be tried again, and after how long. Pure; test: test/retry.test.ts.

/** Tries of one request, the first included. */
export const TRIES_MAX = 3;
/** Without Retry-After: half a second, then a second. */
const BACKOFF_MS = 500;
/** Up to this share is added at random, so that those who were refused together do not come back
 *  together. */
const JITTER = 0.5;

/** Retry-After in milliseconds: seconds or an HTTP date; null when there is none or it is no use. */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
    if (header === null || header.trim() === "") {
        return null;
    }
    if (/^\s*\d+\s*$/.test(header)) {
        return Number(header) * 1000;
    }
    const at = Date.parse(header);
    return Number.isNaN(at) ? null : Math.max(0, at - nowMs);
}

/** May be tried again: the server said that it is busy, not that the request is wrong. */
export function isBusy(status: number): boolean {
    return status === 429 || status === 503;
}

/**
 * Milliseconds until the next try after try number `tried` (1 is the first) was refused, or null:
 * give up, because there were enough tries or the wait would outlast `leftMs`. `random` is in [0, 1).
 */
export function nextTryMs(tried: number, afterMs: number | null, leftMs: number,
    random: number): number | null {
    if (tried >= TRIES_MAX) {
        return null;
    }
    const wait = (afterMs ?? BACKOFF_MS * 2 ** (tried - 1));
    const jittered = wait + Math.max(wait, BACKOFF_MS) * JITTER * random;
    return jittered >= leftMs ? null : jittered;
}
