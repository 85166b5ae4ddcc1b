/**
 * The pages of a long list as the console reads them: on and on, again where they are seen, and without a row twice or missing
 * when the list has changed meanwhile.
 */
import assert from "node:assert/strict";
import { type FetchPage, PAGE_ROWS, readAgain } from "../../console/data/page_reading.ts";

/** A list of numbers in their order, and how often it was asked. */
class Numbers {
  readonly all: number[];
  asked = 0;

  constructor(count: number) {
    this.all = Array.from({ length: count }, (_, index) => 10 * index);
  }

  readonly fetch: FetchPage<number> = (before, limit) => {
    this.asked++;
    const after = before === undefined ? -1n : BigInt(before.next);
    const behind = this.all.filter((each) => each > after);
    const rows = behind.slice(0, limit);
    const next = BigInt(rows.at(-1) ?? after);
    return Promise.resolve({ rows, more: behind.length > limit, next });
  };
}

const signal = new AbortController().signal;

Deno.test("pages are read until there are as many as are wanted, or there are no more", async () => {
  const numbers = new Numbers(3 * PAGE_ROWS + 5);
  const { fetch } = numbers;
  const seen = { from: 0, to: 20 };
  const two = await readAgain([], { fetch, signal, wanted: 2, seen });
  assert.deepEqual(two.map(({ rows, more }) => [rows.length, more]), [
    [PAGE_ROWS, true],
    [PAGE_ROWS, true],
  ]);
  const all = await readAgain(two, { fetch, signal, wanted: 9, seen });
  assert.deepEqual(all.map(({ rows }) => rows.length), [PAGE_ROWS, PAGE_ROWS, PAGE_ROWS, 5]);
  assert.deepEqual(all.flatMap(({ rows }) => rows), numbers.all);
});

Deno.test("only what is seen is read again", async () => {
  const numbers = new Numbers(5 * PAGE_ROWS);
  const { fetch } = numbers;
  const held = await readAgain([], { fetch, signal, wanted: 5, seen: { from: 0, to: 20 } });
  numbers.asked = 0;
  const seen = { from: 2 * PAGE_ROWS + 5, to: 2 * PAGE_ROWS + 30 };
  const again = await readAgain(held, { fetch, signal, wanted: 5, seen });
  assert.equal(numbers.asked, 1);
  assert.deepEqual(again, held);
});

Deno.test("rows that came or went are no reason for one twice, or one missing", async () => {
  for (const change of ["came", "went"]) {
    const numbers = new Numbers(6 * PAGE_ROWS);
    const { fetch } = numbers;
    const held = await readAgain([], { fetch, signal, wanted: 5, seen: { from: 0, to: 0 } });
    if (change === "came") numbers.all.splice(7, 0, 61, 62, 63);
    else numbers.all.splice(7, 3);
    const seen = { from: PAGE_ROWS - 10, to: PAGE_ROWS + 10 };
    const again = await readAgain(held, { fetch, signal, wanted: 5, seen });
    const rows = again.flatMap((page) => page.rows);
    assert.deepEqual(rows, numbers.all.slice(0, rows.length), change);
    assert(rows.length >= seen.to, `${rows.length} rows`);
  }
});
