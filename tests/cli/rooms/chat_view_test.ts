/**
 * What the chat looks like, seen on a small terminal: history, the line being written, scrolling, what is new,
 * and others' words that are made harmless.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { LineEditor } from "../../../lib/cli/rooms/chat_editor.ts";
import { BEGIN_SCREEN, ChatScreen, END_SCREEN } from "../../../lib/cli/rooms/chat_screen.ts";
import { ChatState } from "../../../lib/cli/rooms/chat_state.ts";
import { drawChat, heightOf } from "../../../lib/cli/rooms/chat_view.ts";
import type { RoomMessage } from "../../../lib/client/mod.ts";
import { TinyScreen } from "./tiny_screen.ts";

const NOON = new Date(2026, 0, 20, 12, 0, 0);

function message(more: Partial<RoomMessage>): RoomMessage {
  return {
    kind: "said",
    name: "ann",
    text: "",
    action: false,
    seq: 1n,
    time: NOON,
    lost: false,
    online: 0,
    past: false,
    ...more,
  };
}

/** A state, an editor and a terminal that shows them. */
class Sight {
  readonly state = new ChatState("me");
  readonly editor = new LineEditor(4096);
  readonly terminal: TinyScreen;
  readonly #screen = new ChatScreen();
  readonly #colors: boolean;
  /** What was written last. */
  output = "";
  maxScroll = 0;

  constructor(columns = 40, rows = 10, colors = true) {
    this.terminal = new TinyScreen(columns, rows);
    this.#colors = colors;
    this.terminal.write(BEGIN_SCREEN);
    this.state.enter("tea", "", ["ann", "me"]);
  }

