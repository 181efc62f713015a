// Makes elements: h("p", { class: "note" }, "text"). Text is always a text node, never markup, and
// no style attribute is ever written: the page works under a Content-Security-Policy without
// 'unsafe-inline'.

export type Child = Node | string | number | null | undefined | false;
type Value = string | number | boolean | null | undefined | ((event: never) => void);
export type Attributes = Record<string, Value>;

const SVG = "http://www.w3.org/2000/svg";

/** Attributes by name; `onclick` and the like are listeners; true is an empty attribute; false,
 *  null and undefined leave it out. */
function setAttributes(element: Element, attributes: Attributes): void {
    for (const [name, value] of Object.entries(attributes)) {
        if (value === false || value === null || value === undefined) {
            continue;
        }
        if (typeof value === "function") {
            element.addEventListener(name.slice(2), value as EventListener);
        } else {
            element.setAttribute(name, value === true ? "" : String(value));
        }
    }
}

export function append(element: Element, children: Child[]): void {
    for (const child of children) {
        if (child !== null && child !== undefined && child !== false) {
            element.append(child instanceof Node ? child : String(child));
        }
    }
}

export function h<K extends keyof HTMLElementTagNameMap>(
    tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
    const element = document.createElement(tag);
    setAttributes(element, attributes);
    append(element, children);
    return element;
}

export function svg(tag: string, attributes: Attributes = {}, ...children: Child[]): SVGElement {
    const element = document.createElementNS(SVG, tag);
    setAttributes(element, attributes);
    append(element, children);
    return element as SVGElement;
}

let lastId = 0;

/** A new id, for label/for and aria-describedby. */
export function newId(prefix: string): string {
    lastId += 1;
    return `${prefix}-${lastId}`;
}
