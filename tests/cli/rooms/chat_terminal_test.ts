/**
 * `parley chat` on real terminals, looked at as a person would: two people talk, the connection is lost while
 * one is writing, the window changes, and however it ends the terminal is as it was.
 */
import assert from "node:assert/strict";
import { HistoryFixture } from "../../client/topics/history_support.ts";
import { settles, until } from "../../support/until.ts";
import { ChatWindow } from "./chat_window.ts";
import { hasScript } from "../processes.ts";

const ignored = hasScript ? "" : " (needs script of util-linux)";

function terminalTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: name + ignored, ignore: !hasScript, fn });
}

function open(bus: HistoryFixture, ...args: string[]): Promise<ChatWindow> {
  return ChatWindow.open(args, { PARLEY_SERVER: bus.doorUrl, NO_COLOR: "" });
}

/** Scrolls up until the window shows `text`: what is older may still be on its way. */
async function scrollTo(chat: ChatWindow, text: string): Promise<void> {
  for (let presses = 0; presses < 200 && !chat.screen.text.includes(text); presses++) {
    await chat.type("\x1b[5~x");
    await chat.until(({ lines }) => lines.at(-1)!.endsWith("> x"), "a key that was pressed");
    await chat.type("\x7f");
    await chat.until(({ lines }) => lines.at(-1)!.endsWith(">"), "the key taken back");
  }
  await chat.shows(text);
}

terminalTest("two people talk, with history, completion and commands", async () => {
  await using bus = await HistoryFixture.start();
  const early = await (await bus.client()).room("tea", { nick: "early" });
  for (const text of ["one", "two", "three"]) await early.say(text);
  await using ann = await open(bus, "tea", "--name", "ann", "--history", "2");
  await ann.shows("* ann has joined");
  assert(ann.screen.text.includes("early: three") && !ann.screen.text.includes("early: one"));
  await using bob = await open(bus, "tea", "--name", "bob");
  await bob.shows("early: one");
  await ann.shows("* bob has joined");
  await bob.type("hello 日本\r");
  await ann.shows("bob: hello 日本");
  // A name is completed, a word deleted, and something written at the beginning.
  await ann.type("bo\thuh hi\x17\x17hi there\x01> \r");
  await bob.shows("ann: > bob: hi there");
  await bob.until(({ bells }) => bells === 1, "the bell");
  assert.equal(ann.screen.bells, 0, "nobody has spoken to her");
  await ann.type("/me waves\r");
  await bob.shows("* ann waves");
  await ann.shows("* ann waves");
  await ann.type("/msg bob psst\r");
  await bob.shows("ann → you: psst");
  await ann.shows("ann → bob: psst");
  await ann.type("/topic green tea\r");
  await bob.shows("3 online · green tea");
  await bob.type("/nick bert\r");
  await ann.shows("* bob is bert now");
  await bob.shows("bert>");
  await ann.type("/names\r");
  await ann.shows("3 here: ann, bert, early");
  await ann.type("/history\r");
  await scrollTo(ann, "early: one");
  await ann.type("\x1b[6~/nothing\r");
  await ann.shows("there is no /nothing");
  await ann.type("/j coffee\r");
  await ann.shows(" coffee · 1 online");
  await bob.shows("* ann has left");
  await ann.type("/part\r");
  await ann.shows("you are in no room: /join");
  // What cannot be said is given back.
  await ann.type("to nobody\r");
  await ann.shows("! you are in no room");
  await ann.shows("ann> to nobody");
  await ann.type("\x15/quit\r");
  const { code, restored } = await ann.ended();
  assert.deepEqual([code, restored], [0, true]);
});

terminalTest(
  "a lost connection takes no draft away, and what is said meanwhile is said",
  async () => {
    await using bus = await HistoryFixture.start();
    const room = await (await bus.client()).room("tea", { nick: "other" });
    await using ann = await open(bus, "tea", "--name", "ann");
    await ann.shows("* ann has joined");
    await ann.type("half a thou");
    await ann.shows("ann> half a thou");
    bus.shut();
    await ann.shows("connecting again…");
    await room.say("meanwhile");
    await ann.type("ght\rnext draft");
    await ann.shows("… ");
    await ann.shows("ann> next draft");
    bus.open();
    await ann.until(
      ({ text }) => text.includes("ann: half a thought") && !text.includes("connecting again"),
      "what was said",
    );
    await ann.until(({ text }) => text.includes("other: meanwhile"), "what was said meanwhile");
    // The lines may have come before the draft was drawn again below them.
    await ann.until(({ lines }) => lines.at(-1)!.startsWith("ann> next draft"), "the draft");
    const said = async () =>
      (await room.history()).messages.filter(({ kind }) => kind === "said").map(({ text }) => text);
    // It is shown while it is still on its way.
    const arrived = (async () => {
      while ((await said()).length < 2);
    })();
    await settles(arrived, "what was said at the server");
    assert.deepEqual(await said(), ["meanwhile", "half a thought"]);
  },
);

