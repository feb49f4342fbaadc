// The archive runs of the command line: how far they are, what failed, what they found.

import { address, call, hasKey, query, segment } from "./api.js";
import { bytes, fill, h, number } from "./dom.js";
import { problem } from "./problem.js";
import { trend } from "./trend.js";

const EVERY = 3000;
const ON_A_PAGE = 50;
const STAGES = { running: "running, or stopped on the way", closing: "being put together", finished: "finished" };

export async function runs(root, { signal }) {
  const list = h("div", {});
  fill(root, h("h1", {}, "Archive runs"), list);
  const refresh = async () => {
    const { folder, runs: found } = await call("v1/runs", { signal });
    if (!folder) fill(list, h("p", {}, "No runs are shown here. Set DATELINE_RUNS to the folder that dateline archive writes its outputs to."));
    else if (!found.length) fill(list, h("p", {}, "There is no run in the folder DATELINE_RUNS."));
    else fill(list, h("ul", { className: "articles" }, found.map(entry)));
  };
  await refresh();
  again(refresh, signal);
}

/** Ask again now and then, as long as the view is open and somebody looks. */
function again(refresh, signal) {
  if (signal.aborted) return;
  const timer = setInterval(() => document.hidden || refresh().catch(() => {}), EVERY);
  signal.addEventListener("abort", () => clearInterval(timer));
}

function entry({ name, stage, started_at: at, counts }) {
  return h(
    "li",
    {},
    h("a", { href: `#/runs/${segment(name)}` }, name),
    " ",
    h("span", { className: "hint" }, `${at.slice(0, 16).replace("T", " ")} UTC · ${STAGES[stage]} · ${number(counts.records)} records${counts.failed ? `, ${number(counts.failed)} failed` : ""}`),
  );
}

export async function run(root, { path: [name], signal }) {
  const place = `v1/runs/${segment(name)}`;
  const state = h("div", {});
  const list = h("ul", { className: "articles" });
  const more = h("button", { type: "button", hidden: true }, "More");
  const bad = h("div", {});
  fill(root, h("p", {}, h("a", { href: "#/runs" }, "All runs")), h("h1", {}, name), state, h("section", {}, h("h2", {}, "What failed"), bad, list, more));
  const refresh = async () => {
    const found = await call(place, { signal });
    fill(state, shown(found, place));
    return found;
  };
  const { stage, counts } = await refresh();
  if (stage !== "finished") again(refresh, signal);
  if (!counts.failed) list.append(h("li", {}, "Nothing."));
  let after = 0;
  const load = async () => {
    try {
      const { failures } = await call(`${place}/failures${query({ after, limit: ON_A_PAGE })}`, { signal });
      list.append(...failures.map(failure));
      after += failures.length;
      more.hidden = failures.length < ON_A_PAGE;
    } catch (error) {
      if (error.name !== "AbortError") fill(bad, problem(error));
    }
  };
  more.addEventListener("click", load);
  if (counts.failed) await load();
}

const failure = ({ place, id, error }) =>
  h("li", {}, h("strong", {}, place), id !== place && ` (${id})`, ": ", error.detail, h("span", { className: "hint" }, ` ${error.error_type}`));

function shown({ stage, started_at: at, inputs, models, counts, output_bytes: size }, place) {
  const topics = Object.entries(counts.topics).sort((a, b) => b[1] - a[1]);
  const most = topics.length ? topics[0][1] : 1;
  const by = {};
  for (const [key, value] of Object.entries(counts.months)) (by[key.slice(8)] ||= {})[key.slice(0, 7)] = value;
  const months = [...new Set(Object.keys(counts.months).map((key) => key.slice(0, 7)))].sort();
  const fact = (term, value) => [h("dt", {}, term), h("dd", {}, value)];
  const several = (found) => Object.entries(found).map(([kind, count]) => `${kind} ${number(count)}`).join(", ");
  return [
    h(
      "dl",
      { className: "provenance" },
      fact("state", STAGES[stage]),
      fact("begun", `${at.slice(0, 16).replace("T", " ")} UTC`),
      fact("input", inputs.length > 3 ? `${inputs.slice(0, 3).join(", ")} and ${inputs.length - 3} more` : inputs.join(", ")),
      Object.entries(models).map(([task, id]) => fact(task, id)),
      fact("records", `${number(counts.records)}, ${number(counts.failed)} failed${counts.failed ? ` (${several(counts.kinds)})` : ""}`),
      Object.keys(counts.skipped).length > 0 && fact("skipped", several(counts.skipped)),
      fact("lengths", several(Object.fromEntries(Object.entries(counts.words).map(([words, count]) => [`${words} words:`, count]))) || "none yet"),
    ),
    size > 0 && download(place, size),
    topics.length > 0 && h("h2", {}, "Topics"),
    h(
      "ul",
      { className: "bars" },
      topics.slice(0, 100).map(([topic, count]) =>
        h(
          "li",
          {},
          h("span", { className: "name" }, topic),
          h("span", { className: "bar", ariaHidden: "true" }, h("span", { className: "filled", width: `${(100 * count) / most}%` })),
          h("span", { className: "score" }, `${number(count)} records `, by[topic] && months.length > 1 && trend(topic, by[topic], months)),
        ),
      ),
    ),
  ];
}

function download(place, size) {
  const says = `Download (${bytes(size)})`;
  if (!hasKey()) return h("p", {}, h("a", { href: address(`${place}/output`), download: "" }, says));
  return h("p", { className: "hint" }, `The output has ${bytes(size)}. With an API key: curl -H 'Authorization: Bearer …' ${address(`${place}/output`)}`);
}
