/**
 * Writing a line: the editor, what a terminal's bytes mean, commands, and completion.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { complete, helpLines, parseEntry } from "../../../lib/cli/rooms/chat_commands.ts";
import { LineEditor } from "../../../lib/cli/rooms/chat_editor.ts";
import { type ChatInput, KeyReader } from "../../../lib/cli/rooms/chat_keys.ts";

/** The line with a bar where the cursor is. */
function shown(editor: LineEditor): string {
  return `${editor.before}|${editor.behind}`;
}

function written(text: string, maxBytes = 1000): LineEditor {
  const editor = new LineEditor(maxBytes);
  editor.insert(text);
  return editor;
}

Deno.test("a line is written, moved through and deleted by what a reader sees as characters", () => {
  const editor = written("one two 👩‍💻e\u0301");
  editor.move(-1);
  assert.equal(shown(editor), "one two 👩‍💻|e\u0301");
  editor.backspace();
  assert.equal(shown(editor), "one two |e\u0301");
  editor.delete();
  editor.insert("three");
  editor.wordLeft();
  assert.equal(shown(editor), "one two |three");
  editor.deleteWord();
  assert.equal(shown(editor), "one |three");
  editor.wordRight();
  assert.equal(shown(editor), "one three|");
  editor.toStart();
  editor.insert("日");
  assert.equal(shown(editor), "日|one three");
  editor.deleteBefore();
  editor.move(3);
  editor.deleteBehind();
  assert.equal(shown(editor), "one|");
  editor.setBefore("two");
  assert.equal(shown(editor), "two|");
  for (const step of [-99, 99]) editor.move(step);
  editor.delete();
  editor.toStart();
  editor.backspace();
  assert.equal(shown(editor), "|two");
});

Deno.test("a mark joins the character before it, and control characters are left out", () => {
  const editor = written("e");
  editor.insert("\u0301");
  editor.backspace();
  assert.equal(shown(editor), "|");
  editor.insert("a\tb\r\nc\x1b[2Jd\x07");
  assert.equal(editor.text, "a b c[2Jd");
});

Deno.test("no more bytes are written than fit, and no half of a character", () => {
  const editor = new LineEditor(8);
  assert.equal(editor.insert("abc"), true);
  assert.equal(editor.insert("日本"), false);
  assert.equal(editor.text, "abc日");
  editor.toStart();
  assert.equal(editor.insert("xyz"), false);
  assert.equal(shown(editor), "xy|abc日");
});

Deno.test("lines of before come back, and the draft is still there", () => {
  const editor = new LineEditor(100);
  for (const line of ["one", "two", "two", " "]) {
    editor.insert(line);
    editor.take();
  }
  editor.insert("draft");
  editor.recall(-1);
  assert.equal(shown(editor), "two|");
  editor.recall(-1);
  editor.recall(-1);
  assert.equal(editor.text, "one");
  editor.recall(1);
  editor.recall(1);
  editor.recall(1);
  assert.equal(editor.text, "draft");
});

/** Everything that these pieces say, with texts put together. */
function read(...pieces: (string | Uint8Array)[]): ChatInput[] {
  const reader = new KeyReader();
  const inputs: ChatInput[] = [];
  for (const piece of pieces) {
    const bytes = typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
    for (const input of reader.read(bytes)) {
      const last = inputs.at(-1);
      if (input.kind === "text" && last?.kind === "text") {
        inputs[inputs.length - 1] = { kind: "text", text: last.text + input.text };
      } else inputs.push(input);
    }
  }
  return inputs;
}

const key = (name: string) => ({ kind: "key", key: name });

Deno.test("bytes of a terminal are read as keys, text, pastes and focus", () => {
  assert.deepEqual(read("hé\x1b[D\x1bOC\x1b[1~\x1b[4~\x7f\x01\r"), [
    { kind: "text", text: "hé" },
    key("left"),
    key("right"),
    key("home"),
    key("end"),
    key("backspace"),
    key("home"),
    key("enter"),
  ]);
  assert.deepEqual(read("\x1b[200~two\nlines\x1b[A\x1b[201~x\x1b[I\x1b[O"), [
    { kind: "paste", text: "two\nlines\x1b[A" },
    { kind: "text", text: "x" },
    { kind: "focus", focused: true },
    { kind: "focus", focused: false },
  ]);
  // Unknown ones are passed over whole, and so are characters that mean nothing.
  assert.deepEqual(read("\x1b[99;5uA\x1b[<0;1;2MB\x00\x1bxC\x1b\x1b[B"), [
    { kind: "text", text: "ABC" },
    key("down"),
  ]);
});

Deno.test("it makes no difference where the bytes are cut", () => {
  const whole = "aé日\x1b[A\x1b[200~pa\x1b[20ste\x1b[201~\x1b[1;5C😀\x1bOD\x03";
  const bytes = new TextEncoder().encode(whole);
  const expected = read(whole);
  assert.deepEqual(read(...Array.from(bytes, (byte) => new Uint8Array([byte]))), expected);
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 5 }), (cuts) => {
      const at = [0, ...cuts.sort((one, other) => one - other), bytes.length];
      const pieces = at.slice(1).map((end, index) => bytes.slice(at[index], end));
      assert.deepEqual(read(...pieces), expected);
    }),
  );
});

Deno.test("whatever bytes come, nothing is raised and nothing grows without bound", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 }), (pieces) => {
      const editor = new LineEditor(64);
      for (const input of read(...pieces)) if ("text" in input) editor.insert(input.text);
      assert(new TextEncoder().encode(editor.text).length <= 64);
    }),
  );
  const [paste] = read("\x1b[200~" + "x".repeat(100_000), "x".repeat(100_000) + "\x1b[201~");
  assert.equal(paste.kind === "paste" && paste.text.length, 64 * 1024);
});

Deno.test("entries are said, or commands", () => {
  assert.deepEqual(parseEntry("  "), { kind: "nothing" });
  assert.deepEqual(parseEntry(" hi "), { kind: "say", text: "hi" });
  assert.deepEqual(parseEntry("//me"), { kind: "say", text: "/me" });
  assert.deepEqual(parseEntry("/MSG ann  how are you"), {
    kind: "command",
    name: "msg",
    rest: "ann  how are you",
  });
  assert(helpLines().some((line) => line.startsWith("/topic [TEXT]  ")));
});

Deno.test("commands, names and rooms are completed as far as they are clear", () => {
  const known = { names: ["Ann", "annabel", "bob"], rooms: ["tea", "team"] };
  const done = (before: string) => complete(before, known).before;
  assert.equal(done("/he"), "/help ");
  assert.equal(done("b"), "bob: ");
  assert.equal(done("hello B"), "hello bob ");
  assert.equal(done("/msg b"), "/msg bob ");
  assert.deepEqual(complete("an", known), { before: "Ann", choices: ["Ann", "annabel"] });
  assert.deepEqual(complete("ANN", known), { before: "ANN", choices: ["Ann", "annabel"] });
  assert.equal(done("anna"), "annabel: ");
  assert.deepEqual(complete("/join t", known), { before: "/join tea", choices: ["tea", "team"] });
  assert.deepEqual(complete("/join ", known).choices, ["tea", "team"]);
  assert.deepEqual(complete("x", known), { before: "x", choices: [] });
  assert.deepEqual(complete("", known), { before: "", choices: [] });
  assert.equal(complete("/h", known).choices.join(), "/help,/history");
});
