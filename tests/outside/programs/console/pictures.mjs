// The pictures of the README, taken anew.

import { api, check, checkCalm, goTo, run, visitor } from "./browser.mjs";

const { PICTURES, QUEUE, FINE } = process.env;
const visit = await visitor({ width: 1100, height: 820 });
const { page } = visit;

/** Something flows while the picture is taken. */
async function flow(seconds) {
  for (let n = 0; n < seconds * 4; n++) {
    await api("POST", `/jobs?queue=${encodeURIComponent(QUEUE)}`, { to: FINE, type: "note", content: {} });
    await page.waitForTimeout(250);
  }
}

/** The upper part of the page, without the room for a scroll bar. */
async function take(name, height) {
  await page.mouse.move(0, 0);
  const { width } = await page.locator(".top").boundingBox();
  await page.screenshot({ path: `${PICTURES}/${name}.png`, clip: { x: 0, y: 0, width, height } });
}

await run({
  async "the overview"() {
    await goTo(page, "#/");
    await flow(12);
    await check((await page.locator(".tile .value").first().textContent()) !== "0", "something flows");
    await take("overview", 736);
  },
  async "the life of a job"() {
    await goTo(page, `#/jobs/${encodeURIComponent(QUEUE)}/${encodeURIComponent("note-9xk2f7:hook-1")}`);
    await page.getByText("Attempt 4").waitFor();
    await take("job", 800);
    checkCalm(visit);
  },
});
