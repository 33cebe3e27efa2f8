// One job: its life as a timeline, where it is, what comes next, and what can be done about it.

import { get, path, post } from "../api.js";
import { el, foreign } from "../dom.js";
import { bytes, count, counted, duration, known, moment, stamp } from "../format.js";
import { hookLink, outcome, told } from "../listing.js";
import { badge, button, confirmed, copyable, dialog, facts, say } from "../parts.js";
import { curlOf } from "../curl.js";

const EVERY_MS = 2000;

export const job = {
  title: (here) => `Job ${here.parts[1]}`,
  // Done jobs change no more.
  every: (here) => (here.data?.state === "delivered" ? 0 : EVERY_MS),
  load: (here) => get(path`/queues/${here.parts[0]}/jobs/${here.parts[1]}`),
  view: (here) => [
    el("div", { class: "panel" }, el("div", { class: "row" }, stateOf(here.data), actions(here)), about(here)),
    el("h2", {}, "Its life"),
    here.data.logIsWhole ? null : el("p", { class: "help" }, "The attempt log was not looked at to its beginning: there may be earlier attempts."),
    el("ol", { class: "life" }, steps(here.data)),
  ],
};

const STATES = {
  ready: ["busy", "Ready"],
  leased: ["busy", "Being sent"],
  waiting: ["warn", "Waiting"],
  dead: ["bad", "Dead"],
  delivered: ["good", "Delivered"],
  unknown: ["idle", "Not found"],
};

const stateOf = (life) => (life.state === "waiting" && life.now.held ? badge("off", "Held") : badge(...known(STATES, life.state, STATES.unknown)));

function about(here) {
  const life = here.data;
  const what = { ...life.attempts.at(-1), ...life.now };
  return facts(
    ["Queue", el("code", {}, here.parts[0])],
    what.type && ["Type", foreign(what.type, 128)],
    what.eventId && ["Event id", el("code", {}, foreign(what.eventId, 200))],
    what.hookId && ["Hook", hookLink(what)],
    what.destination && ["Destination", foreign(what.destination, 300)],
    what.bytes && ["Size", bytes(what.bytes)],
    ["Attempts", what.maxAttempts ? `${count(what.attempts)} of ${what.maxAttempts}` : count(what.attempts ?? life.attempts.length)],
  );
}

/** Attempts, the waits between them, and what comes next. */
function steps(life) {
  const shown = life.attempts.map((attempt, at) => {
    const next = life.attempts[at + 1];
    return [attemptStep(attempt), next ? waitStep(attempt, next) : null];
  });
  return [...shown, nowStep(life)];
}

function attemptStep(attempt) {
  const answer = attempt.status ? `Answer ${attempt.status}` : "No answer";
  const response = attempt.response
    ? el("details", {}, el("summary", {}, "First bytes of the answer"), el("pre", { tabindex: "0" }, foreign(attempt.response, 8000)))
    : null;
  return el(
    "li",
    { key: attempt.entry, class: attempt.outcome },
    el("div", { class: "row" }, el("strong", {}, `Attempt ${attempt.attempt}`), outcome(attempt.outcome), stamp(attempt.at)),
    el("p", {}, `${answer} after ${duration(attempt.ms)}, sent by `, el("code", {}, foreign(attempt.worker, 128)), "."),
    tellsMore(attempt) ? el("p", {}, foreign(attempt.error, 2000)) : null,
    response,
  );
}

/** Whether the error says more than the answer's number does. */
const tellsMore = ({ error, status }) => error && error !== `the receiver answered ${status}`;

function waitStep(attempt, next) {
  const waited = next.at - next.ms - attempt.at;
  const changed = attempt.worker !== next.worker ? el("span", {}, " Then another worker took it.") : null;
  return el("li", { class: "wait", key: `${attempt.entry} wait` }, `${attempt.outcome === "dead" ? "Replayed after" : "Waited"} ${duration(Math.max(0, waited))}.`, changed);
}

function nowStep(life) {
  return el("li", { class: `now ${life.state}`, key: "now" }, el("div", { class: "row" }, el("strong", {}, "Now"), stateOf(life)), el("p", {}, next(life)));
}

/** What will happen next, in a sentence. */
function next({ state, now, attempts }) {
  if (state === "ready") return "It is in the queue, and goes to the next worker that has room.";
  if (state === "leased") return leased(now);
  if (state === "delivered") return "Its receiver has accepted it. Nothing more happens, and its content is not kept.";
  if (state === "dead") return ["It ", el("strong", {}, "died"), " (", foreign(now.reason, 40), ") ", moment(now.diedAt), ": ", foreign(now.error, 500), ". It is sent again only where it is replayed."];
  if (state === "unknown") return now.lookedEverywhere ? "It is nowhere: it has ended." : "It was not found. The queue is longer than was looked at, so it may still be in there.";
  if (now.held) return ["It waits until its hook is switched on."];
  const total = now.maxAttempts ? ` of ${now.maxAttempts}` : "";
  return [`Attempt ${(now.attempts ?? attempts.length) + 1}${total} `, moment(now.due), " (", stamp(now.due), ")."];
}

function leased(now) {
  const taken = now.deliveries > 1 ? ` It was handed out ${counted(now.deliveries, "time", "times")}: a worker that had it was lost.` : "";
  return ["Worker ", el("code", {}, foreign(now.worker, 128)), ` has had it for ${duration(now.forMs)}.${taken}`];
}

function actions(here) {
  const [queue, id] = here.parts;
  const { state, now } = here.data;
  const mine = here.may ? [] : null;
  mine?.push(
    state === "waiting" && !now.held ? button("Send now", () => moved(here, post(path`/queues/${queue}/retries/${id}/promote`), "It is due now."), { look: "main" }) : null,
    state === "dead" ? button("Replay", () => moved(here, post(path`/queues/${queue}/dead/${id}/replay`), "It is ready again."), { look: "main" }) : null,
    state === "waiting" || state === "ready" ? button("Cancel", () => cancel(here, queue, id)) : null,
  );
  return [mine, button("Copy as curl", () => curl(here))];
}

async function moved(here, asked, words) {
  const answer = await asked;
  if (answer.done > 0) say(words);
  told(answer.stays);
  await here.reload();
}

async function cancel(here, queue, id) {
  if (!(await confirmed("Cancel this job?", "It ends, and is sent no more.", "Cancel the job"))) return;
  await post(path`/queues/${queue}/jobs/${id}/cancel`);
  say("It is cancelled.");
  await here.reload();
}

async function curl(here) {
  const { attempts, now } = here.data;
  const what = { ...attempts.at(-1), ...now };
  const hook = what.userId && what.hookId ? await get(path`/hooks/${what.userId}/${what.hookId}`).catch(() => null) : null;
  const draw = () =>
    el(
      "div",
      {},
      el("p", {}, "Sends the like of it from your own machine. Secrets are left out, and so is the content, which may hold some: put it into body.json."),
      copyable(curlOf(what, hook), "Command"),
    );
  await dialog("As curl", draw);
}
