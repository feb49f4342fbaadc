// The vocabulary as a tree: how often each topic occurs, over time, and how well the model knows it.

import { call, query } from "./api.js";
import { fill, h, number, score } from "./dom.js";
import { trend } from "./trend.js";

const WEAK = 0.8;

export async function topics(root, { signal }) {
  const [vocabulary, counted] = await Promise.all([call("v1/topics", { signal }), call("v1/topics/counts", { signal })]);
  const narrower = new Map();
  for (const topic of vocabulary.topics) narrower.set(topic.broader, [...(narrower.get(topic.broader) || []), topic]);
  const top = narrower.get(null) || [];
  const names = new Set(top.map((topic) => topic.name));
  const own = Object.keys(counted.topics).filter((name) => !names.has(name));
  const months = Object.keys(counted.months).filter(Boolean).sort();
  fill(
    root,
    h("h1", {}, "Topics"),
    h("p", { className: "hint" }, `${vocabulary.release}. ${vocabulary.credit}. Counted are the articles that are kept, by the topics they are listed under.`),
    h("ul", { className: "tree" }, top.map((topic) => h("li", {}, entry(topic, counted, months), branch(topic, narrower)))),
    own.length > 0 && [h("h2", {}, "Narrower topics and other names"), h("ul", { className: "tree" }, own.map((name) => h("li", {}, entry({ name }, counted, months))))],
  );
}

function entry(topic, counted, months) {
  const by = counted.topics[topic.name] || {};
  const total = Object.values(by).reduce((a, b) => a + b, 0);
  return h(
    "div",
    { className: "topic" },
    h("h2", { className: "name" }, total ? h("a", { href: `#/articles${query({ topic: topic.qcode || topic.name })}` }, topic.name) : topic.name),
    h("span", { className: "count" }, total ? `${number(total)} ${total === 1 ? "article" : "articles"}` : "no articles"),
    Object.keys(by).some(Boolean) && months.length > 1 && trend(topic.name, by, months),
    topic.quality &&
      h(
        "span",
        { className: topic.quality.f1 < WEAK ? "quality weak" : "quality" },
        `${topic.quality.f1 < WEAK ? "weak: " : ""}precision ${score(topic.quality.precision)}, recall ${score(topic.quality.recall)} on ${number(topic.quality.articles)} articles; answered from ${score(topic.threshold)}`,
      ),
  );
}

/** The narrower topics, made when they are opened: there are over a thousand. */
function branch(topic, narrower) {
  const below = (narrower.get(topic.qcode) || []).filter((one) => !one.retired);
  if (!below.length) return null;
  const list = h("ul", {});
  const details = h("details", {}, h("summary", {}, `${below.length} narrower`), list);
  details.addEventListener("toggle", () => {
    if (details.open && !list.children.length)
      fill(list, below.map((one) => h("li", {}, one.name, " ", h("span", { className: "hint" }, one.qcode), branch(one, narrower))));
  });
  return details;
}
