// The articles that are kept: found, opened, compared, corrected.

import { call, query, segment } from "./api.js";
import { announce, field, fill, h, number, once } from "./dom.js";
import { problem } from "./problem.js";
import { provenance, source, summaryList, topicBars, warnings } from "./reading.js";

const ON_A_PAGE = 30;

export async function articles(root, { search, signal }) {
  const [vocabulary, listed] = await Promise.all([call("v1/topics?levels=1", { signal }), call("v1/models", { signal })]);
  const top = vocabulary.topics.filter((topic) => topic.broader === null);
  const names = new Map(top.map((topic) => [topic.qcode, topic.name]));
  const asked = Object.fromEntries(["q", "topic", "since", "until", "model"].map((name) => [name, search.get(name) || ""]));
  const input = (name, type) => h("input", { type, name, value: asked[name] });
  const datalist = h("datalist", { id: "topic-names" }, top.map((topic) => h("option", { value: topic.name })));
  const topic = h("input", { type: "text", name: "topic", value: names.get(asked.topic) || asked.topic, list: "topic-names" });
  const model = h("select", { name: "model" }, h("option", { value: "" }, "any"), listed.models.filter(({ ready }) => ready).map(({ id }) => h("option", { value: id, selected: id === asked.model }, id)));
  const find = (event) => {
    event.preventDefault();
    location.hash = `#/articles${query(Object.fromEntries(new FormData(event.target)))}`;
  };
  const list = h("ul", { className: "articles" });
  const more = h("button", { type: "button", hidden: true }, "More");
  const count = h("p", { className: "hint", role: "status" });
  const bad = h("div", {});
  fill(
    root,
    h("h1", {}, "Articles"),
    h(
      "form",
      { className: "find", role: "search", onsubmit: find },
      field("Words", input("q", "search")),
      field("Topic", topic),
      datalist,
      field("From", input("since", "date")),
      field("To", input("until", "date")),
      field("Digested by", model),
      h("button", { type: "submit", className: "primary" }, "Find"),
    ),
    count,
    bad,
    list,
    more,
  );
  let after = null;
  const load = async () => {
    try {
      const page = await call(`v1/articles${query({ ...asked, after, limit: ON_A_PAGE })}`, { signal });
      const from = list.children.length;
      list.append(...page.articles.map(entry));
      after = page.next;
      more.hidden = after === null;
      if (page.total !== null) count.textContent = `${number(page.total)} ${page.total === 1 ? "article" : "articles"}`;
      else count.textContent = `${list.children.length}${after === null ? "" : " or more"} found`;
      if (from) list.children[from]?.querySelector("a").focus();
    } catch (error) {
      if (error.name !== "AbortError") fill(bad, problem(error));
    }
  };
  more.addEventListener("click", once(load));
  await load();
}

function entry({ id, title, opening, date, topics }) {
  return h(
    "li",
    {},
    h("a", { href: `#/articles/${segment(id)}`, dir: "auto" }, h("bdi", {}, title || (opening ? shortened(opening) : "cannot be read"))),
    " ",
    h("span", { className: "hint" }, [date, id].filter(Boolean).join(" · ")),
    topics.length > 0 && h("ul", { className: "tags" }, topics.map(({ name, qcode }) => h("li", {}, h("a", { href: `#/articles${query({ topic: qcode || name })}` }, name)))),
  );
}

function shortened(opening) {
  return opening.length < 150 ? opening : `${opening.slice(0, opening.lastIndexOf(" "))} …`;
}

export async function article(root, { path: [id], signal }) {
  const place = `v1/articles/${segment(id)}`;
  const kept = await call(place, { signal });
  const [result, reading, listed, vocabulary] = await Promise.all([
    call(`${place}/digest`, { signal }),
    call("v1/sentences", { body: { text: kept.text, ...(kept.language && { language: kept.language }) }, signal }),
    call("v1/models", { signal }),
    call("v1/topics?levels=1", { signal }),
  ]);
  const summarisers = listed.models.filter(({ ready, tasks }) => ready && tasks.includes("summary"));
  const { element, lit } = source(kept.text, reading.sentences, result.summary.sentences);
  const comparison = h("div", {});
  const other = h("select", {}, summarisers.map((model) => h("option", { value: model.id, selected: !model.default_for.includes("summary") }, model.id)));
  const compare = async () => {
    try {
      const second = await call(`${place}/digest${query({ summary_model: other.value })}`, { signal });
      fill(comparison, side(result, second));
      await showHistory();
      announce("The summaries are side by side");
    } catch (error) {
      if (error.name !== "AbortError") fill(comparison, problem(error));
    }
  };
  const history = h("div", {});
  const showHistory = async () => {
    try {
      const { results } = await call(`${place}/results`, { signal });
      fill(history, table(results));
    } catch (error) {
      if (error.name !== "AbortError") fill(history, problem(error));
    }
  };
  const corrections = h("div", {});
  const form = correct(id, result, vocabulary, () => showCorrections());
  const showCorrections = async () => {
    const { corrections: said } = await call(`v1/feedback${query({ article: id, limit: 1000 })}`, { signal });
    fill(corrections, said.length > 0 && h("ul", { className: "corrections" }, said.map(correction)));
    const last = said.at(-1);
    if (last) form.show(last.topics);
  };
  fill(
    root,
    h("p", {}, h("a", { href: "#/articles" }, "All articles")),
    h("h1", { dir: "auto" }, kept.title || kept.id),
    h("p", { className: "hint" }, [kept.date, kept.language, kept.title && kept.id].filter(Boolean).join(" · ")),
    warnings(result),
    h(
      "div",
      { className: "side-by-side" },
      h("div", {}, h("h2", {}, "Summary"), summaryList(result.summary, lit), h("h2", {}, "Topics"), topicBars(result.topics), h("h2", {}, "Made by"), provenance(result)),
      h("div", {}, h("h2", {}, "Article, as it was read"), element),
    ),
    h("section", {}, h("h2", {}, "Correct the topics"), form, corrections),
    h("section", {}, h("h2", {}, "Compare"), h("form", { className: "find", onsubmit: once(compare) }, field("With the summary by", other), h("button", { type: "submit" }, "Compare")), comparison),
    h("section", {}, h("h2", {}, "Results"), history),
  );
  await Promise.all([showHistory(), showCorrections()]);
}

