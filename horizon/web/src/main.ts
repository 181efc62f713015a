// horizon's page: login or views, whichever the session says.
//
// One rule keeps it simple: what is on the screen is made from the route, the language and the
// store; when one of them changes, the view is made anew. Sources keep their data meanwhile.

import "./styles/base.css";
import "./styles/layout.css";
import "./styles/parts.css";
import * as session from "./api/session.ts";
import { h } from "./dom.ts";
import { language, type Language, languages, setLanguage, t } from "./i18n/index.ts";
import { logo } from "./logo.ts";
import type { Part } from "./panel.ts";
import { parseRoute, type Route, showRoute, type View, views } from "./route.ts";
import { say, sayEnd, startSaying } from "./say.ts";
import { Store } from "./store.ts";
import { setTheme, startTheme, type Theme, theme, themes } from "./theme.ts";
import { activitiesView } from "./views/activities.ts";
import { type LoginDraft, loginView } from "./views/login.ts";
import { operationsView } from "./views/operations.ts";
import { portfolioView } from "./views/portfolio.ts";

const root = document.querySelector<HTMLElement>("#app")!;
const draft: LoginDraft = { login: "", hasEnded: false };
let route: Route = parseRoute(location.search);
const store = new Store(route.range);
let part: Part | null = null;
/** whose figures the store has */
let person = session.currentTokens()?.login ?? "";

/** Changes the address: a new view is a step to come back from, a choice within it is not. */
function go(change: Partial<Route>): void {
    const isStep = change.view !== undefined && change.view !== route.view;
    route = { ...route, ...change };
    const address = showRoute(route);
    if (isStep) {
        history.pushState(null, "", address);
        render();
        toTop();
    } else {
        history.replaceState(null, "", address);
    }
}

function render(): void {
    part?.dispose();
    const isIn = session.currentTokens() !== null;
    part = isIn ? viewPart() : loginView(draft, tools(), loggedIn);
    document.documentElement.lang = language();
    document.title = isIn ? `${t.views[route.view]} · horizon` : `${t.loginTitle} · horizon`;
    root.replaceChildren(...(isIn ? [skipLink(), header(), content(part)] : [part.element]));
}

function viewPart(): Part {
    switch (route.view) {
    case "portfolio":
        return portfolioView(store, { range: route.range, mode: route.mode,
            setRange: (range) => {
                go({ range });
                store.setRange(range);
            },
            setMode: (mode) => go({ mode }) }, () => go({ view: "activities" }));
    case "activities":
        return activitiesView(store);
    case "operations":
        return operationsView();
    }
}

function content(shown: Part): HTMLElement {
    return h("main", { id: "content", tabindex: -1 },
        h("h1", { class: "visually-hidden" }, t.views[route.view]), shown.element);
}

function skipLink(): HTMLElement {
    return h("a", { class: "skip", href: "#content", onclick: (event: MouseEvent) => {
        event.preventDefault();
        document.querySelector<HTMLElement>("#content")?.focus();
    } }, t.skip);
}

function header(): HTMLElement {
    const link = (view: View) => h("a", { href: showRoute({ ...route, view }),
        "aria-current": view === route.view ? "page" : null, "data-test": `view-${view}`,
        onclick: (event: MouseEvent) => {
            if (!event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) {
                event.preventDefault();
                go({ view });
            }
        } }, t.views[view]);
    return h("header", { class: "top" },
        h("div", { class: "top-inner" },
            h("div", { class: "brand" }, logo(), h("span", { class: "brand-name" }, "horizon")),
            h("nav", { "aria-label": t.navigation }, ...views.map(link)),
            tools(),
            h("button", { type: "button", class: "button is-quiet", "data-test": "logout",
                title: t.loggedInAs(session.currentTokens()?.login ?? ""), onclick: logOut }, t.logOut)));
}

/** Language and theme. */
function tools(): HTMLElement {
    const languageBox = h("select", { "aria-label": t.language, "data-test": "language",
        onchange: () => {
            setLanguage(languageBox.value as Language);
            render();
            document.querySelector<HTMLElement>("[data-test=language]")?.focus();
        } },
    ...Object.entries(languages).map(([code, name]) => h("option", { value: code, lang: code,
        selected: code === language() }, name)));
    const themeBox = h("select", { "aria-label": t.theme, "data-test": "theme",
        onchange: () => setTheme(themeBox.value as Theme) },
    ...themes.map((one) => h("option", { value: one, selected: one === theme() }, t.themes[one])));
    return h("div", { class: "tools" }, languageBox, themeBox);
}

function loggedIn(): void {
    const login = session.currentTokens()?.login ?? "";
    if (login !== person) {
        store.clear(); // figures of somebody else must not be seen
    }
    person = login;
    draft.hasEnded = false;
    render();
    store.loadMissing();
    toTop();
}

/** Where a new view begins, for the eye and for the keyboard. */
function toTop(): void {
    scrollTo(0, 0);
    document.querySelector<HTMLElement>("#content")?.focus({ preventScroll: true });
}

function logOut(): void {
    session.logOut();
    store.clear();
    draft.hasEnded = false;
    draft.login = "";
    render();
}

/** One line for readers about the five answers, instead of five. */
function tellProgress(): void {
    const sources = store.sources;
    if (sources.some((source) => source.phase === "loading")) {
        if (sources.some((source) => source.phase === "loading" && source.isVisible)) {
            say(sources.some((source) => source.isSlow) ? t.stillLoading : t.loading);
        }
        return;
    }
    const failed = sources.filter((source) => source.phase === "failed").length;
    if (failed > 0) {
        sayEnd(t.partlyLoaded(failed));
    } else if (sources.every((source) => source.phase === "ready")) {
        sayEnd(t.loaded);
    }
}

session.onSessionEnd(() => {
    draft.hasEnded = true;
    render();
});
store.onCurrency = render;
for (const source of store.sources) {
    source.subscribe(tellProgress);
}
addEventListener("popstate", () => {
    route = parseRoute(location.search);
    store.setRange(route.range);
    render();
});
startTheme();
startSaying();
render();
