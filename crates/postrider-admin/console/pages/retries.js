// Jobs that wait: for their next attempt, for their time, or for their hook.

import { path, post, remove } from "../api.js";
import { beginBulk } from "../bulk.js";
import { el, foreign } from "../dom.js";
import { count, moment } from "../format.js";
import { chooser, filterForm, filterOf, jobAndHook, pageOf, pager, placeOf, told, withEach } from "../listing.js";
import { badge, button, confirmed, say, table } from "../parts.js";

const NAMES = ["userId", "hookId", "destination", "since", "until"];
const where = (here, job, behind = "") => path`/queues/${here.queue}/retries/${job}` + behind;

export const retries = {
  title: "Retries",
  isOfQueue: true,
  state: () => ({ chosen: new Set() }),
  load: (here) => pageOf(path`/queues/${here.queue}/retries`, filterOf(here.query, [...NAMES, "cursor"])),
  view(here) {
    const rows = here.data.items;
    return [filterForm(here, NAMES), here.may ? actions(here) : null, list(here, rows), pager(here, here.data)];
  },
};

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
  const empty = here.data.next ? "None on this page." : "No job waits.";
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
