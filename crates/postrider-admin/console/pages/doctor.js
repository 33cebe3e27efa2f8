// What doctor finds: whether Redis is fit, and everything in its place.

import { get } from "../api.js";
import { el, foreign } from "../dom.js";
import { counted, known, moment } from "../format.js";
import { badge, button } from "../parts.js";

const KINDS = { ok: ["good", "Fine"], note: ["idle", "Note"], warn: ["warn", "Warning"], error: ["bad", "Error"] };
const ASK_AGAIN_MS = 1000;
const WORST_FIRST = ["error", "warn", "note", "ok"];

export const doctor = {
  title: "Doctor",
  state: () => ({ found: null, at: null, isAtWork: false, fault: null }),
  // It looks through everything that waits, which may take seconds, and the page is there before.
  async load(here) {
    examine(here);
    return {};
  },
  view(here) {
    const { found, at, isAtWork, fault } = here.state;
    const again = () => {
      examine(here);
      here.redraw();
    };
    const when = at ? el("span", { class: "help" }, "Examined ", moment(at)) : null;
    const next = isAtWork ? badge("busy", "Looking through everything…") : button("Examine again", again);
    const refusal = fault ? el("p", {}, badge("bad", fault.message)) : null;
    return [el("div", { class: "row acts" }, found ? verdictOf(found) : null, when, next), refusal, found ? findingList(found) : null];
  },
};

async function examine(here) {
  const { state } = here;
  if (state.isAtWork) return;
  Object.assign(state, { isAtWork: true, fault: null });
  try {
    const items = await findings(here);
    const place = ({ severity }) => WORST_FIRST.indexOf(severity);
    Object.assign(state, { found: items.sort((one, other) => place(one) - place(other)), at: Date.now() });
  } catch (fault) {
    state.fault = fault;
  }
  state.isAtWork = false;
  here.redraw();
}

/** The worker examines once at a time, whoever asks. */
async function findings(here) {
  for (;;) {
    try {
      return (await get("/doctor")).items;
    } catch (problem) {
      if (problem.status !== 409 || !here.isOpen()) throw problem;
    }
    await new Promise((go) => setTimeout(go, ASK_AGAIN_MS));
  }
}

function verdictOf(found) {
  const worse = found.filter(({ severity }) => severity === "error" || severity === "warn").length;
  return worse === 0 ? badge("good", "Nothing to mend") : badge("bad", counted(worse, "thing to mend", "things to mend"));
}

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
