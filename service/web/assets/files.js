// Articles from a file: text, HTML, JSON lines or CSV. Read here; nothing is sent before it is asked for.

const TEXTS = ["text", "body", "content", "article", "article_text", "maintext"];
const TITLES = ["title", "headline", "name"];
const LARGEST = 20_000_000;
const BREAK = "\u0000"; // no page holds it

/** The articles in a file: `[{title, text}]`. Throws an Error that says what is wrong. */
export async function articlesOf(file) {
  if (file.size > LARGEST) throw new Error(`${file.name} has ${Math.round(file.size / 1e6)} MB. For whole archives there is dateline archive.`);
  const text = new TextDecoder("utf-8", { fatal: true });
  let content;
  try {
    content = text.decode(await file.arrayBuffer());
  } catch {
    throw new Error(`${file.name} is not UTF-8. Convert it first.`);
  }
  const name = file.name.toLowerCase();
  let found;
  if (/\.html?$/.test(name)) found = [fromHtml(content)];
  else if (/\.(jsonl|ndjson|json)$/.test(name)) found = fromJson(content);
  else if (/\.csv$/.test(name)) found = fromCsv(content);
  else found = [fromText(content)];
  found = found.filter(({ text }) => text);
  if (!content.trim()) throw new Error(`${file.name} is empty.`);
  if (!found.length) throw new Error(`${file.name} holds no article: no field named ${TEXTS.join(", ")} has a text.`);
  return found;
}

function pick(record, names) {
  const keys = new Map(Object.keys(record).map((key) => [key.toLowerCase(), key]));
  for (const name of names) {
    const value = record[keys.get(name)];
    if (typeof value === "string" && value.trim()) return value.trim();
  }
  return "";
}

const fromRecord = (record) => ({ id: pick(record, ["id", "guid"]), title: pick(record, TITLES), date: pick(record, ["date"]).slice(0, 10), text: pick(record, TEXTS) });

function fromJson(content) {
  let records;
  try {
    const whole = JSON.parse(content);
    records = [Array.isArray(whole?.articles) ? whole.articles : whole].flat();
  } catch {
    records = content.split("\n").map((line, i) => {
      if (!line.trim()) return {};
      try {
        return JSON.parse(line);
      } catch {
        throw new Error(`Line ${i + 1} is no JSON.`);
      }
    });
  }
  return records.filter((record) => record && typeof record === "object").map(fromRecord);
}

/** Rows of a CSV file (RFC 4180). */
export function rows(content, delimiter = ",") {
  const all = [];
  let row = [];
  let value = "";
  let quoted = false;
  for (let i = 0; i < content.length; i += 1) {
    const character = content[i];
    if (quoted) {
      if (character !== '"') value += character;
      else if (content[i + 1] === '"') value += content[(i += 1)];
      else quoted = false;
    } else if (character === '"' && value === "") quoted = true;
    else if (character === delimiter) {
      row.push(value);
      value = "";
    } else if (character === "\n" || character === "\r") {
      if (character === "\r" && content[i + 1] === "\n") i += 1;
      all.push([...row, value]);
      row = [];
      value = "";
    } else value += character;
  }
  if (value || row.length) all.push([...row, value]);
  return all;
}

/** A seed file may open with its day. */
function fromText(content) {
  const [, date = "", text] = content.match(/^\s*(?:date (\d{4}-\d\d-\d\d)\s)?([^]*)$/);
  return { title: "", date, text: text.trim() };
}

function fromCsv(content) {
  const first = content.split("\n", 1)[0];
  const delimiter = [",", ";", "\t", "|"].reduce((a, b) => (first.split(b).length > first.split(a).length ? b : a));
  const [head = [], ...lines] = rows(content.replace(/^\ufeff/, ""), delimiter);
  return lines.map((line) => fromRecord(Object.fromEntries(head.map((name, i) => [name.trim(), line[i] ?? ""]))));
}

function fromHtml(content) {
  const page = new DOMParser().parseFromString(content, "text/html"); // such a document runs no script
  for (const element of page.querySelectorAll("script, style, noscript, template, nav, aside, footer, form")) element.remove();
  const longest = (a, b) => (b.textContent.length > a.textContent.length ? b : a);
  const root = [...page.querySelectorAll("article, main")].reduce(longest, page.createElement("p"));
  if (!root.textContent.trim()) root.append(...page.body.childNodes);
  const heading = root.querySelector("h1") || page.querySelector("h1");
  const title = (heading || page.querySelector("title"))?.textContent.replace(/\s+/g, " ").trim() || "";
  heading?.remove();
  for (const block of root.querySelectorAll("br, div, p, h2, h3, li, blockquote, figcaption, tr")) {
    block.before(BREAK);
    block.after(BREAK);
  }
  const texts = root.textContent.split(BREAK).map((text) => text.replace(/\s+/g, " ").trim());
  return { title, text: texts.filter(Boolean).join("\n\n") };
}
