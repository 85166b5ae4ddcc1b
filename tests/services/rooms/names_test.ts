/**
 * Names over all listeners of a server: one owner each, also when two ask at the same moment; and what
 * becomes of a name whose connection is lost.
 */
import assert from "node:assert/strict";
import { ManualClock } from "../../support/manual_clock.ts";
import { DEFAULT_LIMITS } from "../../../lib/base/limits.ts";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import { contentOf } from "../../support/frames.ts";
import { startServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import { Person, type PersonKind } from "./rooms_support.ts";

const TAKEN = { code: ErrorCode.ALREADY_EXISTS, retryable: true, message: /it is taken/ };

Deno.test("a name is one person's over all listeners, whatever the case", async () => {
  await using server = await startServer();
  await using ann = await Person.connect(server, "Ann");
  for (const kind of ["tcp", "unix", "ws"] as const) {
    await using other = await Person.connect(server, "", kind);
    for (const name of ["Ann", "ann", "ANN"]) await assert.rejects(other.claim(name), TAKEN);
    await assert.rejects(other.claim("\u0430nn"), { code: ErrorCode.ALREADY_EXISTS });
    await other.claim(`${kind}-ann`);
  }
  await ann.claim("aNN");
});

Deno.test("of many who ask for one name at the same moment, over all listeners, one gets it", async () => {
  await using server = await startServer();
  await using stack = new AsyncDisposableStack();
  const kinds: PersonKind[] = ["tcp", "unix", "ws"];
  const people = await Promise.all(
    Array.from(
      { length: 12 },
      async (_, index) => stack.use(await Person.connect(server, "", kinds[index % 3])),
    ),
  );
  for (let round = 0; round < 20; round++) {
    const claims = await Promise.allSettled(
      people.map((person, index) => person.claim(`${index % 2 === 0 ? "N" : "n"}ame${round}`)),
    );
    const granted = claims.filter(({ status }) => status === "fulfilled");
    assert.equal(granted.length, 1, `round ${round}`);
    for (const claim of claims) {
      if (claim.status === "rejected") {
        assert.equal(claim.reason.code, ErrorCode.ALREADY_EXISTS);
      }
    }
  }
});

Deno.test("a lost name waits for its token, and then for anybody", async () => {
  const clock = new ManualClock();
  await using server = await startServer({}, { clock });
  const ann = await Person.connect(server, "ann");
  await ann.enter("tea");
  const { token } = ann;
  await ann[Symbol.asyncDispose]();
  await until(() => server.stats().connectionsOpen === 0, "the connection is gone");
  await using other = await Person.connect(server);
  const kept = { code: ErrorCode.ALREADY_EXISTS, message: /kept a moment/ };
  await assert.rejects(other.claim("ann"), kept);
  await assert.rejects(other.claim("ann", "guess"), kept);
  const again = await Person.connect(server, "Ann", "ws", token);
  assert.equal(again.token, token);
  await assert.rejects(other.claim("ann"), TAKEN);
  await again.enter("tea");
  await again[Symbol.asyncDispose]();
  await until(() => server.stats().connectionsOpen === 1, "the connection is gone");
  await assert.rejects(other.claim("ann"), kept);
  clock.advance(DEFAULT_LIMITS.nameGraceMs);
  // The server's own idea of the time follows with its next sweep.
  for (;;) {
    const error = await other.claim("ann").then(() => null, (reason) => reason);
    if (error === null) break;
    assert.match(error.message, /kept a moment/);
  }
});

Deno.test("a name that a lost connection still holds goes to whoever shows its token, at once", async () => {
  await using server = await startServer();
  await using bob = await Person.connect(server, "bob");
  await bob.enter("tea");
  // Nobody tells the server that this connection is lost.
  await using lost = await Person.connect(server, "Ann");
  await lost.enter("tea");
  await using ann = await Person.connect(server);
  await assert.rejects(ann.claim("Ann"), TAKEN);
  await assert.rejects(ann.claim("ann", "guess"), TAKEN);
  await ann.claim("ann", lost.token);
  assert.equal(ann.token, lost.token);
  await ann.enter("tea");
  await ann.say("tea", "back again");
  await bob.whenSeen(5);
  assert.deepEqual(bob.seen.slice(-4), [
    "Ann joined (2)",
    "Ann lost (1)",
    "ann joined (2)",
    "ann: back again",
  ]);
  assert.deepEqual((await bob.members("tea")).map(({ name }) => name), ["ann", "bob"]);
  await bob.tell("Ann", "is it you?");
  await until(() => server.stats().connectionsOpen === 2, "the lost connection is ended");
  const last = lost.client.messages.at(-1)!;
  assert.equal(contentOf(last, "error").closeReason, CloseReason.REPLACED);
  // What is left of it takes nothing away.
  assert.deepEqual((await bob.members("tea")).map(({ name }) => name), ["ann", "bob"]);
  await assert.rejects(bob.claim("ann"), TAKEN);
});

Deno.test("who left all rooms before going keeps nothing", async () => {
  await using server = await startServer();
  const ann = await Person.connect(server, "ann");
  await ann.enter("tea");
  await ann.leave("tea");
  await ann[Symbol.asyncDispose]();
  await until(() => server.stats().connectionsOpen === 0, "the connection is gone");
  await using other = await Person.connect(server, "ann");
  assert.notEqual(other.token, ann.token);
});

Deno.test("a new name is announced in every room, and the old one is free", async () => {
  await using server = await startServer();
  await using ann = await Person.connect(server, "ann");
  await using bob = await Person.connect(server, "bob");
  for (const room of ["tea", "pub"]) await bob.enter(room);
  for (const room of ["tea", "pub"]) await ann.enter(room);
  await assert.rejects(ann.claim("BOB"), TAKEN);
  await ann.claim("Anna");
  await ann.say("tea", "hi");
  await bob.whenSeen(7);
  assert.equal(bob.seen.filter((each) => each === "ann is Anna").length, 2);
  assert.equal(bob.seen.at(-1), "Anna: hi");
  assert.deepEqual((await bob.members("tea")).map(({ name }) => name), ["Anna", "bob"]);
  await using other = await Person.connect(server, "ann");
  await other.enter("tea");
  await ann.claim("Anna");
  await ann.say("tea", "same");
  await bob.whenSeen(9);
  assert.equal(bob.seen.at(-1), "Anna: same", "the same name again is no news");
});

Deno.test("without a name there is no joining, saying or telling", async () => {
  await using server = await startServer();
  await using nobody = await Person.connect(server);
  const needed = { code: ErrorCode.FAILED_PRECONDITION, accepted: /ClaimName/ };
  await assert.rejects(nobody.join("tea"), needed);
  await assert.rejects(nobody.tell("ann", "hi"), needed);
  await assert.rejects(nobody.say("tea", "hi"), { code: ErrorCode.FAILED_PRECONDITION });
  await assert.rejects(nobody.leave("tea").then(() => nobody.say("tea", "hi")), /join the room/);
});
