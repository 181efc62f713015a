// What went wrong with a request, in the page's own words: a kind that the texts of each language
// know, and the server's code and request id where it sent them.

export type Kind =
    | "network" // no answer at all
    | "timeout" // no answer within the page's own limit
    | "session" // 401 that a refresh did not cure: the login is shown
    | "credentials" // 401 of the login itself
    | "forbidden"
    | "busy" // 429, 503
    | "slow" // 504: the server gave up on its database
    | "invalid" // 400, 404, 409, 415, 422: the request was wrong, the server says how
    | "server" // any other status
    | "garbled"; // 200, but no JSON

export class ApiError extends Error {
    readonly kind: Kind;
    readonly status: number;
    readonly code: string | null;
    readonly requestId: string | null;
    readonly field: string | null;
    /** the server's own sentence, in English; null when it sent none (an HTML page of a router) */
    readonly serverMessage: string | null;
    readonly retryAfterMs: number | null;

    constructor(kind: Kind, status = 0, body: ErrorBody = {}, retryAfterMs: number | null = null) {
        super(body.message ?? kind);
        this.kind = kind;
        this.status = status;
        this.code = body.code ?? null;
        this.requestId = body.request_id ?? null;
        this.field = body.field ?? null;
        this.serverMessage = body.message ?? null;
        this.retryAfterMs = retryAfterMs;
    }
}

export interface ErrorBody {
    code?: string;
    message?: string;
    request_id?: string;
    field?: string;
}

export function kindOf(status: number): Kind {
    switch (status) {
    case 401:
        return "session";
    case 403:
        return "forbidden";
    case 429:
    case 503:
        return "busy";
    case 504:
        return "slow";
    default:
        return status >= 400 && status < 500 ? "invalid" : "server";
    }
}

/** The `error` object of a body, whatever the body is: a router's HTML page gives {}. */
export function errorBody(text: string): ErrorBody {
    let parsed: unknown;
    try {
        parsed = JSON.parse(text);
    } catch {
        return {};
    }
    const found = typeof parsed === "object" && parsed !== null ? (parsed as { error?: unknown }).error
        : null;
    if (typeof found !== "object" || found === null) {
        return {};
    }
    const body: ErrorBody = {};
    for (const name of ["code", "message", "request_id", "field"] as const) {
        const value = (found as Record<string, unknown>)[name];
        if (typeof value === "string") {
            body[name] = value;
        }
    }
    return body;
}
