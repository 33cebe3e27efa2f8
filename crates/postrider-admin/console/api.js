// What the console asks of the worker: the same routes that anyone may use, under /api/v1.

/** A refusal, as the API words it: problem details. */
export class Problem extends Error {
  constructor(status, detail, errors = []) {
    super(detail);
    this.status = status;
    this.errors = errors;
  }
}

const MOST_WAITING_MS = 50_000;

/** A path with its parts made safe: path`/hooks/${user}/${hook}`. */
export function path(texts, ...parts) {
  return texts.reduce((made, text, at) => made + encodeURIComponent(parts[at - 1]) + text);
}

export const get = (where, query = {}) => ask("GET", `/api/v1${where}${queryOf(query)}`);
export const post = (where, body = {}) => ask("POST", `/api/v1${where}`, body);
export const patch = (where, body) => ask("PATCH", `/api/v1${where}`, body);
export const remove = (where) => ask("DELETE", `/api/v1${where}`);

function queryOf(query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}

export const session = {
  look: () => ask("GET", "/console/session"),
  begin: (token) => ask("POST", "/console/session", { token }),
  end: () => ask("DELETE", "/console/session"),
};

async function ask(method, url, body) {
  const options = { method, headers: { accept: "application/json" }, signal: AbortSignal.timeout(MOST_WAITING_MS) };
  if (method !== "GET") {
    options.headers["content-type"] = "application/json";
    if (body !== undefined) options.body = JSON.stringify(body);
  }
  const answer = await fetch(url, options).catch(() => {
    throw new Problem(0, "The worker doesn't answer. Is it still running?");
  });
  const text = await answer.text();
  const read = parsed(text);
  if (answer.ok) return read;
  throw new Problem(answer.status, sentence(read?.detail ?? `The answer was ${answer.status}.`), read?.errors);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Details of problems begin small and end without a stop, since they are parts of log lines too. */
export function sentence(detail) {
  const begun = detail.charAt(0).toUpperCase() + detail.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
