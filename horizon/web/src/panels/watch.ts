// The watch list: a card for each asset, and the form that adds one.

import { ApiError } from "../api/errors.ts";
import { request } from "../api/client.ts";
import type { Position, Quote, Watch } from "../api/types.ts";
import { change } from "../change.ts";
import { sparkline } from "../chart/sparkline.ts";
import { h, newId } from "../dom.ts";
import { format, t } from "../i18n/index.ts";
import { errorText, panel, type Part } from "../panel.ts";
import { sayDone } from "../say.ts";
import type { Store } from "../store.ts";

const API = "/api/portfolio-manager/watch";

export function watchPanel(store: Store): Part {
    const notice = h("p", { class: "form-error", role: "alert" });
    const part = panel<Watch>(store.watch, {
        title: t.assets, name: "watch",
        isEmpty: (watch) => watch.items.length === 0,
        empty: () => h("p", { class: "empty" }, t.emptyWatch),
        render: (watch) => renderCards(store, watch, (symbol, button) => {
            void removeSymbol(store, symbol, button, notice);
        }),
        footer: addForm(store, notice),
    });
    return part;
}

/** The cards follow the summary too: it knows how much of each asset is held. */
function renderCards(store: Store, watch: Watch,
    remove: (symbol: string, button: HTMLButtonElement) => void): { element: Node; dispose: () => void } {
    const list = h("ul", { class: "cards" });
    const draw = () => {
        const held = new Map(store.summary.data?.positions.map((one) => [one.symbol, one]));
        list.replaceChildren(...watch.items.map((quote) =>
            card(quote, held.get(quote.symbol), store.summary.data !== null, remove)));
    };
    let known = store.summary.data;
    draw();
    const stop = store.summary.subscribe(() => {
        if (store.summary.data !== known) {
            known = store.summary.data;
            draw();
        }
    });
    return { element: list, dispose: stop };
}

function card(quote: Quote, position: Position | undefined, isHoldingKnown: boolean,
    remove: (symbol: string, button: HTMLButtonElement) => void): HTMLElement {
    const button: HTMLButtonElement = h("button", { type: "button", class: "icon-button card-remove",
        "aria-label": t.removeSymbol(quote.symbol), title: t.removeSymbol(quote.symbol),
        onclick: () => remove(quote.symbol, button) }, "×");
    const down = quote.all_time_high?.drawdown_ratio ?? null;
    return h("li", { class: "card", "data-test": `asset-${quote.symbol}` },
        h("div", { class: "card-head" },
            h("h3", {}, quote.symbol), h("span", { class: "card-name muted" }, quote.name), button),
        h("div", { class: "card-price" },
            h("span", { class: "card-number" }, format.price(quote.price)),
            h("small", { class: "muted" }, quote.currency),
            quote.stale && h("span", { class: "tag is-warning",
                title: t.staleHelp(format.date(quote.price_date)) }, t.stale)),
        h("p", { class: "card-change" },
            change(quote.change, format.priceChange(quote.change)), " ",
            change(quote.change_ratio, `(${format.percentChange(quote.change_ratio)})`, "span", "is-plain")),
        h("figure", { class: "card-line" }, sparkline(quote.sparkline),
            h("figcaption", { class: "muted" }, t.lastDays(quote.sparkline.length))),
        h("p", { class: "card-facts muted" },
            quote.market_condition !== null && quote.market_condition !== "NEUTRAL_MARKET"
                ? h("span", { class: "tag" }, t.conditions[quote.market_condition]) : null,
            down !== null && down < 0 ? h("span", {}, t.fromHigh(format.percentChange(down, 1))) : null,
            h("span", {}, t.trend(50, t.trends[quote.trend_50d ?? "UNKNOWN"]))),
        h("p", { class: "card-held" }, holding(position, isHoldingKnown)));
}

function holding(position: Position | undefined, isHoldingKnown: boolean): string {
    if (position === undefined || position.quantity === 0) {
        return isHoldingKnown ? t.notHeld : "";
    }
    return t.held(format.quantity(position.quantity), format.money(position.market_value));
}

async function removeSymbol(store: Store, symbol: string, button: HTMLButtonElement,
    notice: HTMLElement): Promise<void> {
    button.disabled = true;
    notice.textContent = "";
    try {
        await request(`${API}/${encodeURIComponent(symbol)}`, { method: "DELETE" });
        sayDone(t.removed(symbol));
        store.loadAll();
    } catch (error) {
        notice.textContent = `${symbol}: ${errorText(error instanceof ApiError ? error : null)}`;
    } finally {
        button.disabled = false;
    }
}

interface Asset {
    symbol: string;
    name: string;
}

/** Adds a symbol; proposes those that have prices and are not on the list. */
function addForm(store: Store, notice: HTMLElement): HTMLElement {
    const listId = newId("symbols");
    const noticeId = newId("notice");
    const choices = h("datalist", { id: listId });
    const input = h("input", { id: newId("symbol"), name: "symbol", list: listId, maxlength: 32,
        autocomplete: "off", autocapitalize: "characters", spellcheck: "false",
        "aria-describedby": noticeId, placeholder: "AAPL", onfocus: () => void propose() });
    const button = h("button", { class: "button" }, t.add);
    notice.id = noticeId;
    let isProposed = false;

    const propose = async () => {
        if (isProposed) {
            return;
        }
        isProposed = true;
        try {
            const { assets } = await request<{ assets: Asset[] }>("/api/portfolio-manager/assets");
            choices.replaceChildren(...assets.map((asset) => h("option", { value: asset.symbol },
                asset.name)));
        } catch {
            isProposed = false; // only a convenience: the field works without it
        }
    };
    const submit = async () => {
        const symbol = input.value.trim().toUpperCase();
        notice.textContent = symbol === "" ? t.symbolNeeded : "";
        input.setAttribute("aria-invalid", String(symbol === ""));
        if (symbol === "") {
            input.focus();
            return;
        }
        button.disabled = true;
        try {
            await request(API, { method: "POST", body: { symbol } });
            input.value = "";
            sayDone(t.added(symbol));
            store.loadAll();
        } catch (error) {
            notice.textContent = `${symbol}: ${errorText(error instanceof ApiError ? error : null)}`;
            input.setAttribute("aria-invalid", "true");
            input.focus();
        } finally {
            button.disabled = false;
        }
    };
    return h("form", { class: "add-form", novalidate: true, "data-test": "add-symbol",
        onsubmit: (event: SubmitEvent) => {
            event.preventDefault();
            void submit();
        } },
    h("label", { for: input.id }, t.addSymbol), input, button, choices, notice);
}
