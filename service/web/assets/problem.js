// An error where it belongs, in the words of the service.

import { setKey } from "./api.js";
import { duration, field, h } from "./dom.js";

export function problem(error) {
  const box = h(
    "div",
    { className: "problem", role: "alert" },
    h("strong", {}, error.title || "Something went wrong"),
    h("p", {}, error.message),
    error.retryAfter && h("p", { className: "wait" }, `The service asks to wait ${duration(error.retryAfter)}.`),
  );
  if (error.status === 401 || error.status === 403) box.append(keyForm());
  return box;
}

function keyForm() {
  const input = h("input", { type: "password", autocomplete: "off", required: true });
  const save = (event) => {
    event.preventDefault();
    setKey(input.value.trim());
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  };
  return h(
    "form",
    { onsubmit: save },
    field("API key", input, "Kept in this tab until it is closed."),
    h("button", { type: "submit" }, "Use this key"),
  );
}
