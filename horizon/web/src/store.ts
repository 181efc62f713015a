// The five answers of the portfolio view, each loaded on its own.
//
//     idle -> loading -> ready | failed        loading keeps the data it had, so that a panel
//                ^---------------'             can go on showing it, dimmed
//
// Always: a source has at most one request under way; a new one aborts it. All five have one
// data_version in the end: when nothing is under way and some have another one than the newest
// answer, these are loaded again, once for each version (a server that changes its mind with every
// answer must not be asked for ever).

import { ApiError } from "./api/errors.ts";
import { request } from "./api/client.ts";
import type { ActivityList, Envelope, Market, PortfolioChart, Report, Summary, Watch } from "./api/types.ts";
import { setCurrency } from "./i18n/index.ts";
import type { Range } from "./route.ts";

/** A quick answer shows no skeleton: it would only flicker. */
export const SKELETON_AFTER_MS = 200;
export const SLOW_AFTER_MS = 5000;

export type Phase = "idle" | "loading" | "ready" | "failed";

export class Source<T> {
    phase: Phase = "idle";
    data: T | null = null;
    error: ApiError | null = null;
    /** loading for longer than SKELETON_AFTER_MS, SLOW_AFTER_MS */
    isVisible = false;
    isSlow = false;
    /** the data_version for which it was loaded again */
    refetchedFor: string | null = null;

    private readonly path: () => string;
    private readonly onSettled: (source: Source<T>) => void;
    private readonly listeners = new Set<() => void>();
    private abort: AbortController | null = null;

    constructor(path: () => string, onSettled: (source: Source<T>) => void = () => undefined) {
        this.path = path;
        this.onSettled = onSettled;
    }

    /** `listener` is called after each change, until the returned function is called. */
    subscribe(listener: () => void): () => void {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    }

    async load(): Promise<void> {
        this.abort?.abort();
        const abort = new AbortController();
        this.abort = abort;
        this.phase = "loading";
        this.error = null;
        this.isVisible = this.isSlow = false;
        const timers = [
            setTimeout(() => this.change(() => { this.isVisible = true; }), SKELETON_AFTER_MS),
            setTimeout(() => this.change(() => { this.isSlow = true; }), SLOW_AFTER_MS),
        ];
        this.change(() => undefined);
        try {
            const data = await request<T>(this.path(), { signal: abort.signal });
            if (this.abort === abort) {
                this.settle("ready", data, null);
            }
        } catch (error) {
            if (this.abort === abort) {
                this.settle("failed", this.data, asApiError(error));
            }
        } finally {
            timers.forEach(clearTimeout);
        }
    }

    /** Forgets everything: somebody else may log in. */
    clear(): void {
        this.abort?.abort();
        this.abort = null;
        this.refetchedFor = null;
        this.settle("idle", null, null);
    }

    private settle(phase: Phase, data: T | null, error: ApiError | null): void {
        this.change(() => {
            this.phase = phase;
            this.data = data;
            this.error = error;
            this.isVisible = this.isSlow = false;
        });
        this.onSettled(this);
    }

    private change(how: () => void): void {
        how();
        for (const listener of [...this.listeners]) {
            listener();
        }
    }
}

function asApiError(error: unknown): ApiError {
    return error instanceof ApiError ? error : new ApiError("garbled");
}

/** What the five have in common, whatever they answer. */
type Loadable = Pick<Source<unknown>, "phase" | "error" | "isVisible" | "isSlow" | "refetchedFor" | "load"
    | "clear" | "subscribe">
    & { readonly data: Envelope | null };

const API = "/api/portfolio-manager";

export class Store {
    readonly watch = new Source<Watch>(() => `${API}/watch`, (source) => this.reconcile(source));
    readonly summary = new Source<Summary>(() => `${API}/summary`, (source) => this.reconcile(source));
    readonly market = new Source<Market>(() => `${API}/market`, (source) => this.reconcile(source));
    readonly report = new Source<Report>(() => `${API}/report?range=${this.range}`,
        (source) => this.reconcile(source));
    readonly chart = new Source<PortfolioChart>(() => `${API}/charts/portfolio?range=${this.range}`,
        (source) => this.reconcile(source));
    /** Belongs to another view and has no data_version: loaded when that view is shown. */
    readonly activities = new Source<ActivityList>(() => `${API}/activities?limit=100`);

    range: Range;
    /** called when the base currency turns out to be another one */
    onCurrency: () => void = () => undefined;

    constructor(range: Range) {
        this.range = range;
    }

    get sources(): Loadable[] {
        return [this.watch, this.summary, this.market, this.report, this.chart];
    }

    loadAll(): void {
        for (const source of this.sources) {
            void source.load();
        }
    }

    /** Loads what has not been loaded, or has failed for want of a session. */
    loadMissing(): void {
        for (const source of this.sources) {
            if (source.phase === "idle" || source.error?.kind === "session") {
                void source.load();
            }
        }
    }

    setRange(range: Range): void {
        if (range !== this.range) {
            this.range = range;
            void this.report.load();
            void this.chart.load();
        }
    }

    clear(): void {
        for (const source of this.sources) {
            source.clear();
        }
        this.activities.clear();
    }

    /** Once nothing is under way, what is older than the newest answer is loaded again. */
    private reconcile(arrived: { data: Envelope | null }): void {
        if (arrived.data !== null && setCurrency(arrived.data.base_currency)) {
            this.onCurrency();
        }
        const known = this.sources.filter((source) => source.phase === "ready" && source.data !== null);
        if (known.length === 0 || this.sources.some((source) => source.phase === "loading")) {
            return;
        }
        const newest = known.reduce((one, other) => (other.data!.generated_at > one.data!.generated_at
            ? other : one)).data!.data_version;
        for (const source of known) {
            if (source.data!.data_version !== newest && source.refetchedFor !== newest) {
                source.refetchedFor = newest;
                void source.load();
            }
        }
    }
}
