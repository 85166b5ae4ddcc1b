/**
 * The page of nodes of the web console in a real browser, of three servers that share a log on three servers of NATS: who writes
 * and how far each has come, stepping down, NATS that is gone, and who is not offered the page.
 */
/// <reference lib="dom" />
import assert from "node:assert/strict";
import { ClusterFixture } from "../cluster/cluster_fixture.ts";
import { ConsolePage, consoleTest } from "../support/console_page.ts";
import { hasNats } from "../support/nats_server.ts";
import { startServer } from "../support/server.ts";
import { user } from "../support/users.ts";

const lacks = hasNats ? "" : " (install nats-server)";

consoleTest("the nodes of a cluster", async ({ step, browser }) => {
  await using cluster = await ClusterFixture.start({
    servers: 3,
    durable: true,
    config: {
      cluster: { replicas: 3 },
      keep: [{ pattern: "orders.>" }],
      users: [await user("root", "operator"), await user("ada", "reads")],
      roles: {
        operator: { allow: { manage: ">", call: ">", publish: ">", subscribe: ">" } },
        reads: { allow: { call: ">", subscribe: "orders.>" } },
      },
    },
  });
  const writer = await cluster.writer();
  const as = (name: string) => ({ user: name, password: `${name}'s secret` });
  const client = await cluster.client(writer, as("root"));
  for (let number = 0; number < 20; number++) await client.publish("orders.eu", `${number}`);
  await cluster.agree();
  const open = (node: number, options = {}) =>
    ConsolePage.open(browser, cluster.nodes[node], { place: "/nodes", ...options });
  const logIn = async ({ page }: ConsolePage, name: string) => {
    await page.getByLabel("User", { exact: true }).fill(name);
    await page.getByLabel("Password", { exact: true }).last().fill(as(name).password);
    await page.keyboard.press("Enter");
  };
  const row = ({ page }: ConsolePage, node: number) =>
    page.getByRole("row").filter({ hasText: `node-${node}` });
  await using opened = await open(writer);
  const { page } = opened;

  await step("all of them are told, with who writes, and none is behind", async () => {
    const { applied } = cluster.log(writer);
    await logIn(opened, "root");
    await opened.heading("Nodes");
    for (const node of cluster.nodes.keys()) {
      await row(opened, node).getByText(node === writer ? "writes" : "follows").waitFor();
      const cells = await row(opened, node).getByRole("gridcell").allInnerTexts();
      // Signs of life are in the log, too, so it goes on.
      assert(Number(cells[4].replace(/\D/g, "")) >= applied, `${applied} of ${cells}`);
      assert.equal(await row(opened, node).getByText("this one").count(), node === writer ? 1 : 0);
    }
    const log = page.getByRole("region", { name: "Log" });
    await log.getByText("REPLICATED").waitFor();
    await log.getByText("3 servers of NATS").waitFor();
    await log.getByText(`node-${writer}`).waitFor();
    const nats = page.getByRole("region", { name: "NATS" });
    // The one that is in use.
    await nats.getByText(`127.0.0.1:${cluster.nats[writer].port}`).waitFor();
  });

  await step("it is as wide as a phone", async () => {
    await page.setViewportSize({ width: 375, height: 700 });
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert(width <= 375, `the page is ${width} pixels wide`);
    await row(opened, writer).getByText("writes").waitFor();
    assert.equal(await page.getByRole("row").getByText("follows").count(), 2);
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  await step("only the node that writes is offered to step down", async () => {
    await using other = await open((writer + 1) % 3);
    await logIn(other, "root");
    await row(other, writer).getByText("writes").waitFor();
    assert.equal(await other.button("Step down").count(), 0);
    other.check();
  });

  await step("it steps down once that is confirmed, and another one writes", async () => {
    await opened.button("Step down").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(`Have node-${writer} give up writing?`).waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
    assert.equal(await cluster.writer(), writer);
    await opened.button("Step down").click();
    await dialog.getByRole("button", { name: "Step down" }).click();
    await opened.text(`node-${writer} gives up writing.`);
    await row(opened, writer).getByText("follows").waitFor();
    const next = await cluster.writer();
    assert.notEqual(next, writer);
    await row(opened, next).getByText("writes").waitFor();
    await opened.button("Step down").waitFor({ state: "detached" });
  });

  await step("who may not manage the cluster is not offered the page", async () => {
    await using other = await open(writer);
    await logIn(other, "ada");
    await other.text("There is no such page");
    assert.equal(await other.page.getByRole("link", { name: "Nodes" }).count(), 0);
    other.check();
  });

  await step("NATS that is gone is told, with the reason", async () => {
    await Promise.all(cluster.nats.map((server) => server.kill()));
    await opened.text("NATS cannot be reached");
    await page.getByRole("region", { name: "NATS" }).getByText("not reached").waitFor();
  });
  opened.check();
}, lacks);

consoleTest("a server alone has no page of nodes", async ({ step, browser }) => {
  await using server = await startServer();
  await using opened = await ConsolePage.open(browser, server);

  await step("it is not offered", async () => {
    await opened.page.evaluate(() => location.hash = "#/nodes");
    await opened.text("There is no such page");
    assert.equal(await opened.page.getByRole("link", { name: "Nodes" }).count(), 0);
    await opened.page.getByRole("link", { name: "Topics" }).waitFor();
  });
  opened.check();
});
