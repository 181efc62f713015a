// The chosen language: kept in localStorage, otherwise the first of the browser's languages that
// the page has (the browser sends the same list as Accept-Language).

import { MISSING, makeFormat, type Format } from "../format.ts";
import { readSetting, writeSetting } from "../settings.ts";
import { en, type Messages } from "./en.ts";
import { es } from "./es.ts";

export { MISSING };
export type Language = "en" | "es";

const tables: Record<Language, Messages> = { en, es };
/** Each language's own name, as the switch shows it. */
export const languages: Record<Language, string> = { en: "English", es: "Español" };

/** The first of `wanted` (BCP 47 tags) that the page has; English when it has none. */
export function pickLanguage(wanted: readonly string[]): Language {
    for (const tag of wanted) {
        const primary = tag.toLowerCase().split("-")[0];
        if (primary === "en" || primary === "es") {
            return primary;
        }
    }
    return "en";
}

/** The locale for figures: the browser's own variant of the language, if it lists one. */
function localeFor(chosen: Language, wanted: readonly string[]): string {
    return wanted.find((tag) => tag.toLowerCase().startsWith(`${chosen}-`)) ?? chosen;
}

const stored = readSetting("language");
let current: Language = stored === "en" || stored === "es" ? stored : pickLanguage(navigator.languages);

/** The texts and formats of the chosen language. They change together, by setLanguage. */
export let t: Messages = tables[current];
export let format: Format = makeFormat(localeFor(current, navigator.languages), "USD");
let currency = "USD";

export function language(): Language {
    return current;
}

export function setLanguage(next: Language): void {
    current = next;
    writeSetting("language", next);
    apply();
}

/** The base currency, as the server's answers say. true: it has changed. */
export function setCurrency(next: string): boolean {
    if (next === currency || !/^[A-Z]{3}$/.test(next)) {
        return false;
    }
    currency = next;
    apply();
    return true;
}

function apply(): void {
    t = tables[current];
    format = makeFormat(localeFor(current, navigator.languages), currency);
    document.documentElement.lang = current;
}
