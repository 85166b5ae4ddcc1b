/**
 * Promises that nobody awaits, and what else must not fail: a failure is reported as a defect, once, to whoever
 * listens, and nothing is thrown; what may fail is reported only when it is our own fault.
 */
import assert from "node:assert/strict";
import { errorOf, guard, isDefect, onDefect, reportDefect } from "../../lib/base/defects.ts";
import { detached, handled, mayFail, settled } from "../../lib/base/detached.ts";
import { assert as invariant, ErrorCode, ParleyError } from "../../lib/base/errors.ts";

/** Hears of defects while it stands. */
class Heard implements Disposable {
  readonly told: { what: string; error: Error }[] = [];
  readonly #stop = onDefect((what, error) => this.told.push({ what, error }));

  [Symbol.dispose](): void {
    this.#stop();
  }
}

const DEFECT = new TypeError("ours");
const REFUSAL = new ParleyError(ErrorCode.UNAVAILABLE, "not now");
const RESET = new Deno.errors.ConnectionReset("gone");

/** Lets everything that was rejected by now be heard. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("what is detached is not meant to fail: each failure is a defect, and nothing else happens", async () => {
  using heard = new Heard();
  for (const reason of [DEFECT, REFUSAL, RESET]) detached(Promise.reject(reason), "do it");
  detached(Promise.resolve(5), "do it");
  await turn();
  assert.deepEqual(heard.told, [DEFECT, REFUSAL, RESET].map((error) => ({ what: "do it", error })));
});

Deno.test("what may fail is a defect only when our own code is wrong", async () => {
  using heard = new Heard();
  for (const reason of [DEFECT, REFUSAL, RESET, "text"]) {
    mayFail(Promise.reject(reason), "let it go");
    await settled(Promise.reject(reason), "await it");
  }
  await settled(Promise.resolve(5), "await it");
  await turn();
  assert.deepEqual(heard.told.map(({ what }) => what).sort(), ["await it", "let it go"]);
});

Deno.test("a failure that is met elsewhere is nobody's unhandled rejection", async () => {
  using heard = new Heard();
  const failing = Promise.reject(DEFECT);
  handled(failing);
  await turn();
  await assert.rejects(failing, DEFECT);
  assert.deepEqual(heard.told, []);
});

Deno.test("a guard says whether all went well, and throws nothing", () => {
  using heard = new Heard();
  assert.equal(guard("count", () => {}), true);
  assert.equal(guard("count", () => invariant(false, "one and one is two")), false);
  assert.match(heard.told[0].error.message, /broken invariant: one and one is two/);
  assert.equal(heard.told.length, 1);
});

Deno.test("all who listen are told, whatever one of them does, until they stop", () => {
  const told: string[] = [];
  const stopFirst = onDefect(() => {
    told.push("first");
    throw new Error("a listener fails");
  });
  const stopSecond = onDefect(() => told.push("second"));
  reportDefect("do it", DEFECT);
  stopFirst();
  stopFirst();
  reportDefect("do it", DEFECT);
  stopSecond();
  assert.deepEqual(told, ["first", "second", "second"]);
});

Deno.test("while nobody listens, a defect goes to the console", () => {
  const { error } = console;
  const said: unknown[][] = [];
  console.error = (...words: unknown[]) => said.push(words);
  try {
    reportDefect("do it", DEFECT);
  } finally {
    console.error = error;
  }
  assert.deepEqual(said, [["cannot do it:", DEFECT]]);
});

Deno.test("anything may be thrown", () => {
  const hostile = { toString: () => assert.fail("no text"), [Symbol.toPrimitive]: undefined };
  for (const reason of [undefined, null, 5, "text", Object.create(null), hostile, Symbol("s")]) {
    const error = errorOf(reason);
    assert(error instanceof Error && error.message.endsWith("was thrown"));
    assert.equal(error.cause, reason);
    assert.equal(isDefect(reason), false);
  }
  assert.equal(errorOf(DEFECT), DEFECT);
  assert.equal(isDefect(new RangeError("ours")) && isDefect(DEFECT), true);
});
