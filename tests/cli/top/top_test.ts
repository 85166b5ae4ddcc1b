/**
 * `parley top` against a real server: once, for pipes and as JSON, and on real terminals of three sizes, with keys, a lost connection
 * and a drawn that changes; however it ends the terminal is as it was.
 */
import assert from "node:assert/strict";
import { HistoryFixture } from "../../client/topics/history_support.ts";
import { textWidth } from "../../../lib/cli/terminal/text_width.ts";
import { run } from "../fake_io.ts";
import { terminalTest } from "../hostile_text.ts";
import { ChatWindow } from "../rooms/chat_window.ts";

function top(bus: HistoryFixture, columns: number, rows: number): Promise<ChatWindow> {
  const environment = { PARLEY_SERVER: bus.doorUrl, NO_COLOR: "" };
  return ChatWindow.openCommand(["top", "--interval", "100ms"], environment, { columns, rows });
}

Deno.test("--once tells all for a pipe, and --json with numbers", async () => {
  await using bus = await HistoryFixture.start();
  const client = await bus.client();
  await client.publish("kept.a", "x");
  await client.queue("emails").push("x");
  const environment = { PARLEY_SERVER: bus.doorUrl };
  const args = ["top", "--once", "--interval", "100ms"];
  const text = await run(args, { environment });
  assert.equal(text.code, 0, text.stderr);
  assert.match(text.stdout, /^in +\d/);
  assert.match(text.stdout, /1 +1 +.* B +kept\.a\n/);
  assert.match(text.stdout, /emails\n$/);
  const json = await run([...args, "--json"], { environment });
  const { rates, noted, connections, topics, queues } = JSON.parse(json.stdout);
  assert.equal(typeof rates.messages_in, "number");
  assert.equal(typeof noted, "object");
  assert(connections.length >= 1);
  assert.deepEqual(topics.map(({ topic }: { topic: string }) => topic), ["kept.a"]);
  assert.deepEqual(
    queues.map(({ name, ready }: { name: string; ready: number }) => [name, ready]),
    [
      ["emails", 1],
    ],
  );
});

Deno.test("without a terminal there is only --once", async () => {
  const { code, stderr } = await run(["top"]);
  assert.equal(code, 2);
  assert.match(stderr, /there is only --once/);
});

for (const [columns, rows] of [[80, 24], [40, 20], [132, 43]]) {
  terminalTest(
    `it is drawn on ${columns} columns and ${rows} rows, and gives them back`,
    async () => {
      await using bus = await HistoryFixture.start();
      const client = await bus.client();
      await client.publish("kept.orders", "x");
      await client.queue("emails").push("x");
      await using drawn = await top(bus, columns, rows);
      await drawn.shows("1 [connections]");
      await drawn.shows("connections ·");
      for (const line of drawn.screen.lines) assert(textWidth(line) <= columns, line);
      await drawn.type("2");
      await drawn.shows("kept.orders");
      await drawn.type("\t");
      await drawn.shows("emails");
      await drawn.type("/zzz\r");
      await drawn.shows("no queues that match");
      await drawn.type("/\x15\r");
      await drawn.shows("emails");
      await drawn.type("q");
      const { code, restored } = await drawn.ended();
      assert.deepEqual([code, restored], [0, true]);
    },
  );
}

terminalTest("a lost connection is told, and what is shown comes back by itself", async () => {
  await using bus = await HistoryFixture.start();
  const client = await bus.client();
  await using drawn = await top(bus, 80, 24);
  await drawn.shows("connections ·");
  bus.shut();
  await drawn.until(({ lines }) => !lines[1].startsWith("in "), "a word about the connection");
  bus.open();
  await drawn.until(({ lines }) => lines[1].startsWith("in "), "figures again");
  await drawn.type("p");
  await drawn.shows("paused");
  await drawn.grow(100, 30);
  await drawn.until(({ lines }) => lines[29].includes("q quit"), "the larger window");
  await drawn.signal("SIGTERM");
  const { restored } = await drawn.ended();
  assert(restored);
  await client.close();
});
