// What the page computes itself from the server's series: pure functions of numbers.
//
// A series holds cumulative returns as fractions (0 at the base of its range, 0.1 is +10 %); null
// means that there is no figure for that day. Nothing here returns NaN or Infinity.
// Test: test/figures.test.ts, on the vectors of horizon/domain and on the example responses.

export type Series = (number | null)[];

/** The wealth index of a cumulative return: what 1 has become. */
function wealth(ratio: number): number {
    return 1 + ratio;
}

/**
 * The part [first, last] of a series as cumulative returns since its own beginning, which is the
 * first day in the part that has a figure: (1 + r) / (1 + r_first) - 1. A total loss leaves nothing
 * to compare with: null from there on.
 */
export function rebase(series: Series, first: number, last: number): Series {
    const part = series.slice(first, last + 1);
    const begin = part.find((ratio) => ratio !== null) ?? null;
    if (begin === null) {
        return part;
    }
    const base = wealth(begin);
    return part.map((ratio) => (ratio === null || base <= 0 ? null : wealth(ratio) / base - 1));
}

/**
 * How far each day is below the highest day before it: W / max(W) - 1, never positive. The base
 * of the range (W = 1) is the first peak, as in the report's maximum drawdown.
 */
export function drawdown(series: Series): Series {
    let peak = 1;
    return series.map((ratio) => {
        if (ratio === null) {
            return null;
        }
        peak = Math.max(peak, wealth(ratio));
        return wealth(ratio) / peak - 1;
    });
}

/** The lowest value of a series; null when it has none. */
export function lowest(series: Series): number | null {
    let found: number | null = null;
    for (const value of series) {
        if (value !== null && (found === null || value < found)) {
            found = value;
        }
    }
    return found;
}

/** The last figure of a series; null when it has none. */
export function latest(series: Series): number | null {
    for (let idx = series.length - 1; idx >= 0; idx -= 1) {
        const value = series[idx];
        if (value !== null && value !== undefined) {
            return value;
        }
    }
    return null;
}

/** a - b, null when either is missing. */
export function difference(a: number | null | undefined, b: number | null | undefined): number | null {
    return a === null || a === undefined || b === null || b === undefined ? null : a - b;
}

/** A row of a histogram: durations above `lower` and up to `upper` milliseconds; null: no limit. */
export interface Bucket {
    lower: number | null;
    upper: number | null;
    count: number;
}

/**
 * A histogram a person can read: without the empty buckets at its ends, and neighbours put together
 * until at most `rowsMax` rows are left. No count is lost.
 */
export function condense(uppers: (number | null)[], counts: number[], rowsMax: number): Bucket[] {
    const all = counts.map((count, nth): Bucket =>
        ({ lower: uppers[nth - 1] ?? null, upper: uppers[nth] ?? null, count }));
    const first = all.findIndex((bucket) => bucket.count > 0);
    if (first < 0) {
        return [];
    }
    const used = all.slice(first, all.findLastIndex((bucket) => bucket.count > 0) + 1);
    const size = Math.ceil(used.length / rowsMax);
    const rows: Bucket[] = [];
    for (let at = 0; at < used.length; at += size) {
        const group = used.slice(at, at + size);
        rows.push({ lower: group[0]!.lower, upper: group[group.length - 1]!.upper,
            count: group.reduce((sum, bucket) => sum + bucket.count, 0) });
    }
    return rows;
}

export type Period = "day" | "month" | "quarter" | "half" | "year";

/** The calendar period a date is in, as a text that changes when the period does. */
function periodOf(date: string, period: Period): string {
    const month = Number(date.slice(5, 7));
    switch (period) {
    case "day":
        return date;
    case "month":
        return date.slice(0, 7);
    case "quarter":
        return `${date.slice(0, 4)}q${Math.ceil(month / 3)}`;
    case "half":
        return `${date.slice(0, 4)}h${Math.ceil(month / 6)}`;
    case "year":
        return date.slice(0, 4);
    }
}

/**
 * Where the axis of trading days has its marks: at the first trading day of each period, with the
 * shortest period that needs at most `marksMax` marks. Days thin out evenly when there are few.
 */
export function axisMarks(dates: string[], marksMax: number): { period: Period; marks: number[] } {
    for (const period of ["month", "quarter", "half", "year"] as const) {
        const marks: number[] = [];
        for (let idx = 1; idx < dates.length; idx += 1) {
            if (periodOf(dates[idx]!, period) !== periodOf(dates[idx - 1]!, period)) {
                marks.push(idx);
            }
        }
        if (period === "month" && marks.length < 3) {
            return { period: "day", marks: evenMarks(dates.length, marksMax) };
        }
        if (marks.length <= marksMax || period === "year") {
            return { period, marks: thin(marks, marksMax) };
        }
    }
    return { period: "year", marks: [] };
}

function evenMarks(count: number, marksMax: number): number[] {
    const step = Math.max(1, Math.ceil(count / Math.max(1, marksMax)));
    const marks: number[] = [];
    for (let idx = Math.floor(step / 2); idx < count; idx += step) {
        marks.push(idx);
    }
    return marks;
}

function thin(marks: number[], marksMax: number): number[] {
    const step = Math.max(1, Math.ceil(marks.length / Math.max(1, marksMax)));
    return marks.filter((_, idx) => idx % step === 0);
}
