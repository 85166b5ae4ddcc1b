/**
 * What a terminal gets of events, calls and figures when those who send them are hostile: nothing that it
 * obeys but our own styles and the redrawing of tables. Through a real terminal, made by `script`.
 */
import assert from "node:assert/strict";
import { connect } from "../../lib/client/mod.ts";
import { HostileServer } from "./hostile_server.ts";
import { hasScript, onTerminal, startOnTerminal, startServerProcess } from "./processes.ts";

/** What one could do to a terminal: clipboard, screen, title, device control, bell, direction, C1. */
const ATTACKS = [
  "\x1b]52;c;aGVsbG8=\x07",
  "\x1b[2J\x1b[H",
  "\x1b]0;title\x1b\\",
  "\x1bP+q544e\x1b\\",
  "\x07\x08\x0d",
  "\u202egnp.exe\u2066\u2069\u200f",
  "\x9b31m\x90\x9d",
];
const ALL = ATTACKS.join("|");

// deno-lint-ignore no-control-regex
const STYLES = /\x1b\[(?:0|1|2|31|32|36)m/g;

/** Fails when `screen` holds anything that a terminal obeys, besides line ends and what we send ourselves. */
function assertHarmless(screen: string, own = STYLES): void {
  const foreign = screen.replace(own, "").replaceAll("\r\n", "\n");
  assert.doesNotMatch(
    foreign,
    // deno-lint-ignore no-control-regex
    /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/,
    JSON.stringify(foreign),
  );
}

const ignored = hasScript ? "" : " (needs script of util-linux)";

function terminalTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: name + ignored, ignore: !hasScript, fn });
}

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
