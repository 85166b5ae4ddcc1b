/**
 * What a plain terminal must not see, and what the text listener must not be harmed by: escapes, broken
 * text, long lines, pasted pages, and people who do not read.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { LineReader } from "../../../lib/adapters/text/lines.ts";
import { Person } from "../../services/rooms/rooms_support.ts";
import { range, storeTest } from "../../services/kept/kept_support.ts";
import { startServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import { at, GREETING, Guest, standingClock } from "./text_support.ts";

const encoder = new TextEncoder();

/** What a terminal would obey: the clipboard, the title, colours, the screen, reports, the bell, and more. */
const ESCAPES = [
  "\u001b]52;c;aGFybQ==\u0007",
  "\u001b]0;title\u001b\\",
  "\u001b]8;;http://example.com\u0007link\u001b]8;;\u0007",
  "\u001b[2J\u001b[H",
  "\u001b[31mred\u001b[0m",
  "\u001b[6n",
  "\u001b[?1049h",
  "\u001bP1$r0m\u001b\\",
  "\u001b_APC\u001b\\",
  "\u001b^PM\u001b\\",
  "\u001bc",
  "\u0007\u0008\u000b\u000c\u000e\u000f",
  "over\rwritten",
  "\u0000nul",
  "\u007fdel",
  "\u009b31mC1 CSI",
  "\u009d52;c;aGFybQ==\u009c",
  "\u0090DCS\u009c",
  "\u202eevil\u202c",
  "\u2066isolate\u2069",
  "\u200fmark",
  "\u2028line\u2029paragraph",
];

/** Nothing but lines of visible text. */
const RAW = /(?!\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u;

Deno.test("no escape, control or bidirectional character reaches another terminal", async () => {
  await using server = await startServer({}, { clock: standingClock() });
  await using reader = await Guest.named(server, "reader");
  await using typist = await Guest.named(server, "typist");
  await using person = await Person.connect(server, "person");
  await person.enter("lobby");
  for (const escape of ESCAPES) {
    await typist.line(`a${escape}b`, "Cannot say text with U+");
    await typist.line(`/msg reader a${escape}b`, "]:");
    await typist.line(`/name a${escape}b`, "]:");
    await typist.line(`/join a${escape}b`, "]:");
    await typist.line(`/${escape}`, "]:");
    await typist.line(`/history ${escape}`, "]:");
    await assert.rejects(person.say("lobby", escape));
    await assert.rejects(person.tell("reader", escape));
    await assert.rejects(person.tell(escape, "hi"));
    await assert.rejects(person.setTopicLine("lobby", escape));
    await assert.rejects(person.claim(escape));
  }
  // Invisible, but harmless to a terminal: it is said, and shown written out.
  await person.say("lobby", "soft\u00adhyphen \ufeffmark \u{e0041}tag 👩‍👩‍👧");
  await reader.shows("soft\\xadhyphen \\u{feff}mark \\u{e0041}tag 👩‍👩‍👧");
  for (const guest of [reader, typist]) assert.doesNotMatch(guest.seen, RAW);
});

Deno.test("text that is no UTF-8, and lines that are too long, are refused and the rest goes on", async () => {
  await using server = await startServer({}, { clock: standingClock() });
  await using guest = await Guest.named(server, "ann");
  for (
    const bad of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xc0, 0x80]]
  ) {
    await guest.type(Uint8Array.of(0x61, ...bad, 0x0a));
    await guest.shows(`Not sent: that was no UTF-8 text.\n${at("ann")}`);
  }
  const full = "é".repeat(2048);
  await using reader = await Guest.named(server, "reader");
  for (const line of [full, `${full}\r`]) {
    await guest.line(line, at("ann"));
    await reader.shows(`${at("ann")}${full}\n`);
  }
  for (const long of [`${full}x`, "x".repeat(100_000), `${full}\r\r`]) {
    await guest.line(long, `Not sent: a line has at most 4096 bytes.\n${at("ann")}`);
  }
  await guest.line("still\there", at("ann"));
  await reader.shows(`${at("ann")}still here\n`);
});

