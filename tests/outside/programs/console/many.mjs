// How soon each page is there where a million jobs wait and a million died: from the click to its content, the median of
// several visits, and the worst.

import { check, checkCalm, goTo, run, visitor } from "./browser.mjs";

const queue = encodeURIComponent(process.env.QUEUE);
const VISITS = 9;
const MOST_MS = 300;

const PAGES = {
  Overview: ["#/", "Delivered"],
  "Overview, week": ["#/?span=week", "Over the last"],
  Hooks: ["#/hooks", "Owner"],
  "Hooks of one": ["#/hooks/u", "Show"],
  Jobs: ["#/jobs", "Attempts, newest first"],
  "Jobs, one outcome": ["#/jobs?outcome=delivered", "Attempts, newest first"],
  "A waiting job": [`#/jobs/${queue}/w777`, "Its life"],
  "A dead job": [`#/jobs/${queue}/d777`, "Replay"],
  Retries: ["#/retries", "w0"],
  "Retries of a hook": ["#/retries?userId=u&hookId=h", "w0"],
  "Dead letters": ["#/dead", "1,000,000 dead letters"],
  "Dead letters of a reason": ["#/dead?reason=expired", "1,000,000 dead letters"],
  Destinations: ["#/destinations", "Destinations"],
  Doctor: ["#/doctor", "Doctor"],
};

const visit = await visitor();
const { page } = visit;

async function once([hash, words]) {
  await goTo(page, "#/login");
  const begun = Date.now();
  await goTo(page, hash);
  await page.locator("main").getByText(words).first().waitFor();
  return Date.now() - begun;
}

const steps = {};
for (const [name, place] of Object.entries(PAGES)) {
  steps[name] = async () => {
    const took = [];
    for (let n = 0; n < VISITS; n++) took.push(await once(place));
    took.sort((one, other) => one - other);
    const middle = took[Math.floor(VISITS / 2)];
    console.log(`| ${name} | ${middle} ms | ${took.at(-1)} ms |`);
    await check(middle <= MOST_MS, `${name} is there soon: ${took}`);
    checkCalm(visit);
  };
}
await run(steps);
