/**
 * Tests who answers which method: names, turns, loads, leaving, bounds, and random histories against sets.
 *
 * The servers here are plain counters; request_table keeps the real ones.
 */
import assert from "node:assert/strict";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { checkMethod, MethodTable } from "../../../lib/logic/calls/method_table.ts";
import { Random } from "../../support/random.ts";

class Server {
  answeringCount = 0;
  constructor(readonly name: string) {}
}

function servers(count: number): Server[] {
  return Array.from({ length: count }, (_, i) => new Server(`s${i}`));
}

function raises(code: ErrorCode, message: RegExp) {
  return (error: unknown) =>
    error instanceof ParleyError && error.code === code && message.test(error.message);
}

Deno.test("method names", () => {
  for (const name of ["a", "acme.Weather/Now", "größe", "m".repeat(256)]) checkMethod(name);
  for (const name of ["", "m".repeat(257), "a b", "a\n", "a\u202eb", "é".repeat(129)]) {
    assert.throws(() => checkMethod(name), raises(ErrorCode.INVALID_ARGUMENT, /^cannot call "/));
  }
  assert.throws(
    () => new MethodTable<Server>().register("a b", new Server("s")),
    raises(ErrorCode.INVALID_ARGUMENT, /^cannot register "a b": .*U\+0020/),
  );
});

Deno.test("equals answer in turn, the least loaded first", () => {
  const table = new MethodTable<Server>();
  const [a, b, c] = servers(3);
  assert.equal(table.pick("m"), null);
  for (const one of [a, b, c]) assert.equal(table.register("m", one), true);
  assert.equal(table.register("m", a), false);
  assert.equal(table.size, 1);
  const four = [1, 2, 3, 4].map(() => table.pick("m"));
  assert.deepEqual(four, [a, b, c, a]);
  a.answeringCount = b.answeringCount = 2;
  c.answeringCount = 1;
  assert.equal(table.pick("m"), c);
  assert.equal(table.pick("m"), c);
});

Deno.test("a responder's methods are bounded", () => {
  const table = new MethodTable<Server>({ maxMethodsPerResponder: 2 });
  const [a, b] = servers(2);
  table.register("m1", a);
  table.register("m2", a);
  assert.throws(
    () => table.register("m3", a),
    raises(ErrorCode.RESOURCE_EXHAUSTED, /offers 2 methods/),
  );
  assert.equal(table.register("m2", a), false, "what it offers already is no more");
  table.register("m3", b);
  table.unregister("m1", a);
  assert.equal(table.register("m3", a), true);
});

Deno.test("random histories agree with sets", () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = new Random(seed);
    const table = new MethodTable<Server>();
    const all = servers(4);
    const model = new Map<string, Set<Server>>(["m", "n", "o"].map((name) => [name, new Set()]));
    for (let step = 0; step < 60; step++) {
      const [method, offers] = random.pick([...model]);
      const server = random.pick(all);
      const dice = random.below(10);
      if (dice < 4) {
        assert.equal(table.register(method, server), !offers.has(server));
        offers.add(server);
      } else if (dice < 6) {
        assert.equal(table.unregister(method, server), offers.delete(server));
      } else if (dice < 7) {
        const left = [...model.values()].filter((some) => some.delete(server)).length;
        assert.equal(table.removeResponder(server), left);
      } else {
        server.answeringCount = random.below(3);
        const picked = table.pick(method);
        const least = Math.min(...[...offers].map((one) => one.answeringCount));
        assert.equal(picked?.answeringCount ?? Infinity, least);
        assert(picked === null || offers.has(picked));
      }
      const offered = [...model].filter(([, some]) => some.size > 0).map(([name]) => name);
      assert.deepEqual([...model.keys()].filter((name) => table.pick(name) !== null), offered);
      assert.equal(table.size, offered.length);
    }
  }
});
