// Everything that can be done in the console, done in it, and looked up behind it.

import { api, check, checkCalm, goTo, run, until, visitor } from "./browser.mjs";

const queue = process.env.QUEUE;
const of = `/queues/${encodeURIComponent(queue)}`;
const visit = await visitor();
const { page } = visit;
const said = (words) => page.getByText(words).first().waitFor();
const button = (name, within = page) => within.getByRole("button", { name, exact: true });
const dialog = page.getByRole("dialog");
const row = (text) => page.getByRole("row").filter({ hasText: text });
const state = async (job) => (await api("GET", `${of}/jobs/${job}`).catch(() => ({ state: "none" }))).state;

await run({
  async "a hook is checked while it is typed, registered, and its secret shown once"() {
    await goTo(page, "#/hooks");
    await button("New hook").click();
    await dialog.getByLabel("URL").fill("ftp://files.example");
    await dialog.getByText("must begin with https://").waitFor();
    await dialog.getByLabel("Owner").fill("9new");
    await dialog.getByLabel("URL").fill(process.env.FINE);
    await dialog.getByLabel("Name").fill("Made here");
    await dialog.getByLabel("Secret").fill("s3cret-of-the-form");
    await dialog.getByRole("button", { name: "Register" }).click();
    await dialog.getByText("s3cret-of-the-form").waitFor();
    await button("Copy", dialog).click();
    await said("Secret copied.");
    await button("Done", dialog).click();
    await page.getByRole("heading", { name: "Made here" }).waitFor();
    const { items } = await api("GET", "/hooks?userId=9new");
    await check(items.length === 1 && items[0].name === "Made here", JSON.stringify(items));
  },
  async "what the worker refuses is said beside its field"() {
    await goTo(page, "#/hooks/9new");
    await button("New hook").click();
    await dialog.getByLabel("URL").fill("http://10.0.0.1/in");
    await dialog.getByRole("button", { name: "Register" }).click();
    await dialog.locator("#url-fault").getByText("connected").waitFor();
    await page.keyboard.press("Escape");
  },
  async "a test event is sent and its answer shown"() {
    await goTo(page, "#/hooks/9u/fine");
    await button("reply").click();
    await said("Accepted: 200");
    await goTo(page, "#/hooks/9u/failing");
    await button("note").click();
    await said("Refused: 500");
  },
  async "a hook is edited"() {
    await goTo(page, "#/hooks/9u/fine");
    await button("Edit").click();
    await dialog.getByLabel("Name").fill("Another name");
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "Another name" }).waitFor();
    await check((await api("GET", "/hooks/9u/fine")).name === "Another name", "its record has the name");
  },
  async "a hook is switched off and on"() {
    await goTo(page, "#/hooks/9u/fine");
    await page.getByRole("switch").click();
    await page.getByText("Paused").waitFor();
    await check((await api("GET", "/hooks/9u/fine")).active === false, "it is off");
    await page.getByRole("switch").click();
    await page.getByText("Paused").waitFor({ state: "detached" });
    await check((await api("GET", "/hooks/9u/fine")).active === true, "it is on");
  },
  async "a secret is revealed, and another made"() {
    await goTo(page, "#/hooks/9u/fine");
    await button("Reveal secret").click();
    await dialog.getByText("s3cret-of-fine").waitFor();
    await button("Done", dialog).click();
    await button("New secret").click();
    await button("Make a new secret", dialog).click();
    await dialog.getByText("This is the new secret.").waitFor();
    const fresh = await dialog.getByLabel("Secret", { exact: true }).first().textContent();
    await check(fresh !== "s3cret-of-fine" && fresh.length > 20, "it is another");
    await button("Done", dialog).click();
  },
  async "a delivery that failed is found in a hook's recent ones and sent again"() {
    await goTo(page, "#/hooks/9u/gone");
    await row("dead-1").getByRole("button", { name: "Replay" }).click();
    await said("It is ready again.");
    await until("it is tried again", async () => (await api("GET", `${of}/attempts?job=dead-1`)).items.length > 1);
  },
  async "a job is found by its id, and its life told"() {
    await goTo(page, "#/jobs");
    await page.getByLabel("Id", { exact: true }).fill("waiting-1");
    await button("Find").click();
    await page.getByRole("heading", { name: "Job waiting-1" }).waitFor();
    await said("Attempt 2");
  },
  async "jobs are found by their event's id, and one that isn't there is said not to be"() {
    await goTo(page, "#/jobs");
    await page.getByLabel("Look for").selectOption("eventId");
    await page.getByLabel("Id", { exact: true }).fill("event-of-waiting-1");
    await button("Find").click();
    await row("waiting-1").first().waitFor();
    await goTo(page, "#/jobs?id=no-such-job");
    await said("No such job");
  },
  async "a job is copied as curl without its secret"() {
    await goTo(page, `#/jobs/${encodeURIComponent(queue)}/waiting-1`);
    await button("Copy as curl").click();
    await button("Copy", dialog).click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    await check(copied.startsWith("curl --request POST 'http") && copied.includes("X-Misskey-Hook-Secret: …"), copied);
    await check(!copied.includes("s3cret"), copied);
    await page.keyboard.press("Escape");
  },
  async "a waiting job is sent now, and one is cancelled"() {
    await goTo(page, `#/jobs/${encodeURIComponent(queue)}/waiting-1`);
    await button("Send now").click();
    await said("It is due now.");
    await until("it is tried again", async () => (await api("GET", `${of}/attempts?job=waiting-1`)).items.length > 1);
    await goTo(page, `#/jobs/${encodeURIComponent(queue)}/waiting-2`);
    await button("Cancel").click();
    await button("Cancel the job", dialog).click();
    await until("it has ended", async () => ["none", "unknown"].includes(await state("waiting-2")));
  },
  async "retries are shown in groups, and one of these alone"() {
    await goTo(page, "#/retries");
    const group = page.getByRole("table", { name: "Groups of waiting jobs" }).getByRole("row").filter({ hasText: "9u/failing" });
    await group.getByRole("button", { name: "Show" }).click();
    await until("the list is narrowed", async () => (await page.evaluate(() => location.hash)).includes("hookId=failing"));
    await page.getByRole("table", { name: "Waiting jobs", exact: true }).getByRole("row").filter({ hasText: "waiting-3" }).waitFor();
  },
  async "retries are selected and cancelled"() {
    await goTo(page, "#/retries?hookId=failing&userId=9u");
    await page.getByLabel("Select waiting-3").check();
    await page.getByLabel("Select waiting-4").check();
    await said("2 selected");
    await button("Cancel", page.locator(".acts")).click();
    await button("Cancel them", dialog).click();
    await said("2 jobs cancelled.");
    await check((await state("waiting-3")) !== "waiting" && (await state("waiting-5")) === "waiting", "only those that were selected");
  },
  async "all retries that match are sent now, counted before"() {
    await goTo(page, "#/retries?destination=" + encodeURIComponent(new URL(process.env.FAILING).origin) + "&userId=9later");
    await button("Send all matching now…").click();
    await dialog.getByText("30 waiting jobs").first().waitFor();
    await button("Send now: 30 waiting jobs", dialog).click();
    await page.locator("#tray").getByText("Done").waitFor();
    await until("all are tried again", async () => (await api("GET", `${of}/retries?userId=9later`)).items.filter((one) => one.attempts === 2).length === 30);
    await button("Close", page.locator("#tray")).click();
  },
  async "dead letters are shown in groups, selected and replayed"() {
    await goTo(page, "#/dead");
    await row("rejected").getByRole("button", { name: "Show" }).first().click();
    await page.getByText("Shown below").waitFor();
    const letter = page.getByLabel("Select dead-10", { exact: true });
    // They lie behind many others, and on a busy machine one search doesn't come so far.
    await until("they are found", async () => {
      const [next, isFound] = [button("Next page"), await letter.isVisible()];
      if (!isFound && (await next.isVisible())) await next.click();
      return isFound;
    });
    await letter.check();
    await button("Replay", page.locator(".acts")).click();
    await said("1 job ready again.");
  },
  async "many dead letters are purged, with a count before, progress during, a stop and a resumption"() {
    const left = async () => (await api("GET", `${of}/dead-groups`)).items.find((group) => group.reason === "exhausted")?.count ?? 0;
    const tray = page.locator("#tray");
    const before = await left();
    await goTo(page, "#/dead?reason=exhausted");
    await button("Purge all matching…").click();
    await dialog.getByText(`${before.toLocaleString("en")} dead letters`).first().waitFor();
    await dialog.getByRole("button", { name: /^Purge: / }).click();
    await tray.locator("progress").waitFor();
    await button("Stop", tray).click();
    await tray.getByText("Stopped").waitFor();
    const half = await left();
    await check(half > 0 && half < before, `some are left, and some are gone: ${half} of ${before}`);
    const shown = await tray.locator(".figures").textContent();
    await check(shown === `${(before - half).toLocaleString("en")} of ${before.toLocaleString("en")}`, `it says so: ${shown}`);
    await page.reload();
    await button("Resume", tray).click();
    await tray.getByText("Done").waitFor();
    await check((await left()) === 0, "none is left");
    await page.getByText("No dead letter matches.").waitFor();
    await button("Close", tray).click();
  },
  async "a queue is paused and goes on"() {
    await goTo(page, "#/");
    const line = page.getByRole("table", { name: "Queues" }).getByRole("row").nth(1);
    await button("Pause", line).click();
    await line.getByText("Paused").waitFor();
    await check((await api("GET", of)).paused === true, "it is paused");
    await button("Resume", line).click();
    await line.getByText("Running").waitFor();
  },
  async "a destination is reset"() {
    await goTo(page, "#/destinations");
    await button("Reset all").click();
    await button("Reset", dialog).click();
    await said("Workers hear of it within a second.");
  },
  async "a destination is paused, gets nothing, and is resumed"() {
    await goTo(page, "#/destinations");
    await page.getByRole("textbox", { name: "Destination" }).fill("9u/quiet");
    await button("Pause…").click();
    await button("Pause", dialog).click();
    await said("Workers hear of it within 2 s");
    await row("9u/quiet").getByText("Paused").waitFor();
    const job = { to: process.env.FINE, type: "note", content: {}, userId: "9u", hookId: "quiet", id: "quiet-1" };
    await api("POST", `/jobs?queue=${encodeURIComponent(queue)}`, job);
    await until("it waits", async () => (await state("quiet-1")) === "waiting");
    await check((await api("GET", `${of}/attempts?job=quiet-1`)).items.length === 0, "nothing was sent");
    await row("9u/quiet").getByRole("button", { name: "Resume" }).click();
    await until("it is delivered", async () => (await state("quiet-1")) === "delivered");
    await row("9u/quiet").getByText("Paused").waitFor({ state: "detached" });
  },
  async "doctor examines again"() {
    await goTo(page, "#/doctor");
    await button("Examine again").click();
    await page.locator(".findings li").first().waitFor();
  },
  async "a hook is deleted"() {
    const [{ id }] = (await api("GET", "/hooks?userId=9new")).items;
    await goTo(page, `#/hooks/9new/${id}`);
    await button("Delete").click();
    await button("Delete the hook", dialog).click();
    await until("it is gone", async () => (await api("GET", "/hooks?userId=9new")).items.length === 0);
  },
  async "the browser has complained of nothing"() {
    checkCalm(visit);
  },
});
