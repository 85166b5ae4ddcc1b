/**
 * The connections of the web console in a real browser: who is there, found and put in order, looked at, and ended.
 */
/// <reference lib="dom" />
import assert from "node:assert/strict";
import { connect } from "../../lib/client/mod.ts";
import { ConsolePage, consoleTest } from "../support/console_page.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

consoleTest("connections", async ({ step, browser }) => {
  await using server = await startServer();
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  const named = (name: string) => connect(url, { name, reconnect: false });
  await using mailer = await named("mailer");
  await using resizer = await named("resizer");
  await using billing = await named("billing");
  await billing.subscribe("orders.>", {}, () => {});
  await using opened = await ConsolePage.open(browser, server, { place: "/connections" });
  const { page } = opened;
  const row = (name: string) => page.getByRole("row").filter({ hasText: name });

  await step("each is there, and the console says which one it is itself", async () => {
    for (const name of ["mailer", "resizer", "billing"]) await row(name).waitFor();
    await page.getByRole("row").getByText("you", { exact: true }).waitFor();
    await opened.text("4 connections");
  });

  await step("they are found by what is known of them", async () => {
    await page.getByRole("searchbox").fill("bill");
    await row("mailer").waitFor({ state: "detached" });
    assert.match(page.url(), /find=bill/);
    await row("billing").click();
    const panel = page.getByRole("region", { name: "Connection" });
    await panel.getByText("Subscriptions").waitFor();
    assert.match(page.url(), /connections\/[0-9a-f]+-\d+/);
    await opened.button("Close").click();
    await panel.waitFor({ state: "detached" });
    await page.getByRole("searchbox").fill("");
  });

  await step("a connection is ended, and told why", async () => {
    await row("mailer").click();
    await opened.button("End this connection").click();
    await page.getByLabel("Reason").fill("maintenance");
    await page.getByRole("dialog").getByRole("button", { name: "End 1 connection" }).click();
    await opened.text("1 connection ended.");
    await row("mailer").waitFor({ state: "detached" });
    await until(() => mailer.status === "closed", "it is closed");
  });

  await step("what a connection may do is told", async () => {
    await row("billing").click();
    const panel = page.getByRole("region", { name: "Connection" });
    await panel.getByText("What it may do").click();
    await panel.getByText("Everything: this server has no users.").waitFor();
    await panel.getByRole("button", { name: "Close" }).click();
  });

  await step("the console's own connection says so, and cannot be chosen or ended", async () => {
    const own = page.getByRole("row").filter({ has: page.getByText("you", { exact: true }) });
    assert(await own.getByRole("checkbox").isDisabled());
    await own.click();
    await opened.text("This is the connection of this very console");
    assert.equal(await opened.button("End this connection").count(), 0);
    await page.getByRole("region", { name: "Connection" }).getByRole("button", { name: "Close" })
      .click();
  });

  await step("some are chosen and ended at once, the console's own not among them", async () => {
    await page.getByLabel("Choose all that are listed").check();
    await opened.button("End 2 chosen connections").click();
    await page.getByRole("dialog").getByRole("button", { name: "End 2 connections" }).click();
    await opened.text("2 connections ended.");
    await until(() => [resizer, billing].every(({ status }) => status === "closed"), "closed");
    await opened.text("Live");
  });
  opened.check();
});
