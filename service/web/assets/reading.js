// An article beside its summary: each sentence of the summary lights up where it comes from.

import { h, number, score } from "./dom.js";

const KINDS = {
  heading: "heading", label: "label", link: "link", caption: "caption", credit: "credit", date: "date", notice: "notice",
  promotion: "promotion", subscription: "subscription", helpline: "helpline", embed: "post", table: "table",
};
const READ = new Set(["prose", "label"]);
const SUPPORTED = 0.5;

/** From offsets that count code points, as the service gives them, to those of JavaScript. */
export function offsets(text) {
  if (!/[\ud800-\udbff]/.test(text)) return (at) => at;
  const places = [];
  let place = 0;
  for (const character of text) {
    places.push(place);
    place += character.length;
  }
  places.push(place);
  return (at) => places[at];
}

/** The text as it was read. What models leave out is marked by its kind; the summary's places can be lit. */
export function source(text, sentences, summary) {
  const at = offsets(text);
  const places = summary.map((sentence) => {
    const place = sentence.start === null ? sentence.support?.evidence[0] : sentence; // of a written one, what bears it out most
    return place ? [at(place.start), at(place.end)] : null;
  });
  const read = sentences.map((sentence) => ({ ...sentence, start: at(sentence.start), end: at(sentence.end) }));
  const cuts = new Set([0, text.length]);
  for (const [start, end] of [...places.filter(Boolean), ...read.map(({ start, end }) => [start, end])]) cuts.add(start).add(end);
  const ordered = [...cuts].sort((a, b) => a - b);
  const lit = summary.map(() => []);
  const element = h("div", { className: "source", dir: "auto", tabIndex: 0, role: "region", ariaLabel: "Article" });
  let next = 0;
  for (let i = 0; i + 1 < ordered.length; i += 1) {
    const [start, end] = [ordered[i], ordered[i + 1]];
    while (next < read.length && read[next].end <= start) next += 1;
    const kind = next < read.length && read[next].start <= start ? read[next].kind : null;
    const chosen = places.flatMap((place, i) => (place && place[0] <= start && end <= place[1] ? [i] : []));
    const piece = text.slice(start, end);
    if (chosen.length) {
      const mark = h("mark", { className: "chosen" }, piece);
      mark.dataset.sentence = chosen[0];
      for (const i of chosen) lit[i].push(mark);
      element.append(mark);
    } else if (kind && !READ.has(kind)) {
      if (read[next].start === start) element.append(h("span", { className: "kind" }, KINDS[kind] || kind));
      element.append(h("span", { className: "left-out" }, piece));
    } else element.append(piece);
  }
  return { element, lit };
}

/** The sentences of a summary, each of which lights its place. `lit` is empty where the text is not shown. */
export function summaryList(summary, lit = [], { only = null } = {}) {
  const items = summary.sentences.map((sentence, i) => {
    const light = (on) => () => {
      for (const mark of lit[i] || []) mark.classList.toggle("lit", on);
      if (on && lit[i]?.length) reveal(lit[i][0]);
    };
    const go = () => lit[i]?.[0]?.scrollIntoView({ block: "center" });
    const button = h(
      "button",
      { type: "button", className: "sentence", dir: "auto", onmouseenter: light(true), onmouseleave: light(false), onfocus: light(true), onblur: light(false), onclick: go },
      sentence.text,
    );
    for (const mark of lit[i] || []) {
      mark.addEventListener("mouseenter", () => button.classList.add("lit"));
      mark.addEventListener("mouseleave", () => button.classList.remove("lit"));
    }
    const differs = only && only.has(sentence.text);
    return h("li", { className: differs ? "differs" : "" }, button, doubt(sentence.support), differs && h("span", { className: "visually-hidden" }, " (only here)"));
  });
  return h("ol", { className: "summary" }, items);
}

/** What speaks against a written sentence. */
function doubt(support) {
  if (!support) return null;
  const reasons = [];
  if (support.score < SUPPORTED) reasons.push(`the article hardly supports it (${score(support.score)})`);
  if (support.unfounded.length) reasons.push(`not in the article: ${support.unfounded.join(", ")}`);
  return reasons.length ? h("span", { className: "warning doubt" }, reasons.join("; ")) : null;
}

/** Scroll the text, not the page: what lies under the pointer must not move away. */
function reveal(mark) {
  const text = mark.closest(".source");
  const [outer, inner] = [text.getBoundingClientRect(), mark.getBoundingClientRect()];
  if (inner.top < outer.top) text.scrollTop -= outer.top - inner.top + 20;
  else if (inner.bottom > outer.bottom) text.scrollTop += inner.bottom - outer.bottom + 20;
}

/** Topics as bars. `under` holds those below their threshold, `thresholds` the thresholds by qcode. */
export function topicBars(topics, under = [], thresholds = new Map()) {
  const bar = (topic, isUnder) => {
    const threshold = thresholds.get(topic.qcode);
    const says = topic.score === null ? "chosen by a reader" : score(topic.score);
    return h(
      "li",
      { className: isUnder ? "under" : "" },
      h("span", { className: "name" }, topic.name),
      h(
        "span",
        { className: "bar", ariaHidden: "true" },
        h("span", { className: "filled", width: `${100 * (topic.score ?? 1)}%` }),
        threshold !== undefined && place(h("span", { className: "threshold" }), threshold),
      ),
      h("span", { className: "score" }, says, threshold !== undefined && h("span", { className: "hint" }, `, answered from ${score(threshold)}`)),
    );
  };
  const list = h("ul", { className: "bars" }, topics.map((topic) => bar(topic, false)));
  const parts = [topics.length ? list : h("p", {}, "No topic is certain enough.")];
  if (under.length)
    parts.push(
      h("details", {}, h("summary", {}, `${under.length} under their threshold`), h("ul", { className: "bars" }, under.map((topic) => bar(topic, true)))),
    );
  return parts;
}

function place(element, share) {
  element.style.left = `${100 * share}%`;
  return element;
}

/** What made a result, and whether it was stored. */
export function provenance(result) {
  const rows = Object.entries(result.provenance).map(([task, made]) => {
    const parts = [`${made.model} ${made.revision.slice(0, 12)}`];
    if (task === "summary")
      parts.push(`${number(result.summary.used_tokens)} of ${number(result.summary.input_tokens)} tokens read${result.summary.truncated ? ", truncated" : ""}`);
    parts.push(result.cached[task] ? `stored ${made.created_at.slice(0, 16).replace("T", " ")} UTC` : `computed in ${Math.round(made.milliseconds)} ms`);
    return [h("dt", {}, task), h("dd", {}, parts.join(" · "))];
  });
  return h("dl", { className: "provenance" }, rows, h("dt", {}, "language"), h("dd", {}, result.language || "not told"));
}

export const warnings = (result) => result.warnings.map((warning) => h("p", { className: "warning" }, warning));
