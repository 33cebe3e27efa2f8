// Who gets in, for how long, and what each role finds there.

import { base, check, checkCalm, goTo, logIn, run, visitor } from "./browser.mjs";

const { ADMIN, READER, OWNER, EXPIRED, QUEUE, LOGINS } = process.env;
const ACTS = ["Send now", "Cancel", "Replay", "Purge", "Edit", "Delete", "New hook", "Reveal secret", "New secret", "Pause", "Reset", "Reset all", "note"];
const queue = encodeURIComponent(QUEUE);
const PLACES = ["#/", "#/hooks", "#/hooks/9u", "#/hooks/9u/fine", "#/jobs", `#/jobs/${queue}/waiting-1`, `#/jobs/${queue}/dead-1`, "#/retries", "#/dead", "#/destinations", "#/doctor"];

const sessionOf = (cookie) => fetch(`${base}/console/session`, { headers: { cookie: `${cookie.name}=${cookie.value}` } });
const inside = (page) => page.getByRole("navigation").getByRole("link").allTextContents();

async function buttonsOn(page) {
  const found = [];
  for (const name of ACTS) if ((await page.getByRole("button", { name, exact: true }).count()) > 0) found.push(name);
  return [...found, ...((await page.getByRole("switch").count()) > 0 ? ["switch"] : []), ...((await page.locator("td input[type=checkbox]").count()) > 0 ? ["selection"] : [])];
}

await run({
  async "a wrong token and an expired one are refused, and a right one lets in"() {
    const visit = await visitor({ token: null });
    for (const wrong of ["x".repeat(40), EXPIRED]) {
      await visit.page.getByLabel("Token").fill(wrong);
      await visit.page.getByRole("button", { name: "Log in" }).click();
      await visit.page.getByText("This token isn't valid").waitFor();
    }
    await logIn(visit.page, ADMIN);
    checkCalm(visit);
  },
  async "the cookie is for no script and no other site, and ends within eight hours"() {
    const { page, context } = await visitor();
    const [cookie, ...others] = await context.cookies();
    await check(others.length === 0 && cookie.httpOnly && cookie.sameSite === "Strict" && cookie.path === "/", JSON.stringify(cookie));
    await check(cookie.expires * 1000 <= Date.now() + 8 * 3600_000 + 5000, JSON.stringify(cookie.expires));
    await check((await page.evaluate(() => document.cookie)) === "", "no script sees it");
    await check(!(await page.content()).includes(ADMIN), "the token is nowhere in the page");
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
    await check(!kept.includes(ADMIN) && !kept.includes(cookie.value), kept);
  },
  async "a logout ends the session on the server too"() {
    const { page, context } = await visitor();
    const [cookie] = await context.cookies();
    await check((await sessionOf(cookie)).status === 200, "it holds before");
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByLabel("Token").waitFor();
    await check((await sessionOf(cookie)).status === 401, "it is over");
    await check((await context.cookies()).length === 0, "the browser has forgotten it");
  },
  async "a session that ends leads to the login, and back"() {
    const { page, context } = await visitor();
    await goTo(page, "#/");
    await context.clearCookies();
    await page.getByLabel("Token").waitFor();
    await logIn(page, ADMIN);
  },
  async "a session changes nothing for a page of another site, nor without a word of where it comes from"() {
    const { context } = await visitor();
    const [cookie] = await context.cookies();
    const change = (headers) => fetch(`${base}/api/v1/queues/${queue}/pause`, { method: "POST", headers: { cookie: `${cookie.name}=${cookie.value}`, ...headers }, body: "{}" });
    const json = { "content-type": "application/json" };
    for (const headers of [{ ...json, origin: "https://evil.example" }, { ...json, "sec-fetch-site": "cross-site" }, json, { "content-type": "text/plain", origin: base }]) {
      const { status } = await change(headers);
      await check([401, 403, 415].includes(status), `${JSON.stringify(headers)}: ${status}`);
    }
    await check((await change({ ...json, origin: base })).status === 200, "its own page may");
    await fetch(`${base}/api/v1/queues/${queue}/resume`, { method: "POST", headers: { authorization: `Bearer ${ADMIN}` } });
  },
  async "who may only read sees every page, no button and no secret"() {
    const visit = await visitor({ token: READER });
    for (const place of PLACES) {
      await goTo(visit.page, place);
      await check((await buttonsOn(visit.page)).length === 0, `${place}: ${await buttonsOn(visit.page)}`);
      await check(!/s3cret/.test(await visit.page.content()), `${place} shows no secret`);
    }
    checkCalm(visit);
  },
  async "an admin sees no secret without asking for it"() {
    const visit = await visitor();
    for (const place of PLACES) {
      await goTo(visit.page, place);
      await check(!/s3cret/.test(await visit.page.content()), `${place} shows no secret`);
    }
    checkCalm(visit);
  },
  async "an owner's link lets in once it is opened, and leaves no token behind"() {
    const visit = await visitor({ token: null });
    const { page } = visit;
    await page.goto(`/#/login/${OWNER}`);
    await page.reload();
    await page.getByRole("heading", { name: "Hooks of 9u" }).waitFor();
    await check(!page.url().includes(OWNER), page.url());
    await check(JSON.stringify(await inside(page)) === JSON.stringify(["Hooks", "Jobs", "Retries", "Dead letters"]), String(await inside(page)));
    const asked = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name).join(" "));
    await check(!asked.includes(OWNER), "no request bears it in its address");
    checkCalm(visit);
  },
  async "an owner sees and does what is theirs, and nothing of others"() {
    const visit = await visitor({ token: OWNER });
    const { page } = visit;
    await goTo(page, "#/hooks/9other/theirs");
    await page.getByText("There is no such").waitFor();
    for (const place of ["#/hooks", "#/jobs", "#/retries", "#/dead", "#/dead?userId=9other"]) {
      await goTo(page, place);
      await check(!(await page.locator("main").innerText()).includes("theirs"), `${place} shows nothing of others`);
    }
    await goTo(page, "#/hooks/9u/fine");
    await page.getByRole("button", { name: "note", exact: true }).click();
    await page.getByText("Accepted: 200").first().waitFor();
    checkCalm(visit);
  },
  async "who guesses tokens is told to wait"() {
    const visit = await visitor({ token: null });
    for (let n = 0; n < Number(LOGINS ?? 12); n++) {
      await visit.page.getByLabel("Token").fill(`guess-${n}-${"x".repeat(40)}`);
      await visit.page.getByRole("button", { name: "Log in" }).click();
      await visit.page.locator(".refusal").getByText(/isn't valid|too many/i).waitFor();
    }
    await visit.page.getByText("Too many failed logins").waitFor();
  },
});
