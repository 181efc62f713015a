// The address: /?view=activities&range=1y&mode=value. What is the default is left out, what is
// unknown is the default, so that an old bookmark always shows something.
// Test: test/route.test.ts.

export const views = ["portfolio", "activities", "operations"] as const;
export const ranges = ["1m", "6m", "ytd", "1y", "5y", "max"] as const;
export const modes = ["return", "value"] as const;

export type View = (typeof views)[number];
export type Range = (typeof ranges)[number];
export type Mode = (typeof modes)[number];

export interface Route {
    view: View;
    range: Range;
    mode: Mode;
}

const defaults: Route = { view: "portfolio", range: "max", mode: "return" };

function pick<T extends string>(value: string | null, allowed: readonly T[], otherwise: T): T {
    return allowed.find((one) => one === value) ?? otherwise;
}

export function parseRoute(search: string): Route {
    const query = new URLSearchParams(search);
    return {
        view: pick(query.get("view"), views, defaults.view),
        range: pick(query.get("range"), ranges, defaults.range),
        mode: pick(query.get("mode"), modes, defaults.mode),
    };
}

export function showRoute(route: Route): string {
    const query = new URLSearchParams();
    for (const name of ["view", "range", "mode"] as const) {
        if (route[name] !== defaults[name]) {
            query.set(name, route[name]);
        }
    }
    const text = query.toString();
    return text === "" ? "/" : `/?${text}`;
}
