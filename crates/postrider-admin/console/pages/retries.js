// Jobs that wait: for their next attempt, for their time, or for their hook.

import { get, path, post, remove } from "../api.js";
import { beginBulk } from "../bulk.js";
import { el, foreign } from "../dom.js";
import { count, counted, moment } from "../format.js";
import { chooser, filterForm, filterOf, hookLink, jobAndHook, pageOf, pager, placeOf, told, withEach } from "../listing.js";
import { badge, button, confirmed, say, table } from "../parts.js";

const NAMES = ["userId", "hookId", "destination", "since", "until"];
const where = (here, job, behind = "") => path`/queues/${here.queue}/retries/${job}` + behind;

export const retries = {
  title: "Retries",
  isOfQueue: true,
  state: () => ({ chosen: new Set() }),
  async load(here) {
    const list = pageOf(path`/queues/${here.queue}/retries`, filterOf(here.query, [...NAMES, "cursor"]));
    const [page, next] = await Promise.all([list, nextOnes(here.queue)]);
    return { page, next };
  },
  view(here) {
    const { page, next } = here.data;
    return [
      next.groups.length > 0 ? groupList(here, next) : null,
      filterForm(here, NAMES),
      here.may ? actions(here) : null,
      list(here, page.items),
      pager(here, page),
    ];
  },
};

/** Calls for the groups, of a hundred jobs each; a million that wait are not looked at for a page. */
const MOST_CALLS = 5;
const MOST_GROUPS = 10;

/** Those that fall due first, by where they lead, the largest group first. */
async function nextOnes(queue) {
  const groups = new Map();
  let [looked, calls, cursor] = [0, 0];
  do {
    const page = await get(path`/queues/${queue}/retries`, { limit: 100, cursor });
    for (const job of page.items) add(groups, job);
    looked += page.items.length;
    cursor = page.next;
    calls += 1;
  } while (cursor && calls < MOST_CALLS);
  return { looked, isWhole: !cursor, groups: [...groups.values()].sort((one, other) => other.count - one.count) };
}

const nameOf = ({ userId, hookId, destination }) => (hookId ? `${userId}/${hookId}` : destination);

function add(groups, job) {
  const { userId, hookId, destination } = job;
  const group = groups.get(nameOf(job)) ?? { userId, hookId, destination, count: 0, held: 0, due: job.due };
  group.count += 1;
  group.held += job.held ? 1 : 0;
  groups.set(nameOf(job), group);
}

function groupList(here, { looked, isWhole, groups }) {
  const shown = groups.slice(0, MOST_GROUPS);
  const open = ({ userId, hookId, destination }) =>
    here.go(hookId ? { userId, hookId, destination: undefined, cursor: undefined } : { userId: undefined, hookId: undefined, destination, cursor: undefined });
  const columns = [
    { title: "Hook or destination", class: "id", cell: (group) => (group.hookId ? hookLink(group) : foreign(group.destination, 100)) },
    { title: "Jobs", class: "number", cell: (group) => count(group.count) },
    { title: "Held", class: "number", cell: (group) => count(group.held) },
    { title: "First due", class: "time", cell: (group) => (group.held === group.count ? "–" : moment(group.due)) },
    { title: "Share", class: "meter", cell: (group) => el("progress", { max: shown[0].count, value: group.count, "aria-label": "Beside the largest group" }) },
    { title: "Actions", class: "actions", cell: (group) => button("Show", () => open(group), { title: `Show ${nameOf(group)}` }) },
  ];
  const jobs = counted(looked, "waiting job", "waiting jobs");
  const rest = looked - shown.reduce((sum, group) => sum + group.count, 0);
  return el(
    "section",
    { class: "panel" },
    el("h2", {}, isWhole ? `${jobs} by hook` : `The next ${jobs} by hook`),
    table({ label: "Groups of waiting jobs", columns, rows: shown, key: nameOf }),
    rest > 0 ? el("p", { class: "help" }, `${counted(rest, "more is", "more are")} in smaller groups.`) : null,
  );
}

function list(here, rows) {
  const select = chooser(here, rows, (row) => row.job, (row) => row.job);
  const columns = [
    here.may ? select : null,
    { title: "Due", class: "time", cell: (row) => (row.held ? badge("off", "Held") : moment(row.due)) },
    { title: "Job", class: "id", cell: (row) => jobAndHook(here.queue, row) },
    { title: "Type", class: "word", cell: (row) => foreign(row.type, 60) },
    { title: "Destination", cell: placeOf },
    { title: "Attempts", class: "number", cell: (row) => (row.maxAttempts ? `${row.attempts} of ${row.maxAttempts}` : count(row.attempts)) },
    here.may ? { title: "Actions", class: "actions", cell: (row) => buttons(here, row) } : null,
  ];
  const empty = here.data.page.next ? "None on this page." : "No job waits.";
  return table({ label: "Waiting jobs", columns: columns.filter(Boolean), rows, key: (row) => row.job, empty });
}

function buttons(here, row) {
  const promote = async () => {
    const answer = await post(where(here, row.job, "/promote"));
    if (answer.done > 0) say(`${row.job} is due now.`);
    told(answer.stays);
    await here.reload();
  };
  const cancel = async () => {
    if (!(await confirmed("Cancel this job?", "It ends, and is sent no more.", "Cancel the job"))) return;
    await remove(where(here, row.job));
    say(`${row.job} is cancelled.`);
    await here.reload();
  };
  return el("div", { class: "row" }, row.held ? null : button("Send now", promote), button("Cancel", cancel));
}

function actions(here) {
  const chosen = here.state.chosen.size;
  const filter = filterOf(here.query, NAMES);
  const cancel = async () => {
    const isMeant = await confirmed(`Cancel ${count(chosen)} selected?`, "They end, and are sent no more.", "Cancel them");
    if (isMeant) await withEach(here, "cancelled", (job) => remove(where(here, job)));
  };
  const all = (act, text) => (here.isAdmin ? button(text, () => beginBulk(here.queue, act, filter)) : null);
  return el(
    "div",
    { class: "row acts" },
    el("span", { class: "chosen" }, `${count(chosen)} selected`),
    button("Send now", () => withEach(here, "due now", (job) => post(where(here, job, "/promote"))), { disabled: chosen === 0 }),
    button("Cancel", cancel, { disabled: chosen === 0 }),
    all("promote", "Send all matching now…"),
    all("cancel", "Cancel all matching…"),
  );
}
