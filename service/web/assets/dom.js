// Elements from data. Text becomes text nodes, never markup: what an article holds cannot run.

/** An element: `h("a", {href, onclick}, "text", child)`. Properties that are null or false are left out. */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "width") element.style.width = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key in element && key !== "list" && key !== "form") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Replace what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
}

/** Tell a screen reader. */
export function announce(text) {
  document.getElementById("announcement").textContent = text;
}

/** Do something at a button's click, once at a time. */
export const once = (action) => async (event) => {
  const button = event.currentTarget.tagName === "FORM" ? event.currentTarget.querySelector("[type=submit]") : event.currentTarget;
  event.preventDefault();
  if (button.disabled) return;
  button.disabled = true;
  try {
    await action(event);
  } finally {
    button.disabled = false;
  }
};

let ids = 0;

/** A control with its label: `field("Search", input)`. */
export function field(label, control, hint = null) {
  control.id ||= `field-${(ids += 1)}`;
  const described = hint && h("span", { className: "hint", id: `${control.id}-hint` }, hint);
  if (described) control.setAttribute("aria-describedby", described.id);
  return h("div", { className: "field" }, h("label", { htmlFor: control.id }, label), control, described);
}

export const number = (value) => value.toLocaleString("en");

/** A score as people read it: `0.87`. */
export const score = (value) => value.toFixed(2);

export function bytes(value) {
  if (value < 1e6) return `${Math.ceil(value / 1000)} kB`;
  return value > 1e9 ? `${(value / 1e9).toFixed(2)} GB` : `${Math.round(value / 1e6)} MB`;
}

export function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
}
