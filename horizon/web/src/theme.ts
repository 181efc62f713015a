// Light and dark: the system's wish, or the person's. The style sheet does the rest by the
// data-theme attribute; canvases do not inherit CSS, so charts listen and draw anew.

import { readSetting, writeSetting } from "./settings.ts";

export type Theme = "auto" | "light" | "dark";
export const themes: readonly Theme[] = ["auto", "light", "dark"];

const listeners = new Set<() => void>();
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const stored = readSetting("theme");
let current: Theme = stored === "light" || stored === "dark" ? stored : "auto";

export function theme(): Theme {
    return current;
}

export function setTheme(next: Theme): void {
    current = next;
    writeSetting("theme", next);
    apply();
}

function apply(): void {
    const isDark = current === "dark" || (current === "auto" && systemIsDark.matches);
    document.documentElement.dataset["theme"] = isDark ? "dark" : "light";
    for (const listener of listeners) {
        listener();
    }
}

/** Follows the system from now on. */
export function startTheme(): void {
    systemIsDark.addEventListener("change", apply);
    apply();
}

/** `listener` is called after the colours have changed, until the returned function is called. */
export function onTheme(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
}

/** The value of a custom property of the style sheet, such as --line-portfolio. */
export function color(name: string): string {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
