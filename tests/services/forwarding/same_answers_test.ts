/**
 * By property: random requests are answered through a node that does not lead as by the one that does, word for word, but for
 * times, tokens and what sessions are called.
 */
import { create, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import assert from "node:assert/strict";
import fc from "fast-check";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import type { Client } from "../../../lib/client/mod.ts";
import { ClientMessageSchema } from "../../../lib/gen/parley/v1/envelope_pb.ts";
import { Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { Rooms } from "../../../lib/gen/parley/v1/room_pb.ts";
import { Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { Types } from "../../../lib/gen/parley/v1/type_pb.ts";
import { settles } from "../../support/until.ts";
import { ForwardingWorld } from "./forwarding_world.ts";

const RUNS = 12;
const SERVICES = [Queues, Rooms, Topics, Types];
/** Methods that tell of the node that is asked, and of the time in which they are asked. */
const OF_THE_NODE = ["Measure", "Tail", "Explain"];
const METHODS = SERVICES.flatMap((service) =>
  service.methods.filter(({ name }) => !OF_THE_NODE.includes(name)).map((
    { name, input, output },
  ) => ({
    method: `${service.typeName}/${name}`,
    input: input as DescMessage,
    output: output as DescMessage,
  }))
);
const bytes = (text: string) => new TextEncoder().encode(text);

/** A request, in the form in which it can be made of random values. */
type Request =
  | { readonly event: object }
  | { readonly job: object }
  | { readonly pull: object }
  | { readonly settle: object }
  | { readonly method: number; readonly value: object };

const topic = fc.constantFrom("kept.a", "kept.b", "kept.a.b", "plain", "kept.*", "", "room.lobby");
const queue = fc.constantFrom("work", "other", "mails", "work.dead", "bad queue", "");
const room = fc.constantFrom("lobby", "den", "BAD", "");
const name = fc.constantFrom("ada", "ADA", "bob", "x".repeat(40), "");
const text = fc.constantFrom("", "hello", "\u0007", "é".repeat(3000));
const messageId = fc.constantFrom("", "", "m1", "m2", "m".repeat(300));
const small = fc.constantFrom(0n, 1n, 2n, 3n, 70n);

const requests: fc.Arbitrary<Request> = fc.oneof(
  fc.record({ event: fc.record({ topic, messageId, payload: text.map(bytes) }) }),
  fc.record({
    job: fc.record({
      queue,
      messageId,
      payload: text.map(bytes),
      priority: fc.nat({ max: 12 }),
      key: fc.constantFrom("", "k"),
      delayMs: fc.constantFrom(0n, 0n, 60_000n),
    }),
  }),
  fc.record({
    pull: fc.record({
      consumer: small,
      queue,
      prefetch: fc.constantFrom(0, 0, 5000),
      close: fc.boolean(),
    }),
  }),
  fc.record({
    settle: fc.record({
      consumer: small,
      tokens: fc.array(small, { maxLength: 3 }),
      verdict: fc.nat({ max: 6 }),
    }),
  }),
  fc.record({
    method: fc.nat({ max: METHODS.length - 1 }),
    value: fc.record({
      topic,
      queue,
      room,
      name: fc.oneof(name, queue),
      text,
      to: name,
      messageId,
      pattern: fc.oneof(topic, fc.constantFrom("kept.>", ">")),
      after: small,
      beforeSeq: small,
      limit: fc.nat({ max: 3 }),
      backward: fc.boolean(),
      contains: fc.constantFrom("", "h"),
    }),
  }),
);

/** The fields of `value` that a message of that schema has, with values that it can have. */
function fitting(schema: DescMessage, value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).filter(([key, one]) => {
      const field = schema.field[key];
      if (field?.fieldKind !== "scalar") return false;
      try {
        toBinary(schema, create(schema, { [key]: one }));
        return true;
      } catch {
        return false;
      }
    }),
  );
}

/** What a request was answered with, without what may differ. */
async function answerOf(client: Client, request: Request): Promise<string> {
  try {
    if ("method" in request) {
      const { method, input, output } = METHODS[request.method];
      const value = fitting(input, request.value as Record<string, unknown>);
      const payload = toBinary(input, create(input, value));
      const answer = await settles(client.call(method, payload), method);
      return told(fromBinary(output, answer.payload));
    }
    const [[member, value]] = Object.entries(request);
    const message = create(ClientMessageSchema, {
      message: { case: member as "event", value: value as object },
    }).message;
    return told(await settles(client.request(message as never), member));
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error;
    return told([ErrorCode[error.code], error.message, error.accepted, error.retryable]);
  }
}

function told(value: unknown): string {
  return JSON.stringify(value, (key, one) => {
    if (/time|token|oldest|joined|persecond/i.test(key)) return undefined;
    if (one instanceof Uint8Array) return withoutVariety(one);
    return typeof one === "bigint" ? `${one}` : one;
  }).replaceAll(/node\d-\d+/g, "session");
}

/** Bytes in which events and jobs stand as they are kept: their length says enough. */
function withoutVariety({ length }: Uint8Array): string {
  return `${length} bytes`;
}

Deno.test("random requests are answered as by the node that leads", async () => {
  const queues = [{ name: "mails", bind: ["kept.b"] }];
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.array(requests, { minLength: 5, maxLength: 40 }), async (list) => {
      await using direct = await ForwardingWorld.start({ queues });
      await using forwarded = await ForwardingWorld.start({ queues });
      const [one, other] = [await direct.client(0), await forwarded.client(1)];
      for (const request of list) {
        const expected = await answerOf(one, request);
        assert.equal(await answerOf(other, request), expected, JSON.stringify(request, big));
        const code = /^\["([A-Z_]+)"/.exec(expected)?.[1] ?? "granted";
        seen.set(code, (seen.get(code) ?? 0) + 1);
      }
    }),
    // Each run starts six nodes: a failure is told as it was found.
    { numRuns: RUNS, endOnFailure: true },
  );
  assert.ok((seen.get("granted") ?? 0) > RUNS, `some are granted: ${[...seen].join(" ")}`);
});

function big(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}` : value;
}
