// A small line without axes, as SVG: the last closes of an asset. Decoration: the figures stand
// beside it as text.

import { svg } from "../dom.ts";

const WIDTH = 120;
const HEIGHT = 36;
const MARGIN = 3;

export function sparkline(values: (number | null)[]): SVGElement {
    const points = values.map((value, idx) => ({ value, idx }))
        .filter((point): point is { value: number; idx: number } => point.value !== null);
    const low = Math.min(...points.map((point) => point.value));
    const span = Math.max(...points.map((point) => point.value)) - low || 1;
    const x = (idx: number) =>
        MARGIN + (idx / Math.max(1, values.length - 1)) * (WIDTH - 2 * MARGIN);
    const y = (value: number) => HEIGHT - MARGIN - ((value - low) / span) * (HEIGHT - 2 * MARGIN);
    const line = points.map((point, nth) =>
        `${nth === 0 ? "M" : "L"}${x(point.idx).toFixed(1)} ${y(point.value).toFixed(1)}`).join("");
    const first = points[0];
    const last = points[points.length - 1];
    const image = svg("svg", { class: "sparkline", viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        "aria-hidden": "true", focusable: "false", preserveAspectRatio: "none" });
    if (first !== undefined && last !== undefined) {
        const bottom = HEIGHT - MARGIN;
        image.append(
            svg("path", { class: "sparkline-area",
                d: `${line}L${x(last.idx).toFixed(1)} ${bottom}L${x(first.idx).toFixed(1)} ${bottom}Z` }),
            svg("path", { class: "sparkline-line", d: line }));
    }
    return image;
}
