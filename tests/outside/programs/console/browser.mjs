// A real browser before a real worker. Whatever it complains of is collected: errors, reports of its policy, and anything
// that ran though it was only to be shown.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

export const base = process.env.BASE;
const CHROMIUM = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const PATIENCE_MS = 10_000;

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });

/** A visitor of their own: `page`, and what went wrong in `trouble`. */
export async function visitor({ scheme = "light", width = 1280, height = 900, token = process.env.ADMIN } = {}) {
  const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height }, baseURL: base, reducedMotion: "reduce" });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  context.setDefaultTimeout(PATIENCE_MS);
  const trouble = [];
  await context.exposeFunction("reportTrouble", (what) => void trouble.push(what));
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => window.reportTrouble(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
    for (const name of ["alert", "confirm", "prompt", "ran"]) window[name] = () => window.reportTrouble(`ran: ${name}`);
  });
  const page = await context.newPage();
  page.on("pageerror", (error) => trouble.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    trouble.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("console", (message) => {
    // A refusal that a test asks for is no trouble.
    if (message.type() === "error" && !/status of (401|403|404|409|422|429|503)/.test(message.text())) trouble.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(base)) trouble.push(`asked elsewhere: ${request.url()}`);
  });
  await page.goto("/");
  if (token) await logIn(page, token);
  return { page, context, trouble };
}

export async function logIn(page, token) {
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("navigation").getByRole("link").first().waitFor();
}

/** Goes to a place of the console and waits until it shows what it has to. */
export async function goTo(page, hash) {
  await page.evaluate((to) => (location.hash = to), hash);
  const isThere = () => !document.querySelector("main").hasAttribute("aria-busy") && document.querySelector(".page")?.dataset.place === location.hash;
  await page.waitForFunction(isThere);
  await page.locator("main h1").waitFor();
}

export async function check(fact, words) {
  if (!fact) throw new Error(`not so: ${words}`);
}

/** Waits for a fact, and prints what it saw in its place. */
export async function until(words, look) {
  const end = Date.now() + PATIENCE_MS;
  let seen;
  do {
    seen = await look();
    if (seen === true) return;
    await new Promise((go) => setTimeout(go, 100));
  } while (Date.now() < end);
  throw new Error(`not in time: ${words}; there was ${JSON.stringify(seen)}`);
}

/** The API as a script asks it, with the admin's token. */
export async function api(method, path, body) {
  const headers = { authorization: `Bearer ${process.env.ADMIN}`, "content-type": "application/json" };
  const answer = await fetch(`${base}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text === "" ? null : JSON.parse(text);
}

/** Runs the steps of a scenario one after the other, each with its name, and ends with how it went. */
export async function run(steps) {
  let failed = 0;
  for (const [name, step] of Object.entries(steps)) {
    const begun = Date.now();
    try {
      await step();
      console.log(`ok ${name} (${Date.now() - begun} ms)`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${name}: ${error.message}`);
    }
  }
  await browser.close();
  process.exit(failed === 0 ? 0 : 1);
}

/** Fails where a visitor's browser complained of anything. */
export function checkCalm({ trouble }) {
  const seen = [...new Set(trouble.splice(0))];
  if (seen.length > 0) throw new Error(`the browser complains: ${seen.slice(0, 10).join("; ")}`);
}
