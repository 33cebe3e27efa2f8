// What flows now, over the last hour, day and week; who works, and how Redis is.

import { get, path, post } from "../api.js";
import { chart } from "../chart.js";
import { el, foreign } from "../dom.js";
import { bytes, count, duration, moment, perSecond } from "../format.js";
import { badge, button, link, say, table } from "../parts.js";
import { findingList } from "./doctor.js";

const EVERY_MS = 2000;
/** What changes slowly is asked for less often. */
const SLOW_MS = { hour: 4000, day: 60_000, week: 300_000, redis: 10_000 };
/** Samples over which a rate is taken: enough to be calm, few enough to be current. */
const MOST_SAMPLES = 6;
const SPANS = { hour: "Hour", day: "Day", week: "Week" };
const ROWS = [
  { name: "delivered", title: "Delivered", kind: "good" },
  { name: "retried", title: "Retried", kind: "warn" },
  { name: "dead", title: "Dead", kind: "bad" },
];

export const overview = {
  title: "Overview",
  isOfQueue: true,
  every: EVERY_MS,
  state: () => ({ samples: [], kept: {}, pointer: {} }),
  async load(here) {
    const span = spanOf(here);
    const [queues, workers, redis, series] = await Promise.all([
      get("/queues"),
      get("/workers"),
      slowly(here, "redis", "redis", () => get("/redis")),
      slowly(here, "series", `${here.queue} ${span}`, () => get(path`/queues/${here.queue}/series`, { span }), span),
    ]);
    sample(here.state, queues.items);
    return { queues: queues.items, workers: workers.items, redis, series };
  },
  view(here) {
    const { queues, workers, redis, series } = here.data;
    const queue = queues.find((one) => one.queue === here.queue) ?? queues[0];
    return [tiles(here, queue), charts(here, series), queueList(here, queues), workerList(workers), redisPanel(redis)];
  },
};

const spanOf = (here) => (Object.hasOwn(SPANS, here.query.span ?? "") ? here.query.span : "hour");

/** Asks again only where the last answer is old, or to another question. */
async function slowly(here, name, question, ask, pace = name) {
  const kept = here.state.kept[name];
  if (kept?.question === question && Date.now() - kept.at < SLOW_MS[pace]) return kept.answer;
  const answer = await ask();
  here.state.kept[name] = { question, answer, at: Date.now() };
  return answer;
}

function sample(state, queues) {
  const counts = Object.fromEntries(queues.map((queue) => [queue.queue, queue.thisHour]));
  state.samples = [...state.samples, { at: Date.now(), counts }].slice(-MOST_SAMPLES);
}

/** What was counted a second, over the last samples; over the last minute until there are two. */
function rate(here, name) {
  const last = here.state.samples.at(-1);
  const of = (one) => one.counts[here.queue]?.[name] ?? 0;
  // Counters begin anew with each hour.
  const first = here.state.samples.find((one) => of(one) <= of(last) && one.at < last.at);
  if (first) return ((of(last) - of(first)) * 1000) / (last.at - first.at);
  const minutes = here.data.series.span === "hour" ? here.data.series[name] : [];
  return minutes.length > 1 ? minutes.at(-2) / 60 : NaN;
}

function tiles(here, queue) {
  const tile = (name, value, { note = "", kind = "", to } = {}) =>
    el(
      to ? "a" : "div",
      { class: `tile ${kind}`, href: to, key: name },
      el("span", { class: "name" }, name),
      el("span", { class: "value" }, value),
      el("span", { class: "about" }, note),
    );
  const of = `?queue=${encodeURIComponent(queue.queue)}`;
  const oldest = queue.ready > 0 ? `oldest ${duration(queue.oldestReadyMs ?? 0)}` : "none in line";
  const due = queue.nextDue ? ["next ", moment(queue.nextDue)] : "none falls due";
  return el(
    "section",
    { class: "tiles", "aria-label": "Now" },
    tile("Delivered", perSecond(rate(here, "delivered")), { note: "a second", kind: "good" }),
    tile("Retried", perSecond(rate(here, "retried")), { note: "a second", kind: "warn" }),
    tile("Died", perSecond(rate(here, "dead")), { note: "a second", kind: "bad" }),
    tile("Being sent", count(queue.leased), { note: "leased by workers" }),
    tile("Ready", count(queue.ready), { note: oldest }),
    tile("Waiting", count(queue.waiting), { note: due, to: `#/retries${of}` }),
    tile("Dead letters", count(queue.dead), { note: "to be replayed", to: `#/dead${of}` }),
    tile("Workers", count(queue.workers), { note: queue.workers === 0 ? badge("bad", "nobody delivers") : "alive" }),
  );
}

