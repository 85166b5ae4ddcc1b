/**
 * Damage: logs cut short and flipped bits, hundreds of each from a seed. What is acknowledged is there,
 * or its loss is said; it is never gone in silence, and nothing is ever there that was not written.
 *
 * A lost end of the log is refused; repaired, what is left is a clean prefix of whole commits under a new
 * epoch. Damage in the database is refused when it is opened or when it is read.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError } from "../../lib/base/errors.ts";
import { Random } from "../support/random.ts";
import { COMMITS, inspect, layOut, makeSpecimens, type Specimen } from "./store_specimen.ts";

const specimens = makeSpecimens();
const all = [COMMITS, COMMITS, COMMITS];

type Outcome = "whole" | "refused" | "damaged";

/** Opens a damaged copy, and again with repair when it is refused; fails unless the outcome is honest. */
async function outcomeOf(
  specimen: Specimen,
  name: string,
  change: (bytes: Uint8Array) => Uint8Array | null,
  what: string,
): Promise<Outcome> {
  const directory = await layOut(specimen, name, change);
  try {
    const found = await inspect(directory, false);
    assert.deepEqual(found.counts, all, `${what}: nothing is gone in silence`);
    assert.equal(found.epoch, specimen.epoch);
    return "whole";
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error;
    if (error.code === ErrorCode.INTERNAL) {
      assert.match(error.message, /damaged/, what);
      return "damaged";
    }
    assert.match(error.message, /acknowledged data is lost/, `${what}: ${error.message}`);
    await assertRepairs(directory, specimen, what);
    return "refused";
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function assertRepairs(directory: string, specimen: Specimen, what: string): Promise<void> {
  const repaired = await inspect(directory, true);
  assert.notEqual(repaired.epoch, specimen.epoch, `${what}: what is left is another history`);
  assert.match(repaired.warnings.join(), /lost/);
  const [first] = repaired.counts;
  assert.deepEqual(repaired.counts, [first, first, first], `${what}: whole commits`);
  const again = await inspect(directory, false);
  assert.deepEqual([again.epoch, again.counts], [repaired.epoch, repaired.counts]);
}

/** Flips one bit. */
function flip(bytes: Uint8Array, random: Random): Uint8Array {
  bytes[random.below(bytes.length)] ^= 1 << random.below(8);
  return bytes;
}

async function tally(
  cases: number,
  run: (index: number) => Promise<Outcome>,
): Promise<Record<Outcome, number>> {
  const counts = { whole: 0, refused: 0, damaged: 0 };
  for (let index = 0; index < cases; index++) counts[await run(index)]++;
  return counts;
}

Deno.test("store: a log cut short anywhere is told, never silent", async () => {
  const { open } = await specimens;
  const length = open.files.get("parley.db-wal")!.length;
  const random = new Random(1);
  const counts = await tally(100, (index) => {
    // Every twentieth of the log, and places at random.
    const at = index <= 20 ? Math.floor(length * index / 20) : random.below(length);
    return outcomeOf(open, "parley.db-wal", (bytes) => bytes.subarray(0, at), `cut at ${at}`);
  });
  assert.deepEqual([counts.damaged, counts.whole], [0, 1], "only the whole log is whole");
});

Deno.test("store: a bit that flips in the log is told, or changes nothing", async () => {
  const { open } = await specimens;
  const random = new Random(2);
  const counts = await tally(70, (index) => {
    const what = `flip ${index}`;
    return outcomeOf(open, "parley.db-wal", (bytes) => flip(bytes, random), what);
  });
  assert(counts.refused > 35, JSON.stringify(counts));
});

Deno.test("store: a bit that flips in the database is told, or changes nothing", async () => {
  const { closed } = await specimens;
  const random = new Random(3);
  const counts = await tally(130, (index) => {
    const what = `flip ${index}`;
    return outcomeOf(closed, "parley.db", (bytes) => flip(bytes, random), what);
  });
  assert(counts.damaged > 20, JSON.stringify(counts));
});

Deno.test("store: a damaged mark changes nothing, a missing one or another's is told", async () => {
  const { open, closed } = await specimens;
  const random = new Random(4);
  const flips = await tally(
    20,
    (index) => outcomeOf(open, "parley.mark", (bytes) => flip(bytes, random), `flip ${index}`),
  );
  assert.equal(flips.whole, 20);
  assert.equal(await outcomeOf(closed, "parley.mark", () => null, "no mark"), "refused");
  const other = (await makeSpecimens()).closed.files.get("parley.mark")!;
  assert.equal(await outcomeOf(closed, "parley.mark", () => other, "another's mark"), "refused");
  assert.equal(await outcomeOf(closed, "parley.db", () => null, "no database"), "refused");
});
