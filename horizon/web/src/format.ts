// Figures and dates as text, by the chosen language (Intl). A change always has its sign, and a
// change that rounds to zero has none of either direction. What is missing is an en dash.
// Test: test/format.test.ts.

export const MISSING = "–";

/** What a text says beside its number, so that nothing depends on colour: up, down or neither. */
export type Direction = "up" | "down" | "flat";

type Number_ = number | null | undefined;

export interface Format {
    /** 1,234.50 with the currency's sign */
    money(value: Number_): string;
    /** +$1,234.50 or −$1,234.50 */
    moneyChange(value: Number_): string;
    /** large amounts on an axis: $120K */
    moneyShort(value: Number_): string;
    /** a price or an index level, without a currency sign */
    price(value: Number_): string;
    priceChange(value: Number_): string;
    /** 0.1234 -> 12.34 % */
    percent(value: Number_, digits?: number): string;
    /** 0.1234 -> +12.34 % */
    percentChange(value: Number_, digits?: number): string;
    /** the difference of two ratios, in percentage points: +12.34 pp */
    points(value: Number_): string;
    number(value: Number_, digits?: number): string;
    quantity(value: Number_): string;
    integer(value: Number_): string;
    /** 2018-05-11 -> May 11, 2018 */
    date(value: string | null | undefined): string;
    dateShort(value: string | null | undefined): string;
    month(value: string): string;
    dayMonth(value: string): string;
    milliseconds(value: Number_): string;
    duration(seconds: Number_): string;
}

/** The day at midnight UTC: formatted in UTC it stays that day everywhere. */
function dayOf(date: string): Date {
    return new Date(`${date.slice(0, 10)}T00:00:00Z`);
}

function isNumber(value: Number_): value is number {
    return typeof value === "number" && Number.isFinite(value);
}

export function direction(value: Number_, digits = 4): Direction {
    if (!isNumber(value)) {
        return "flat";
    }
    const rounded = Number(value.toFixed(digits));
    return rounded > 0 ? "up" : rounded < 0 ? "down" : "flat";
}

export function makeFormat(locale: string, currency: string): Format {
    const cache = new Map<string, Intl.NumberFormat>();
    const made = (options: Intl.NumberFormatOptions): Intl.NumberFormat => {
        const key = JSON.stringify(options);
        let found = cache.get(key);
        if (found === undefined) {
            found = new Intl.NumberFormat(locale, { useGrouping: true, ...options });
            cache.set(key, found);
        }
        return found;
    };
    const show = (value: Number_, options: Intl.NumberFormatOptions): string =>
        isNumber(value) ? made(options).format(value).replace("-", "−") : MISSING;
    const digitsOf = (digits: number): Intl.NumberFormatOptions =>
        ({ minimumFractionDigits: digits, maximumFractionDigits: digits });
    const money: Intl.NumberFormatOptions =
        { style: "currency", currency, currencyDisplay: "narrowSymbol", ...digitsOf(2) };
    const signed: Intl.NumberFormatOptions = { signDisplay: "exceptZero" };
    const day = (options: Intl.DateTimeFormatOptions) => {
        const format = new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options });
        return (value: string | null | undefined): string => {
            const at = value ? dayOf(value) : null;
            return at === null || Number.isNaN(at.getTime()) ? MISSING : format.format(at);
        };
    };

    return {
        money: (value) => show(value, money),
        moneyChange: (value) => show(value, { ...money, ...signed }),
        moneyShort: (value) => show(value, { ...money, notation: "compact", minimumFractionDigits: 0,
            maximumFractionDigits: 1 }),
        price: (value) => show(value, digitsOf(2)),
        priceChange: (value) => show(value, { ...digitsOf(2), ...signed }),
        percent: (value, digits = 2) => show(value, { style: "percent", ...digitsOf(digits) }),
        percentChange: (value, digits = 2) =>
            show(value, { style: "percent", ...digitsOf(digits), ...signed }),
        points: (value) => (isNumber(value)
            ? `${show(value * 100, { ...digitsOf(2), ...signed })} pp` : MISSING),
        number: (value, digits = 2) => show(value, digitsOf(digits)),
        quantity: (value) => show(value, { maximumFractionDigits: 8 }),
        integer: (value) => show(value, { maximumFractionDigits: 0 }),
        date: day({ year: "numeric", month: "short", day: "numeric" }),
        dateShort: day({ year: "2-digit", month: "short", day: "numeric" }),
        month: day({ year: "numeric", month: "short" }),
        dayMonth: day({ month: "short", day: "numeric" }),
        milliseconds: (value) => {
            if (!isNumber(value)) {
                return MISSING;
            }
            const [scaled, unit] = value !== 0 && value < 1 ? [value * 1000, "µs"]
                : value < 1000 ? [value, "ms"] : [value / 1000, "s"];
            return `${show(scaled, { maximumFractionDigits: scaled < 10 ? 1 : 0 })} ${unit}`;
        },
        duration: (seconds) => {
            if (!isNumber(seconds)) {
                return MISSING;
            }
            const minutes = Math.floor(seconds / 60);
            const parts: [number, string][] = [[Math.floor(minutes / 1440), "d"],
                [Math.floor(minutes / 60) % 24, "h"], [minutes % 60, "min"],
                [Math.floor(seconds) % 60, "s"]];
            const from = parts.findIndex(([count]) => count > 0);
            return (from < 0 ? parts.slice(3) : parts.slice(from, from + 2))
                .map(([count, unit]) => `${count} ${unit}`).join(" ");
        },
    };
}
