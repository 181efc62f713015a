// What a person enters, checked before it is sent. Pure; test: test/entry.test.ts.

import type { ActivityKind, NewActivity } from "./api/types.ts";

/** The decimal sign of a language: "." or ",". */
export function decimalSign(locale: string): string {
    return new Intl.NumberFormat(locale).formatToParts(1.5)
        .find((part) => part.type === "decimal")?.value ?? ".";
}

/**
 * A number as people write it: 1234.5, 1,234.50 or, where the decimal sign is a comma, 1234,5 and
 * 1.234,50. A sign that cannot separate thousands where it stands is taken for the decimal sign,
 * whatever the language. null: not a number.
 */
export function parseDecimal(text: string, locale: string): number | null {
    const tidy = text.trim().replace(/[\s\u00a0\u202f]/g, "").replace(/^\u2212/, "-");
    const sign = decimalSign(locale);
    const thousands = sign === "." ? "," : ".";
    const grouped = new RegExp(`^-?\\d{1,3}(\\${thousands}\\d{3})+(\\${sign}\\d+)?$`);
    if (grouped.test(tidy)) {
        return Number(tidy.split(thousands).join("").replace(sign, "."));
    }
    const plain = tidy.replace(",", ".");
    return /^-?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : null;
}

export type Field = "date" | "symbol" | "quantity" | "price" | "fee" | "amount" | "numerator"
    | "denominator";
type Fault = "needDate" | "needSymbol" | "needPositive" | "needNotNegative" | "needWhole";

/** The fields that each kind of activity has, in the order of the form. */
export const fieldsOf: Record<ActivityKind, Field[]> = {
    BUY: ["date", "symbol", "quantity", "price", "fee"],
    SELL: ["date", "symbol", "quantity", "price", "fee"],
    DEPOSIT: ["date", "amount"],
    WITHDRAWAL: ["date", "amount"],
    DIVIDEND: ["date", "symbol", "amount", "fee"],
    INTEREST: ["date", "amount", "fee"],
    FEE: ["date", "amount"],
    TAX: ["date", "amount"],
    SPLIT: ["date", "symbol", "numerator", "denominator"],
};

export type Entered = Partial<Record<Field, string>>;

const SYMBOL = /^[A-Z0-9^][A-Z0-9.^=-]{0,31}$/;

/** An activity ready to be sent, or what is wrong with each field. An empty fee is 0. */
export function checkActivity(kind: ActivityKind, entered: Entered, today: string, locale: string):
    { activity: NewActivity } | { faults: Partial<Record<Field, Fault>> } {
    const faults: Partial<Record<Field, Fault>> = {};
    const activity: NewActivity = { kind, date: entered.date ?? "" };
    for (const field of fieldsOf[kind]) {
        const text = (entered[field] ?? "").trim();
        if (field === "date") {
            if (!/^\d{4}-\d\d-\d\d$/.test(text) || text > today) {
                faults.date = "needDate";
            }
        } else if (field === "symbol") {
            activity.symbol = text.toUpperCase();
            if (!SYMBOL.test(activity.symbol)) {
                faults.symbol = "needSymbol";
            }
        } else {
            const value = field === "fee" && text === "" ? 0 : parseDecimal(text, locale);
            const fault = faultOf(field, value);
            if (fault !== null) {
                faults[field] = fault;
            } else {
                activity[field] = value!;
            }
        }
    }
    return Object.keys(faults).length > 0 ? { faults } : { activity };
}

function faultOf(field: Field, value: number | null): Fault | null {
    if (field === "fee") {
        return value === null || value < 0 ? "needNotNegative" : null;
    }
    if (field === "numerator" || field === "denominator") {
        return value === null || !Number.isInteger(value) || value < 1 ? "needWhole" : null;
    }
    return value === null || value <= 0 ? "needPositive" : null;
}
