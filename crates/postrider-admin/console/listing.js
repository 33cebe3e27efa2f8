// What the lists of retries, dead letters and attempts have in common: a filter in the address, pages, and a selection.

import { get } from "./api.js";
import { el, foreign } from "./dom.js";
import { badge, button, field, link, say } from "./parts.js";
import { counted, known } from "./format.js";

/** Names of query parameters that narrow a list. */
const FILTERS = {
  userId: { label: "Owner", size: 10 },
  hookId: { label: "Hook", size: 10 },
  destination: { label: "Destination", size: 18, placeholder: "https://host" },
  since: { label: "Since", type: "datetime-local" },
  until: { label: "Until", type: "datetime-local" },
};

/** The filter of the address, as the API takes it. */
export function filterOf(query, names) {
  const given = names.filter((name) => query[name]).map((name) => [name, query[name]]);
  return Object.fromEntries(given);
}

/** How long a list is searched through for a page that has anything on it. */
const SEARCH_MS = 4000;

/** A page of a list. One call looks at so many entries only, and what is sought may lie further on. */
export async function pageOf(where, query) {
  const end = Date.now() + SEARCH_MS;
  let page = await get(where, { ...query, limit: 50 });
  while (page.items.length === 0 && page.next && Date.now() < end) page = await get(where, { ...query, limit: 50, cursor: page.next });
  return page;
}

/** A form for the filter; times are typed as local ones and go as epoch ms. */
export function filterForm(here, names, more = []) {
  const onsubmit = (event) => {
    event.preventDefault();
    const typed = [...event.target.elements].filter((control) => control.name);
    here.go({ ...Object.fromEntries(typed.map((control) => [control.name, read(control)])), cursor: undefined });
  };
  const clear = () => here.go(Object.fromEntries([...names, ...more.map(({ name }) => name), "cursor"].map((name) => [name, undefined])));
  const shown = names.map((name) => field({ name, ...FILTERS[name], value: written(name, here.query[name]) }));
  const isNarrowed = names.some((name) => here.query[name]) || more.some(({ name }) => here.query[name]);
  return el(
    "form",
    { class: "filter", role: "search", "aria-label": "Narrow the list", onsubmit },
    more.map((choice) => choiceOf(choice, here)),
    shown.filter((_, at) => names[at] !== "userId" || here.session.role !== "owner"),
    el("button", { type: "submit" }, "Filter"),
    isNarrowed ? button("Clear", clear) : null,
  );
}

function choiceOf({ name, label, words }, here) {
  const option = (word) => el("option", { value: word, selected: word === (here.query[name] ?? "") }, word === "" ? "any" : word);
  const control = el("select", { name, id: `${name}-field` }, ["", ...words].map(option));
  return el("div", { class: "field" }, el("label", { for: `${name}-field` }, label), control);
}

function read(control) {
  const text = control.value.trim();
  if (control.type !== "datetime-local") return text;
  return text === "" ? "" : String(new Date(text).getTime());
}

function written(name, value) {
  if (!value || FILTERS[name].type !== "datetime-local") return value ?? "";
  const at = new Date(Number(value));
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** Leads through the pages of a list; a page may be empty while there are more. */
export function pager(here, page) {
  const first = here.query.cursor ? button("First page", () => here.go({ cursor: undefined })) : null;
  const next = page.next ? button("Next page", () => here.go({ cursor: page.next })) : null;
  const more = page.next && page.items.length === 0 ? el("span", { class: "help" }, "None so far; the search goes on with the next page.") : null;
  return el("div", { class: "row pager" }, first, next, more);
}

/** A column of boxes to select rows by; `here.state.chosen` is the set of their keys. */
export function chooser(here, rows, key, name) {
  const chosen = here.state.chosen;
  const all = rows.length > 0 && rows.every((row) => chosen.has(key(row)));
  const some = rows.some((row) => chosen.has(key(row)));
  const toggle = (keys, isOn) => {
    for (const one of keys) isOn ? chosen.add(one) : chosen.delete(one);
    here.redraw();
  };
  const box = (label, checked, indeterminate, keys) => {
    const onchange = (event) => toggle(keys, event.target.checked);
    return el("label", { class: "box" }, el("input", { type: "checkbox", checked, indeterminate, onchange, "aria-label": label }));
  };
  return {
    title: "Select",
    class: "select",
    head: box("Select all on this page", all, some && !all, rows.map(key)),
    cell: (row) => box(`Select ${name(row)}`, chosen.has(key(row)), false, [key(row)]),
  };
}

/** Does one thing with each that is selected, one after the other, and says what came of it. */
export async function withEach(here, done, work) {
  const chosen = [...here.state.chosen];
  let moved = 0;
  const stays = [];
  for (const key of chosen) {
    try {
      const answer = await work(key);
      moved += answer?.done ?? 1;
      stays.push(...(answer?.stays ?? []));
    } catch (problem) {
      stays.push({ job: key, why: problem.message });
    }
  }
  here.state.chosen.clear();
  say(`${counted(moved, "job", "jobs")} ${done}.`);
  told(stays);
  await here.reload();
}

/** Says which jobs stayed as they were, and why. */
export function told(stays = []) {
  if (stays.length > 0) say(stays.slice(0, 3).map(({ job, why }) => `${job}: ${why}`).join("; "), "warn");
}

/** A job, and below it the hook that it is for. */
export const jobAndHook = (queue, row) => [jobLink(queue, row.job), row.hookId ? el("small", {}, "for ", hookLink(row)) : null];

/** Where a job goes; one that leaves it to its hook doesn't say. */
export function placeOf(row) {
  if (row.destination) return foreign(row.destination, 100);
  return el("span", { class: "none" }, row.hookId ? "its hook's" : "–");
}

/** Where to look at a job, a hook. */
const jobLink = (queue, job) => link(`#/jobs/${encodeURIComponent(queue)}/${encodeURIComponent(job)}`, el("code", {}, foreign(job, 200)));

export function hookLink(row) {
  if (!row.hookId) return el("span", { class: "none" }, "–");
  if (!row.userId) return el("code", {}, foreign(row.hookId, 200));
  const to = `#/hooks/${encodeURIComponent(row.userId)}/${encodeURIComponent(row.hookId)}`;
  return link(to, el("code", {}, foreign(`${row.userId}/${row.hookId}`, 200)));
}

const OUTCOMES = { delivered: ["good", "Delivered"], retried: ["warn", "Retried"], dead: ["bad", "Dead"] };

/** What came of an attempt. */
export const outcome = (word) => badge(...known(OUTCOMES, word, ["idle", foreign(word, 40)]));

/** A status of an answer: 0 means that none came. */
export const answered = (status) => (status ? el("span", { class: "number" }, status) : el("span", { class: "none" }, "no answer"));
