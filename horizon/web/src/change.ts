// A change as a person reads it: an arrow, a sign, a colour; never the colour alone.

import { h } from "./dom.ts";
import { direction } from "./format.ts";

const arrows = { up: "▲", down: "▼", flat: "■" } as const;

/** `text` is the formatted change, `value` gives the direction; a missing one has no arrow. */
export function change(value: number | null | undefined, text: string, tag: "span" | "td" = "span",
    name = ""): HTMLElement {
    const way = direction(value);
    const isMissing = value === null || value === undefined;
    return h(tag, { class: `change ${isMissing ? "is-missing" : `is-${way}`} ${name}`.trim() },
        !isMissing && h("span", { class: "arrow", "aria-hidden": "true" }, arrows[way]), text);
}

/** A term with its explanation: a title for the pointer, read aloud as the description. */
export function term(text: string, help?: string): HTMLElement {
    return help === undefined ? h("span", {}, text) : h("abbr", { title: help }, text);
}
