// Activities: the form for a new one, and the list from which one can be deleted.

import { request } from "../api/client.ts";
import { ApiError } from "../api/errors.ts";
import { type Activity, type ActivityKind, type ActivityList, activityKinds } from "../api/types.ts";
import { h, newId } from "../dom.ts";
import { checkActivity, type Entered, type Field, fieldsOf } from "../entry.ts";
import { format, language, t } from "../i18n/index.ts";
import { errorText, panel, type Part } from "../panel.ts";
import { sayDone } from "../say.ts";
import type { Store } from "../store.ts";

const API = "/api/portfolio-manager/activities";
const HIDDEN_AFTER = 100;

export function activitiesView(store: Store): Part {
    const changed = (text: string) => {
        sayDone(text);
        void store.activities.load();
        store.loadAll();
    };
    const list = panel<ActivityList>(store.activities, {
        title: t.activities, name: "activities",
        isEmpty: (found) => found.items.length === 0,
        empty: () => h("p", { class: "empty" }, t.emptyActivities),
        render: (found) => activityTable(found, changed),
    });
    if (store.activities.phase === "idle" || store.activities.error?.kind === "session") {
        void store.activities.load();
    }
    return { element: h("div", { class: "activities" }, entryForm(changed), list.element),
        dispose: list.dispose };
}

/** The labels of the fields; "price" here is what was paid, not a quote. */
function labelOf(field: Field): string {
    return { date: t.date, symbol: t.symbol, quantity: t.quantity, price: t.activityPrice, fee: t.fee,
        amount: t.amount, numerator: t.splitNew, denominator: t.splitOld }[field];
}

interface FieldRow {
    element: HTMLElement;
    input: HTMLInputElement;
    fault: HTMLElement;
}

function fieldRow(field: Field, symbols: string): FieldRow {
    const id = newId(field);
    const fault = h("p", { class: "field-error", id: `${id}-fault` });
    const special = field === "date" ? { type: "date", max: today(), value: today() }
        : field === "symbol" ? { type: "text", list: symbols, placeholder: "AAPL", maxlength: 32,
            autocapitalize: "characters", spellcheck: "false" }
            : { type: "text", inputmode: "decimal", maxlength: 24 };
    const input = h("input", { id, name: field, autocomplete: "off", "aria-describedby": fault.id,
        ...special });
    return { element: h("div", { class: `field field-${field}` },
        h("label", { for: id }, labelOf(field)), input, fault), input, fault };
}

function today(): string {
    const now = new Date();
    const two = (value: number) => String(value).padStart(2, "0");
    return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}

function entryForm(changed: (text: string) => void): HTMLElement {
    const symbols = newId("symbols");
    const kindId = newId("kind");
    const rows = {} as Record<Field, FieldRow>;
    for (const field of new Set(Object.values(fieldsOf).flat())) {
        rows[field] = fieldRow(field, symbols);
    }
    const place = h("div", { class: "fields" });
    const notice = h("p", { class: "form-error", role: "alert" });
    const button = h("button", { class: "button is-primary" }, t.save);
    const kinds = h("select", { id: kindId, name: "kind", onchange: () => show() },
        ...activityKinds.map((kind) => h("option", { value: kind }, t.kinds[kind])));
    const chosen = () => kinds.value as ActivityKind;
    const show = () => {
        clearFaults(rows);
        notice.textContent = "";
        place.replaceChildren(...fieldsOf[chosen()].map((field) => rows[field].element));
    };
    const submit = async () => {
        clearFaults(rows);
        notice.textContent = "";
        const checked = checkActivity(chosen(), entered(rows), today(), language());
        if ("faults" in checked) {
            for (const field of fieldsOf[chosen()]) {
                const fault = checked.faults[field];
                if (fault !== undefined) {
                    showFault(rows[field], t[fault]);
                }
            }
            place.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
            return;
        }
        button.disabled = true;
        button.textContent = t.saving;
        try {
            const added = await request<Activity>(API, { method: "POST", body: checked.activity });
            for (const field of ["quantity", "price", "fee", "amount", "numerator", "denominator"] as const) {
                rows[field].input.value = "";
            }
            changed(added.waiting ? t.savedWaiting : t.saved);
        } catch (error) {
            tellRefusal(error instanceof ApiError ? error : null, rows, notice);
        } finally {
            button.disabled = false;
            button.textContent = t.save;
        }
    };
    show();
    const choices = h("datalist", { id: symbols });
    void proposeSymbols(choices);
    const title = newId("entry");
    return h("section", { class: "panel panel-entry", "aria-labelledby": title },
        h("header", { class: "panel-head" }, h("h2", { id: title }, t.newActivity)),
        h("form", { class: "entry", novalidate: true, "data-test": "entry",
            onsubmit: (event: SubmitEvent) => {
                event.preventDefault();
                void submit();
            } },
        h("div", { class: "field field-kind" }, h("label", { for: kindId }, t.kind), kinds),
        place, choices, h("div", { class: "entry-end" }, button, notice)));
}

function entered(rows: Record<Field, FieldRow>): Entered {
    return Object.fromEntries(Object.entries(rows).map(([field, row]) => [field, row.input.value]));
}

function showFault(row: FieldRow, text: string): void {
    row.fault.textContent = text;
    row.input.setAttribute("aria-invalid", "true");
}

function clearFaults(rows: Record<Field, FieldRow>): void {
    for (const row of Object.values(rows)) {
        row.fault.textContent = "";
        row.input.removeAttribute("aria-invalid");
    }
}