function charts(here, series) {
  const choose = (span) => el("button", { type: "button", "aria-pressed": String(span === spanOf(here)), onclick: () => here.go({ span }) }, SPANS[span]);
  return el(
    "section",
    { class: "panel" },
    el("div", { class: "row" }, el("h2", {}, "Over the last"), el("div", { class: "choice-row", role: "group", "aria-label": "Span" }, Object.keys(SPANS).map(choose))),
    chart(series, ROWS, here.state.pointer, here.redraw),
  );
}

function queueList(here, queues) {
  const columns = [
    { title: "Queue", class: "wide", cell: (row) => link(`#/?queue=${encodeURIComponent(row.queue)}`, el("code", {}, row.queue)) },
    { title: "State", class: "word", cell: (row) => (row.paused ? badge("off", "Paused") : badge("good", "Running")) },
    { title: "Ready", class: "number", cell: (row) => count(row.ready) },
    { title: "Sending", class: "number", cell: (row) => count(row.leased) },
    { title: "Waiting", class: "number", cell: (row) => count(row.waiting) },
    { title: "Held", class: "number", cell: (row) => count(row.held) },
    { title: "Dead", class: "number", cell: (row) => count(row.dead) },
    here.isAdmin ? { title: "Actions", class: "actions", cell: (row) => pauseButton(here, row) } : null,
  ];
  return el("section", {}, el("h2", {}, "Queues"), table({ label: "Queues", columns: columns.filter(Boolean), rows: queues, key: (row) => row.queue }));
}

function pauseButton(here, row) {
  const to = row.paused ? "resume" : "pause";
  const work = async () => {
    await post(path`/queues/${row.queue}/` + to);
    say(row.paused ? "Its workers read on within 2 s." : "Its workers read nothing more within 2 s; what is in flight finishes.");
    await here.reload();
  };
  return button(row.paused ? "Resume" : "Pause", work);
}

function workerList(workers) {
  const columns = [
    { title: "Worker", class: "wide", cell: (row) => el("code", {}, foreign(row.worker, 128)) },
    { title: "Queue", class: "id", cell: (row) => el("code", {}, row.queue) },
    { title: "Sending", class: "number", cell: (row) => count(row.leased) },
    { title: "Heartbeat", class: "time", cell: (row) => moment(row.seenAt) },
    { title: "Since", class: "time", cell: (row) => moment(row.startedAt) },
    { title: "Version", class: "number", cell: (row) => foreign(row.version || "–", 40) },
    { title: "Process", class: "number", cell: (row) => String(row.pid) },
  ];
  const empty = "No worker. Jobs stay where they are until one runs: postrider worker.";
  return el("section", {}, el("h2", {}, "Workers"), table({ label: "Workers", columns, rows: workers, key: (row) => `${row.queue} ${row.worker}`, empty }));
}

function redisPanel(redis) {
  const limit = redis.maxBytes > 0 ? ` of ${bytes(redis.maxBytes)}` : ", no limit of its own";
  const meter = redis.maxBytes > 0 ? el("progress", { max: redis.maxBytes, value: redis.usedBytes, "aria-label": "Memory of Redis" }) : null;
  const worse = redis.findings.filter((finding) => finding.severity !== "ok" && finding.severity !== "note");
  return el(
    "section",
    { class: "panel" },
    el("h2", {}, "Redis"),
    el("div", { class: "row" }, el("span", {}, foreign(redis.version, 40)), meter, el("span", { class: "figures" }, `${bytes(redis.usedBytes)}${limit}`)),
    worse.length === 0 ? badge("good", "Nothing to mend") : findingList(worse),
  );
}
