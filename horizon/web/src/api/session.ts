// Who is logged in. The tokens live in the tab's sessionStorage: a reload keeps them, a closed tab
// forgets them, and no other site can read them.
//
// Always: at most one refresh is under way; all requests that found their token expired wait for
// that one. A refresh that the server refuses ends the session once, however many requests asked.

import { ApiError, errorBody, kindOf } from "./errors.ts";

export interface Tokens {
    access: string;
    refresh: string;
    login: string;
}

interface TokenAnswer {
    access_token: string;
    refresh_token: string;
    user: { login: string };
}

const KEY = "horizon.session";
const LOGIN_MS_MAX = 15_000;

let tokens: Tokens | null = read();
let refreshing: Promise<boolean> | null = null;
let onEnd: () => void = () => undefined;

function read(): Tokens | null {
    try {
        const found = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Tokens | null;
        return found && typeof found.access === "string" && typeof found.refresh === "string" ? found
            : null;
    } catch {
        return null;
    }
}

function keep(next: Tokens | null): void {
    tokens = next;
    try {
        if (next === null) {
            sessionStorage.removeItem(KEY);
        } else {
            sessionStorage.setItem(KEY, JSON.stringify(next));
        }
    } catch {
        // Storage is switched off: the session lasts as long as the page.
    }
}

export function currentTokens(): Tokens | null {
    return tokens;
}

/** `listener` is called when a session ends that the person did not end. */
export function onSessionEnd(listener: () => void): void {
    onEnd = listener;
}

/** Posts to a path of /api/auth and keeps the tokens it answers with. */
async function obtain(path: string, body: object): Promise<void> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), LOGIN_MS_MAX);
    let response: Response;
    let text: string;
    try {
        response = await fetch(path, {
            method: "POST", headers: { "Content-Type": "application/json" },
            body: JSON.stringify(body), signal: abort.signal, cache: "no-store",
        });
        text = await response.text();
    } catch {
        throw new ApiError(abort.signal.aborted ? "timeout" : "network");
    } finally {
        clearTimeout(timer);
    }
    if (!response.ok) {
        const kind = response.status === 401 ? "credentials" : kindOf(response.status);
        throw new ApiError(kind, response.status, errorBody(text));
    }
    const answer = parseTokens(text);
    if (answer === null) {
        throw new ApiError("garbled", response.status);
    }
    keep({ access: answer.access_token, refresh: answer.refresh_token, login: answer.user.login });
}

function parseTokens(text: string): TokenAnswer | null {
    try {
        const found = JSON.parse(text) as TokenAnswer;
        return typeof found.access_token === "string" && typeof found.refresh_token === "string"
            && typeof found.user.login === "string" ? found : null;
    } catch {
        return null;
    }
}

export function logIn(login: string, password: string): Promise<void> {
    return obtain("/api/auth/login", { login, password });
}

export function logOut(): void {
    keep(null);
}

/**
 * Called when `used`, the access token of a request, was refused: whether there is another one now.
 * false: the session has ended. A server that cannot be reached throws, the session stays.
 */
export function renew(used: string): Promise<boolean> {
    if (tokens === null) {
        return Promise.resolve(false);
    }
    if (tokens.access !== used) {
        return Promise.resolve(true); // somebody else has renewed it already
    }
    refreshing ??= refresh(tokens.refresh).finally(() => {
        refreshing = null;
    });
    return refreshing;
}

async function refresh(token: string): Promise<boolean> {
    try {
        await obtain("/api/auth/refresh", { refresh_token: token });
        return true;
    } catch (error) {
        if (error instanceof ApiError && ["credentials", "invalid"].includes(error.kind)) {
            end();
            return false;
        }
        throw error;
    }
}

/** The session is over, and not because the person wanted it. Says so once. */
export function end(): void {
    if (tokens !== null) {
        keep(null);
        onEnd();
    }
}
