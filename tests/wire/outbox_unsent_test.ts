/**
 * What an outbox keeps of bytes that a peer cannot have got: exactly those, whenever the write fails.
 */
import assert from "node:assert/strict";
import { textIn } from "../support/bus_messages.ts";
import { makeOutbox, ManualWriter, putText, turn } from "../support/outbox.ts";
import { settles } from "../support/until.ts";

/** What `takeUnsent` gives, as text. */
function unsent(outbox: ReturnType<typeof makeOutbox>["outbox"], bytesWritten: number) {
  const { underWay, sentOfUnderWay, waiting } = outbox.takeUnsent(bytesWritten);
  return [textIn(underWay), sentOfUnderWay, textIn(waiting)];
}

Deno.test("a write that fails leaves its batch, how much of it was sent, and what waited", async () => {
  const writer = new ManualWriter();
  const { outbox, budget, pool } = makeOutbox(writer.write);
  outbox.keepUnsent = true;
  putText(outbox, "sent");
  outbox.flush();
  putText(outbox, "under way");
  await writer.succeed();
  putText(outbox, "waiting");
  const idle = outbox.whenIdle();
  await writer.fail(new Error("gone"));
  await settles(idle, "the end of the write");
  assert(budget.bytes > 0, "what is kept still counts");
  assert.equal(budget.bytes, pool.heldBytes);
  assert.deepEqual(unsent(outbox, 4 + 5), ["under way", 5, "waiting"]);
  assert.equal(outbox.size, 0);
  assert.equal(budget.bytes, 0);
  assert.deepEqual(unsent(outbox, 9), ["", 5, ""], "it is given once");
});

Deno.test("fail keeps what waits until the pending write is over, then both are given", async () => {
  const writer = new ManualWriter();
  const { outbox, budget } = makeOutbox(writer.write);
  outbox.keepUnsent = true;
  putText(outbox, "under way");
  outbox.flush();
  putText(outbox, "waiting");
  outbox.fail(new Error("closed"));
  let idle = false;
  const waits = outbox.whenIdle().then(() => void (idle = true));
  await turn();
  assert(!idle, "the write is still pending");
  await writer.succeed();
  await settles(waits, "the end of the write");
  assert.deepEqual(writer.texts, ["under way"], "nothing follows");
  assert.deepEqual(unsent(outbox, 9), ["", 0, "waiting"]);
  assert.equal(budget.bytes, 0);
});

Deno.test("an outbox that never wrote gives all that waits", async () => {
  const { outbox, budget } = makeOutbox();
  outbox.keepUnsent = true;
  putText(outbox, "waiting");
  outbox.fail(new Error("closed"));
  await settles(outbox.whenIdle(), "nothing is pending");
  assert.deepEqual(unsent(outbox, 0), ["", 0, "waiting"]);
  assert.equal(budget.bytes, 0);
});

Deno.test("without keepUnsent nothing is kept", async () => {
  const writer = new ManualWriter();
  const { outbox, budget } = makeOutbox(writer.write);
  putText(outbox, "under way");
  outbox.flush();
  putText(outbox, "waiting");
  await writer.fail(new Error("gone"));
  assert.equal(budget.bytes, 0);
  assert.deepEqual(unsent(outbox, 0), ["", 0, ""]);
});

Deno.test("whenIdle waits for every batch that follows by itself", async () => {
  const writer = new ManualWriter();
  const { outbox } = makeOutbox(writer.write);
  putText(outbox, "1");
  outbox.flush();
  putText(outbox, "2");
  let idle = false;
  const waits = outbox.whenIdle().then(() => void (idle = true));
  await writer.succeed();
  assert(!idle, "the second batch is under way");
  await writer.succeed();
  await settles(waits, "idle");
});
