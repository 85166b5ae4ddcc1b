/**
 * The queues of the web console in a real browser: the list, one queue, its jobs and dead letters, and everything that can
 * be done to them, also with keys alone.
 */
/// <reference lib="dom" />
import assert from "node:assert/strict";
import { connect, Reject } from "../../lib/client/mod.ts";
import { ConsolePage, consoleTest } from "../support/console_page.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

consoleTest("queues", async ({ step, browser }) => {
  await using server = await startServer();
  await using client = await connect(`parley://127.0.0.1:${server.port("tcp")}`);
  for (let number = 1; number <= 30; number++) {
    await client.queue("emails").push(`{"number":${number}}`, { key: "k", type: "acme.Email" });
  }
  await client.queue("images").push("a picture", { headers: { "trace-id": "abc" } });
  await using opened = await ConsolePage.open(browser, server, { place: "/queues" });
  const { page } = opened;
  const row = (name: string) => page.getByRole("row").filter({ hasText: name });

  await step("the list has what each holds, and says that nobody consumes", async () => {
    await row("emails").getByText("30").first().waitFor();
    await row("emails").getByText("No consumers").waitFor();
    await row("images").waitFor();
  });

  await step("it is filtered and put in order, and the address says how", async () => {
    await page.getByRole("searchbox").fill("ima");
    await row("emails").waitFor({ state: "detached" });
    assert.match(page.url(), /find=ima/);
    await page.getByRole("searchbox").fill("nothing");
    await opened.text("No queue is like that");
    await opened.button("Show all").click();
    await page.getByRole("columnheader", { name: "Ready" }).getByRole("button").click();
    await page.waitForURL(/order=-ready/);
    const first = await page.getByRole("row").nth(1).textContent();
    assert.match(first ?? "", /emails/);
    await opened.button("Paused").click();
    await opened.text("No queue is like that");
    await opened.button("All").click();
  });

  await step("a queue is made by the form, and changed", async () => {
    await opened.button("New queue").click();
    await page.getByLabel("Name").fill("orders new");
    await opened.button("Make the queue").click();
    await page.getByRole("dialog").getByRole("alert").waitFor();
    await page.getByLabel("Name").fill("orders");
    await page.getByLabel("Deliveries at most").fill("3");
    await opened.button("Make the queue").click();
    await opened.heading("orders");
    await opened.button("Change").click();
    await page.getByLabel("Lease in ms").fill("soon");
    await opened.text("a whole number from 0");
    await page.getByLabel("Lease in ms").fill("5000");
    await page.getByRole("dialog").getByRole("button", { name: "Change", exact: true }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    const { settings } = await client.queue("orders").info();
    assert.deepEqual([settings.leaseMs, settings.maxDeliveries], [5000, 3]);
    await page.getByRole("link", { name: "Settings" }).click();
    await opened.text("set at run time");
    await opened.button("Take back").click();
    await opened.button("Take it back").click();
    await page.getByText("set at run time").waitFor({ state: "detached" });
  });

  await step("a job is pushed, found by what it holds, and read", async () => {
    await opened.go("/queues/images", "images");
    await opened.button("Push a job").click();
    await page.getByLabel("Payload").fill('{"size": 18446744073709551615}');
    await page.getByLabel("Headers").fill("no header");
    await opened.text("write name: value");
    await page.getByLabel("Headers").fill("a: b\nc: d:e");
    await opened.button("Push").click();
    await page.getByRole("row").filter({ hasText: "18446744073709551615" }).waitFor();
    await page.getByRole("searchbox").fill("picture");
    await opened.text("1 match among 2 jobs");
    assert.match(page.url(), /text=picture/);
    await page.getByRole("row").filter({ hasText: "a picture" }).click();
    const panel = page.getByRole("region", { name: "Job 1" });
    await panel.getByText("trace-id").waitFor();
    await panel.locator("pre").getByText("a picture").waitFor();
    await opened.button("Close the job").click();
    await panel.waitFor({ state: "detached" });
  });

  await step("a queue is paused after a question, and resumed", async () => {
    await opened.button("Pause").click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    assert.equal((await client.queue("images").info()).paused, false);
    await opened.button("Pause").click();
    await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
    await opened.text("The queue is paused");
    await opened.button("Resume").click();
    await page.getByText("The queue is paused").waitFor({ state: "detached" });
    assert.equal((await client.queue("images").info()).paused, false);
  });

  await step("a job says who holds it and what was said of it last, and is dropped", async () => {
    await client.queue("tasks").push("slow");
    await client.queue("tasks").push("never");
    const delayMs = 3_600_000;
    for await (const job of client.queue("tasks").pull({ prefetch: 1 })) {
      await job.nack({ error: "the disk is full", delayMs });
      break;
    }
    await opened.go("/queues/tasks?job=1", "tasks");
    const panel = page.getByRole("region", { name: "Job 1" });
    await panel.getByText("the disk is full").waitFor();
    await panel.getByText("delayed").waitFor();
    await page.getByLabel("Only jobs").selectOption("Delayed");
    await opened.text("1 match among 2 jobs");
    assert.match(page.url(), /only=2/);
    await opened.button("Drop this job").click();
    await page.getByRole("dialog").getByRole("button", { name: "Drop 1 job" }).click();
    await opened.text("1 job of tasks dropped.");
    await page.getByLabel("Only jobs").selectOption("In any state");
    await using puller = client.queue("tasks").pull({ prefetch: 1 });
    const held = await puller[Symbol.asyncIterator]().next();
    await opened.go("/queues/tasks?job=2", "tasks");
    const holder = page.getByRole("region", { name: "Job 2" });
    await holder.getByRole("link", { name: client.welcome.sessionId }).waitFor();
    assert.equal(await opened.button("Drop this job").count(), 0);
    if (!held.done) await held.value.ack();
  });

  await step("dead letters say why, and are put back: one, some, and all", async () => {
    let failures = 0;
    const worker = client.queue("emails").work(() => {
      failures++;
      throw new Reject("mailbox <b>unavailable</b>");
    });
    await until(() => failures === 30, "dead letters");
    await worker.stop();
    const dialog = page.getByRole("dialog");
    await opened.go("/queues/emails?tab=dead", "emails");
    await page.getByRole("row").filter({ hasText: "mailbox <b>unavailable</b>" }).first().click();
    await page.getByRole("region", { name: "Job 1" }).getByText("rejected").waitFor();
    await opened.button("Redrive this dead letter").click();
    await dialog.getByRole("button", { name: "Redrive 1 dead letter" }).click();
    await opened.text("1 job put back into emails.");
    await page.getByLabel("Choose 2", { exact: true }).check();
    await page.getByLabel("Choose 3", { exact: true }).check();
    await opened.button("Redrive 2 chosen jobs").click();
    await dialog.getByRole("button", { name: "Redrive 2 dead letters" }).click();
    await opened.text("2 jobs put back into emails.");
  });

  await step("all that match are counted before they are dropped, and no others are", async () => {
    const dead = client.queue("emails.dead");
    const { matched } = await dead.countMatching({ contains: '"number":2' });
    await page.getByRole("searchbox").fill('"number":2');
    await opened.text(`${matched} matches among`);
    await page.getByLabel("Only given up").selectOption("Tried too often");
    await opened.text("No job holds that");
    await page.getByLabel("Only given up").selectOption("Rejected");
    await opened.button("Drop all that match").click();
    const drop = page.getByRole("dialog").getByRole("button", {
      name: `Drop ${matched} dead letters`,
    });
    await drop.waitFor();
    // It comes when they are counted already.
    await client.queue("emails").push(`{"number":2}`, { key: "late" });
    await drop.click();
    await opened.text(`${matched} dead letters of emails dropped.`);
    const left = 27 - matched;
    assert.equal((await client.queue("emails").info()).dead, left);
    await page.getByRole("searchbox").fill("");
    await page.getByLabel("Only given up").selectOption("For any reason");
    await opened.button(`Redrive all ${left}`).click();
    await page.getByRole("dialog").getByRole("button", { name: `Redrive ${left} dead letters` })
      .click();
    await opened.text(`${left} jobs put back into emails.`);
    assert.equal((await client.queue("emails").info()).dead, 0);
  });

  await step("some queues are paused, and all that match go on", async () => {
    await opened.go("/queues", "Queues");
    await page.getByLabel("Choose images", { exact: true }).check();
    await page.getByLabel("Choose orders", { exact: true }).check();
    const chosen = page.getByRole("group", { name: "With 2 chosen queues" });
    await chosen.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Pause 2 queues" }).click();
    await opened.text("2 queues paused.");
    await opened.button("Paused").click();
    const all = page.getByRole("group", { name: "With all 2 that match" });
    await all.getByRole("button", { name: "Resume" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Resume 2 queues" }).click();
    await opened.text("2 queues resumed.");
    await opened.text("No queue is like that");
    await opened.button("Show all").click();
    assert.equal((await client.queue("images").info()).paused, false);
    await opened.go("/queues/emails", "emails");
  });

  await step("a queue is purged and removed, with the count in the question", async () => {
    await opened.button("Purge").click();
    const purge = page.getByRole("dialog").getByRole("button", { name: /^Purge \d+ jobs$/ });
    const { ready } = await client.queue("emails").info();
    assert.equal(await purge.textContent(), `Purge ${ready} jobs`);
    await purge.click();
    await opened.text(`${ready} jobs of emails dropped.`);
    await client.queue("emails").push("one more");
    await page.getByRole("link", { name: "Jobs (1)" }).click();
    await opened.button("Remove").click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove with 1 job" }).click();
    await opened.heading("Queues");
    await row("emails").waitFor({ state: "detached" });
  });

  await step("with keys alone: from the palette into a job and out again", async () => {
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").waitFor();
    await page.keyboard.type("images");
    await page.getByRole("option", { name: /images/ }).waitFor();
    await page.keyboard.press("Enter");
    await opened.heading("images");
    await page.keyboard.press("/");
    await page.waitForFunction(() => document.activeElement?.matches("[data-search]"));
    await page.getByRole("row").nth(1).waitFor();
    // Past what narrows the list, and what chooses all of it.
    for (let presses = 0; presses < 3; presses++) await page.keyboard.press("Tab");
    await page.waitForFunction(() => document.activeElement?.matches("[role=row]"));
    await page.keyboard.press("ArrowDown");
    await page.waitForFunction(() => document.activeElement?.matches('[data-index="1"]'));
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "Job 2" }).waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("o");
    await opened.heading("Overview");
  });

  await step("nothing is wider than a phone", async () => {
    await page.setViewportSize({ width: 375, height: 700 });
    for (
      const [place, heading] of [
        ["/queues?find=i", "Queues"],
        ["/queues/images", "images"],
        ["/queues/images?text=picture&job=1", "images"],
        ["/queues/images?tab=dead", "images"],
        ["/queues/images?tab=settings", "images"],
        ["/connections?find=c", "Connections"],
      ]
    ) {
      await opened.go(place, heading);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert(width <= 375, `${place} is ${width} pixels wide`);
    }
  });
  opened.check();
});
