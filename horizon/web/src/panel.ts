// A panel: a heading and a body that follows a source. It is the only place that decides between
// skeleton, data, "nothing yet" and error, so that every panel behaves alike:
//
//     loading, no data    nothing for 200 ms, then the skeleton; "still loading" after 5 s
//     loading, data       the data, dimmed
//     ready               the data, or the empty text
//     failed              what happened, and a button; data that is there stays, and is called so
//
// The body keeps the height that its class gives it, so nothing jumps.

import type { ApiError } from "./api/errors.ts";
import { type Child, h, newId } from "./dom.ts";
import { t } from "./i18n/index.ts";
import type { Source } from "./store.ts";

export interface PanelOptions<T> {
    title: string;
    /** a class of the panel, which also gives its body the height */
    name: string;
    /** beside the title */
    tools?: Child[];
    render: (data: T) => Node | { element: Node; dispose: () => void };
    isEmpty?: (data: T) => boolean;
    empty?: () => Node;
    /** below the body, whatever its state: a form */
    footer?: Node;
}

/** An element of a view, and what has to be undone when it leaves the page. */
export interface Part {
    element: HTMLElement;
    dispose: () => void;
}

export function panel<T>(source: Source<T>, options: PanelOptions<T>): Part {
    const id = newId("panel");
    const body = h("div", { class: "panel-body" });
    const element = h("section", { class: `panel panel-${options.name}`, "aria-labelledby": id },
        h("header", { class: "panel-head" }, h("h2", { id }, options.title), ...(options.tools ?? [])),
        body, options.footer);
    let shown: T | null = null;
    let disposeShown: () => void = () => undefined;

    const replace = (...nodes: Child[]) => {
        disposeShown();
        disposeShown = () => undefined;
        shown = null;
        body.replaceChildren(...nodes.filter((node): node is Node => node instanceof Node));
    };
    const showData = (data: T) => {
        body.querySelector(".panel-error")?.remove();
        if (shown === data) {
            return;
        }
        element.classList.remove("is-empty");
        try {
            if (options.isEmpty?.(data)) {
                replace(options.empty?.() ?? h("p", { class: "empty" }, t.none));
                element.classList.add("is-empty");
            } else {
                const made = options.render(data);
                if ("element" in made) {
                    replace(made.element);
                    disposeShown = () => made.dispose();
                } else {
                    replace(made);
                }
            }
        } catch (error) {
            console.error(error);
            replace(h("p", { class: "panel-error", role: "alert" }, t.cannotShow));
        }
        shown = data;
    };
    const update = () => {
        const isLoading = source.phase === "loading";
        element.setAttribute("aria-busy", String(isLoading));
        element.classList.toggle("is-stale", isLoading && source.isVisible && source.data !== null);
        if (source.data !== null) {
            showData(source.data);
            if (source.phase === "failed") {
                body.prepend(errorBox(source.error, () => void source.load(), t.shownIsOlder));
            }
        } else if (source.phase === "failed") {
            replace(errorBox(source.error, () => void source.load()));
        } else {
            replace(source.isVisible && skeleton(), source.isSlow && slowNote());
        }
    };
    const unsubscribe = source.subscribe(update);
    update();
    return {
        element,
        dispose: () => {
            unsubscribe();
            disposeShown();
        },
    };
}

function skeleton(): HTMLElement {
    return h("div", { class: "skeleton", "aria-hidden": "true" }, h("i"), h("i"), h("i"), h("i"));
}

function slowNote(): HTMLElement {
    return h("p", { class: "slow-note" }, t.stillLoading);
}

/** What happened, as a sentence in the chosen language; the server's own where it says more. */
export function errorText(error: ApiError | null): string {
    if (error === null) {
        return t.errors.server;
    }
    const known = error.code === null ? undefined : t.codes[error.code];
    if (known !== undefined) {
        return known;
    }
    return error.kind === "invalid" && error.serverMessage !== null
        ? `${t.errors.invalid} ${error.serverMessage}` : t.errors[error.kind];
}

export function errorBox(error: ApiError | null, retry: () => void, more = ""): HTMLElement {
    return h("div", { class: "panel-error", role: "alert" },
        h("p", {}, `${errorText(error)} ${more}`),
        h("div", { class: "panel-error-line" },
            h("button", { type: "button", class: "button", onclick: retry }, t.retry),
            error?.requestId ? h("small", {}, t.requestNumber(error.requestId)) : null));
}
