// The page's one status line for screen readers (role=status): loading, loaded, saved.

import { h } from "./dom.ts";

const line = h("p", { class: "visually-hidden", role: "status", "aria-live": "polite" });

export function startSaying(): void {
    document.body.append(line);
}

export function say(text: string): void {
    if (line.textContent !== text) {
        line.textContent = text;
    }
}
