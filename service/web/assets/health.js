// How the service is, at a glance.

import { call } from "./api.js";
import { bytes, duration, fill, h, number } from "./dom.js";
import { problem } from "./problem.js";

const EVERY = 2000;

export async function health(root, { signal }) {
  const state = h("div", { className: "cards" });
  fill(root, h("h1", {}, "Health"), state);
  const refresh = async () => {
    if (document.hidden) return;
    try {
      fill(state, cards(await call("v1/status", { signal })));
    } catch (error) {
      if (error.name !== "AbortError" && !state.querySelector("form")) fill(state, problem(error)); // a key is being typed
    }
  };
  await refresh();
  if (signal.aborted) return;
  const timer = setInterval(refresh, EVERY);
  signal.addEventListener("abort", () => clearInterval(timer));
}

function card(title, ...lines) {
  return h("section", { className: "card" }, h("h2", {}, title), lines);
}

const line = (name, value) => h("p", {}, h("span", { className: "name" }, name), " ", h("strong", {}, value));

function cards(status) {
  const { queue } = status;
  return [
    card(
      "Service",
      h("p", { className: status.ready ? "good" : "bad" }, status.ready ? "Ready" : status.fault || "Draining"),
      line("Version", status.version),
      line("Up for", duration(status.up_seconds)),
      line("Memory", status.memory_bytes === null ? "not told" : bytes(status.memory_bytes)),
    ),
    card(
      "Queue",
      line("Requests", number(queue.requests)),
      line("Articles", number(queue.articles)),
      line("Wait, about", duration(queue.seconds)),
      line("Refused since the start", number(queue.refused)),
    ),
    ...Object.entries(status.tasks).map(([task, { stored, computed }]) =>
      card(
        task === "summary" ? "Summaries" : "Topics",
        line("Computed", number(computed)),
        line("From the store", number(stored)),
        line("Share stored", stored + computed ? `${Math.round((100 * stored) / (stored + computed))} %` : "none asked yet"),
      ),
    ),
    card(
      "Models loaded",
      h("ul", {}, status.models.map((id) => h("li", {}, id, status.paces[id] !== undefined && h("span", { className: "hint" }, ` about ${number(Math.round(status.paces[id]))} tokens a second`)))),
    ),
    card("Articles kept", h("p", {}, h("strong", {}, status.articles === null ? "not told" : number(status.articles)))),
  ];
}
