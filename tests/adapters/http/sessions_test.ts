/**
 * The sessions that hold jobs for HTTP clients: shared by what comes from one client, bounded in all and for one address,
 * and gone when they have held nothing for a while.
 */
import assert from "node:assert/strict";
import { ALONE } from "../../support/alone.ts";
import { create, fromBinary } from "@bufbuild/protobuf";
import { sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import {
  HttpSessions,
  LONG_IDLE_MS,
  MAX_LONG_SESSIONS,
  MAX_LONG_SESSIONS_PER_ADDRESS,
} from "../../../lib/adapters/http/api/sessions.ts";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import { DEFAULT_LIMITS } from "../../../lib/base/limits.ts";
import {
  ClientMessageSchema,
  ServerMessageSchema,
} from "../../../lib/gen/parley/v1/envelope_pb.ts";
import type { Link } from "../../../lib/ports/link.ts";
import { FrameReader } from "../../../lib/wire/frame_reader.ts";

/** Welcomes who says Hello, until the client has finished; a user called "nobody" is refused. */
async function welcome(link: Link): Promise<void> {
  const frames = new FrameReader("delimited", 1 << 20);
  for (;;) {
    const count = await link.read(frames.space());
    if (count === null) break;
    frames.filled(count);
    while (frames.next()) {
      const bytes = frames.buffer.slice(frames.messageStart, frames.messageEnd);
      const { id, message } = fromBinary(ClientMessageSchema, bytes);
      const isRefused = message.case === "hello" && message.value.user === "nobody";
      const value = { code: ErrorCode.UNAUTHENTICATED, message: "no" };
      const answer = isRefused
        ? create(ServerMessageSchema, { message: { case: "error", value }, id })
        : create(ServerMessageSchema, { message: { case: "welcome", value: {} }, id });
      await link.write(sizeDelimitedEncode(ServerMessageSchema, answer));
    }
  }
  link.close();
}

/** Sessions whose time is turned by the test. */
class Ground {
  nowMs = 0;
  opened = 0;
  readonly ended: Promise<void>[] = [];
  readonly sessions = new HttpSessions({
    limits: DEFAULT_LIMITS,
    turn: ALONE,
    open: (link) => {
      this.opened++;
      this.ended.push(welcome(link));
    },
    nowMs: () => this.nowMs,
  });

  long(user: string, address = "192.0.2.1") {
    const authorization = `Basic ${btoa(`${user}:x`)}`;
    return this.sessions.long({ peer: `${address}:1`, address }, { authorization });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.sessions.close();
    await Promise.all(this.ended);
  }
}

const isFull = (error: unknown) =>
  error instanceof ParleyError && error.code === ErrorCode.RESOURCE_EXHAUSTED;

Deno.test("http: what one client asks for from one address shares a session", async () => {
  await using ground = new Ground();
  const [first, second] = await Promise.all([ground.long("ada"), ground.long("ada")]);
  assert.equal(first, second);
  assert.equal(await ground.long("ada"), first);
  assert.notEqual(await ground.long("bob"), first);
  assert.notEqual(await ground.long("ada", "192.0.2.2"), first);
  assert.equal(ground.opened, 3);
  const headers = (user: string) => ({ authorization: `Basic ${btoa(`${user}:x`)}` });
  assert.equal(ground.sessions.named(first.name, headers("ada")), first);
  assert.equal(ground.sessions.named(first.name, headers("bob")), null);
  assert.equal(ground.sessions.named("none", headers("ada")), null);
});

Deno.test("http: sessions that hold jobs are bounded, for one address and in all", async () => {
  await using ground = new Ground();
  const fill = async (address: string) => {
    for (let count = 0; count < MAX_LONG_SESSIONS_PER_ADDRESS; count++) {
      await ground.long(`user${count}`, address);
    }
  };
  await fill("192.0.2.1");
  await assert.rejects(ground.long("one more"), isFull);
  await ground.long("user0");
  await fill("192.0.2.2");
  assert.equal(ground.opened, MAX_LONG_SESSIONS);
  await assert.rejects(ground.long("one more", "192.0.2.3"), isFull);
  ground.nowMs += LONG_IDLE_MS - 1;
  ground.sessions.sweep();
  await assert.rejects(ground.long("one more", "192.0.2.3"), isFull);
  ground.nowMs += 1;
  ground.sessions.sweep();
  await ground.long("one more", "192.0.2.3");
  await fill("192.0.2.1");
});

Deno.test("http: a login that is refused takes no place", async () => {
  await using ground = new Ground();
  for (let count = 0; count < 2 * MAX_LONG_SESSIONS_PER_ADDRESS; count++) {
    await assert.rejects(ground.long("nobody"), /no/);
  }
  await ground.long("ada");
});
