/**
 * The queue before outputs that nobody may wait for, with streams that are slow, full, broken or stuck.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { MAX_WAITING_OUTPUT_CHARACTERS } from "../../../lib/base/limits.ts";
import { OutputQueue } from "../../../lib/cli/terminal/output_queue.ts";

/** A stream that does what it is told to. */
class Stream {
  text = "";
  /** What the next writes do: take so many bytes, raise an error, or wait for a promise and take all. */
  readonly script: (number | Error | Promise<void>)[] = [];
  readonly #decoder = new TextDecoder();

  readonly write = async (bytes: Uint8Array): Promise<number> => {
    await Promise.resolve();
    const step = this.script.shift() ?? bytes.length;
    if (step instanceof Error) throw step;
    if (typeof step !== "number") await step;
    const count = typeof step === "number" ? Math.min(step, bytes.length) : bytes.length;
    this.text += this.#decoder.decode(bytes.subarray(0, count), { stream: true });
    return count;
  };
}

function stuck(): { stream: Stream; release: () => void } {
  const stream = new Stream();
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.script.push(promise);
  return { stream, release: resolve };
}

const full = () => new Deno.errors.WouldBlock("full");
const gone = () => new Deno.errors.BrokenPipe("gone");

Deno.test("everything is written in order, in parts of any size and through full streams", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: "binary", maxLength: 30 }), { maxLength: 20 }),
      fc.array(fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constant(0)), { maxLength: 30 }),
      async (texts, steps) => {
        const stream = new Stream();
        stream.script.push(...steps.map((step) => step === 0 ? full() : step));
        const queue = new OutputQueue(stream.write);
        const lines = texts.map((text) => `${text.replaceAll("\n", "").toWellFormed()}\n`);
        for (const line of lines) queue.add(line);
        assert(await queue.flush(60_000));
        assert.equal(stream.text, lines.join(""));
        assert.equal(queue.dropped, 0);
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("at the bound nothing is lost, past it the oldest lines are, and it is told in their place", async () => {
  const { stream, release } = stuck();
  const queue = new OutputQueue(stream.write, 30);
  queue.droppedText = (lines) => `(${lines} lost)\n`;
  queue.add("first line\n");
  await Promise.resolve();
  await Promise.resolve();
  // The first is on its way; what is added now waits.
  queue.add("123456789\n");
  queue.add("abcdefghi\n");
  queue.add("ABCDEFGHI\n");
  assert.equal(queue.dropped, 0, "30 characters may wait");
  queue.add("x\n");
  assert.equal(queue.dropped, 1);
  queue.add("123\n456\n789\n");
  assert.equal(queue.dropped, 2, "lines are counted, not what they came in");
  assert.equal(await queue.flush(1), false);
  release();
  assert(await queue.flush(60_000));
  assert.equal(stream.text, "first line\n(2 lost)\nABCDEFGHI\nx\n123\n456\n789\n");
  assert.equal(queue.dropped, 2);
});

Deno.test("what alone is more than may wait is dropped, and memory stays bounded", async () => {
  const { stream, release } = stuck();
  const queue = new OutputQueue(stream.write);
  queue.add("first\n");
  await Promise.resolve();
  await Promise.resolve();
  queue.add(`${"x".repeat(MAX_WAITING_OUTPUT_CHARACTERS)}\n`);
  assert.equal(queue.dropped, 1);
  const line = `${"y".repeat(99)}\n`;
  const most = Math.floor(MAX_WAITING_OUTPUT_CHARACTERS / line.length);
  for (let count = 0; count < most + 1000; count++) queue.add(line);
  assert.equal(queue.dropped, 1001);
  release();
  assert(await queue.flush(60_000));
  assert.equal(stream.text.split(line).length - 1, most);
  assert(stream.text.includes("parley: 1001 lines of output were dropped\n"));
});

Deno.test("a stream that fails loses lines, never ends anything, and is told of it when it works again", async () => {
  const stream = new Stream();
  const queue = new OutputQueue(stream.write);
  queue.droppedText = (lines) => `(${lines} lost)\n`;
  stream.script.push(gone());
  queue.add("one\n");
  assert(await queue.flush(60_000));
  // The notice itself fails: nothing of it is forgotten.
  stream.script.push(gone());
  queue.add("two\n");
  assert(await queue.flush(60_000));
  assert.equal(queue.dropped, 2);
  queue.add("three\n");
  assert(await queue.flush(60_000));
  assert.equal(stream.text, "(2 lost)\nthree\n");
  // In the middle of a line: what comes then begins a new one.
  stream.script.push(2, gone());
  queue.add("four\n");
  assert(await queue.flush(60_000));
  queue.add("five\n");
  assert(await queue.flush(60_000));
  assert.equal(stream.text, "(2 lost)\nthree\nfo\n(1 lost)\nfive\n");
});
