// One request to horizon: bearer token, limit of time, a few tries when the server is busy, one
// renewal of the token, and an ApiError for everything that can go wrong, HTML bodies included.
//
// The limit covers everything: all tries and the waits between them.

import { ApiError, errorBody, kindOf } from "./errors.ts";
import { isBusy, nextTryMs, retryAfterMs } from "./retry.ts";
import * as session from "./session.ts";

/** After this a person is better served by an error with a button than by a skeleton. */
export const REQUEST_MS_MAX = 10_000;

export interface Request {
    method?: "GET" | "POST" | "DELETE";
    body?: object;
    /** aborts from outside: the answer is not wanted any more */
    signal?: AbortSignal;
}

/** The answer's JSON; null for 204. */
export async function request<T>(path: string, options: Request = {}): Promise<T> {
    const abort = new AbortController();
    const begin = Date.now();
    const timer = setTimeout(() => abort.abort(), REQUEST_MS_MAX);
    const stop = () => abort.abort();
    options.signal?.addEventListener("abort", stop);
    try {
        return await attempt<T>(path, options, abort.signal, begin);
    } finally {
        clearTimeout(timer);
        options.signal?.removeEventListener("abort", stop);
    }
}

async function attempt<T>(path: string, options: Request, signal: AbortSignal,
    begin: number): Promise<T> {
    let isRenewed = false;
    for (let tried = 1; ; tried += 1) {
        const token = session.currentTokens()?.access ?? "";
        const { response, text } = await send(path, options, token, signal);
        if (response.ok) {
            return parse<T>(response.status, text);
        }
        const body = errorBody(text);
        if (response.status === 401 && !isRenewed) {
            isRenewed = true;
            if (await session.renew(token)) {
                continue;
            }
            throw new ApiError("session", 401, body);
        }
        if (response.status === 401) {
            session.end();
            throw new ApiError("session", 401, body);
        }
        const now = Date.now();
        const after = retryAfterMs(response.headers.get("Retry-After"), now);
        const left = begin + REQUEST_MS_MAX - now;
        const wait = isBusy(response.status) && isRepeatable(options)
            ? nextTryMs(tried, after, left, Math.random()) : null;
        if (wait === null) {
            throw new ApiError(kindOf(response.status), response.status, body, after);
        }
        await pause(wait, signal);
    }
}

/** A change is not sent twice by itself: the first may have been carried out. */
function isRepeatable(options: Request): boolean {
    return (options.method ?? "GET") === "GET";
}

async function send(path: string, options: Request, token: string,
    signal: AbortSignal): Promise<{ response: Response; text: string }> {
    const headers: Record<string, string> = { Authorization: `Bearer ${token}`,
        Accept: "application/json" };
    const init: RequestInit = { method: options.method ?? "GET", headers, signal };
    if (options.body !== undefined) {
        headers["Content-Type"] = "application/json";
        init.body = JSON.stringify(options.body);
    }
    try {
        const response = await fetch(path, init);
        return { response, text: await response.text() };
    } catch {
        throw new ApiError(signal.aborted ? "timeout" : "network");
    }
}

function parse<T>(status: number, text: string): T {
    if (status === 204 || text === "") {
        return null as T;
    }
    try {
        return JSON.parse(text) as T;
    } catch {
        throw new ApiError("garbled", status);
    }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, ms);
        signal.addEventListener("abort", () => {
            clearTimeout(timer);
            reject(new ApiError("timeout"));
        }, { once: true });
    });
}