Deno.test("a thousand lines at once are said in their order, once each", async () => {
  await using server = await startServer({}, { clock: standingClock() });
  await using reader = await Person.connect(server, "reader");
  await reader.enter("lobby");
  await using guest = await Guest.named(server, "ann");
  const lines = range(1, 1000).map((number) => `line ${number}`);
  await guest.type(lines.map((line) => `${line}\n`).join(""));
  await reader.whenSeen(1002);
  assert.deepEqual(reader.seen.slice(2), lines.map((line) => `ann: ${line}`));
  await guest.type("/quit\n");
  assert(!(await guest.whole()).includes("line "), "the lines that one typed stand there already");
});

storeTest("what is typed before the name is granted waits, however it is cut", async (data) => {
  await using server = await startServer({ data }, { clock: standingClock() });
  await using guest = await Guest.connect(server);
  for (
    const byte of encoder.encode("ann\r\nfirst\r\n/join tea\r\nsecond\r\n/join lobby\r\nthird\r\n")
  ) {
    await guest.type(Uint8Array.of(byte));
  }
  await guest.type("/quit\n");
  await guest.shows("Goodbye.");
  await using person = await Person.connect(server, "p");
  const said = async (room: string) =>
    (await person.history(room)).events.map(({ payload }) => new TextDecoder().decode(payload));
  const lobby = await said("lobby");
  assert(
    lobby.some((each) => each.includes("first")) && lobby.some((each) => each.includes("third")),
  );
  assert((await said("tea")).some((each) => each.includes("second")));
});

Deno.test("who half-closes after a few lines has said them all", async () => {
  await using server = await startServer({}, { clock: standingClock() });
  await using guest = await Guest.connect(server);
  await guest.type("ann\nx\n/msg ann y\n/quit\nnever");
  await guest.end();
  const seen = await guest.whole();
  assert(seen.includes("-> you]:y\n"), seen);
  assert(seen.endsWith("Goodbye.\n") && !seen.includes("never"), seen);
  await using unfinished = await Guest.connect(server);
  await unfinished.type("bob");
  await unfinished.end();
  assert.equal(await unfinished.whole(), `${GREETING}${at("ann")}x\n${at("bob")}`);
  await using empty = await Guest.connect(server);
  await empty.end();
  assert.equal(await empty.whole(), GREETING);
});

Deno.test("who does not read does not hold up the others, nor fill the memory", async () => {
  const limits = {
    max_frame_bytes: 65_536,
    max_outbox_bytes: 262_144,
    outbox_high_water_bytes: 65_536,
  };
  await using server = await startServer({ limits }, { clock: standingClock() });
  const slow = await Deno.connect({ hostname: "127.0.0.1", port: server.port("text") });
  await slow.write(encoder.encode("slow\n"));
  await using ann = await Person.connect(server, "ann");
  await ann.enter("lobby");
  await ann.client.when(() => ann.seen.length > 0, "the room");
  const text = "x".repeat(4000);
  let most = 0;
  for (const round of range(1, 40)) {
    await Promise.all(range(1, 60).map(() => ann.say("lobby", text)));
    most = Math.max(most, server.stats().outboxBytes);
    assert.equal(server.stats().connectionsOpen, 2, `round ${round}`);
  }
  assert(most < 3 * limits.max_outbox_bytes, `${most} bytes waited`);
  slow.close();
  await until(() => server.stats().connectionsOpen === 1, "it is gone");
  await ann.client.when(() => ann.seen.at(-1) === "slow lost (1)", "and that is told");
});

Deno.test("lines come out the same, however the bytes are cut", () => {
  const line = fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom("", "x".repeat(20), "\r"));
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.integer({ min: 1, max: 7 })), (lines, cuts) => {
      const bytes = encoder.encode(lines.map((each) => `${each.replaceAll("\n", "")}\n`).join(""));
      const take = (sizes: number[]) => {
        const reader = new LineReader(16);
        const found = [];
        for (let at = 0, index = 0; at < bytes.length;) {
          const size = sizes[index++ % sizes.length];
          const space = reader.space();
          const part = bytes.subarray(at, at + Math.min(size, space.length));
          space.set(part);
          reader.filled(part.length);
          for (let line = reader.next(); line !== null; line = reader.next()) found.push(line);
          at += part.length;
        }
        assert.equal(reader.finish(), null);
        return found;
      };
      const whole = take([bytes.length || 1]);
      assert.deepEqual(take(cuts.length === 0 ? [1] : cuts), whole);
      assert.equal(whole.length, lines.length);
    }),
  );
});
