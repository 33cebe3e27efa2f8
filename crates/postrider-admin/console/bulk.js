// Many jobs at once: counted before, asked about, and then watched from a tray that stays while pages change. The worker
// does the work; whoever closes the browser finds it again, or finished.

import { get, path, post } from "./api.js";
import { el, show } from "./dom.js";
import { count, counted, duration } from "./format.js";
import { badge, button, complain, confirmed, dialog, say } from "./parts.js";

/** What is done, in the words for it. */
export const WORDS = {
  replay: { verb: "Replay", doing: "Replaying", one: "dead letter", many: "dead letters", look: "main" },
  purge: { verb: "Purge", doing: "Purging", one: "dead letter", many: "dead letters", look: "danger" },
  promote: { verb: "Send now", doing: "Making due", one: "waiting job", many: "waiting jobs", look: "main" },
  cancel: { verb: "Cancel", doing: "Cancelling", one: "waiting job", many: "waiting jobs", look: "danger" },
};

const ABOUT = {
  replay: "They become ready at once, from attempt 1, and pass all checks again. Ids stay, so that receivers can tell repeats.",
  purge: "They are removed for good.",
  promote: "They fall due now. Those that are held for an inactive hook stay held.",
  cancel: "They end, and are sent no more.",
};

const KEPT = "postrider-bulk";
const EVERY_MS = 700;
/** For how long a count needs no word of it. */
const SILENT_MS = 400;

let works = [];
let timer;
let mayStop = false;

/** Counts what the filter means, asks, and begins. `filter` is as lists take it. */
export async function beginBulk(queue, act, filter) {
  const words = WORDS[act];
  const matched = await countAll(queue, act, filter);
  if (matched === undefined) return;
  if (matched === 0) return say(`No ${words.many} match.`, "warn");
  const these = counted(matched, words.one, words.many);
  if (!(await confirmed(`${words.verb}: ${these}?`, ABOUT[act], `${words.verb}: ${these}`, words.look))) return;
  const begun = await post(path`/queues/${queue}/bulk`, { do: act, ...filter, expected: matched });
  works.push({ queue, expected: matched, ...begun });
  keep();
  watch();
}

/** Counts all that the filter means, a part at a time; undefined where that was broken off. */
async function countAll(queue, act, filter) {
  const [words, began] = [WORDS[act], Date.now()];
  let [matched, isLeft, cursor, box] = [0, false];
  do {
    const part = await get(path`/queues/${queue}/bulk-count`, { do: act, ...filter, cursor });
    matched += part.matched;
    cursor = part.next;
    if (cursor && Date.now() - began > SILENT_MS) box ??= countingBox(() => (isLeft = true));
    box?.tell(`${counted(matched, words.one, words.many)} so far.`);
  } while (cursor && !isLeft);
  box?.close();
  return isLeft ? undefined : matched;
}

/** Shows how far a count has come, and lets it be broken off. */
function countingBox(leave) {
  const told = el("p", { role: "status" });
  let close;
  const draw = (shut) => {
    close = shut;
    return el("div", {}, told, el("div", { class: "row end" }, button("Break off", () => shut(false))));
  };
  dialog("Counting", draw).then((isDone) => isDone || leave());
  return { tell: (text) => show(told, text), close: () => close(true) };
}

/** Finds what was under way before the page was loaded anew. */
export function resumeTray(session) {
  mayStop = session.role === "admin";
  works = session.role === "owner" ? [] : (JSON.parse(sessionStorage.getItem(KEPT) ?? "[]") ?? []);
  watch();
}

function keep() {
  sessionStorage.setItem(KEPT, JSON.stringify(works.map(({ queue, id, expected, do: act }) => ({ queue, id, expected, do: act }))));
}

async function watch() {
  clearTimeout(timer);
  const before = works.filter((work) => work.state !== "finished").length;
  works = await Promise.all(works.map(look));
  works = works.filter((work) => work !== null);
  draw();
  const after = works.filter((work) => work.state !== "finished").length;
  if (after < before) document.dispatchEvent(new Event("moved"));
  if (works.some((work) => work.state === "running")) timer = setTimeout(watch, EVERY_MS);
}

async function look(work) {
  if (work.state === "finished") return work;
  try {
    return { ...work, ...(await get(path`/queues/${work.queue}/bulk/${work.id}`)) };
  } catch (problem) {
    // Its record is gone after a week, or with the session.
    return problem.status === 404 || problem.status === 401 ? null : work;
  }
}

function draw() {
  show(document.getElementById("tray"), works.map(line));
}

function line(work) {
  const words = WORDS[work.do];
  const moved = (work.done ?? 0) + (work.failed ?? 0);
  const whole = Math.max(work.expected, moved, 1);
  const close = () => {
    works = works.filter((other) => other.id !== work.id);
    keep();
    draw();
  };
  const running = work.state === "running";
  const name = `${words.doing} ${words.many}`;
  return el(
    "div",
    { class: "work", key: work.id },
    el("strong", {}, name),
    el("progress", { max: whole, value: work.state === "finished" ? whole : moved, "aria-label": name }),
    el("span", { class: "figures" }, `${count(moved)} of ${count(whole)}`),
    running ? badge("busy", left(work, moved, whole)) : ended(work),
    mayStop && running ? button("Stop", () => switchTo(work, post, "/stop")) : null,
    mayStop && work.state === "stopped" ? button("Resume", () => switchTo(work, post, "/resume")) : null,
    running ? null : button("Close", close),
  );
}

function ended(work) {
  if (work.state === "stopped") return badge("off", "Stopped");
  return work.failed > 0 ? badge("warn", `Done; ${count(work.failed)} stay as they were`) : badge("good", "Done");
}

function left(work, moved, whole) {
  const passed = work.updatedAt - work.startedAt;
  if (moved === 0 || passed < 500) return "Under way";
  return `${duration((passed / moved) * (whole - moved))} left`;
}

async function switchTo(work, ask, behind) {
  const place = path`/queues/${work.queue}/bulk/${work.id}`;
  Object.assign(work, await ask(place + behind));
  await watch().catch(complain);
}
