/**
 * Connections without a place are told so if there is time for it, and are closed in any case.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { DEFAULT_LIMITS, MAX_TOLD_REFUSALS } from "../../../lib/base/limits.ts";
import { TextLink } from "../../../lib/adapters/text/link.ts";
import { Admission } from "../../../lib/server/listeners/admission.ts";
import { Refuser } from "../../../lib/server/listeners/refuse.ts";
import { contentOf } from "../../support/frames.ts";
import { ALONE } from "../../support/alone.ts";
import { MemoryLink } from "../../support/memory_link.ts";
import { messagesOf } from "../../support/session.ts";
import { settles } from "../../support/until.ts";

function admission(): Admission {
  return new Admission(DEFAULT_LIMITS, Infinity, 0);
}

const full = new ParleyError(ErrorCode.RESOURCE_EXHAUSTED, "cannot take the connection", {
  closeReason: CloseReason.TOO_MANY_CONNECTIONS,
  retryable: true,
});

Deno.test("a refused connection reads why, in the framing of its listener", async () => {
  for (const dialect of ["delimited", "raw"] as const) {
    const link = new MemoryLink(dialect === "raw" ? "raw" : "tcp");
    const refused = new Refuser(admission()).refuse(link, dialect, full);
    await link.when(() => link.writeClosed, "the end of sending");
    assert(!link.closed, "it may still read");
    const [message, ...more] = messagesOf(link.written, dialect === "raw" ? "bare" : "delimited");
    const error = contentOf(message, "error");
    assert.equal(error.code, ErrorCode.RESOURCE_EXHAUSTED);
    assert.equal(error.closeReason, CloseReason.TOO_MANY_CONNECTIONS);
    assert.equal(error.retryable, true);
    assert.deepEqual(more, []);
    link.feed(new Uint8Array(100_000));
    link.end();
    await settles(refused, "the end");
    assert(link.closed);
    assert.equal(link.unreadBytes, 0, "unread bytes would reset it before it has read why");
  }
});

Deno.test("one that neither reads nor closes is closed all the same", async () => {
  const link = new MemoryLink();
  link.hold();
  await settles(new Refuser(admission()).refuse(link, "delimited", full), "the end");
  assert(link.closed);
});

Deno.test("one that is gone already is no error", async () => {
  const link = new MemoryLink();
  link.reset();
  await settles(new Refuser(admission()).refuse(link, "delimited", full), "the end");
  assert(link.closed);
});

Deno.test("nothing is written to a person at the text listener who is closed at once", async () => {
  const gate = admission();
  while (gate.mayTell());
  const below = new MemoryLink("text");
  const dialogue = { room: "lobby", banner: "", wallMs: () => 0, maxLineBytes: 1000 };
  const link = new TextLink(below, { ...dialogue, maxFrameBytes: 1000, turn: ALONE });
  await settles(new Refuser(gate).refuse(link, "delimited", full), "the end");
  assert(below.closed);
  assert.equal(below.writes.length, 0, "a write under way would keep the descriptor");
});

Deno.test("a connection that was told why makes room for another when it is released", async () => {
  const gate = admission();
  const link = new MemoryLink();
  const refused = new Refuser(gate).refuse(link, "delimited", full);
  let others = 0;
  while (gate.mayTell()) others++;
  assert.equal(others, MAX_TOLD_REFUSALS - 1);
  link.end();
  await settles(refused, "the end");
  assert(gate.mayTell());
});

Deno.test("in a flood most are closed at once, and a stop closes the others", async () => {
  const refuser = new Refuser(admission());
  const links = Array.from({ length: 100 }, () => new MemoryLink());
  const refused = links.map((link) => refuser.refuse(link, "delimited", full));
  const lingering = links.filter((link) => !link.closed).length;
  assert(lingering > 0 && lingering <= 16, `${lingering}`);
  refuser.close();
  await settles(Promise.all(refused), "the end of all");
  assert(links.every((link) => link.closed));
});
