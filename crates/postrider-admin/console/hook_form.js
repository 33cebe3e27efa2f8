// Registering and editing a hook: what is typed is checked while it is typed, by the rules of docs/hooks.md; the worker has
// the last word, and what it refuses is said beside the field.

import { patch, path, post } from "./api.js";
import { el } from "./dom.js";
import { atWork, button, copyable, dialog, field, isGood, refuse, say } from "./parts.js";

const EVENTS = ["note", "reply", "renote", "mention", "follow", "followed", "unfollow", "reaction"];
const PROFILES = { "": "the worker's default", misskey: "misskey", standard: "standard (signed)", cloudevents: "cloudevents (signed)", raw: "raw" };
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const NUMBERS = {
  timeoutMs: { label: "Limit of an attempt (ms)", least: 100, most: 120_000 },
  maxAttempts: { label: "Attempts in all", least: 1, most: 100 },
  maxInFlight: { label: "Requests at a time", least: 1, most: 10_000 },
  ratePerSecond: { label: "Requests a second", above: 0 },
};

const RULES = {
  userId: (text) => (/^[!-~]{1,128}$/.test(text) ? "" : "must be 1 to 128 visible ASCII characters"),
  name: (text) => ([...text].length <= 100 ? "" : "must be at most 100 characters"),
  secret: (text) => (/^[ -~]{0,1024}$/.test(text) ? "" : "must be at most 1,024 visible ASCII characters"),
  url: urlFault,
  headers: (text) => (linesOf(text).every(([name, value]) => NAME.test(name) && /^[\t -~]+$/.test(value ?? "")) ? "" : "must be lines of NAME: VALUE"),
  types: (text) => (wordsOf(text).every((word) => /^[!-~]{1,128}$/.test(word)) ? "" : "must be words of visible ASCII"),
};

function urlFault(text) {
  if (text === "") return "is missing: it says where requests go";
  if (text.length > 1024) return "must be at most 1,024 characters";
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:\/\//i.test(text)) return "must begin with https:// or http://";
  return url.username || /[\s\\\u0000-\u001f]/.test(text) || /^[^/]*\/\/[^/]*@/.test(text) ? "must not hold a user, spaces or backslashes" : "";
}

function numberFault({ least, most, above }, text) {
  if (text === "") return "";
  const number = Number(text);
  if (above !== undefined) return number > above ? "" : `must be a number above ${above}`;
  return Number.isInteger(number) && number >= least && number <= most ? "" : `must be a whole number from ${least} to ${most.toLocaleString("en")}`;
}

const wordsOf = (text) => text.split(/[\s,]+/).filter((word) => word !== "");
const linesOf = (text) => text.split("\n").filter((line) => line.trim() !== "").map((line) => line.split(/:(.*)/s).map((part) => part.trim()));

/** Registers one, and shows its secret this once. */
export async function newHook(here, userId) {
  const send = async (values) => post("/hooks", { userId, ...values });
  const made = await dialog("New hook", (close) => form({ on: ["note"], active: true, userId }, "Register", send, close, true));
  if (!made) return;
  await secretOnce(made, "The hook is registered. Its secret is shown this once; later only “Reveal secret” shows it.");
  location.hash = `#/hooks/${encodeURIComponent(made.userId)}/${encodeURIComponent(made.id)}`;
}

/** Changes one; only what was changed is sent. */
export async function editHook(here, hook) {
  const send = (values) => patch(path`/hooks/${hook.userId}/${hook.id}`, changed(hook, values));
  const done = await dialog(`Edit ${hook.name}`, (close) => form(hook, "Save", send, close, false));
  if (!done) return;
  say("Saved. It holds for attempts that start a second from now.");
  await here.reload();
}

/** The secret of a hook, to be taken along. */
export function secretOnce(hook, words) {
  const draw = (close) =>
    el(
      "div",
      {},
      el("p", {}, words),
      hook.secret ? copyable(hook.secret, "Secret") : el("p", {}, "It has no secret."),
      ...(hook.secrets ?? []).map(({ secret, until }) => [el("p", {}, `Signs on until ${until}:`), copyable(secret, "Earlier secret")]),
      el("div", { class: "row end" }, button("Done", () => close(true), { look: "main" })),
    );
  return dialog("Secret", draw);
}

