// What README tells whoever is here for the first time to do, in the browser, before `postrider demo --keep`.

import { check, checkCalm, goTo, run, until, visitor } from "./browser.mjs";

const { TIMELINE } = process.env;
const visit = await visitor({ token: null });
const { page } = visit;
const button = (name, within = page) => within.getByRole("button", { name, exact: true });
const dialog = page.getByRole("dialog");
const mistyped = "#/hooks/9xlan/mistyped";

await run({
  async "the console is open at once, and shows what flows"() {
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await page.getByRole("table", { name: "Workers" }).getByRole("row").nth(1).waitFor();
  },
  async "a hook is registered"() {
    await page.getByRole("navigation").getByRole("link", { name: "Hooks" }).click();
    await button("New hook").click();
    await dialog.getByLabel("Owner").fill("9me");
    await dialog.getByLabel("URL").fill(`${TIMELINE}/in`);
    await dialog.getByLabel("Name").fill("My first hook");
    await dialog.getByRole("button", { name: "Register" }).click();
    await button("Done", dialog).click();
    await page.getByRole("heading", { name: "My first hook" }).waitFor();
  },
  async "a test event is sent, and its answer shown"() {
    await button("note").click();
    await page.getByText("Accepted: 200").first().waitFor();
  },
  async "a delivery that failed is found, with the reason"() {
    await page.getByRole("navigation").getByRole("link", { name: "Dead letters" }).click();
    const letters = page.getByRole("table", { name: "Dead letters", exact: true });
    await letters.getByRole("row").filter({ hasText: "mistyped" }).first().getByRole("link").first().click();
    await page.getByText("Answer 404").first().waitFor();
    page.job = await page.evaluate(() => location.hash);
  },
  async "its cause is mended, and it is replayed and delivered"() {
    await goTo(page, mistyped);
    await button("Edit").click();
    await dialog.getByLabel("URL").fill(`${TIMELINE}/in`);
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    await goTo(page, page.job);
    // Workers remember a hook for a second: who is quicker than that replays it twice.
    await until("it is delivered", async () => {
      if (await button("Replay").isVisible()) await button("Replay").click();
      return page.locator(".life").getByText("Delivered").first().isVisible();
    });
    checkCalm(visit);
  },
  async "all of it takes less than two minutes"() {
    await check(performance.now() < 120_000, `${performance.now()} ms`);
  },
});
