// The pictures of the README, taken anew.

import { api, check, checkCalm, goTo, run, visitor } from "./browser.mjs";

const { PICTURES, QUEUE, FINE } = process.env;
const visit = await visitor({ width: 1100, height: 760 });
const { page } = visit;

/** Something flows while the picture is taken. */
async function flow(seconds) {
  for (let n = 0; n < seconds * 4; n++) {
    await api("POST", `/jobs?queue=${encodeURIComponent(QUEUE)}`, { to: FINE, type: "note", content: {} });
    await page.waitForTimeout(250);
  }
}

const take = (name) => page.screenshot({ path: `${PICTURES}/${name}.png` });

await run({
  async "the overview"() {
    await goTo(page, "#/");
    await flow(12);
    await check((await page.locator(".tile .value").first().textContent()) !== "0", "something flows");
    await take("overview");
  },
  async "the life of a job"() {
    await goTo(page, `#/jobs/${encodeURIComponent(QUEUE)}/${encodeURIComponent("note-9xk2f7:hook-1")}`);
    await page.getByText("Attempt 4").waitFor();
    await take("job");
    checkCalm(visit);
  },
});