terminalTest(
  "lines that are pasted are said one by one once they are meant, and none is a command",
  async () => {
    await using bus = await HistoryFixture.start();
    await using ann = await open(bus, "tea", "--name", "ann");
    await ann.shows("* ann has joined");
    await ann.type("look: \x1b[200~one\r\n\r\n/quit\r\n\tthree\n\x1b[201~");
    await ann.shows("3 lines: Enter says them, n or Ctrl-C does not");
    assert(ann.screen.text.includes("?     ann: look: one"), ann.screen.text);
    // Nothing that is typed meanwhile says them.
    await ann.type("x\x03");
    await ann.shows("what was pasted was not said");
    await ann.shows("ann> look:");
    await ann.type("\x15\x1b[200~five\nsix\x1b[201~");
    await ann.shows("2 lines: Enter says them");
    await ann.type("no");
    await ann.until(({ lines }) => lines.at(-1)!.startsWith("ann>"), "the question is over");
    await ann.type("\x15\x1b[200~one\n/quit\nthree\x1b[201~\r");
    await ann.until(
      ({ text }) => /ann: one\n.*ann: \/quit\n.*ann: three\n/.test(text),
      "the lines",
    );
    await ann.type(`\x1b[200~${"line\n".repeat(101)}\x1b[201~`);
    await ann.shows("those are 101 lines: at most 100 can be said at once");
    // One line is written where the cursor is.
    await ann.type("\x1b[200~four\n\x1b[201~!\r");
    await ann.shows("ann: four !");
    const room = await (await bus.client()).room("tea", { nick: "other" });
    const said = (await room.history()).messages.filter(({ kind }) => kind === "said");
    assert.deepEqual(said.map(({ text }) => text), ["one", "/quit", "three", "four !"]);
  },
);

terminalTest("--no-bell keeps the terminal quiet", async () => {
  await using bus = await HistoryFixture.start();
  const room = await (await bus.client()).room("tea", { nick: "other" });
  await using ann = await open(bus, "tea", "--name", "ann", "--no-bell");
  await ann.shows("* ann has joined");
  await room.say("Ann, are you there?");
  await ann.shows("other: Ann, are you there?");
  assert.equal(ann.screen.bells, 0);
});

terminalTest("what is new is marked, and a window that grows is filled", async () => {
  await using bus = await HistoryFixture.start();
  const room = await (await bus.client()).room("tea", { nick: "other" });
  await using ann = await open(bus, "tea", "--name", "ann");
  await ann.shows("* ann has joined");
  await ann.type("\x1b[O");
  await ann.type("draft");
  await ann.shows("ann> draft");
  await room.say("news");
  await ann.shows("other: news");
  const { lines } = ann.screen;
  const at = lines.findIndex((line) => line.includes("other: news"));
  assert.match(lines[at - 1], /^── new ─+$/);
  await ann.type("\x1b[I");
  await ann.grow(75, 20);
  await ann.until(({ lines }) => lines.at(-1) === "ann> draft", "the draft in the last row");
  assert.match(ann.screen.lines.at(-2)!, /^ tea · 2 online {50,}ann$/);
  await room.say("x".repeat(100));
  await ann.shows("x".repeat(60));
});

terminalTest("however it ends, the terminal is as it was and the name is free", async () => {
  await using bus = await HistoryFixture.start();
  const ends: [string, (chat: ChatWindow) => Promise<void>][] = [
    ["Ctrl-C", (chat) => chat.type("draft\x03\x03")],
    ["Ctrl-D", (chat) => chat.type("\x04")],
    ["SIGTERM", (chat) => chat.signal("SIGTERM")],
    ["SIGHUP", (chat) => chat.signal("SIGHUP")],
  ];
  for (const [name, end] of ends) {
    await using chat = await open(bus, "tea", "--name", "ann");
    await chat.shows("* ann has joined");
    assert(chat.screen.modes.has("1049"));
    await end(chat);
    const { code, restored } = await chat.ended();
    assert.deepEqual([code, restored], [0, true], name);
  }
  const room = await (await bus.client()).room("tea", { nick: "ANN", history: 0 });
  await until(() => room.online === 1, "nobody else");
});

terminalTest("a name that is taken is an error like any other", async () => {
  await using bus = await HistoryFixture.start();
  await (await bus.client()).room("tea", { nick: "ann" });
  await using chat = await open(bus, "tea", "--name", "Ann");
  const { code, restored, finished } = await chat.ended();
  assert.deepEqual([code, restored], [1, true]);
  assert.match(
    finished.rest,
    /^parley: cannot take the name "Ann": it is taken; accepted: another/,
  );
});
