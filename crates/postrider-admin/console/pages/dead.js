// Dead letters: in groups first, then one by one; replayed or purged, selected or all that match.

import { get, path, post, remove } from "../api.js";
import { WORDS, beginBulk } from "../bulk.js";
import { el, foreign } from "../dom.js";
import { count, counted, moment } from "../format.js";
import { chooser, filterForm, filterOf, hookLink, jobAndHook, pageOf, pager, placeOf, told, withEach } from "../listing.js";
import { button, confirmed, say, table } from "../parts.js";

const REASONS = ["invalid", "expired", "blocked", "gone", "rejected", "exhausted", "unknown_hook", "duplicate", "poison"];
const NAMES = ["userId", "hookId", "destination", "since", "until"];
const MEANT = [...NAMES, "reason"];
const where = (here, job, behind = "") => path`/queues/${here.queue}/dead/${job}` + behind;

export const dead = {
  title: "Dead letters",
  isOfQueue: true,
  state: () => ({ chosen: new Set() }),
  async load(here) {
    const query = filterOf(here.query, [...MEANT, "cursor"]);
    const groups = here.session.role === "owner" ? null : get(path`/queues/${here.queue}/dead-groups`, { limit: 100 });
    const queue = groups && get(path`/queues/${here.queue}`);
    const [page, grouped, figures] = await Promise.all([pageOf(path`/queues/${here.queue}/dead`, query), groups, queue]);
    return { page, groups: grouped?.items ?? [], total: figures?.dead ?? 0 };
  },
  view(here) {
    const { page, groups, total } = here.data;
    return [
      groups.length > 0 ? groupList(here, groups, total) : null,
      filterForm(here, NAMES, [{ name: "reason", label: "Reason", words: REASONS }]),
      here.may ? actions(here) : null,
      list(here, page),
      pager(here, page),
    ];
  },
};

const nameOf = (group) => [group.reason, group.userId, group.hookId].join(" ");

function groupList(here, groups, total) {
  const rest = total - groups.reduce((sum, group) => sum + group.count, 0);
  const most = Math.max(...groups.map((group) => group.count));
  const isOpen = (group) => nameOf(group) === nameOf({ reason: here.query.reason ?? "", userId: here.query.userId ?? "", hookId: here.query.hookId ?? "" });
  const open = (group) => here.go({ reason: group.reason, userId: group.userId, hookId: group.hookId, cursor: undefined });
  const columns = [
    { title: "Reason", class: "word", cell: (group) => foreign(group.reason, 40) },
    { title: "Hook", class: "id", cell: hookLink },
    { title: "Letters", class: "number", cell: (group) => count(group.count) },
    { title: "Share", class: "meter", cell: (group) => el("progress", { max: most, value: group.count, "aria-label": "Beside the largest group" }) },
    {
      title: "Actions",
      class: "actions",
      cell: (group) => (isOpen(group) ? el("span", { class: "help" }, "Shown below") : button("Show", () => open(group), { title: `Show ${nameOf(group)}` })),
    },
  ];
  return el(
    "section",
    { class: "panel" },
    el("h2", {}, counted(total, "dead letter", "dead letters"), " by reason and hook"),
    table({ label: "Groups of dead letters", columns, rows: groups, key: nameOf }),
    rest > 0 ? el("p", { class: "help" }, `${counted(rest, "more is", "more are")} in none of these groups: in smaller ones, or added by hand.`) : null,
  );
}

function list(here, page) {
  const select = chooser(here, page.items, (row) => row.job, (row) => row.job);
  const columns = [
    here.may ? select : null,
    { title: "Died", class: "time", cell: (row) => moment(row.diedAt) },
    { title: "Reason", class: "word", cell: (row) => foreign(row.reason, 40) },
    { title: "Job", class: "id", cell: (row) => jobAndHook(here.queue, row) },
    { title: "Destination", class: "place", cell: placeOf },
    { title: "What happened", cell: (row) => foreign(row.error, 200) },
    { title: "Attempts", class: "number", cell: (row) => count(row.attempts) },
    here.may ? { title: "Actions", class: "actions", cell: (row) => buttons(here, row) } : null,
  ];
  const empty = page.next ? "None on this page." : "No dead letter matches.";
  return table({ label: "Dead letters", columns: columns.filter(Boolean), rows: page.items, key: (row) => row.entry, empty });
}

function buttons(here, row) {
  const replay = async () => {
    const answer = await post(where(here, row.job, "/replay"));
    if (answer.done > 0) say(`${row.job} is ready again.`);
    told(answer.stays);
    await here.reload();
  };
  const purge = async () => {
    if (!(await confirmed("Purge this dead letter?", "It is removed for good.", "Purge it"))) return;
    await remove(where(here, row.job));
    say(`${row.job} is gone.`);
    await here.reload();
  };
  return el("div", { class: "row" }, button("Replay", replay), button("Purge", purge));
}

function actions(here) {
  const chosen = here.state.chosen.size;
  const filter = filterOf(here.query, MEANT);
  const purge = async () => {
    const isMeant = await confirmed(`Purge ${count(chosen)} selected?`, "They are removed for good.", "Purge them");
    if (isMeant) await withEach(here, "purged", (job) => remove(where(here, job)));
  };
  const all = (act) => (here.isAdmin ? button(`${WORDS[act].verb} all matching…`, () => beginBulk(here.queue, act, filter)) : null);
  return el(
    "div",
    { class: "row acts" },
    el("span", { class: "chosen" }, `${count(chosen)} selected`),
    button("Replay", () => withEach(here, "ready again", (job) => post(where(here, job, "/replay"))), { disabled: chosen === 0 }),
    button("Purge", purge, { disabled: chosen === 0 }),
    all("replay"),
    all("purge"),
  );
}
