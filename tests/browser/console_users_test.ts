/**
 * Users, roles and tokens in the web console, and the list of services, in a real browser.
 */
/// <reference lib="dom" />
import assert from "node:assert/strict";
import { connect } from "../../lib/client/mod.ts";
import { ConsolePage, consoleTest } from "../support/console_page.ts";
import { startServer } from "../support/server.ts";
import { user } from "../support/users.ts";

consoleTest("users and services", async ({ step, browser }) => {
  const folder = await Deno.makeTempDir({ prefix: "parley-console-users-" });
  await Deno.writeTextFile(`${folder}/users.toml`, "");
  const all = [">"];
  await using server = await startServer({
    auth: { users_file: `${folder}/users.toml` },
    users: [await user("root", "admin"), await user("eve", "reads")],
    roles: {
      admin: { allow: { manage: all, call: all, serve: all } },
      reads: { allow: { subscribe: "a.>" }, deny: { subscribe: "a.secret" } },
    },
  });
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  const isIn = async (who: { user?: string; password?: string; token?: string }) => {
    try {
      await using _client = await connect(url, { ...who, reconnect: false });
      return true;
    } catch {
      return false;
    }
  };
  await using root = await connect(url, { user: "root", password: "root's secret" });
  await using _answers = await root.serve("acme.Text/Length", ({ payload }) => `${payload.length}`);
  await using opened = await ConsolePage.open(browser, server, { place: "/users" });
  const { page } = opened;
  const row = (name: string) => page.getByRole("row").filter({ hasText: name });
  const dialog = page.getByRole("dialog");

  await step("who may manage users is offered them", async () => {
    await page.getByLabel("User", { exact: true }).fill("root");
    await page.getByLabel("Password", { exact: true }).last().fill("root's secret");
    await page.keyboard.press("Enter");
    await opened.heading("Users");
    await row("root").waitFor();
    await opened.text("2 users");
  });

  await step("a user is added, and comes in", async () => {
    await opened.button("New user").click();
    await dialog.getByLabel("Name").fill("ada");
    await dialog.getByLabel("Password").fill("short");
    await dialog.getByText("At least 8 characters.").waitFor();
    await dialog.getByLabel("Password").fill("a long secret");
    await dialog.getByLabel("Roles").fill("nobody");
    await dialog.getByRole("button", { name: "Add" }).click();
    // What the server refuses is told where it was asked.
    await dialog.getByText(/nobody/).last().waitFor();
    await dialog.getByLabel("Roles").fill("reads");
    await dialog.getByRole("button", { name: "Add" }).click();
    await opened.text("ada is added.");
    assert(await isIn({ user: "ada", password: "a long secret" }));
  });

  let token = "";
  await step("a token is made, shown once, and revoked", async () => {
    await row("ada").click();
    await opened.heading("ada");
    await opened.button("New token").click();
    await dialog.getByLabel("Name").fill("laptop");
    await dialog.getByRole("button", { name: "Make" }).click();
    await dialog.getByText("It is shown only now.").waitFor();
    token = await dialog.locator("p.mono").innerText();
    await dialog.getByRole("button", { name: "I have it" }).click();
    assert(await isIn({ token }));
    await row("laptop").getByRole("button", { name: "Revoke" }).click();
    await dialog.getByRole("button", { name: "Revoke" }).click();
    await opened.text("laptop is revoked.");
    assert(!await isIn({ token }));
  });

  await step("it is disabled, enabled, and removed", async () => {
    const ada = { user: "ada", password: "a long secret" };
    for (const [verb, told, may] of [["Disable", "disabled", false], ["Enable", "enabled", true]]) {
      await opened.button(`${verb}`).click();
      await dialog.getByRole("button", { name: `${verb}` }).click();
      await opened.text(`ada is ${told}.`);
      assert.equal(await isIn(ada), may);
    }
    await opened.button("Remove").click();
    await dialog.getByLabel(/Type ada/).fill("ada");
    await dialog.getByRole("button", { name: "Remove" }).click();
    await opened.heading("Users");
    assert(!await isIn(ada));
  });

  await step("roles are told with their rules", async () => {
    await opened.button("Roles").click();
    await page.getByText("subscribe a.secret").waitFor();
  });

  await step("services are listed, and called", async () => {
    await opened.go("/services", "Services");
    await row("acme.Text/Length").click();
    await page.getByLabel("Payload").fill("four");
    await opened.button("Call").click();
    await page.getByRole("region", { name: "Answer" }).getByText("4", { exact: true }).waitFor();
    await row("acme.Text/Length").getByText("1").first().waitFor();
  });
  opened.check();
  await Deno.remove(folder, { recursive: true });
});
