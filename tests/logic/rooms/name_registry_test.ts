/**
 * Names of people: what is one, whose it is, and for how long; also by random histories against a model.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { NameRegistry } from "../../../lib/logic/rooms/name_registry.ts";

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

Deno.test("a name is taken whatever the case, and its owner may write it differently", () => {
  const names = new NameRegistry<string>(GRACE_MS);
  assert.equal(names.claim("one", "Ann", { shown: "", fresh: "t1" }, 0).token, "t1");
  for (const name of ["Ann", "ann", "ANN"]) {
    refused(
      () => names.claim("two", name, { shown: "", fresh: "t2" }, 0),
      ErrorCode.ALREADY_EXISTS,
      /it is taken/,
    );
    assert.equal(names.ownerOf(name), "one");
  }
  assert.equal(names.nameOf("two"), null, "a refusal changes nothing");
  assert.equal(
    names.claim("one", "ANN", { shown: "", fresh: "t3" }, 0).token,
    "t1",
    "the token stays",
  );
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
  const { token } = names.claim("one", "ann", { shown: "", fresh: "t1" }, 0);
  names.release("one", 50, false);
  assert.equal(names.ownerOf("ann"), null);
  for (const wrong of ["", "t9"]) {
    refused(
      () => names.claim("two", "Ann", { shown: wrong, fresh: "t2" }, 149),
      ErrorCode.ALREADY_EXISTS,
      /kept a moment/,
    );
  }
  assert.equal(names.claim("three", "ANN", { shown: token, fresh: "t3" }, 149).token, token);
  names.release("three", 200, false);
  names.expire(299);
  assert.equal(names.size, 1);
  assert.equal(
    names.claim("four", "ann", { shown: "", fresh: "t4" }, 300).token,
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
  const { token } = names.claim("one", "ann", { shown: "", fresh: "t1" }, 0);
  for (const wrong of ["", "t9"]) {
    refused(
      () => names.claim("two", "ann", { shown: wrong, fresh: "t2" }, 0),
      ErrorCode.ALREADY_EXISTS,
      /taken/,
    );
  }
  assert.equal(names.ownerOf("ann"), "one");
  assert.equal(names.claim("two", "Ann", { shown: token, fresh: "t2" }, 0).token, token);
  assert.equal(names.ownerOf("ann"), "two");
  assert.equal(names.nameOf("one"), null);
  // That the lost one is found out later changes nothing.
  names.release("one", 10, false);
  names.expire(1000);
  assert.equal(names.ownerOf("ann"), "two");
  assert.equal(names.size, 1);
});

Deno.test("a name that looks like one that is there is refused with it, and is another name", () => {
  const names = new NameRegistry<string>(GRACE_MS);
  names.claim("one", "paul", { shown: "", fresh: "t1" }, 0);
  for (const name of ["pаul", "pauI", "PAUІ", "раul"]) {
    refused(
      () => names.claim("two", name, { shown: "", fresh: "t2" }, 0),
      ErrorCode.ALREADY_EXISTS,
      /looks like "paul", which is taken/,
    );
    assert.equal(names.ownerOf(name), null, "what is meant for one does not reach the other");
  }
  // Its owner may write it so, and whoever was refused may have it when it is free.
  assert.equal(names.claim("one", "pauI", { shown: "", fresh: "t3" }, 0).token, "t1");
  assert.equal(names.size, 1);
  names.release("one", 0, true);
  names.claim("two", "раul", { shown: "", fresh: "t4" }, 0);
  assert.equal(names.ownerOf("раul"), "two");
});

Deno.test("a name that looks like two others takes neither, and with the token of one only that", () => {
  const names = new NameRegistry<string>(GRACE_MS);
  const { token } = names.claim("one", "ian", { shown: "", fresh: "t1" }, 0);
  names.claim("two", "lan", { shown: "", fresh: "t2" }, 0);
  for (const shown of ["", token]) {
    assert.throws(() => names.claim("three", "Ian", { shown, fresh: "t3" }, 0), ParleyError);
  }
  assert.deepEqual([names.nameOf("one"), names.nameOf("two"), names.size], ["ian", "lan", 2]);
});

Deno.test("names are granted in NFC", () => {
  const names = new NameRegistry<string>(GRACE_MS);
  const granted = names.claim("one", "Zoe\u0308", { shown: "", fresh: "t1" }, 0);
  assert.equal(granted.name, "Zo\u00eb");
  assert.equal(names.ownerOf("ZOE\u0308"), "one");
});

Deno.test("no history of claims gives one name to two, or two names to one", () => {
  const step = fc.record({
    owner: fc.nat(3),
    name: fc.constantFrom("ann", "ANN", "аnn", "bob", "Bob", "lob", "Iob", "cat"),
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
        const replaced = names.replacedBy(owner, name, token);
        try {
          const claimed = names.claim(owner, name, { shown: token, fresh: `t${index}` }, nowMs);
          const granted = claimed.token;
          assert(replaced === null || names.nameOf(replaced) === null, "it has no name any more");
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
      const looks = taken.map((each) => each.replaceAll("а", "a").replaceAll("i", "l"));
      assert.equal(new Set(looks).size, looks.length);
      for (const [each, key] of present.entries()) {
        if (key !== undefined) assert.equal(names.ownerOf(key), each);
      }
      assert(names.size <= 4, "keys are without case, and of what looks alike there is one");
    }
  }));
});