/** Two summaries, what stands in one of them alone marked. */
function side(first, second) {
  const texts = [first, second].map((result) => new Set(result.summary.sentences.map(({ text }) => text)));
  const only = (mine, other) => new Set([...texts[mine]].filter((text) => !texts[other].has(text)));
  return h(
    "div",
    { className: "side-by-side compared" },
    [first, second].map((result, i) => h("div", {}, h("h3", {}, result.provenance.summary.model), summaryList(result.summary, [], { only: only(i, 1 - i) }))),
  );
}

function correct(id, result, vocabulary, done) {
  const top = vocabulary.topics.filter((topic) => topic.broader === null);
  const has = new Set(result.topics.map((topic) => topic.qcode));
  const boxes = top.map((topic) => h("label", { className: "box" }, h("input", { type: "checkbox", name: "topic", value: topic.qcode, checked: has.has(topic.qcode) }), " ", topic.name));
  const others = h("input", { type: "text" });
  const who = h("input", { type: "text", autocomplete: "name", maxLength: 200 });
  const note = h("input", { type: "text", maxLength: 2000 });
  const said = h("div", { role: "status" });
  const send = async (event) => {
    const chosen = new FormData(event.target).getAll("topic");
    const topics = [...chosen, ...others.value.split(",").map((name) => name.trim()).filter(Boolean)];
    try {
      await call("v1/feedback", { body: { article: id, topics, who: who.value.trim() || null, note: note.value.trim() || null } });
      fill(said, h("p", {}, "Kept. The article is listed under these topics now."));
      await done();
    } catch (error) {
      fill(said, problem(error));
    }
  };
  const form = h(
    "form",
    { onsubmit: once(send) },
    h("fieldset", {}, h("legend", {}, "What are its topics?"), h("div", { className: "boxes" }, boxes)),
    h("div", { className: "find" }, field("Others", others, "With commas between."), field("Your name", who), field("Note", note), h("button", { type: "submit" }, "Keep the correction")),
    said,
  );
  const codes = new Set(top.map(({ qcode }) => qcode));
  form.show = (topics) => {
    const chosen = new Set(topics.map(({ qcode }) => qcode));
    for (const box of form.querySelectorAll("input[name=topic]")) box.checked = chosen.has(box.value);
    others.value = topics.filter(({ qcode }) => !codes.has(qcode)).map(({ name }) => name).join(", ");
  };
  return form;
}

function correction({ topics, who, note, created_at: at }) {
  return h("li", {}, h("time", { dateTime: at }, at.slice(0, 10)), ` ${who || "a reader"}: ${topics.map(({ name }) => name).join(", ") || "no topic"}`, note && h("span", { className: "hint" }, ` (${note})`));
}

function table(results) {
  const row = ({ task, value, provenance: made }) =>
    h(
      "tr",
      {},
      h("td", {}, h("time", { dateTime: made.created_at }, made.created_at.slice(0, 16).replace("T", " "))),
      h("td", {}, task),
      h("td", {}, `${made.model} ${made.revision.slice(0, 12)}`),
      h("td", { dir: "auto" }, task === "summary" ? value.text : value.map((topic) => `${topic.name} ${topic.score.toFixed(2)}`).join(", ") || "none"),
    );
  return h(
    "div",
    { className: "scrolls", tabIndex: 0, role: "region", ariaLabel: "Results" },
    h("table", {}, h("thead", {}, h("tr", {}, ["Made", "Task", "By", "Result"].map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, results.map(row))),
  );
}
