// Finding jobs: by their own id, or among the latest attempts by what these say.

import { get, path } from "../api.js";
import { el, foreign } from "../dom.js";
import { count, duration, moment } from "../format.js";
import { answered, filterForm, filterOf, jobAndHook, outcome, pageOf, pager } from "../listing.js";
import { badge, field, table } from "../parts.js";

const NAMES = ["userId", "hookId", "destination", "since", "until"];
const OUTCOMES = ["delivered", "retried", "dead"];
const EVERY_MS = 2000;

export const jobs = {
  title: "Jobs",
  isOfQueue: true,
  // Whoever narrows the list reads it, and rows that come in above would push away what is read.
  every: (here) => (Object.keys(here.query).some((name) => name !== "queue") ? 0 : EVERY_MS),
  async load(here) {
    const { id } = here.query;
    const query = filterOf(here.query, [...NAMES, "eventId", "outcome", "cursor"]);
    if (!id) return pageOf(path`/queues/${here.queue}/attempts`, query);
    const found = await Promise.all(here.session.queues.map((queue) => look(queue, id)));
    const at = found.findIndex((life) => life !== null);
    if (at >= 0) {
      location.replace(`#/jobs/${encodeURIComponent(here.session.queues[at])}/${encodeURIComponent(id)}`);
    }
    return { items: [], next: null, isUnknown: at < 0 };
  },
  view: (here) => [search(here), filterForm(here, NAMES, [{ name: "outcome", label: "Outcome", words: OUTCOMES }]), listOf(here)],
};

const look = (queue, job) =>
  get(path`/queues/${queue}/jobs/${job}`).catch((problem) => {
    if (problem.status === 404) return null;
    throw problem;
  });

function search(here) {
  const onsubmit = (event) => {
    event.preventDefault();
    const { kind, text } = event.target.elements;
    here.go({ id: undefined, eventId: undefined, cursor: undefined, [kind.value]: text.value.trim() });
  };
  const kind = here.query.eventId ? "eventId" : "id";
  const option = (value, text) => el("option", { value, selected: value === kind }, text);
  const choice = el("select", { name: "kind", "aria-label": "Look for" }, option("id", "Job id"), option("eventId", "Event id"));
  const text = field({ label: "Id", name: "text", size: 34, required: true, value: here.query.id ?? here.query.eventId ?? "" });
  return el("form", { class: "filter", role: "search", "aria-label": "Find a job", onsubmit }, el("div", { class: "field" }, choice), text, el("button", { type: "submit", class: "main" }, "Find"));
}

function listOf(here) {
  const page = here.data;
  if (page.isUnknown) {
    return el("p", { class: "empty" }, badge("idle", "No such job"), " No job of this id is known any more: it never was, or ended before the attempt log begins.");
  }
  return el("section", {}, el("h2", {}, "Attempts, newest first"), attemptTable(here, page.items, page.next), pager(here, page));
}

/** Attempts as a table, with `more` columns behind. */
export function attemptTable(here, rows, next, more = []) {
  const columns = [
    { title: "When", class: "time", cell: (row) => moment(row.at) },
    { title: "Outcome", class: "word", cell: (row) => outcome(row.outcome) },
    { title: "Answer", class: "word", cell: (row) => [answered(row.status), el("small", {}, `after ${duration(row.ms)}`)] },
    { title: "Attempt", class: "number", cell: (row) => count(row.attempt) },
    { title: "Job", class: "id", cell: (row) => jobAndHook(row.queue ?? here.queue, row) },
    { title: "Destination", class: "place", cell: (row) => foreign(row.destination, 100) },
    { title: "Error", cell: (row) => (row.error ? foreign(row.error, 200) : el("span", { class: "none" }, "–")) },
    ...more,
  ];
  const empty = next ? "None on this page." : "No attempt is on record.";
  return table({ label: "Attempts", columns, rows, key: (row) => row.entry, empty });
}
