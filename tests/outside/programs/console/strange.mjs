// What strangers wrote, in every place where it is shown: it stays text. Nothing of it runs, the policy has nothing to report,
// and it becomes no element.

import { readFileSync } from "node:fs";
import { check, checkCalm, goTo, run, visitor } from "./browser.mjs";

const payloads = JSON.parse(readFileSync(process.env.PAYLOADS, "utf8"));
const queue = encodeURIComponent(process.env.QUEUE);
const USER = "9x";

/** Elements that only a payload could have made. */
const MADE = "main script, main img, main svg[onload], main iframe, main object, main embed, main link, main style, main [onerror], main [onload], main a[href^='javascript'], main form[action], main base, main meta, main math, main video, main audio";

async function isText(visit, place) {
  await goTo(visit.page, place);
  await visit.page.waitForTimeout(150);
  if (place === "#/doctor") await visit.page.getByText("Examined").waitFor();
  const made = await visit.page.evaluate((of) => document.querySelectorAll(of).length, MADE);
  await check(made === 0, `${place}: ${made} elements were made`);
  checkCalm(visit);
}

const visit = await visitor();
const steps = {};
for (const [at, payload] of payloads.entries()) {
  const name = `payload ${at}: ${payload.slice(0, 40).replace(/[^ -~]/g, "?")}`;
  steps[name] = async () => {
    await isText(visit, `#/hooks/${USER}/x${at}`);
    await isText(visit, `#/jobs/${queue}/x${at}`);
    await isText(visit, `#/jobs/${queue}/w${at}`);
    await visit.page.locator("details").evaluateAll((all) => all.forEach((one) => (one.open = true)));
    // In the address, as a link of a stranger would bear it.
    await isText(visit, `#/jobs/${queue}/${encodeURIComponent(payload.slice(0, 2000))}`);
    await isText(visit, `#/dead?reason=${encodeURIComponent(payload.slice(0, 2000))}&userId=${encodeURIComponent(payload.slice(0, 500))}`);
  };
}
for (const place of ["#/", "#/hooks", `#/hooks/${USER}`, "#/jobs", "#/retries", "#/dead", "#/destinations", "#/doctor"]) {
  steps[`all payloads on ${place}`] = () => isText(visit, place);
}
steps["a payload is shown as it was written"] = async () => {
  await goTo(visit.page, `#/hooks/${USER}/x0`);
  await check((await visit.page.locator("main").innerText()).includes(payloads[0]), "the first is there as text");
  await goTo(visit.page, "#/dead");
  const text = await visit.page.locator("main").innerText();
  await check(!/[\u202a-\u202e\u2066-\u2069\u0000]/.test(text), "nothing turns the text around");
  await check(text.includes("\\u{202e}"), "it is shown as its number");
};
steps["a text of a megabyte is cut, and its length told"] = async () => {
  await goTo(visit.page, `#/hooks/${USER}/x${payloads.length - 1}`);
  const text = await visit.page.locator("main").innerText();
  await check(text.length < 100_000, `the page stays small: ${text.length}`);
  await check(text.includes("1,048,576 characters"), "the length is told");
};
await run(steps);
