/**
 * The frame of the web console in a real browser: it connects, goes from page to page, finds by name, is used with keys
 * alone, says that the connection is lost and comes back, and asks who somebody is where users are configured.
 */
/// <reference lib="dom" />
import assert from "node:assert/strict";
import { ConsolePage, consoleTest } from "../support/console_page.ts";
import { ownPort } from "../support/own_port.ts";
import { startServer } from "../support/server.ts";
import { user } from "../support/users.ts";

consoleTest("the frame of the pages", async ({ step, browser }) => {
  using own = ownPort();
  const listen = { http: `127.0.0.1:${own.port}` };
  await using first = await startServer({ listen });
  await using opened = await ConsolePage.open(browser, first);
  const { page } = opened;

  await step("opens with the overview, connected", async () => {
    await opened.heading("Overview");
    await opened.text("Live");
    assert.match(await page.title(), /Overview · Parley/);
  });

  await step("the palette leads to a page, with keys alone", async () => {
    await page.keyboard.press("Control+k");
    const field = page.getByRole("combobox");
    await field.waitFor();
    await page.keyboard.type("dark");
    await page.getByRole("option", { name: /Dark colours/ }).waitFor();
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
    await field.waitFor({ state: "detached" });
  });

  await step("Escape closes a dialog, and the focus goes back", async () => {
    const button = page.getByRole("button", { name: /Find anything/ });
    await button.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("combobox").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("combobox").waitFor({ state: "detached" });
    await page.waitForFunction(() => document.activeElement?.classList.contains("search-button"));
  });

  await step("a place that is none says so", async () => {
    await page.evaluate(() => location.hash = "#/nothing/there");
    await opened.text("There is no such page");
  });

  await step("a lost connection is told, and comes back by itself", async () => {
    await opened.go("/overview", "Overview");
    first.server.abort();
    await first.server.stop();
    await opened.text("The connection is lost.");
    await using _second = await startServer({ listen });
    await page.getByText("The connection is lost.").waitFor({ state: "detached" });
    await opened.text("Live");
  });
  opened.check();
});

consoleTest("logging in", async ({ step, browser }) => {
  const password = "ada's secret";
  await using server = await startServer({
    users: [await user("ada", "all")],
    roles: { all: { allow: { manage: ">", subscribe: ">" } } },
  });
  await using opened = await ConsolePage.open(browser, server);
  const { page } = opened;

  await step("asks who somebody is", () => opened.heading("Log in to Parley"));

  await step("says that a password is wrong", async () => {
    await page.getByLabel("User").fill("ada");
    await page.getByLabel("Password", { exact: true }).last().fill("wrong");
    await page.keyboard.press("Enter");
    const told = page.getByRole("alert");
    await told.waitFor();
    assert.equal(await told.textContent(), "The user or the password is wrong.");
  });

  await step("lets the right one in, and keeps it for the tab", async () => {
    await page.getByLabel("User").fill("ada");
    await page.getByLabel("Password", { exact: true }).last().fill(password);
    await page.getByLabel(/Stay logged in/).check();
    await page.keyboard.press("Enter");
    await opened.heading("Overview");
    await page.reload();
    await opened.heading("Overview");
    assert(!page.url().includes(password));
  });

  await step("forgets it", async () => {
    await opened.button(/Log out/).click();
    await opened.heading("Log in to Parley");
    await page.reload();
    await opened.heading("Log in to Parley");
  });
  opened.check();
});
