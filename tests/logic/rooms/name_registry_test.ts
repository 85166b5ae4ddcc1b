/**
 * Names of people: what is one, whose it is, and for how long; also by random histories against a model.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import {
  checkPersonName,
  MAX_NAME_CHARACTERS,
  NameRegistry,
} from "../../../lib/logic/rooms/name_registry.ts";

const GRACE_MS = 100;

function refused(run: () => unknown, code: ErrorCode, reason: RegExp): void {
  assert.throws(run, (error) => {
    assert(error instanceof ParleyError);
    assert.equal(error.code, code);
    assert.match(error.message, reason);
    assert.notEqual(error.accepted, "");
    return true;
  });
}

Deno.test("a name has 1 to 32 plain characters, and a refusal says which rule it breaks", () => {
  for (const name of ["a", "Ann", "a.b_c-9", "-", "x".repeat(MAX_NAME_CHARACTERS)]) {
    checkPersonName(name);
  }
  const { INVALID_ARGUMENT } = ErrorCode;
  refused(() => checkPersonName(""), INVALID_ARGUMENT, /not empty/);
  refused(() => checkPersonName("x".repeat(33)), INVALID_ARGUMENT, /at most 32/);
  // Blanks, controls, escapes, bidirectional controls, and letters that only look like ours.
  const bad = [
    "a b",
    "a\n",
    "\u0000",
    "\u001b[2J",
    "a\u202eb",
    "аnn",
    "ＡＮＮ",
    "ann\u0301",
    "ﬁn",
    "a/b",
  ];
  for (const name of bad) {
    refused(() => checkPersonName(name), INVALID_ARGUMENT, /letters from A to Z/);
    assert.throws(
      () => checkPersonName(name),
      (error: Error) => !/[^\x20-\x7eа-яＡ-Ｚ\u0301ﬁ]/.test(error.message),
    );
  }
});

Deno.test("a name is taken whatever the case, and its owner may write it differently", () => {
  const names = new NameRegistry<string>(GRACE_MS);
  assert.equal(names.claim("one", "Ann", { shown: "", fresh: "t1" }, 0), "t1");
  for (const name of ["Ann", "ann", "ANN"]) {
    refused(
      () => names.claim("two", name, { shown: "", fresh: "t2" }, 0),
      ErrorCode.ALREADY_EXISTS,
      /it is taken/,
    );
    assert.equal(names.ownerOf(name), "one");
  }
  assert.equal(names.nameOf("two"), null, "a refusal changes nothing");
  assert.equal(names.claim("one", "ANN", { shown: "", fresh: "t3" }, 0), "t1", "the token stays");
  assert.equal(names.nameOf("one"), "ANN");
  assert.equal(names.size, 1);
});

Deno.test("another name frees the one before at once, and only if it is granted", () => {
  const names = new NameRegistry<string>(GRACE_MS);
  names.claim("one", "ann", { shown: "", fresh: "t1" }, 0);
  names.claim("two", "bob", { shown: "", fresh: "t2" }, 0);
  assert.throws(() => names.claim("one", "bob", { shown: "", fresh: "t3" }, 0));
  assert.equal(names.nameOf("one"), "ann");
  names.claim("one", "cat", { shown: "", fresh: "t4" }, 0);
  names.claim("two", "ann", { shown: "", fresh: "t5" }, 0);
  assert.equal(names.ownerOf("ann"), "two");
  assert.equal(names.size, 2);
});

Deno.test("in its grace a name is for the token alone, and for anybody afterwards", () => {
  const names = new NameRegistry<string>(GRACE_MS);
  const token = names.claim("one", "ann", { shown: "", fresh: "t1" }, 0);
  names.release("one", 50, false);
  assert.equal(names.ownerOf("ann"), null);
  for (const wrong of ["", "t9"]) {
    refused(
      () => names.claim("two", "Ann", { shown: wrong, fresh: "t2" }, 149),
      ErrorCode.ALREADY_EXISTS,
      /kept a moment/,
    );
  }
  assert.equal(names.claim("three", "ANN", { shown: token, fresh: "t3" }, 149), token);
  names.release("three", 200, false);
  names.expire(299);
  assert.equal(names.size, 1);
  assert.equal(
    names.claim("four", "ann", { shown: "", fresh: "t4" }, 300),
    "t4",
    "nobody need expire it",
  );
  names.release("four", 300, true);
  assert.equal(names.size, 0);
  names.release("four", 300, true);
  names.claim("five", "bob", { shown: "", fresh: "t5" }, 300);
  names.release("five", 300, false);
  names.expire(400);
  assert.equal(names.size, 0);
});

Deno.test("the token takes a name from a connection that is not known to be lost yet", () => {
  const names = new NameRegistry<string>(GRACE_MS);
  const token = names.claim("one", "ann", { shown: "", fresh: "t1" }, 0);
  for (const wrong of ["", "t9"]) {
    refused(
      () => names.claim("two", "ann", { shown: wrong, fresh: "t2" }, 0),
      ErrorCode.ALREADY_EXISTS,
      /taken/,
    );
  }
  assert.equal(names.ownerOf("ann"), "one");
  assert.equal(names.claim("two", "Ann", { shown: token, fresh: "t2" }, 0), token);
  assert.equal(names.ownerOf("ann"), "two");
  assert.equal(names.nameOf("one"), null);
  // That the lost one is found out later changes nothing.
  names.release("one", 10, false);
  names.expire(1000);
  assert.equal(names.ownerOf("ann"), "two");
  assert.equal(names.size, 1);
});

Deno.test("no history of claims gives one name to two, or two names to one", () => {
  const step = fc.record({
    owner: fc.nat(3),
    name: fc.constantFrom("ann", "ANN", "bob", "Bob", "cat"),
    what: fc.constantFrom("claim", "claim", "token", "lose", "quit", "wait"),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const names = new NameRegistry<number>(GRACE_MS);
    const tokens = new Map<string, string>();
    let nowMs = 0;
    for (const [index, { owner, name, what }] of steps.entries()) {
      if (what === "wait") nowMs += 60;
      else if (what === "lose" || what === "quit") names.release(owner, nowMs, what === "quit");
      else {
        const token = what === "token" ? tokens.get(name.toLowerCase()) ?? "" : "";
        const former = names.nameOf(owner);
        const holder = names.ownerOf(name);
        try {
          const granted = names.claim(owner, name, { shown: token, fresh: `t${index}` }, nowMs);
          const shown = token !== "" && granted === token;
          assert(holder === null || holder === owner || shown, "only the token takes a name");
          tokens.set(name.toLowerCase(), granted);
          assert.equal(names.nameOf(owner), name);
        } catch (error) {
          assert(error instanceof ParleyError);
          assert.equal(names.nameOf(owner), former);
        }
      }
      names.expire(nowMs);
      const present = [0, 1, 2, 3].map((each) => names.nameOf(each)?.toLowerCase());
      const taken = present.filter((each) => each !== undefined);
      assert.equal(new Set(taken).size, taken.length);
      for (const [each, key] of present.entries()) {
        if (key !== undefined) assert.equal(names.ownerOf(key), each);
      }
      assert(names.size <= 3, "keys are without case");
    }
  }));
});
