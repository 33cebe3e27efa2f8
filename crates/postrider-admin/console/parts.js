// What pages are made of: tables, badges, buttons, fields, dialogs, and what is said in passing.

import { el, show } from "./dom.js";
import { Problem } from "./api.js";

const SIGNS = { good: "✓", warn: "!", bad: "✕", idle: "○", busy: "↻", off: "‖" };

/** A state: its sign says it as well as its colour. */
export function badge(kind, text, title) {
  return el("span", { class: `badge ${kind}`, title }, el("span", { class: "sign", "aria-hidden": "true" }, SIGNS[kind]), text);
}

/** A button whose work may take a while; it says so, and what went wrong. `look` is danger, main or plain. */
export function button(text, work, { look = "plain", disabled = false, title } = {}) {
  const onclick = (event) => atWork(event.currentTarget, work);
  return el("button", { type: "button", class: look, disabled, title, onclick }, text);
}

/** Does it once, however often it is clicked meanwhile. */
export async function atWork(control, work) {
  if (control.getAttribute("aria-busy") === "true") return;
  control.setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (problem) {
    complain(problem);
  } finally {
    control.removeAttribute("aria-busy");
  }
}

export const link = (to, ...text) => el("a", { href: to }, ...text);

/** A table that becomes a list of cards where there is no room. Columns have `title`, `cell(row)` and maybe `class`. */
export function table({ label, columns, rows, key, empty = "Nothing here." }) {
  if (rows.length === 0) return el("p", { class: "empty" }, empty);
  const head = columns.map((column) => el("th", { role: "columnheader", scope: "col", class: column.class }, column.head ?? column.title));
  const cell = (column, row) => el("td", { role: "cell", class: column.class, "data-title": column.title }, el("div", {}, column.cell(row)));
  const line = (row) => el("tr", { role: "row", key: key(row) }, columns.map((column) => cell(column, row)));
  return el(
    "table",
    { role: "table", "aria-label": label },
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, head)),
    el("tbody", { role: "rowgroup" }, rows.map(line)),
  );
}

/** Names and values. */
export function facts(...pairs) {
  const shown = pairs.filter(Boolean).map(([name, ...value]) => el("div", { key: name }, el("dt", {}, name), el("dd", {}, ...value)));
  return el("dl", { class: "facts" }, shown);
}

/** A labelled field; `check` gives what is wrong with what is typed, while it is typed. */
export function field({ label, name, check, help, tag = "input", wide = false, ...attributes }) {
  const fault = el("span", { class: "fault", id: `${name}-fault`, "aria-live": "polite" });
  const oninput = (event) => tell(event.target, check?.(event.target.value.trim()) ?? "");
  const about = `${name}-fault${help ? ` ${name}-help` : ""}`;
  const control = el(tag, { id: `${name}-field`, name, oninput, "aria-describedby": about, autocomplete: "off", spellcheck: "false", ...attributes });
  control.check = check;
  const note = help && el("span", { class: "help", id: `${name}-help` }, help);
  return el("div", { class: wide ? "field wide" : "field" }, el("label", { for: `${name}-field` }, label), control, note, fault);
}

/** Says beside a field what is wrong with it; "" where nothing is. */
export function tell(control, fault) {
  const place = control.closest(".field, fieldset")?.querySelector(".fault");
  if (place) place.textContent = fault;
  control.setAttribute("aria-invalid", fault ? "true" : "false");
}

/** Checks all fields, goes to the first that is wrong. */
export function isGood(form) {
  const wrong = [...form.elements].filter((control) => {
    const fault = control.check?.(control.value.trim()) ?? "";
    if (control.check) tell(control, fault);
    return fault !== "";
  });
  goTo(wrong[0]);
  return wrong.length === 0;
}

function goTo(control) {
  const folded = control?.closest("details");
  if (folded) folded.open = true;
  control?.focus();
}

/** Puts a refusal beside the fields that it names; what names none is said at the end. */
export function refuse(form, problem) {
  if (!(problem instanceof Problem)) throw problem;
  const rest = problem.errors.filter(({ field: name, message }) => {
    const control = form.elements[name];
    if (control?.closest) tell(control, message);
    return !control?.closest;
  });
  goTo(form.querySelector("[aria-invalid=true]"));
  const text = rest.map(({ field: name, message }) => `${name} ${message}`).join("; ");
  const general = problem.errors.length === 0 ? problem.message : text;
  show(form.querySelector(".refusal"), general);
}

/** A dialog; gives what `close(value)` was called with, undefined where it was just closed. */
export function dialog(title, draw) {
  return new Promise((answer) => {
    let given;
    const close = (value) => {
      given = value;
      box.close();
    };
    const box = el("dialog", { "aria-labelledby": "dialog-title", onclose: () => (box.remove(), answer(given)) });
    const leave = el("button", { type: "button", class: "leave", "aria-label": "Close", onclick: () => close() }, "✕");
    box.append(el("header", {}, el("h2", { id: "dialog-title" }, title), leave), draw(close));
    document.body.append(box);
    box.showModal();
  });
}

/** Asks before something that can't be taken back, or concerns many. */
export function confirmed(title, text, action, look = "danger") {
  const draw = (close) =>
    el(
      "div",
      {},
      el("p", {}, text),
      el("div", { class: "row end" }, button("Leave it", () => close(false)), button(action, () => close(true), { look })),
    );
  return dialog(title, draw);
}

/** A text to be taken along, with a button that does so. */
export function copyable(text, name) {
  const shown = el("pre", { tabindex: "0", role: "region", "aria-label": name }, text);
  const copied = async () => {
    // Over plain http there is no clipboard for pages.
    if (!navigator.clipboard) return getSelection().selectAllChildren(shown);
    await navigator.clipboard.writeText(text);
    say(`${name} copied.`);
  };
  return el("div", { class: "copyable" }, shown, button("Copy", copied));
}

const SAID_FOR_MS = 8000;

/** Says something in passing. */
export function say(text, kind = "good") {
  const open = document.querySelector("dialog[open]");
  const note = el("div", { class: `message ${kind}`, role: open ? "alert" : null }, badge(kind, text));
  note.append(el("button", { type: "button", class: "leave", "aria-label": "Close", onclick: () => note.remove() }, "✕"));
  // A dialog lies above everything else, so what is said while it is open is said in it.
  (open ?? document.getElementById("said")).append(note);
  if (kind === "good") setTimeout(() => note.remove(), SAID_FOR_MS);
}

/** Says what went wrong, until it is closed. */
export function complain(problem) {
  const details = problem.errors?.map(({ field: name, message }) => `${name} ${message}`).join("; ");
  say(details ? `${problem.message} (${details})` : problem.message, "bad");
  if (!(problem instanceof Problem)) console.error(problem);
}
