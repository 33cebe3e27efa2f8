// One hook: how it fares, what it got of late, and everything that its owner may do with it.

import { get, path, post, remove } from "../api.js";
import { el, foreign } from "../dom.js";
import { count, duration, moment } from "../format.js";
import { told } from "../listing.js";
import { badge, button, confirmed, facts, say, table } from "../parts.js";
import { editHook, secretOnce } from "../hook_form.js";
import { destinationOf, eventsOf, stateOf, toggle } from "./hooks.js";
import { attemptTable } from "./jobs.js";

const EVERY_MS = 3000;
const EVENTS = ["note", "reply", "renote", "mention", "follow", "followed", "unfollow", "reaction"];
const MOST_RECENT = 25;

export const hook = {
  title: (here) => here.data?.hook.name ?? `Hook ${here.parts[1]}`,
  every: EVERY_MS,
  state: () => ({ trials: [] }),
  async load(here) {
    const [userId, hookId] = here.parts;
    const recent = (queue) =>
      get(path`/queues/${queue}/attempts`, { userId, hookId, limit: MOST_RECENT }).then((page) => page.items.map((row) => ({ ...row, queue })));
    const queues = here.session.queues.filter((queue) => queue !== here.session.events);
    const [found, ...lists] = await Promise.all([get(path`/hooks/${userId}/${hookId}`), ...queues.map(recent)]);
    const attempts = lists.flat().sort((one, other) => other.at - one.at);
    return { hook: found, attempts: attempts.slice(0, MOST_RECENT) };
  },
  view: (here) => [about(here), here.may ? trial(here) : null, deliveries(here)],
};

const where = ({ userId, id }, behind = "") => path`/hooks/${userId}/${id}` + behind;

function about(here) {
  const { hook } = here.data;
  return el(
    "section",
    { class: "panel" },
    el("div", { class: "row" }, stateOf(hook), here.may ? el("span", { class: "switch" }, "Active ", toggle(here, hook)) : null, here.may ? actions(here, hook) : null),
    facts(
      ["Id", el("code", {}, hook.id)],
      ["Owner", el("code", {}, hook.userId)],
      ["URL", destinationOf(hook.url)],
      ["Events", eventsOf(hook.on)],
      ["Last sent", moment(hook.latestSentAt)],
      ["Last status", hook.latestStatus === 0 ? "no answer" : (hook.latestStatus ?? "–")],
      hook.profile && ["Profile", foreign(hook.profile, 40)],
      hook.headers && ["Headers", foreign(Object.keys(hook.headers).join(", "), 300)],
      hook.timeoutMs && ["Limit of an attempt", duration(hook.timeoutMs)],
      hook.maxAttempts && ["Attempts in all", count(hook.maxAttempts)],
      hook.maxInFlight && ["Requests at a time", count(hook.maxInFlight)],
      hook.ratePerSecond && ["Requests a second", String(hook.ratePerSecond)],
      hook.secrets?.length > 0 && ["Earlier secrets", `${hook.secrets.length} still sign`],
    ),
  );
}

function actions(here, hook) {
  const reveal = async () => secretOnce(await post(where(hook, "/reveal")), "Whoever has it can send in your name.");
  const rotate = async () => {
    const text = "A new secret is made. The old one signs beside it for a day, so that the receiver can change over. With profile misskey only the new one is sent.";
    if (!(await confirmed("Make a new secret?", text, "Make a new secret", "main"))) return;
    await post(where(hook, "/rotate"));
    await secretOnce(await post(where(hook, "/reveal")), "This is the new secret.");
    await here.reload();
  };
  const drop = async () => {
    if (!(await confirmed(`Delete ${hook.name}?`, "Nothing more is sent to it. Jobs that wait for it die when they fall due.", "Delete the hook"))) return;
    await remove(where(hook));
    say("The hook is deleted.");
    location.hash = here.session.role === "owner" ? "#/hooks" : `#/hooks/${encodeURIComponent(hook.userId)}`;
  };
  return [
    button("Edit", () => editHook(here, hook)),
    button("Reveal secret", reveal),
    button("New secret", rotate),
    button("Delete", drop, { look: "danger" }),
  ];
}

/** Sends samples, and keeps what came of them in view. */
function trial(here) {
  const { hook } = here.data;
  const send = async (type) => {
    const came = await post(where(hook, "/test"), { type });
    here.state.trials = [{ ...came, at: Date.now() }, ...here.state.trials].slice(0, 5);
    here.redraw();
  };
  const columns = [
    { title: "When", class: "time", cell: (row) => moment(row.at) },
    { title: "Event", class: "word", cell: (row) => foreign(row.type, 40) },
    { title: "Answer", class: "word", cell: answerOf },
    { title: "Took", class: "number", cell: (row) => duration(row.ms) },
    { title: "Error", class: "wide", cell: (row) => foreign(row.error, 200) },
  ];
  const key = (row) => `${row.eventId} ${row.at}`;
  return el(
    "section",
    { class: "panel" },
    el("h2", {}, "Send a test"),
    el("p", { class: "help" }, "A sample of an event, sent at once and once, whatever the switch and the events above say."),
    el("div", { class: "row wrap" }, EVENTS.map((type) => button(type, () => send(type)))),
    here.state.trials.length > 0 ? table({ label: "Tests", columns, rows: here.state.trials, key }) : null,
  );
}

function answerOf(row) {
  if (row.accepted) return badge("good", `Accepted: ${row.status}`);
  return badge("bad", row.status ? `Refused: ${row.status}` : "No answer");
}

function deliveries(here) {
  const again = {
    title: "Again",
    class: "actions",
    cell: (row) => (here.may ? redelivery(here, row) : null),
  };
  const { attempts } = here.data;
  return el("section", {}, el("h2", {}, "Recent deliveries"), attemptTable(here, attempts, null, here.may ? [again] : []));
}

/** What can be sent again: a job that waits or died. Of one that was delivered nothing is kept. */
function redelivery(here, row) {
  const newest = here.data.attempts.find((other) => other.job === row.job);
  if (newest !== row) return null;
  const place = path`/queues/${row.queue}`;
  const one = encodeURIComponent(row.job);
  const go = (behind, words) => async () => {
    const answer = await post(place + behind);
    if (answer.done > 0) say(words);
    told(answer.stays);
    await here.reload();
  };
  if (row.outcome === "dead") return button("Replay", go(`/dead/${one}/replay`, "It is ready again."));
  return row.outcome === "retried" ? button("Send now", go(`/retries/${one}/promote`, "It is due now.")) : null;
}
