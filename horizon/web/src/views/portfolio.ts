// The portfolio view: the panels of the five answers.

import { h } from "../dom.ts";
import type { Part } from "../panel.ts";
import { chartPanel, type ChartChoices } from "../panels/chart.ts";
import { marketPanel } from "../panels/market.ts";
import { reportPanel } from "../panels/report.ts";
import { allocationPanel, positionsPanel, totalPanel } from "../panels/summary.ts";
import { watchPanel } from "../panels/watch.ts";
import type { Store } from "../store.ts";

export function portfolioView(store: Store, choices: ChartChoices, goToActivities: () => void): Part {
    const total = totalPanel(store, goToActivities);
    const chart = chartPanel(store, choices);
    const side = [marketPanel(store), allocationPanel(store)];
    const wide = [watchPanel(store), positionsPanel(store), reportPanel(store)];
    store.loadMissing();
    return {
        element: h("div", { class: "portfolio" }, total.element,
            h("div", { class: "columns" },
                chart.element,
                h("div", { class: "column-side" }, ...side.map((part) => part.element))),
            ...wide.map((part) => part.element)),
        dispose: () => [total, chart, ...side, ...wide].forEach((part) => part.dispose()),
    };
}
