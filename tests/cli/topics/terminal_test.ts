/**
 * What a terminal gets of events, calls and figures when those who send them are hostile: nothing that it
 * obeys but our own styles and the redrawing of tables. Through a real terminal, made by `script`.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { HostileServer } from "../hostile_server.ts";
import { ALL, assertHarmless, ATTACKS, terminalTest } from "../hostile_text.ts";
import { onTerminal, startOnTerminal, startServerProcess } from "../processes.ts";

terminalTest("a hostile server cannot reach the terminal of sub, in any mode", async () => {
  const encoder = new TextEncoder();
  const events = ATTACKS.flatMap((attack) => [
    { topic: `t.${attack}`, payload: encoder.encode(attack) },
    { topic: "t", type: attack, sender: attack, payload: encoder.encode(`{"a":"${attack}"}`) },
    { topic: "t", headers: { [attack]: attack, h: attack }, payload: new Uint8Array([0, 27, 91]) },
    { topic: "t", payload: encoder.encode(JSON.stringify({ [attack]: attack })) },
  ]);
  await using server = new HostileServer(events);
  const count = String(events.length);
  for (const mode of [[], ["--json"], ["--raw"], ["--full"]]) {
    const args = ["sub", ">", "--count", count, ...mode];
    const screen = await onTerminal(args, server.environment);
    assertHarmless(screen);
    assert(screen.includes(mode[0] === "--json" ? "\\u202egnp" : "\\u{202e}gnp"), screen);
    assert(screen.includes("52;c;aGVsbG8="), "it is shown, not swallowed");
  }
});

terminalTest("a hostile server cannot reach the terminal of topic hz", async () => {
  const events = ATTACKS.map((attack) => ({ topic: `t.${attack}`, payload: new Uint8Array(3) }));
  await using server = new HostileServer(events);
  await using hz = startOnTerminal(["topic", "hz", ">", "--interval", "20ms"], server.environment);
  // A heading and seven topics, drawn over the table before.
  await hz.prints("\x1b[8A\r\x1b[J");
  await hz.write("\x03");
  const { code, rest } = await hz.ended();
  assert.equal(code, 0);
  // deno-lint-ignore no-control-regex
  assertHarmless(rest, /(?:\x1b\[[18]A)?\r\x1b\[J/g);
  assert(rest.includes("52;c;aGVsbG8="));
});

terminalTest(
  "hostile payloads, headers, answers and errors pass a real server and stay harmless",
  async () => {
    const { server, environment } = await startServerProcess();
    await using _ = server;
    await using client = await connect(environment.PARLEY_SERVER);
    await using sub = startOnTerminal(["sub", "t", "--count", "1"], environment);
    await sub.prints("subscribed to");
    await client.publish("t", ALL, { headers: { [`n${ALL}`]: ALL } });
    const { code, rest } = await sub.ended();
    assert.equal(code, 0);
    assertHarmless(rest);

    await using answering = await client.serve("m.X", ({ payload }) => {
      if (payload.length === 0) throw new Error(ALL);
      return ALL;
    });
    assertHarmless(await onTerminal(["call", answering.method, "x"], environment));
    const failed = await onTerminal(["call", answering.method], environment);
    assertHarmless(failed);
    assert.match(failed, /INTERNAL: .*52;c;aGVsbG8=/);
    for (
      const args of [["pub", `t.${ALL}`, "x"], ["call", ALL], ["sub", ALL], [
        "respond",
        ALL,
        "--echo",
      ]]
    ) {
      const screen = await onTerminal(args, environment);
      assertHarmless(screen);
      assert.match(screen, /parley: .*cannot/, args[0]);
    }
  },
);

terminalTest(
  "a terminal gets colours, headings and laid-out JSON; Ctrl-C ends it with 0",
  async () => {
    const { server, environment } = await startServerProcess();
    await using _ = server;
    await using client = await connect(environment.PARLEY_SERVER);
    await using sub = startOnTerminal(["sub", "t"], environment);
    await sub.prints("subscribed to");
    await client.publish("t", '{"a":1}', { type: "a.T" });
    await sub.prints('  {\r\n    "a": 1\r\n  }\r\n');
    await client.publish("t", new Uint8Array([0, 1, 2]));
    await sub.prints("00000000  00 01 02 ");
    await sub.write("\x03");
    const { code, rest } = await sub.ended();
    assert.equal(code, 0);
    assert(rest.includes("\x1b[1mt\x1b[0m  \x1b[36ma.T\x1b[0m"), JSON.stringify(rest));
  },
);
