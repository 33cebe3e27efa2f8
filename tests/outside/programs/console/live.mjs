// The overview stays true by itself, and nothing on it moves when it does.

import { api, base, check, checkCalm, goTo, run, until, visitor } from "./browser.mjs";

const queue = process.env.QUEUE;
const SETTLE_MS = 6000;

const figure = (page, name) => page.locator(".tile").filter({ hasText: name }).locator(".value").textContent();
const boxes = (page) => page.evaluate(() => [...document.querySelectorAll(".tile, h2, table, .chart")].map((node) => node.getBoundingClientRect()).map(({ x, y, width }) => [x, y, width].join()));

async function send(to, count) {
  for (let n = 0; n < count; n++) await api("POST", `/jobs?queue=${encodeURIComponent(queue)}`, { to, type: "note", content: {} });
}

await run({
  async "what is delivered shows within seconds, without a reload"() {
    const visit = await visitor();
    const { page } = visit;
    await goTo(page, "#/");
    await page.evaluate(() => (window.sameDocument = true));
    const total = () => page.locator(".line").filter({ hasText: "Delivered" }).locator(".total").textContent();
    const before = await total();
    await send(process.env.FINE, 20);
    await until("the rate is above zero", async () => Number(await figure(page, "Delivered")) > 0 || (await figure(page, "Delivered")));
    await until("the chart has them", async () => (await total()) !== before || before);
    await check(await page.evaluate(() => window.sameDocument === true), "it is the same document");
    checkCalm(visit);
  },
  async "nothing moves while figures change"() {
    const visit = await visitor();
    const { page } = visit;
    await goTo(page, "#/");
    await page.waitForTimeout(1000);
    await page.evaluate(() => {
      window.moved = 0;
      new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.moved += entry.value))).observe({ type: "layout-shift" });
    });
    const before = await boxes(page);
    await send(process.env.FINE, 20);
    await send(process.env.FAILING, 20);
    await page.waitForTimeout(SETTLE_MS);
    const after = await boxes(page);
    await check(JSON.stringify(before) === JSON.stringify(after), `all is where it was: ${before} ${after}`);
    await check((await page.evaluate(() => window.moved)) === 0, "the browser saw nothing shift");
    checkCalm(visit);
  },
  async "what is focused and typed stays while the page is brought up to date"() {
    const visit = await visitor();
    const { page } = visit;
    await goTo(page, "#/hooks/9u");
    await page.getByLabel("Owner").fill("typed and not sent");
    await page.waitForTimeout(SETTLE_MS);
    await check((await page.getByLabel("Owner").inputValue()) === "typed and not sent", "it is still there");
    await check(await page.getByLabel("Owner").evaluate((node) => node === document.activeElement), "and has the focus");
    checkCalm(visit);
  },
  async "a worker that stops answering is said, and the last figures stay"() {
    const visit = await visitor();
    const { page } = visit;
    await goTo(page, "#/");
    await page.route("**/api/v1/**", (route) => route.abort());
    await page.getByText(/As of /).waitFor();
    await check((await figure(page, "Ready")) !== null, "figures are there");
    await page.unroute("**/api/v1/**");
    await page.locator(".fresh").getByText("Live").waitFor();
  },
  async "a page that nobody sees asks nothing"() {
    const visit = await visitor();
    const { page } = visit;
    await goTo(page, "#/");
    await page.evaluate(() => Object.defineProperty(document, "hidden", { get: () => true, configurable: true }));
    await page.waitForTimeout(2500);
    let asked = 0;
    page.on("request", (request) => (asked += request.url().startsWith(`${base}/api/`) ? 1 : 0));
    await page.waitForTimeout(SETTLE_MS);
    await check(asked === 0, `${asked} requests`);
  },
});
