// The page's one status line for screen readers (role=status): loading, loaded, saved.
//
// What the person has done leads to a reload: its "saved" stays in front of what is said of that
// reload, to its end, or it would be replaced before anybody has heard it.

import { h } from "./dom.ts";

const line = h("p", { class: "visually-hidden", role: "status", "aria-live": "polite" });
let done = "";

export function startSaying(): void {
    document.body.append(line);
}

function show(text: string): void {
    if (line.textContent !== text) {
        line.textContent = text;
    }
}

/** What came of something that the person did. */
export function sayDone(text: string): void {
    done = text;
    show(text);
}

/** How a load goes on. What stands there already is not said again. */
export function say(text: string): void {
    if (!line.textContent?.endsWith(text)) {
        show(done ? `${done} ${text}` : text);
    }
}

/** How a load ended. */
export function sayEnd(text: string): void {
    say(text);
    done = "";
}