  look(): string[] {
    const { columns, rows } = this.terminal;
    const picture = drawChat(this.state, this.editor, { columns, rows, colors: this.#colors });
    this.maxScroll = picture.maxScroll;
    assert.equal(picture.rows.length, rows);
    this.output = this.#screen.show(picture, columns);
    this.terminal.write(this.output);
    return this.terminal.lines;
  }
}

Deno.test("messages stand above the line that tells how things stand, and the draft below", () => {
  const sight = new Sight();
  const { state, editor } = sight;
  state.add(message({ kind: "joined", name: "bob", online: 3 }));
  state.add(message({ text: "hello" }));
  state.add(message({ text: "a line that is longer than this terminal is wide" }));
  state.topicLine = "green";
  editor.insert("dra日ft");
  editor.move(-2);
  assert.deepEqual(
    sight.look(),
    [
      "",
      "── tea ─────────────────────────────────",
      "── 2026-01-20 ──────────────────────────",
      "12:00 * bob has joined",
      "12:00 ann: hello",
      "12:00 ann: a line that is longer than",
      "      this terminal is wide",
      "",
      " tea · 3 online · green              me",
      "me> dra日ft",
    ].toSpliced(7, 1).toSpliced(0, 0, ""),
  );
  assert.deepEqual([sight.terminal.row, sight.terminal.column], [9, 9]);
  assert(sight.terminal.modes.has("25") && sight.terminal.modes.has("7"));
});

Deno.test("only rows that changed are written", () => {
  const sight = new Sight();
  sight.state.add(message({ text: "hello" }));
  sight.look();
  sight.editor.insert("x");
  sight.look();
  assert(!sight.output.includes("hello"), sight.output);
  assert.equal(sight.terminal.lines.at(-1), "me> x");
  assert(sight.terminal.text.includes("hello"));
});

Deno.test("without colours there are no styles, and names have one colour each with them", () => {
  const plain = new Sight(40, 10, false);
  plain.state.add(message({ text: "hello" }));
  plain.look();
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(plain.output, /\x1b\[[\d;]*m/);
  const color = (name: string) => {
    const sight = new Sight();
    sight.state.add(message({ name, text: "x" }));
    sight.look();
    return new RegExp(`\x1b\\[1;(\\d+)m${name}`, "i").exec(sight.output)![1];
  };
  assert.equal(color("ann"), color("ANN"));
  assert.notEqual(color("ann"), color("eve"));
});

Deno.test("scrolling stays where it is while messages come, and tells how many", () => {
  const sight = new Sight(40, 6);
  const { state } = sight;
  for (let index = 1; index <= 20; index++) state.add(message({ text: `m${index}` }));
  assert.equal(sight.look()[3], "12:00 ann: m20");
  state.scrollTo(3);
  assert.equal(sight.look()[3], "12:00 ann: m17");
  state.takeAdded();
  state.add(message({ text: "news" }));
  // The message, and the mark before it.
  const canvas = { columns: 40, rows: 6, colors: false };
  state.scrollTo(state.takeAdded().reduce((sum, line) => sum + heightOf(line, canvas), 3));
  const seen = sight.look();
  assert.equal(seen[3], "12:00 ann: m17");
  assert.match(seen[4], /↓ 1 new · me$/);
  state.scrollTo(0);
  // Where the reader left off is marked.
  assert.deepEqual(sight.look().slice(2, 4), [
    "── new ─────────────────────────────────",
    "12:00 ann: news",
  ]);
  assert.doesNotMatch(sight.look()[4], /new/);
  state.scrollTo(1000);
  assert.equal(sight.look()[0], "── tea ─────────────────────────────────");
  // The mark is gone: the reader left from here.
  assert.equal(sight.maxScroll, 19);
});

Deno.test("what comes while the terminal has no focus is marked until it is left again", () => {
  const sight = new Sight();
  const { state } = sight;
  state.add(message({ text: "seen" }));
  state.setFocus(false);
  state.add(message({ name: "me", text: "mine" }));
  state.add(message({ text: "one" }));
  state.add(message({ text: "two" }));
  const marked = sight.look().slice(4, 8);
  const expected = [
    "12:00 me: mine",
    "── new ─────────────────────────────────",
    "12:00 ann: one",
    "12:00 ann: two",
  ];
  assert.deepEqual(marked, expected);
  state.setFocus(true);
  assert.deepEqual(sight.look().slice(4, 8), expected);
  state.setFocus(false);
  assert(!sight.look().join().includes("new"));
});

Deno.test("a lost connection and what is not said yet are shown", () => {
  const sight = new Sight();
  sight.state.link = "reconnecting";
  sight.state.unsent.push({ text: "first", action: false }, { text: "second", action: false });
  const seen = sight.look();
  assert.deepEqual(seen.slice(6, 8), ["…     me: first", "…     me: second"]);
  assert.match(seen[8], /connecting again… · me$/);
});

Deno.test("older messages stand above, direct ones say to whom, and errors stand out", () => {
  const sight = new Sight(50, 12);
  const { state } = sight;
  state.add(message({ text: "new" }));
  state.prepend([message({ text: "old", past: true })]);
  state.add(message({ kind: "direct", text: "psst" }));
  state.told("bob", "hey", NOON);
  state.add(message({ kind: "left", lost: true, online: 1 }));
  state.add(message({ kind: "renamed", name: "bob", text: "bert" }));
  state.notice("something", "error");
  const text = sight.look().join("\n");
  assert(text.indexOf("ann: old") < text.indexOf("ann: new"));
  for (
    const part of [
      "ann → you: psst",
      "me → bob: hey",
      "* ann has lost",
      "* bob is bert now",
      "! something",
    ]
  ) assert(text.includes(part), `${part} in ${text}`);
  assert.deepEqual(state.names, ["bert"]);
});

Deno.test("a long draft is scrolled so that the cursor is seen", () => {
  const sight = new Sight(20, 5);
  sight.editor.insert("abcdefghijklmnopqrstuvwxyz");
  assert.match(sight.look().at(-1)!, /z$/);
  assert(sight.terminal.column < 20);
  sight.editor.toStart();
  assert.equal(sight.look().at(-1), "me> abcdefghijklmno");
  assert.equal(sight.terminal.column, 4);
  sight.editor.move(20);
  const line = sight.look().at(-1)!;
  assert.equal([...line][sight.terminal.column], "u");
});

Deno.test("whatever others write, the terminal obeys none of it, at any size", () => {
  const attack = fc.string({ unit: "binary", maxLength: 60 });
  const attacks = fc.oneof(
    attack,
    fc.constantFrom("\x1b]52;c;aGk=\x07", "\x1b[2J", "\x9b31m", "\u202eabc", "👩‍💻".repeat(30)),
  );
  fc.assert(
    fc.property(
      fc.array(attacks, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 4, max: 60 }),
      fc.integer({ min: 3, max: 12 }),
      (texts, columns, rows) => {
        const sight = new Sight(columns, rows);
        for (const text of texts) {
          sight.state.add(message({ name: text.slice(0, 10), text }));
          sight.state.add(message({ kind: "topic_line", name: text, text }));
          sight.state.add(message({ kind: "renamed", name: text, text }));
          sight.state.notice(text);
        }
        sight.editor.insert(texts[0]);
        // The small terminal raises for whatever is no text and none of our own sequences.
        sight.look();
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("in narrow terminals a name and its words take rows of their own, and none is too wide", () => {
  for (let columns = 4; columns <= 20; columns++) {
    for (const text of ["ab", "日本", "a b", "\u{3fffe}\u{3fffe}", "\u0600日"]) {
      const sight = new Sight(columns, 12);
      sight.state.add(message({ name: "ab", text }));
      sight.state.add(message({ name: text, text: "ab" }));
      sight.editor.insert(text);
      // The terminal raises for a row that is too wide.
      const shown = sight.look().join("");
      assert(shown.includes("ab") && shown.includes("me"), `${text} in ${columns} columns`);
    }
  }
});

Deno.test("the end gives back all that the beginning took", () => {
  const terminal = new TinyScreen(20, 5);
  const before = [...terminal.modes].sort();
  terminal.write(BEGIN_SCREEN);
  assert(terminal.modes.has("1049"));
  terminal.write(END_SCREEN);
  assert.deepEqual([...terminal.modes].sort(), before);
});
