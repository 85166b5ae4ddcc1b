/**
 * The picture of `parley top`: it fits terminals of any size, sorts and filters, and nothing that others chose reaches it.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { control, FIRST_STATE } from "../../../lib/cli/top/controls.ts";
import { type Figures, RATES } from "../../../lib/cli/top/figures.ts";
import { drawTop, sparkline, TABLES, type TopState } from "../../../lib/cli/top/view.ts";
import { textWidth } from "../../../lib/cli/terminal/text_width.ts";
import { ALL, assertHarmless } from "../hostile_text.ts";

const QUEUE = {
  ready: 0,
  delayed: 0,
  leased: 0,
  blocked: 0,
  dead: 0,
  consumers: 0,
  paused: false,
  pushed: 0,
  done: 0,
  inRate: 0,
  outRate: 0,
};
const CONNECTION = {
  kind: "tcp",
  user: "",
  silentMs: 0,
  subscriptions: 0,
  consumers: 0,
};

function figures(name = "orders"): Figures {
  const zeros = Object.fromEntries(RATES.map((rate) => [rate, 1234]));
  const past = Object.fromEntries(RATES.map((rate) => [rate, [1, 2, 3, 0, 8]]));
  return {
    rates: zeros as Figures["rates"],
    history: past as unknown as Figures["history"],
    stats: { connections_open: 3 },
    noted: { loop_delay_ms: 2.5, commits: 120, commit_ms: 1.25 },
    connections: [7, 9, 8].map((number) => ({
      ...CONNECTION,
      sessionId: `s-${number}`,
      peer: `${name}:${number}`,
      clientName: name,
      outboxBytes: number,
    })),
    topics: ["b", "a"].map((each, index) => ({
      topic: `${name}.${each}`,
      lastSeq: 10 - index,
      events: index,
      bytes: index,
      rate: index,
    })),
    queues: [{ ...QUEUE, name }, { ...QUEUE, name: "emails", dead: 4, paused: true }],
    beyond: 2,
  };
}

const SIZE = { columns: 80, rows: 24, colors: false };
const NOTICES = { server: "parley://localhost", problem: "" };

function lines(state: Partial<TopState> = {}, canvas = SIZE): string[] {
  return drawTop(figures(), { ...FIRST_STATE, ...state }, canvas, NOTICES);
}

Deno.test("it fits terminals of any size, whatever names there are", () => {
  const size = fc.record({ columns: fc.integer({ min: 1, max: 200 }), rows: fc.nat(60) });
  const name = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.constant(ALL),
    fc.constant("語".repeat(90)),
  );
  const state = fc.record({
    table: fc.constantFrom(...TABLES),
    sort: fc.nat(9),
    scroll: fc.nat(50),
    typing: fc.boolean(),
    paused: fc.boolean(),
    filter: fc.oneof(fc.constant(""), fc.string()),
  });
  fc.assert(fc.property(size, name, state, ({ columns, rows }, named, chosen) => {
    const canvas = { columns, rows: rows + 14, colors: false };
    const shown = drawTop(figures(named), chosen, canvas, { server: named, problem: named });
    assert(shown.length <= Math.max(canvas.rows, 14), `${shown.length} of ${canvas.rows} rows`);
    for (const line of shown) {
      assert(textWidth(line) <= Math.max(columns, 30), `${textWidth(line)}: ${line}`);
      assertHarmless(line);
    }
  }));
});

Deno.test("at 80 and at 40 columns no row is wider than the terminal", () => {
  for (const columns of [80, 40]) {
    for (const table of TABLES) {
      const shown = lines({ table }, { columns, rows: 24, colors: false });
      assert.equal(shown.length, 24);
      for (const line of shown) assert(textWidth(line) <= columns, `${columns}: ${line}`);
    }
  }
});

Deno.test("a table is sorted by a column, filtered by what it shows, and scrolled", () => {
  const rowsOf = (state: Partial<TopState>) => {
    const all = lines(state);
    return all.slice(all.indexOf("") + 2).filter((line) => line !== "").slice(0, -1);
  };
  const sessions = (state: Partial<TopState>) => rowsOf(state).map((row) => /s-\d/.exec(row)?.[0]);
  assert.deepEqual(sessions({}).slice(0, 3), ["s-9", "s-8", "s-7"]);
  assert.deepEqual(sessions({ sort: 6 }).slice(0, 3), ["s-7", "s-8", "s-9"]);
  assert.deepEqual(sessions({ filter: "S-8" }).slice(0, 1), ["s-8"]);
  assert.deepEqual(sessions({ filter: "nothing" }), []);
  assert.match(rowsOf({ table: "topics" })[0], /orders\.a$/);
  assert.match(rowsOf({ table: "topics", sort: 1 })[0], /orders\.b$/);
  assert.match(rowsOf({ table: "queues", sort: 2 })[0], /emails \(paused\)$/);
  const few = { ...SIZE, rows: 17 };
  const scrolled = lines({ scroll: 1 }, few);
  assert(scrolled.some((line) => line.includes("s-8")));
  assert(lines({ table: "queues", filter: "zzz" }).includes("no queues that match"));
});

Deno.test("bars stand for the last values", () => {
  assert.equal(sparkline([0, 1, 4, 8], 10), " ▁▄█".replace("▁", "▂").replace("▄", "▅"));
  assert.equal(sparkline([1, 2, 3], 2).length, 2);
  assert.equal(sparkline([], 5), "");
  assert.equal(sparkline([0, 0], 5), "  ");
});

Deno.test("keys choose, sort, filter, scroll, pause and end", () => {
  const text = (state: TopState | null, typed: string) =>
    state === null ? null : control(state, { kind: "text", text: typed });
  const key = (state: TopState | null, name: "enter" | "backspace" | "tab" | "down" | "up") =>
    state === null ? null : control(state, { kind: "key", key: name });
  assert.equal(text(FIRST_STATE, "2")?.table, "topics");
  assert.equal(text(FIRST_STATE, "9")?.table, "connections");
  assert.equal(key(FIRST_STATE, "tab")?.table, "topics");
  assert.equal(text(FIRST_STATE, "ss")?.sort, 2);
  assert.equal(text(FIRST_STATE, "sssssss")?.sort, 0);
  assert.equal(text(FIRST_STATE, "p")?.paused, true);
  assert.equal(text(FIRST_STATE, "q"), null);
  assert.equal(control(FIRST_STATE, { kind: "key", key: "interrupt" }), null);
  const typing = text(FIRST_STATE, "/q2")!;
  assert.deepEqual([typing.typing, typing.filter], [true, "q2"]);
  assert.equal(key(typing, "backspace")?.filter, "q");
  assert.equal(key(key(key(typing, "backspace"), "backspace"), "backspace")?.typing, false);
  assert.deepEqual([key(typing, "enter")?.typing, key(typing, "enter")?.filter], [false, "q2"]);
  assert.equal(text(typing, "x".repeat(500))?.filter.length, 100);
  assert.equal(key(key(FIRST_STATE, "down"), "down")?.scroll, 2);
  assert.equal(key(FIRST_STATE, "up")?.scroll, 0);
});
