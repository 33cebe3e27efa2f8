// The frame: who is here, which page is shown, and that it stays true. A page is an object with a title, `load(here)`,
// which asks the worker, and `view(here)`, which makes nodes of the answers; what it is about stands in the address.

import { Problem, session } from "./api.js";
import { el, foreign, show } from "./dom.js";
import { relative, tick } from "./format.js";
import { badge, button, link } from "./parts.js";
import { resumeTray } from "./bulk.js";
import { login } from "./pages/login.js";
import { overview } from "./pages/overview.js";
import { hooks } from "./pages/hooks.js";
import { hook } from "./pages/hook.js";
import { jobs } from "./pages/jobs.js";
import { job } from "./pages/job.js";
import { retries } from "./pages/retries.js";
import { dead } from "./pages/dead.js";
import { destinations } from "./pages/destinations.js";
import { doctor } from "./pages/doctor.js";

const PLACES = [
  { name: "overview", title: "Overview", pages: [overview], roles: ["admin", "read"] },
  { name: "hooks", title: "Hooks", pages: [hooks, hooks, hook], roles: ["admin", "read", "owner"] },
  { name: "jobs", title: "Jobs", pages: [jobs, jobs, job], roles: ["admin", "read", "owner"] },
  { name: "retries", title: "Retries", pages: [retries], roles: ["admin", "read", "owner"] },
  { name: "dead", title: "Dead letters", pages: [dead], roles: ["admin", "read", "owner"] },
  { name: "destinations", title: "Destinations", pages: [destinations], roles: ["admin", "read"] },
  { name: "doctor", title: "Doctor", pages: [doctor], roles: ["admin", "read"] },
];

const MOST_TITLE = 120;

const main = document.getElementById("main");
let who = null;
let here = null;

/** What the address names: `#/dead?reason=gone` → the place, its parts, its query. */
function address() {
  const [way, query = ""] = location.hash.slice(1).split("?");
  const [name = "", ...parts] = way.split("/").slice(1).map(decoded);
  return { name, parts: parts.filter((part) => part !== ""), query: Object.fromEntries(new URLSearchParams(query)) };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function enter() {
  if (takeLink()) return;
  const { name, parts, query } = address();
  const allowed = PLACES.filter((place) => place.roles.includes(who.role));
  const place = allowed.find((place) => place.name === name) ?? allowed[0];
  const page = place.pages[Math.min(parts.length, place.pages.length - 1)];
  const isFirst = here === null;
  clearTimeout(here?.timer);
  here = {
    page,
    place,
    parts,
    query,
    session: who,
    state: page.state?.() ?? {},
    queue: query.queue ?? who.queues[0],
    may: who.role === "admin" || who.role === "owner",
    isAdmin: who.role === "admin",
    isOpen: () => here === mine,
    redraw: () => draw(mine),
    reload: () => refresh(mine),
    go: (change) => go(mine, change),
  };
  const mine = here;
  drawFrame();
  main.setAttribute("aria-busy", "true");
  refresh(mine).then(() => isFirst || here !== mine || main.focus({ preventScroll: true }));
}

/** The same page with other values in its query. */
function go(mine, change) {
  const query = { ...mine.query, ...change };
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const way = [mine.place.name, ...mine.parts].map(encodeURIComponent).join("/");
  location.hash = `#/${way}${given.length > 0 ? `?${new URLSearchParams(given)}` : ""}`;
}

async function refresh(mine) {
  clearTimeout(mine.timer);
  try {
    mine.data = await mine.page.load(mine);
    Object.assign(mine, { fault: null, at: Date.now() });
  } catch (problem) {
    if (!(problem instanceof Problem)) console.error(problem);
    mine.fault = problem;
  }
  if (here !== mine) return;
  if (mine.fault?.status === 401) return askWho();
  main.removeAttribute("aria-busy");
  draw(mine);
  again(mine);
}

const everyOf = (mine) => (typeof mine.page.every === "function" ? mine.page.every(mine) : mine.page.every);

function again(mine) {
  const every = everyOf(mine);
  // Nobody looks at a page in the background; it is brought up to date as soon as somebody does.
  const next = () => (document.hidden ? again(mine) : refresh(mine));
  if (every) mine.timer = setTimeout(next, every);
}

function draw(mine) {
  if (here !== mine) return;
  const title = typeof mine.page.title === "function" ? mine.page.title(mine) : mine.page.title;
  document.title = `${title.slice(0, MOST_TITLE)} · Postrider`;
  const tools = mine.page.isOfQueue ? queueChoice(mine) : null;
  const head = el("div", { class: "head" }, el("h1", {}, foreign(title, MOST_TITLE)), tools, freshness(mine));
  const body = mine.data ? mine.page.view(mine) : refused(mine);
  show(main, head, el("div", { class: "page", key: location.hash, "data-place": location.hash }, body));
}

function refused(mine) {
  return el("div", { class: "panel" }, el("p", {}, badge("bad", mine.fault.message)), button("Try again", mine.reload));
}

function freshness(mine) {
  if (mine.fault && mine.data) {
    return el("span", { class: "fresh" }, badge("bad", `As of ${relative(mine.at)}`, mine.fault.message));
  }
  return el("span", { class: "fresh" }, mine.data && everyOf(mine) ? badge("good", "Live") : null);
}

function queueChoice(mine) {
  const option = (queue) => el("option", { value: queue, selected: queue === mine.queue }, queue);
  const onchange = (event) => go(mine, { queue: event.target.value, cursor: undefined });
  return el("label", { class: "queue" }, "Queue ", el("select", { onchange }, who.queues.map(option)));
}

function drawFrame() {
  const open = PLACES.filter((place) => place.roles.includes(who.role));
  const to = (place) => (place.name === "overview" ? "#/" : `#/${place.name}`);
  const item = (place) =>
    el("li", {}, el("a", { href: to(place), "aria-current": place === here.place ? "page" : null }, place.title));
  show(document.getElementById("places"), el("ul", {}, open.map(item)));
  const names = { admin: "Admin", read: "Read only", owner: `Owner ${who.userId}` };
  const leave = async () => {
    await session.end();
    askWho();
  };
  const out = who.login ? button("Log out", leave) : null;
  show(document.getElementById("who"), el("span", { class: "role" }, names[who.role]), out);
}

/** A link for an owner bears the token behind the `#`, where no server and no log sees it; it goes from the address at once. */
function takeLink() {
  const token = /^#\/login\/(.+)$/.exec(location.hash)?.[1];
  if (!token) return false;
  history.replaceState(null, "", "#/");
  session.begin(decoded(token)).then(askWho, (problem) => askWho(problem));
  return true;
}

/** Finds out who is here, and asks for a token where nobody is. */
async function askWho(problem) {
  clearTimeout(here?.timer);
  here = null;
  try {
    who = await session.look();
    enter();
  } catch (refusal) {
    who = null;
    for (const id of ["places", "who", "tray"]) show(document.getElementById(id));
    document.title = "Postrider";
    main.removeAttribute("aria-busy");
    show(main, login(refusal.status === 401 ? problem : refusal, () => askWho()));
    main.querySelector("input")?.focus();
    return;
  }
  resumeTray(who);
}

addEventListener("hashchange", () => (who ? enter() : takeLink()));
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && here?.data && everyOf(here)) refresh(here);
});
document.querySelector(".skip").onclick = (event) => {
  event.preventDefault();
  main.focus();
};
document.addEventListener("moved", () => here?.reload());
setInterval(tick, 1000);
if (!takeLink()) askWho();
