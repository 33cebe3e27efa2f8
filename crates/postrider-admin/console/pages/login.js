// Who is here: a token is exchanged for a session, whose cookie no script can read.

import { session } from "../api.js";
import { el, show } from "../dom.js";
import { atWork, field } from "../parts.js";

const NOT_KEPT =
  "The token is right, but the browser did not keep the session: over plain http it does so only for an address of this machine. Use https, or a tunnel: ssh -L 8080:localhost:8080.";

/** The form. `done` is called with a session begun. */
export function login(problem, done) {
  const refusal = el("p", { class: "refusal", role: "alert" }, wordsOf(problem));
  const begin = async (form) => {
    show(refusal);
    try {
      await session.begin(form.elements.token.value.trim());
      await session.look().catch((lost) => {
        throw lost.status === 401 ? new Error(NOT_KEPT) : lost;
      });
      done();
    } catch (fault) {
      show(refusal, wordsOf(fault));
      form.elements.token.select();
    }
  };
  const onsubmit = (event) => {
    event.preventDefault();
    atWork(event.submitter ?? event.target, () => begin(event.target));
  };
  const token = { label: "Token", name: "token", type: "password", required: true, wide: true, autocomplete: "current-password" };
  const help = "One of http.token, or one that “postrider token” printed.";
  const go = el("button", { type: "submit", class: "main" }, "Log in");
  return el("form", { class: "panel login", onsubmit }, el("h1", {}, "Log in"), field({ ...token, help }), refusal, go);
}

function wordsOf(fault) {
  if (!fault) return "";
  return fault.status === 401 ? "This token isn't valid, or not any more." : fault.message;
}
