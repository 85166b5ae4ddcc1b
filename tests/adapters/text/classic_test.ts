/**
 * The classic chat: what the exercise asks of a server, as its questions stand, through plain sockets.
 */
import assert from "node:assert/strict";
import { CLASSIC_BANNER, NAME_PROMPT } from "../../../lib/adapters/text/banner.ts";
import { TextLink } from "../../../lib/adapters/text/link.ts";
import { ALONE } from "../../support/alone.ts";
import { MemoryLink } from "../../support/memory_link.ts";
import { until } from "../../support/until.ts";
import { startServer } from "../../support/server.ts";
import { at, Guest, standingClock } from "./text_support.ts";

function startClassic() {
  return startServer({ listen: { text: "", text_classic: "127.0.0.1:0" } }, {
    clock: standingClock(),
  });
}

Deno.test("classic: greeting, messages, history, coming and going, to the character", async () => {
  await using server = await startClassic();
  const greeting = CLASSIC_BANNER + NAME_PROMPT;
  assert(greeting.startsWith("Welcome to TCP-Chat!\n         _nnnn_\n"));
  await using yenlik = await Guest.connect(server);
  await yenlik.shows(greeting);
  // An empty name is asked for again.
  await yenlik.line("", NAME_PROMPT);
  await yenlik.line("Yenlik", at("Yenlik"));
  await yenlik.line("hello", at("Yenlik"));
  // Nothing is sent for an empty line.
  await yenlik.line("", at("Yenlik"));
  await yenlik.line("How are you?", at("Yenlik"));
  await using lee = await Guest.connect(server);
  await lee.shows(greeting);
  await lee.line("Lee", `${at("Yenlik")}hello\n${at("Yenlik")}How are you?\n${at("Lee")}`);
  await yenlik.shows(`\nLee has joined our chat...\n${at("Yenlik")}`);
  await lee.line("Hi everyone!", at("Lee"));
  await yenlik.shows(`\n${at("Lee")}Hi everyone!\n${at("Yenlik")}`);
  await yenlik.line("great, and you?", at("Yenlik"));
  await lee.shows(`\n${at("Yenlik")}great, and you?\n${at("Lee")}`);
  await lee.end();
  await yenlik.shows(`\nLee has left our chat...\n${at("Yenlik")}`);
  for (const own of ["hello", "How are you?", "great, and you?"]) {
    assert(!yenlik.seen.includes(own), "one's own line stands where one typed it, and only there");
  }
});

Deno.test("classic: the eleventh is told and let go, and who comes after one has left is taken", async () => {
  await using server = await startClassic();
  await using stack = new AsyncDisposableStack();
  const guests: Guest[] = [];
  for (let index = 0; index < 10; index++) {
    const guest = stack.use(await Guest.connect(server));
    await guest.line(`guest-${index}`, at(`guest-${index}`));
    guests.push(guest);
  }
  for (let round = 0; round < 3; round++) {
    await using eleventh = await Guest.connect(server);
    assert.equal(await eleventh.whole(), "The chat is full: at most 10 people. Come back later.\n");
  }
  await guests[3].end();
  await guests[0].shows("guest-3 has left our chat...");
  // The place is free when the system has the connection back, which can be a moment later.
  for (;;) {
    await using next = await Guest.connect(server);
    await next.shows("\n");
    if (next.seen.startsWith("The chat is full")) continue;
    await next.shows(NAME_PROMPT);
    break;
  }
});

Deno.test("classic: who gives no name in time is let go, and makes room", async () => {
  const below = new MemoryLink("text");
  let isGone = false;
  new TextLink(below, {
    ...{ room: "lobby", banner: "", wallMs: () => 0, maxLineBytes: 100, maxFrameBytes: 1000 },
    ...{ turn: ALONE, nameTimeoutMs: 1, released: () => isGone = true },
  });
  await until(() => isGone, "its place is free");
  assert(below.closed);
});
