// Which view is shown: `#/articles/some-id?q=flood`.

import { articles, article } from "./articles.js";
import { digest } from "./digest.js";
import { announce, fill, h } from "./dom.js";
import { health } from "./health.js";
import { problem } from "./problem.js";
import { run, runs } from "./runs.js";
import { topics } from "./topics.js";

const main = document.getElementById("main");
const VIEWS = { digest, articles, runs, topics, health };
const ONE = { articles: article, runs: run };
const TITLES = { digest: "Digest an article", articles: "Articles", runs: "Archive runs", topics: "Topics", health: "Health" };
let leave = () => {};

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a lone %
  }
}

async function show() {
  leave();
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [asked = "digest", ...rest] = path.split("/").filter(Boolean).map(decoded);
  const name = Object.hasOwn(VIEWS, asked) ? asked : "digest";
  const view = (rest.length && ONE[name]) || VIEWS[name];
  for (const link of document.querySelectorAll("nav a"))
    if (link.hash.slice(2) === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  const leaving = new AbortController();
  leave = () => leaving.abort();
  const root = h("div", { className: `view ${view.name}` });
  fill(main, root);
  fill(root, h("p", { className: "hint" }, "One moment …"));
  try {
    await view(root, { path: rest, search: new URLSearchParams(search), signal: leaving.signal });
  } catch (error) {
    if (error.name !== "AbortError") fill(root, h("h1", {}, TITLES[name]), problem(error));
  }
  if (leaving.signal.aborted) return;
  const heading = main.querySelector("h1");
  document.title = heading ? `${heading.textContent} · Dateline` : "Dateline";
  announce(document.title);
}

window.addEventListener("hashchange", async () => {
  await show();
  main.focus({ preventScroll: false });
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // its address would be taken for a view
  main.focus();
});
show();
