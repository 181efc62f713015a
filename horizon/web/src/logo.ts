// The mark: a line above the horizon.

import { svg } from "./dom.ts";

export function logo(): SVGElement {
    return svg("svg", { class: "logo", viewBox: "0 0 32 32", "aria-hidden": "true", focusable: "false" },
        svg("rect", { class: "logo-ground", width: 32, height: 32, rx: 8 }),
        svg("path", { class: "logo-horizon", d: "M5 21h22" }),
        svg("path", { class: "logo-line", d: "M5 18.5l6-4.5 5 3.5 10-9" }),
        svg("path", { class: "logo-water", d: "M9 25.5h14" }));
}
