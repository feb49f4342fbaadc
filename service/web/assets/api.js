// The public API. Addresses are relative to the page, so that it works under any prefix.

const KEY = "dateline-api-key";

/** What the service answered instead: its own words, and when to try again. */
export class Problem extends Error {
  constructor(status, body, retryAfter) {
    super(body.detail || `The service answered ${status}.`);
    this.status = status;
    this.title = body.title || "The request failed";
    this.retryAfter = retryAfter;
  }
}

export const address = (path) => new URL(path, new URL(".", location.href)).href;

export function setKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

export const hasKey = () => sessionStorage.getItem(KEY) !== null;

/** Ask; gives the JSON of the answer. Throws a Problem. */
export async function call(path, { body, signal } = {}) {
  const headers = {};
  const key = sessionStorage.getItem(KEY);
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(address(path), {
      method: body === undefined ? "GET" : "POST",
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { title: "No answer", detail: "The service does not answer. Is it running?" });
  }
  const text = await response.text();
  let answer = {};
  try {
    answer = JSON.parse(text);
  } catch {
    if (response.ok) throw new Problem(response.status, { detail: "The answer is not JSON. Is there a proxy in between?" });
  }
  if (!response.ok) throw new Problem(response.status, answer, Number(response.headers.get("Retry-After")) || null);
  return answer;
}

/** `?a=1&b=2`, without what is empty. */
export function query(values) {
  const kept = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return kept.length ? `?${new URLSearchParams(kept)}` : "";
}

export const segment = encodeURIComponent;
