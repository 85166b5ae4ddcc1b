/**
 * The contract of the log port as tests; every adapter runs the same.
 */
import assert from "node:assert/strict";
import { AckLevel } from "../../lib/gen/parley/v1/session_pb.ts";
import { type CommitLog, LogError, type LogFault } from "../../lib/ports/commit_log.ts";
import { settles } from "../support/until.ts";

/** One log that several may open, for one case. */
export interface LogPlace extends AsyncDisposable {
  open(): Promise<CommitLog>;
}

/** An adapter under test. */
export interface LogSubject {
  readonly name: string;
  /** An entry that is certainly larger than one message of the adapter. */
  readonly largeBytes: number;
  place(): Promise<LogPlace>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Registers the tests of one adapter; `options` go to each. */
export function testCommitLog(subject: LogSubject, options: Partial<Deno.TestDefinition> = {}) {
  const test = (text: string, run: (place: LogPlace, log: CommitLog) => Promise<void>) =>
    Deno.test({
      name: `${subject.name} log: ${text}`,
      ...options,
      async fn() {
        await using place = await subject.place();
        await run(place, await place.open());
      },
    });

  test(
    "entries have ascending sequences, and are read in order by everybody",
    async (place, log) => {
      assert.notEqual(log.level, AckLevel.FSYNCED);
      const other = await place.open();
      assert.equal(other.epoch, log.epoch);
      await holds(log, 1, 0);
      const [mine, theirs] = [collect(log, 0), collect(other, 0)];
      let last = 0;
      for (let index = 0; index < 20; index++) last = await append(log, `entry ${index}`, last);
      assert.equal((await other.state()).lastSequence, last);
      for (const reading of [mine, theirs]) {
        await settles(reading.reader.reached(last), "everything was read");
        assert.deepEqual(reading.texts, Array.from({ length: 20 }, (_, index) => `entry ${index}`));
        assert.deepEqual(reading.sequences, Array.from({ length: 20 }, (_, index) => index + 1));
        assert.equal(reading.reader.position, last);
        await reading.reader.close();
        await reading.reader.ended;
      }
    },
  );

  test("who appends behind another sequence than the last is fenced", async (place, log) => {
    const other = await place.open();
    let last = await append(log, "one", 0);
    await fails(append(other, "late", 0), "fenced");
    last = await append(other, "two", last);
    await fails(append(log, "former writer", 1), "fenced");
    last = await append(other, "three", last);
    const { reader, texts } = collect(log, 0);
    await settles(reader.reached(last), "everything was read");
    assert.deepEqual(texts, ["one", "two", "three"]);
    await reader.close();
  });

  test("of two who append at once, one is fenced", async (place, log) => {
    const other = await place.open();
    let last = 0;
    for (let round = 0; round < 10; round++) {
      const outcomes = await Promise.allSettled([
        append(log, `one ${round}`, last),
        append(other, `other ${round}`, last),
      ]);
      const won = outcomes.filter(({ status }) => status === "fulfilled");
      assert.equal(won.length, 1, `round ${round}: one has appended`);
      last = (won[0] as PromiseFulfilledResult<number>).value;
      const lost = outcomes.find(({ status }) => status === "rejected") as PromiseRejectedResult;
      assert.equal(faultOf(lost.reason), "fenced");
    }
    assert.equal((await log.state()).lastSequence, last);
  });

  test("an entry that is larger than a message is read whole", async (_place, log) => {
    const large = new Uint8Array(subject.largeBytes);
    for (let at = 0; at < large.length; at += 997) large[at] = at % 251;
    let last = await append(log, "before", 0);
    last = await log.append(large, last);
    const behindLarge = last;
    last = await append(log, "behind", last);
    last = await log.append(new Uint8Array(0), last);
    const { reader, entries, sequences } = collect(log, 0);
    await settles(reader.reached(last), "everything was read");
    assert.deepEqual(entries.map(({ length }) => length), [6, large.length, 6, 0]);
    assert.ok(entries[1].every((byte, at) => byte === large[at]), "the bytes are the same");
    assert.equal(sequences[1], behindLarge);
    await reader.close();
    const again = collect(log, behindLarge);
    await settles(again.reader.reached(last), "the rest was read");
    assert.deepEqual(again.texts, ["behind", ""]);
    await again.reader.close();
  });

  test("a reader begins behind any sequence and waits for what comes", async (_place, log) => {
    let last = 0;
    for (let index = 1; index <= 5; index++) last = await append(log, `entry ${index}`, last);
    const { reader, texts } = collect(log, 3);
    await settles(reader.reached(5), "the rest was read");
    assert.deepEqual(texts, ["entry 4", "entry 5"]);
    const next = reader.reached(6);
    last = await append(log, "entry 6", last);
    await settles(next, "what came was read");
    assert.deepEqual(texts, ["entry 4", "entry 5", "entry 6"]);
    await reader.close();
    await fails(reader.reached(7), "closed");
  });

  test("an entry is taken before the next one is told", async (_place, log) => {
    let last = 0;
    let inside = 0;
    const texts: string[] = [];
    const reader = log.read(0, async ({ bytes }) => {
      assert.equal(++inside, 1);
      await new Promise((resolve) => setTimeout(resolve, 1));
      texts.push(decoder.decode(bytes));
      inside--;
    });
    for (let index = 0; index < 10; index++) last = await append(log, `${index}`, last);
    await settles(reader.reached(last), "everything was taken");
    assert.equal(texts.join(""), "0123456789");
    await reader.close();
  });

  test("a taker that fails ends its reader with its error", async (_place, log) => {
    const last = await append(log, "one", 0);
    const reader = log.read(0, () => {
      throw new Error("no room");
    });
    await assert.rejects(settles(reader.reached(last), "the reader ends"), /no room/);
    await assert.rejects(reader.ended, /no room/);
    assert.equal(reader.position, 0);
    await reader.close();
  });

  test("what was trimmed is gone, and who needs it is told so", async (_place, log) => {
    let last = 0;
    for (let index = 1; index <= 6; index++) last = await append(log, `entry ${index}`, last);
    await log.trim(5);
    await holds(log, 5, 6);
    const late = log.read(2, () => {});
    await assert.rejects(settles(late.ended, "the reader ends"), { fault: "trimmed" });
    const { reader, texts } = collect(log, 4);
    await settles(reader.reached(6), "the rest was read");
    assert.deepEqual(texts, ["entry 5", "entry 6"]);
    await reader.close();
    await log.trim(7);
    await holds(log, 7, 6);
    last = await append(log, "entry 7", last);
    assert.equal(last, 7);
  });

  test("a log that ends before what was read is not gone on with", async (_place, log) => {
    await append(log, "one", 0);
    const reader = log.read(9, () => {});
    await assert.rejects(settles(reader.ended, "the reader ends"), { fault: "lost" });
  });
}

async function holds(log: CommitLog, first: number, last: number): Promise<void> {
  const { firstSequence, lastSequence, fullness } = await log.state();
  assert.deepEqual([firstSequence, lastSequence], [first, last]);
  assert.ok(fullness >= 0 && fullness <= 1, `${fullness} is how full it is`);
}

function append(log: CommitLog, text: string, expectedLast: number): Promise<number> {
  return log.append(encoder.encode(text), expectedLast);
}

function collect(log: CommitLog, after: number) {
  const entries: Uint8Array[] = [];
  const texts: string[] = [];
  const sequences: number[] = [];
  const reader = log.read(after, ({ bytes, sequence }) => {
    entries.push(bytes);
    sequences.push(sequence);
    if (bytes.length < 100) texts.push(decoder.decode(bytes));
  });
  return { reader, entries, texts, sequences };
}

function faultOf(error: unknown): LogFault | null {
  return error instanceof LogError ? error.fault : null;
}

async function fails(promise: Promise<unknown>, fault: LogFault): Promise<void> {
  await assert.rejects(settles(promise, `an error: ${fault}`), (error) => faultOf(error) === fault);
}