function changed(hook, values) {
  const same = (name) => JSON.stringify(hook[name] ?? null) === JSON.stringify(values[name]);
  return Object.fromEntries(Object.entries(values).filter(([name]) => !same(name)));
}

function form(hook, action, send, close, isNew) {
  const onsubmit = (event) => {
    event.preventDefault();
    const form = event.target;
    if (isGood(form)) atWork(event.submitter ?? form, () => sent(form));
  };
  const sent = async (form) => {
    try {
      close(await send(read(form, isNew)));
    } catch (problem) {
      refuse(form, problem);
    }
  };
  const owner = isNew && !hook.userId ? field({ label: "Owner", name: "userId", check: RULES.userId, help: "Whose hook it is: a user, a tenant, an app." }) : null;
  const secret = isNew ? field({ label: "Secret", name: "secret", check: RULES.secret, help: "Proves to the receiver who sends. One is made where its profile needs it." }) : null;
  return el(
    "form",
    { class: "fields", onsubmit, novalidate: true },
    owner,
    field({ label: "URL", name: "url", wide: true, check: RULES.url, value: hook.url ?? "", placeholder: "https://…", inputmode: "url" }),
    field({ label: "Name", name: "name", check: RULES.name, value: hook.name ?? "", help: "Its host where none is given." }),
    secret,
    events(hook.on ?? []),
    more(hook),
    el("p", { class: "refusal", role: "alert" }),
    el("div", { class: "row end" }, button("Leave it", () => close()), el("button", { type: "submit", class: "main" }, action)),
  );
}

function events(on) {
  const others = on.filter((word) => word !== "*" && !EVENTS.includes(word));
  const box = (word, text) => el("label", { class: "choice" }, el("input", { type: "checkbox", name: "event", value: word, checked: on.includes(word) }), text);
  const typed = field({ label: "Other types", name: "types", check: RULES.types, value: others.join(" ") });
  const boxes = el("div", { class: "choices" }, box("*", "all"), EVENTS.map((word) => box(word, word)));
  return el("fieldset", { class: "wide", name: "on" }, el("legend", {}, "Events that it asks for"), boxes, typed);
}

function more(hook) {
  const profile = el("select", { name: "profile", id: "profile-field" }, Object.entries(PROFILES).map(([value, text]) => el("option", { value, selected: value === (hook.profile ?? "") }, text)));
  const number = ([name, rule]) => field({ label: rule.label, name, check: (text) => numberFault(rule, text), value: hook[name] ?? "", inputmode: "decimal", placeholder: "default" });
  const names = Object.keys(hook.headers ?? {});
  const help = names.length > 0 ? `Set now: ${names.join(", ")}. What is typed here replaces them all.` : "One a line, as NAME: VALUE.";
  return el(
    "details",
    { class: "wide" },
    el("summary", {}, "More"),
    el("div", { class: "fields" }, el("div", { class: "field" }, el("label", { for: "profile-field" }, "How requests look"), profile), Object.entries(NUMBERS).map(number)),
    field({ tag: "textarea", label: "Further headers", name: "headers", rows: 3, wide: true, check: RULES.headers, help }),
  );
}

/** What the form says, as the API takes it. */
function read(form, isNew) {
  const text = (name) => form.elements[name]?.value.trim() ?? "";
  const on = [...form.querySelectorAll("[name=event]:checked")].map((box) => box.value);
  const values = { url: text("url"), on: [...on, ...wordsOf(text("types"))] };
  if (text("name") !== "") values.name = text("name");
  if (form.elements.userId) values.userId = text("userId");
  if (text("secret") !== "") values.secret = text("secret");
  if (text("headers") !== "") values.headers = Object.fromEntries(linesOf(text("headers")));
  for (const name of ["profile", ...Object.keys(NUMBERS)]) {
    const value = text(name);
    if (value !== "") values[name] = name === "profile" ? value : Number(value);
    else if (!isNew) values[name] = null;
  }
  return values;
}
