// WCAG 2.2 in both themes: text 4.5:1 on its ground (1.4.3), lines and edges of controls 3:1
// (1.4.11). The colours are read from the style sheet itself.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const sheet = readFileSync(join(process.env["WEB_FOLDER"] ?? ".", "src", "styles", "base.css"), "utf-8");

function table(selector: string): Record<string, string> {
    const begin = sheet.indexOf(`${selector} {`);
    const block = sheet.slice(begin, sheet.indexOf("}", begin));
    return Object.fromEntries([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)]
        .map(([, name, value]) => [name!, value!]));
}

function luminance(color: string): number {
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255)
        .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

function contrast(one: string, other: string): number {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high! + 0.05) / (low! + 0.05);
}

const texts = ["text", "text-muted", "accent", "up", "down", "danger"];
const pairs: [string, string][] = [["warning", "warning-soft"], ["good", "good-soft"],
    ["danger", "danger-soft"], ["text", "danger-soft"], ["text", "accent-soft"], ["accent", "accent-soft"],
    ["on-accent", "accent"], ["on-accent", "accent-strong"]];
const lines = ["line-portfolio", "line-benchmark", "line-drawdown", "border-strong"];

for (const [theme, selector] of [["light", ":root"], ["dark", ':root[data-theme="dark"]']] as const) {
    const colors = { ...table(":root"), ...table(selector) };
    test(`texts can be read in the ${theme} theme`, () => {
        const grounds = ["surface", "surface-2", "ground"];
        const all = [...texts.flatMap((name) => grounds.map((ground): [string, string] => [name, ground])),
            ...pairs];
        for (const [name, ground] of all) {
            const found = contrast(colors[name]!, colors[ground]!);
            assert.ok(found >= 4.5, `${name} on ${ground}: ${found.toFixed(2)}`);
        }
    });
    test(`lines can be seen in the ${theme} theme`, () => {
        for (const name of lines) {
            const found = contrast(colors[name]!, colors["surface"]!);
            assert.ok(found >= 3, `${name}: ${found.toFixed(2)}`);
        }
    });
}
