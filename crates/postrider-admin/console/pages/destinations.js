// Destinations as the workers tell of them: what they get at a time, and whether they are held back.

import { get, post } from "../api.js";
import { el, foreign } from "../dom.js";
import { count, duration, known } from "../format.js";
import { atWork, badge, button, confirmed, field, link, say, table } from "../parts.js";

const EVERY_MS = 2000;
const ALL = "*";

export const destinations = {
  title: "Destinations",
  every: EVERY_MS,
  state: () => ({ seen: new Map() }),
  async load(here) {
    const page = await get("/destinations", { limit: 100, cursor: here.query.cursor, destination: here.query.destination });
    // One that is idle again isn't told of any more. Its row stays, lest the others jump.
    const idle = new Map([...here.state.seen].map(([key, row]) => [key, { ...row, state: "idle", paused: false, inFlight: 0, inLine: 0 }]));
    for (const row of page.items) idle.set(keyOf(row), row);
    here.state.seen = new Map([...idle].sort(([one], [other]) => (one < other ? -1 : 1)).slice(0, 200));
    return { rows: [...here.state.seen.values()], next: page.next };
  },
  view: (here) => [here.isAdmin ? acts(here) : null, list(here), more(here)],
};

const keyOf = (row) => [row.destination, row.queue, row.worker].join(" ");

const STATES = {
  flowing: ["good", "Flowing"],
  tripped: ["bad", "Tripped"],
  probing: ["warn", "Probing"],
  idle: ["idle", "Idle"],
};

/** One that is idle isn't in the list, and can be paused all the same. */
function acts(here) {
  const onsubmit = (event) => {
    event.preventDefault();
    const name = event.target.elements.destination.value.trim();
    if (name !== "") atWork(event.submitter ?? event.target, () => pause(here, name));
  };
  const name = field({ label: "Destination", name: "destination", size: 30, placeholder: "owner/hook, or https://host" });
  return el("form", { class: "filter", onsubmit }, name, el("button", { type: "submit" }, "Pause…"), button("Reset all", () => reset(here, ALL)));
}

function list(here) {
  const columns = [
    { title: "Destination", class: "wide", cell: nameOf },
    { title: "State", class: "word", cell: stateOf },
    { title: "In flight", class: "number", cell: (row) => `${count(row.inFlight)} of ${count(row.limit)}` },
    { title: "In line", class: "number", cell: (row) => [count(row.inLine), row.deferred ? el("small", {}, `${count(row.deferred)} sent away`) : null] },
    { title: "Rate", class: "number", cell: (row) => (row.rate ? `${row.rate}/s` : "–") },
    { title: "Last failure", class: "place", cell: failureOf },
    { title: "Worker", class: "place", cell: (row) => el("code", {}, foreign(row.worker, 128)) },
    here.isAdmin ? { title: "Actions", class: "actions", cell: (row) => buttons(here, row) } : null,
  ];
  const empty = "Nothing is under way, in line or held back. Destinations appear here while there is something to say of them.";
  return table({ label: "Destinations", columns: columns.filter(Boolean), rows: here.data.rows, key: keyOf, empty });
}

/** Those of hooks lead to their hook, where they can be switched off. */
function nameOf(row) {
  const [, user, hook] = /^([!-~]+)\/([A-Za-z0-9_-]{1,64})$/.exec(row.destination) ?? [];
  if (!user || /^https?:\/\//.test(row.destination)) return foreign(row.destination, 300);
  return link(`#/hooks/${encodeURIComponent(user)}/${encodeURIComponent(hook)}`, el("code", {}, foreign(row.destination, 300)));
}

function stateOf(row) {
  if (row.paused) return badge("off", "Paused");
  const [kind, text] = known(STATES, row.state, ["idle", row.state]);
  const when = row.state === "tripped" && row.triedInMs ? `, tried in ${duration(row.triedInMs)}` : "";
  return [badge(kind, text + when), row.silent ? badge("warn", "Silent") : null];
}

function failureOf(row) {
  if (!row.lastFailure) return el("span", { class: "none" }, "–");
  return [foreign(row.lastFailure, 120), el("small", {}, `${count(row.failuresInARow)} in a row`)];
}

function buttons(here, row) {
  const resume = async () => {
    await post("/destinations/resume", { destination: row.destination });
    say("It gets its jobs again within 2 s, the last of them within a minute.");
    await here.reload();
  };
  const pauseOrResume = row.paused ? button("Resume", resume) : button("Pause", () => pause(here, row.destination));
  return el("div", { class: "row" }, pauseOrResume, button("Reset", () => reset(here, row.destination)));
}

async function pause(here, destination) {
  const text = "Nothing more is sent to it, until it is resumed. Its jobs wait; no attempt is spent.";
  if (!(await confirmed(`Pause ${destination}?`, text, "Pause", "main"))) return;
  await post("/destinations/pause", { destination });
  say("Workers hear of it within 2 s; what is in flight finishes.");
  await here.reload();
}

async function reset(here, destination) {
  const name = destination === ALL ? "all destinations" : destination;
  const text = "All workers forget its failures, and give it as much at a time as at first.";
  if (!(await confirmed(`Reset ${name}?`, text, "Reset", "main"))) return;
  await post("/destinations/reset", { destination });
  say("Workers hear of it within a second.");
  await here.reload();
}

function more(here) {
  const next = here.data.next ? button("Next page", () => here.go({ cursor: here.data.next })) : null;
  const first = here.query.cursor ? button("First page", () => here.go({ cursor: undefined })) : null;
  return el("div", { class: "row pager" }, first, next);
}