/** The server knows more than the form: what it says goes to the field it names. */
function tellRefusal(error: ApiError | null, rows: Record<Field, FieldRow>, notice: HTMLElement): void {
    const row = error?.field ? rows[error.field as Field] : undefined;
    if (row !== undefined && row.element.isConnected && error?.serverMessage) {
        showFault(row, error.serverMessage);
        row.input.focus();
    } else if (error?.code === "contradiction") {
        notice.textContent = `${t.contradiction} ${error.serverMessage ?? ""}`.trim();
    } else {
        notice.textContent = errorText(error);
    }
}

async function proposeSymbols(choices: HTMLElement): Promise<void> {
    try {
        const { assets } = await request<{ assets: { symbol: string; name: string }[] }>(
            "/api/portfolio-manager/assets");
        choices.replaceChildren(...assets.map((asset) => h("option", { value: asset.symbol }, asset.name)));
    } catch {
        // only a convenience: the field works without it
    }
}

function activityTable(found: ActivityList, changed: (text: string) => void): HTMLElement {
    const body = h("tbody", {}, ...found.items.map((one) => activityRow(one, changed)));
    const notice = h("p", { class: "form-error", role: "alert" });
    let before = found.next_before;
    const more: HTMLButtonElement = h("button", { type: "button", class: "button", hidden: before === null,
        onclick: () => void older() }, t.more);
    const older = async () => {
        more.disabled = true;
        notice.textContent = "";
        try {
            const next = await request<ActivityList>(`${API}?limit=${HIDDEN_AFTER}&before=${before}`);
            body.append(...next.items.map((one) => activityRow(one, changed)));
            before = next.next_before;
            more.hidden = before === null;
        } catch (error) {
            notice.textContent = errorText(error instanceof ApiError ? error : null);
        } finally {
            more.disabled = false;
        }
    };
    const head = (text: string, name = "not-phone") =>
        h("th", { scope: "col", class: `number ${name}` }, text);
    return h("div", {},
        h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t.activities },
            h("table", { class: "table", "data-test": "activities" },
                h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t.date),
                    h("th", { scope: "col" }, t.kind),
                    h("th", { scope: "col", class: "not-phone" }, t.symbol),
                    head(t.quantity), head(t.activityPrice),
                    head(t.fee), head(t.amount, ""), h("th", { scope: "col" },
                        h("span", { class: "visually-hidden" }, t.remove)))),
                body)),
        more, notice);
}

function activityRow(one: Activity, changed: (text: string) => void): HTMLElement {
    const kind = t.kinds[one.kind] ?? one.kind;
    const what = [kind, one.symbol ?? format.money(one.amount), format.date(one.date)].join(", ");
    const button: HTMLButtonElement = h("button", { type: "button", class: "icon-button",
        "aria-label": t.removeActivity(what), title: t.removeActivity(what),
        onclick: () => confirmRemoval(one, what, changed) }, "×");
    const isSplit = one.kind === "SPLIT";
    const isTrade = one.quantity !== null && one.price !== null;
    const detail = isTrade ? `${format.quantity(one.quantity)} × ${format.money(one.price)}`
        : isSplit ? `${one.numerator} : ${one.denominator}` : null;
    const number = (text: string) => h("td", { class: "number not-phone" }, text);
    return h("tr", {},
        h("td", {}, h("time", { datetime: one.date }, format.date(one.date))),
        h("td", {}, h("span", { class: "tag" }, kind),
            one.waiting && h("span", { class: "tag is-warning", title: t.waitingHelp }, t.waitingTag),
            one.symbol !== null && h("strong", { class: "only-phone" }, one.symbol)),
        h("td", { class: "not-phone" }, one.symbol === null ? "" : h("strong", {}, one.symbol)),
        number(isSplit ? `${one.numerator} : ${one.denominator}`
            : one.quantity === null ? "" : format.quantity(one.quantity)),
        number(one.price === null ? "" : format.money(one.price)),
        number(one.fee ? format.money(one.fee) : ""),
        h("td", { class: "number" }, format.money(amountOf(one)),
            detail !== null && h("small", { class: "muted only-phone" }, detail)),
        h("td", { class: "number" }, button));
}

/** What an activity moved; for a trade what was traded, without its fee. */
function amountOf(one: Activity): number | null {
    return one.amount ?? (one.quantity !== null && one.price !== null ? one.quantity * one.price : null);
}

/** Asks first: figures of years change with one row. */
function confirmRemoval(one: Activity, what: string, changed: (text: string) => void): void {
    const notice = h("p", { class: "form-error", role: "alert" });
    const yes: HTMLButtonElement = h("button", { type: "button", class: "button is-danger",
        "data-test": "remove-yes", onclick: () => void remove() }, t.removeYes);
    const no = h("button", { type: "button", class: "button", onclick: () => dialog.close() }, t.removeNo);
    const title = newId("confirm");
    const dialog: HTMLDialogElement = h("dialog", { class: "dialog", "aria-labelledby": title,
        onclose: () => dialog.remove() },
    h("p", { id: title }, t.reallyRemove(what)), notice, h("div", { class: "dialog-end" }, no, yes));
    const remove = async () => {
        yes.disabled = true;
        notice.textContent = "";
        try {
            await request(`${API}/${one.id}`, { method: "DELETE" });
            dialog.close();
            changed(t.removedActivity);
        } catch (error) {
            const known = error instanceof ApiError ? error : null;
            notice.textContent = known?.code === "contradiction"
                ? `${t.contradiction} ${known.serverMessage ?? ""}`.trim() : errorText(known);
            yes.disabled = false;
        }
    };
    document.body.append(dialog);
    dialog.showModal();
    no.focus();
}
