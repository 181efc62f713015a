// The market: the index that the portfolio is measured against, and what moved.

import type { Market, Quote } from "../api/types.ts";
import { change } from "../change.ts";
import { sparkline } from "../chart/sparkline.ts";
import { h } from "../dom.ts";
import { format, t } from "../i18n/index.ts";
import { panel, type Part } from "../panel.ts";
import type { Store } from "../store.ts";

export function marketPanel(store: Store): Part {
    return panel<Market>(store.market, {
        title: t.market, name: "market",
        isEmpty: (market) => market.indices.length === 0,
        empty: () => h("p", { class: "empty" }, t.emptyMarket),
        render: (market) => h("div", { class: "market" },
            ...market.indices.map((quote) => index(quote, market.status)), movers(market)),
    });
}

function index(quote: Quote, status: string): HTMLElement {
    const isOpen = status === "OPEN";
    return h("div", { class: "index" },
        h("div", { class: "index-head" },
            h("h3", {}, quote.symbol === "^SPX" ? t.benchmark : quote.name),
            h("span", { class: "tag" }, isOpen ? t.marketOpen : t.marketClosed)),
        h("div", { class: "index-line" },
            h("div", {},
                h("p", { class: "index-number" }, format.price(quote.price)),
                h("p", {}, change(quote.change_ratio, format.percentChange(quote.change_ratio)), " ",
                    h("span", { class: "muted" }, format.priceChange(quote.change)))),
            sparkline(quote.sparkline)),
        h("p", { class: "muted" }, t.range52(format.price(quote.low_52w), format.price(quote.high_52w))));
}

function movers(market: Market): HTMLElement {
    const list = (label: string, arrow: string, symbols: string[]) => h("div", {},
        h("dt", {}, h("span", { class: "arrow", "aria-hidden": "true" }, arrow), label),
        h("dd", {}, symbols.length === 0 ? h("span", { class: "muted" }, t.none) : symbols.join(", ")));
    return h("dl", { class: "movers" }, list(t.gainers, "▲", market.movers.gainers),
        list(t.losers, "▼", market.movers.losers));
}
