// Hooks of an owner with their state at a glance; who has hooks at all, where nobody in particular is meant.

import { get, path, post } from "../api.js";
import { el, foreign } from "../dom.js";
import { moment } from "../format.js";
import { atWork, badge, button, field, link, table } from "../parts.js";
import { newHook } from "../hook_form.js";

const EVERY_MS = 3000;
const EVERYTHING = "*";

export const hooks = {
  title: (here) => (ownerOf(here) ? `Hooks of ${ownerOf(here)}` : "Hooks"),
  every: EVERY_MS,
  async load(here) {
    const user = ownerOf(here);
    return user ? get("/hooks", { userId: user, limit: 100 }) : { owners: await get("/owners", { limit: 100 }).catch(unlisted) };
  },
  view: (here) => (here.data.owners ? [choice(here), owners(here.data.owners)] : [choice(here), listed(here)]),
};

/** The worker's user in Redis may lack the right to look for owners; hooks of one who is named are shown all the same. */
function unlisted(problem) {
  if (problem.status !== 503) throw problem;
  return { items: [], whole: false, refusal: problem.message };
}

const ownerOf = (here) => (here.session.role === "owner" ? here.session.userId : here.parts[0]);

/** Where hooks of others may be seen: whose. */
function choice(here) {
  const create = here.may ? button("New hook", () => newHook(here, ownerOf(here)), { look: "main" }) : null;
  if (here.session.role === "owner") return el("div", { class: "row acts" }, create);
  const onsubmit = (event) => {
    event.preventDefault();
    const user = event.target.elements.owner.value.trim();
    location.hash = user === "" ? "#/hooks" : `#/hooks/${encodeURIComponent(user)}`;
  };
  const owner = field({ label: "Owner", name: "owner", size: 24, value: here.parts[0] ?? "" });
  return el("form", { class: "filter", role: "search", onsubmit }, owner, el("button", { type: "submit" }, "Show"), create);
}

function owners({ items, whole, refusal }) {
  const to = ({ userId }) => link(`#/hooks/${encodeURIComponent(userId)}`, el("code", {}, userId));
  const columns = [{ title: "Owner", class: "wide", cell: to }];
  const empty = refusal ?? "Nobody has a hook yet. A hook is a URL, the events that it asks for, and a secret: register the first one.";
  return el(
    "section",
    {},
    el("h2", {}, "Owners"),
    table({ label: "Owners of hooks", columns, rows: items, key: (row) => row.userId, empty }),
    whole ? null : el("p", { class: "help" }, "There are more. Name one to see their hooks."),
  );
}

function listed(here) {
  const rows = here.data.items;
  const to = (row) => `#/hooks/${encodeURIComponent(row.userId)}/${encodeURIComponent(row.id)}`;
  const columns = [
    { title: "Hook", class: "wide", cell: (row) => [link(to(row), foreign(row.name || row.id, 100)), el("small", {}, el("code", {}, row.id))] },
    { title: "State", class: "place", cell: stateOf },
    { title: "Last sent", class: "time", cell: (row) => moment(row.latestSentAt) },
    { title: "Goes to", cell: (row) => destinationOf(row.url) },
    { title: "Events", cell: (row) => eventsOf(row.on) },
    here.may ? { title: "Active", class: "word", cell: (row) => toggle(here, row) } : null,
  ];
  const empty = "No hook of this owner. A hook is a URL, the events that it asks for, and a secret.";
  return table({ label: "Hooks", columns: columns.filter(Boolean), rows, key: (row) => row.id, empty });
}

/** How a hook fares, in a word or two. */
export function stateOf(hook) {
  if (hook.unreadable) return badge("bad", "Unreadable");
  if (!hook.active && hook.disabledReason) return badge("off", foreign(`Off: ${hook.disabledReason}`, 80));
  if (!hook.active) return badge("off", "Paused");
  if (hook.latestStatus === null || hook.latestStatus === undefined) return badge("idle", "Never sent");
  if (hook.latestStatus >= 200 && hook.latestStatus < 300) return badge("good", "Fine");
  const answer = hook.latestStatus === 0 ? "no answer" : hook.latestStatus;
  const since = hook.failingSince ? el("small", {}, "first failed ", moment(hook.failingSince)) : null;
  return [badge("bad", `Failing: ${answer}`), since];
}

/** The switch of a hook. */
export function toggle(here, hook) {
  const onchange = async (event) => {
    const control = event.target;
    const to = control.checked ? "enable" : "disable";
    await atWork(control, () => post(path`/hooks/${hook.userId}/${hook.id}/` + to));
    await here.reload();
  };
  const label = `Active: ${hook.name || hook.id}`;
  return el("label", { class: "box" }, el("input", { type: "checkbox", role: "switch", checked: hook.active, onchange, "aria-label": label }));
}

/** A URL, as text: whoever follows a hook's URL has nothing to see there. */
export function destinationOf(url) {
  if (!url) return el("span", { class: "none" }, "–");
  return foreign(url, 1024);
}

export const eventsOf = (on) => {
  if (!Array.isArray(on) || on.length === 0) return el("span", { class: "none" }, "none");
  return on.includes(EVERYTHING) ? "all" : foreign(on.join(", "), 200);
};
