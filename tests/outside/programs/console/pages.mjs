// Every page, in light and dark, on a desk and on a phone: it shows what it is for, axe finds nothing, nothing is wider than the
// screen, and it is there within 300 ms. With SHOTS=<folder> it leaves a picture of each.

import axe from "axe-core";
import { check, checkCalm, goTo, run, visitor } from "./browser.mjs";

const QUEUE = encodeURIComponent(process.env.QUEUE);
const MOST_MS = 300;

const PAGES = {
  overview: ["#/", "Delivered"],
  "overview-day": ["#/?span=day", "Over the last"],
  hooks: ["#/hooks", "Owners"],
  "hooks-of-one": ["#/hooks/9u", "Last sent"],
  hook: ["#/hooks/9u/fine", "Recent deliveries"],
  jobs: ["#/jobs", "Attempts, newest first"],
  "job-waiting": [`#/jobs/${QUEUE}/waiting-1`, "Its life"],
  "job-dead": [`#/jobs/${QUEUE}/dead-1`, "Replay"],
  retries: ["#/retries", "Send now"],
  dead: ["#/dead", "by reason and hook"],
  destinations: ["#/destinations", "Destinations"],
  doctor: ["#/doctor", "Examined"],
};

const LOOKS = { light: { scheme: "light" }, dark: { scheme: "dark" }, phone: { scheme: "light", width: 360, height: 740 }, "phone-dark": { scheme: "dark", width: 360, height: 740 } };

async function violations(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target} ${node.any[0]?.message ?? ""}`));
}

async function look(visit, name, look) {
  const [hash, words] = PAGES[name];
  const { page } = visit;
  const begun = Date.now();
  await goTo(page, hash);
  await page.locator("main").getByText(words).first().waitFor();
  const took = Date.now() - begun;
  const found = await violations(page);
  const overflow = await page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}-${look}.png`, fullPage: true });
  await check(found.length === 0, `axe finds nothing on ${name}: ${found.slice(0, 5).join("; ")}`);
  await check(overflow <= 0, `${name} is no wider than the screen: ${overflow} px`);
  await check(took <= MOST_MS * Number(process.env.SLOWNESS ?? 3), `${name} is there soon: ${took} ms`);
  checkCalm(visit);
}

const steps = {};
for (const [style, options] of Object.entries(LOOKS)) {
  let visit;
  for (const name of Object.keys(PAGES)) {
    steps[`${name} ${style}`] = async () => {
      visit ??= await visitor(options);
      await look(visit, name, style);
    };
  }
}
steps["the form of a hook"] = async () => {
  for (const [style, options] of Object.entries(LOOKS)) {
    const visit = await visitor(options);
    await goTo(visit.page, "#/hooks");
    await visit.page.getByRole("button", { name: "New hook" }).click();
    await visit.page.getByLabel("URL").fill("ftp://x");
    const found = await violations(visit.page);
    if (process.env.SHOTS) await visit.page.screenshot({ path: `${process.env.SHOTS}/hook-form-${style}.png` });
    await check(found.length === 0, `axe finds nothing in the form: ${found.join("; ")}`);
    checkCalm(visit);
  }
};
steps["the login"] = async () => {
  for (const [style, options] of Object.entries(LOOKS)) {
    const visit = await visitor({ ...options, token: null });
    await visit.page.getByLabel("Token").waitFor();
    const found = await violations(visit.page);
    if (process.env.SHOTS) await visit.page.screenshot({ path: `${process.env.SHOTS}/login-${style}.png` });
    await check(found.length === 0, `axe finds nothing at the login: ${found.join("; ")}`);
    checkCalm(visit);
  }
};
steps["every page is reached by keyboard alone"] = async () => {
  const visit = await visitor();
  await visit.page.reload();
  await visit.page.getByRole("heading", { name: "Overview" }).waitFor();
  await visit.page.keyboard.press("Tab");
  await check(await visit.page.locator(".skip:focus").isVisible(), "the first stop leads to the content");
  await visit.page.getByRole("link", { name: "Dead letters" }).first().focus();
  await visit.page.keyboard.press("Enter");
  await visit.page.getByRole("heading", { name: "Dead letters", exact: true }).waitFor();
  const outline = await visit.page.evaluate(() => {
    document.querySelector("#places a").focus();
    return getComputedStyle(document.activeElement).outlineStyle;
  });
  await check(outline !== "none", "what has the focus is seen");
  checkCalm(visit);
};
await run(steps);
