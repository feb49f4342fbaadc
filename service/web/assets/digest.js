// An article in, its digest out.

import { address, call, hasKey } from "./api.js";
import { announce, field, fill, h, once } from "./dom.js";
import { articlesOf } from "./files.js";
import { problem } from "./problem.js";
import { provenance, source, summaryList, topicBars, warnings } from "./reading.js";

const draft = { text: "" };

export async function digest(root, { signal }) {
  const [listed, vocabulary] = await Promise.all([call("v1/models", { signal }), call("v1/topics?levels=1", { signal })]);
  const thresholds = new Map(vocabulary.topics.filter(({ threshold }) => threshold !== null).map(({ qcode, threshold }) => [qcode, threshold]));
  const ready = listed.models.filter((model) => model.ready);
  const models = (task) =>
    h("select", {}, ready.filter((model) => model.tasks.includes(task)).map((model) => h("option", { value: model.id, selected: model.default_for.includes(task) }, model.id)));
  const isDefault = (id) => ready.some((model) => model.id === id && model.default_for.includes("topics"));

  const title = h("input", { type: "text", maxLength: 1000 });
  const text = h("textarea", { rows: 12, required: true, spellcheck: false });
  const file = h("input", { type: "file", accept: ".txt,.html,.htm,.json,.jsonl,.ndjson,.csv" });
  const which = h("select", { ariaLabel: "Article of the file" });
  const fileProblem = h("div", {});
  const summaryModel = models("summary");
  const topicsModel = models("topics");
  const sentences = h("input", { type: "number", min: 1, max: 50, value: 3 });
  const labels = h("input", { type: "text" });
  const send = h("button", { type: "submit", className: "primary" }, "Digest");
  const example = h("button", { type: "button" }, "Take an example");
  const day = h("input", { type: "date" });
  const answer = h("section", { className: "answer", ariaLabel: "Digest", ariaBusy: "false" });

  let opened = [];
  let id = null;
  const take = (article) => {
    id = article.id || null;
    title.value = article.title || "";
    day.value = article.date || "";
    text.value = article.text;
    remember();
  };
  const remember = () => Object.assign(draft, { id, title: title.value, date: day.value, text: text.value });
  for (const control of [title, day, text]) control.addEventListener("input", remember);
  const open = async (given) => {
    fill(fileProblem);
    which.hidden = true;
    try {
      opened = await articlesOf(given);
    } catch (error) {
      fill(fileProblem, problem(error));
      return;
    }
    take(opened[0]);
    fill(which, opened.slice(0, 1000).map((article, i) => h("option", { value: i }, `${i + 1} of ${opened.length}: ${(article.title || article.text).slice(0, 60)}`)));
    which.hidden = opened.length < 2;
    announce(`${opened.length} ${opened.length === 1 ? "article" : "articles"} in ${given.name}`);
  };
  file.addEventListener("change", () => file.files.length && open(file.files[0]));
  which.hidden = true;
  which.addEventListener("change", () => take(opened[which.value]));
  text.addEventListener("dragover", (event) => {
    event.preventDefault();
    text.classList.add("dropping");
  });
  text.addEventListener("dragleave", () => text.classList.remove("dropping"));
  text.addEventListener("drop", (event) => {
    text.classList.remove("dropping");
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    open(event.dataTransfer.files[0]);
  });
  example.addEventListener("click", async () => {
    try {
      const { articles } = await call("v1/articles?limit=1", { signal });
      if (!articles.length) throw new Error("There is no seed record. Put a .txt file into the folder of seed records.");
      take({ ...(await call(`v1/articles/${encodeURIComponent(articles[0].id)}`, { signal })), id: null });
      text.focus();
    } catch (error) {
      if (error.name !== "AbortError") fill(answer, problem(error));
    }
  });

  const request = () => {
    const own = labels.value.split(",").map((label) => label.trim()).filter(Boolean);
    return {
      articles: [{ text: text.value, ...(title.value.trim() && { title: title.value.trim() }) }],
      summary: { model: summaryModel.value, sentences: Number(sentences.value) || 3 },
      topics: { model: topicsModel.value, ...(own.length && { labels: own }) },
    };
  };
  const run = async () => {
    answer.ariaBusy = "true";
    fill(answer, h("p", { className: "hint" }, "One moment …"));
    try {
      const kept = { id, title: title.value.trim() || null, date: day.value || null, text: text.value };
      fill(answer, await digested(request(), kept, { signal, thresholds: isDefault(topicsModel.value) ? thresholds : new Map() }));
      const heading = answer.querySelector("h2");
      heading.focus({ preventScroll: true });
      heading.scrollIntoView({ block: "start" });
      announce("The digest is ready");
    } catch (error) {
      if (error.name !== "AbortError") fill(answer, problem(error));
    } finally {
      answer.ariaBusy = "false";
    }
  };

  fill(
    root,
    h("h1", {}, "Digest an article"),
    h(
      "form",
      { className: "ask", onsubmit: once(run) },
      h("div", { className: "paper" }, h("div", { className: "find" }, field("Headline, if there is one", title), field("Day, if it is known", day)), field("Article", text, "Paste its text, or drop a file: text, HTML, JSON lines or CSV."), field("From a file", file), which, fileProblem),
      h(
        "fieldset",
        {},
        h("legend", {}, "How"),
        field("Summary by", summaryModel),
        field("Sentences", sentences),
        field("Topics by", topicsModel),
        field("Your own labels", labels, "With commas between; instead of the Media Topics."),
        h("p", { className: "actions" }, send, " ", example),
      ),
    ),
    answer,
  );
  if (draft.text) take(draft);
}

