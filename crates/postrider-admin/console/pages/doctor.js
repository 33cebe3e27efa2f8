// What doctor finds: whether Redis is fit, and everything in its place.

import { get } from "../api.js";
import { el, foreign } from "../dom.js";
import { counted, known, moment } from "../format.js";
import { badge, button } from "../parts.js";

const KINDS = { ok: ["good", "Fine"], note: ["idle", "Note"], warn: ["warn", "Warning"], error: ["bad", "Error"] };
const WORST_FIRST = ["error", "warn", "note", "ok"];

export const doctor = {
  title: "Doctor",
  state: () => ({}),
  async load(here) {
    const { items } = await get("/doctor");
    here.state.at = Date.now();
    return items;
  },
  view(here) {
    const found = [...here.data].sort((one, other) => WORST_FIRST.indexOf(one.severity) - WORST_FIRST.indexOf(other.severity));
    const worse = found.filter(({ severity }) => severity === "error" || severity === "warn").length;
    const verdict = worse === 0 ? badge("good", "Nothing to mend") : badge("bad", counted(worse, "thing to mend", "things to mend"));
    return [
      el("div", { class: "row acts" }, verdict, el("span", { class: "help" }, "Examined ", moment(here.state.at)), button("Examine again", here.reload)),
      findingList(found),
    ];
  },
};

/** Findings, each with its remedy. */
export function findingList(findings) {
  const one = ({ severity, code, queue, finding, remedy, fixable }, at) =>
    el(
      "li",
      { key: `${code} ${queue ?? ""} ${at}`, class: severity },
      el("div", { class: "row" }, badge(...known(KINDS, severity, KINDS.note)), el("code", {}, code), queue ? el("code", {}, foreign(queue, 200)) : null),
      el("p", {}, foreign(finding, 1000)),
      remedy ? el("p", { class: "help" }, "What to do: ", foreign(remedy, 1000), fixable ? " Or let it be mended: postrider doctor --fix." : "") : null,
    );
  return el("ul", { class: "findings" }, findings.map(one));
}
