// The login. Works while the database is down: the server needs none for it.

import { ApiError } from "../api/errors.ts";
import * as session from "../api/session.ts";
import { h, newId } from "../dom.ts";
import { t } from "../i18n/index.ts";
import { logo } from "../logo.ts";
import { errorText, type Part } from "../panel.ts";

/** What survives a change of language while somebody is typing. */
export interface LoginDraft {
    login: string;
    hasEnded: boolean;
}

export function loginView(draft: LoginDraft, tools: HTMLElement, done: () => void): Part {
    const notice = h("p", { class: "form-error", role: "alert", id: newId("notice") });
    const login = h("input", { id: newId("login"), name: "username", autocomplete: "username",
        autocapitalize: "none", spellcheck: "false", maxlength: 64, "aria-describedby": notice.id,
        value: draft.login, oninput: () => { draft.login = login.value; } });
    const password = h("input", { id: newId("password"), name: "password", type: "password",
        autocomplete: "current-password", maxlength: 1024, "aria-describedby": notice.id });
    const shown = h("input", { type: "checkbox", id: newId("shown"), onchange: () => {
        password.type = shown.checked ? "text" : "password";
    } });
    const button = h("button", { class: "button is-primary is-wide" }, t.logIn);
    const wrong = (input: HTMLInputElement, text: string) => {
        notice.textContent = text;
        input.setAttribute("aria-invalid", "true");
        input.focus();
    };
    const submit = async () => {
        login.removeAttribute("aria-invalid");
        password.removeAttribute("aria-invalid");
        notice.textContent = "";
        if (login.value.trim() === "") {
            return wrong(login, t.loginNeeded);
        }
        if (password.value === "") {
            return wrong(password, t.passwordNeeded);
        }
        button.disabled = true;
        button.textContent = t.loggingIn;
        try {
            await session.logIn(login.value.trim(), password.value);
            done();
        } catch (error) {
            wrong(password, errorText(error instanceof ApiError ? error : null));
            password.select();
        } finally {
            button.disabled = false;
            button.textContent = t.logIn;
        }
    };
    const title = newId("title");
    const element = h("main", { class: "login", id: "content", tabindex: -1 },
        h("div", { class: "login-card" },
            h("div", { class: "login-brand" }, logo(), h("div", {},
                h("p", { class: "brand-name" }, "horizon"),
                h("p", { class: "muted" }, t.tagline))),
            h("h1", { id: title }, t.loginTitle),
            draft.hasEnded && h("p", { class: "notice is-warning", role: "status" }, t.sessionEnded),
            h("form", { "aria-labelledby": title, novalidate: true, "data-test": "login",
                onsubmit: (event: SubmitEvent) => {
                    event.preventDefault();
                    void submit();
                } },
            h("div", { class: "field" }, h("label", { for: login.id }, t.loginName), login),
            h("div", { class: "field" }, h("label", { for: password.id }, t.password), password),
            h("div", { class: "check" }, shown, h("label", { for: shown.id }, t.showPassword)),
            notice, button)),
        tools);
    queueMicrotask(() => (draft.login === "" ? login : password).focus());
    return { element, dispose: () => undefined };
}