/** Ask for a digest, and for how the text was read. */
async function digested(request, kept, { signal, thresholds }) {
  const [article] = request.articles;
  const { results } = await call("v1/digest", { body: request, signal });
  const [result] = results;
  if (result.error) throw Object.assign(new Error(result.error.detail), { title: result.error.title, status: result.error.status });
  const reading = await call("v1/sentences", { body: { text: article.text }, signal });
  const scored = await everyScore(request, signal);
  const named = new Set(result.topics.map((topic) => topic.name));
  const under = scored.filter((topic) => !named.has(topic.name)).sort((a, b) => b.score - a.score);
  // Of a short text the service asks more than the thresholds it lists: then none is shown.
  const asListed = under.every((topic) => topic.score < (thresholds.get(topic.qcode) ?? 1));
  const { element, lit } = source(article.text, reading.sentences, result.summary.sentences);
  return [
    h("h2", { tabIndex: -1 }, "Digest"),
    warnings(result),
    h(
      "div",
      { className: "side-by-side" },
      h(
        "div",
        {},
        h("h3", {}, "Summary"),
        summaryList(result.summary, lit),
        h("h3", {}, "Topics"),
        topicBars(result.topics, under, request.topics.labels || !asListed ? new Map() : thresholds),
        h("h3", {}, "Made by"),
        provenance(result),
        h("h3", {}, "Copy"),
        copies(request, result),
        keep(kept),
      ),
      h("div", {}, h("h3", {}, "Article, as it was read"), element),
    ),
  ];
}

/** The scores of all topics. A busy service may refuse: the digest is there all the same. */
async function everyScore(request, signal) {
  try {
    const { results } = await call("v1/digest", { body: { ...request, tasks: ["topics"], topics: { ...request.topics, threshold: 0 } }, signal });
    return results[0].topics || [];
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return [];
  }
}

function copies(request, result) {
  const url = address("v1/digest");
  const body = JSON.stringify(request);
  const made = {
    text: () => `${result.summary.text}\n\nTopics: ${result.topics.map((topic) => topic.name).join(", ") || "none"}\n`,
    JSON: () => JSON.stringify(result, null, 2),
    curl: () => `curl -s ${url} -H 'Content-Type: application/json'${hasKey() ? ' -H "Authorization: Bearer $DATELINE_KEY"' : ""} -d '${body.replaceAll("'", "'\\''")}'`,
    Python: () =>
      `import json, os, urllib.request\n\nasked = json.loads(${JSON.stringify(body)})\nrequest = urllib.request.Request(\n    ${JSON.stringify(url)}, json.dumps(asked).encode(), {"Content-Type": "application/json"${hasKey() ? ', "Authorization": f"Bearer {os.environ[\'DATELINE_KEY\']}"' : ""}}\n)\nprint(json.load(urllib.request.urlopen(request))["results"][0])\n`,
  };
  const shown = h("textarea", { rows: 4, readOnly: true, hidden: true, ariaLabel: "To copy" });
  const said = h("span", { className: "hint" });
  const copy = (name) => async () => {
    const written = made[name]();
    try {
      await navigator.clipboard.writeText(written);
      said.textContent = `Copied as ${name}.`;
      announce(said.textContent);
    } catch {
      shown.value = written; // the browser lets nothing be copied here: let it be copied by hand
      shown.hidden = false;
      shown.select();
    }
  };
  return h("div", {}, h("p", { className: "actions" }, Object.keys(made).map((name) => [h("button", { type: "button", onclick: copy(name) }, `As ${name}`), " "]), said), shown);
}

function keep(article) {
  const said = h("p", { role: "status" });
  const save = async () => {
    try {
      const sent = Object.fromEntries(Object.entries(article).filter(([, value]) => value));
      const { articles } = await call("v1/articles", { body: { articles: [sent] } });
      const place = encodeURIComponent(articles[0]);
      await call(`v1/articles/${place}/digest`);
      fill(said, "It is kept: ", h("a", { href: `#/articles/${place}` }, "open it"), ".");
    } catch (error) {
      fill(said, problem(error));
    }
  };
  return h("div", { className: "keep" }, h("button", { type: "button", onclick: once(save) }, "Keep this article"), h("span", { className: "hint" }, " Beside its digest by the default models."), said);
}
