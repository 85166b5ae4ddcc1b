/**
 * A stream of events that nobody reads takes no more of its session than came with the answer to its subscription.
 */
import assert from "node:assert/strict";
import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import { events } from "../../../lib/adapters/http/api/events.ts";
import type { Exchange } from "../../../lib/adapters/http/api/exchange.ts";
import { MessageClient } from "../../../lib/adapters/http/api/message_client.ts";
import { DEFAULT_LIMITS } from "../../../lib/base/limits.ts";
import {
  ClientMessageSchema,
  ServerMessageSchema,
} from "../../../lib/gen/parley/v1/envelope_pb.ts";
import { ALONE } from "../../support/alone.ts";
import { join } from "../../support/frames.ts";
import { settles, until } from "../../support/until.ts";

const decoder = new TextDecoder();

function said(message: MessageInitShape<typeof ServerMessageSchema>): Uint8Array {
  return sizeDelimitedEncode(ServerMessageSchema, create(ServerMessageSchema, message));
}

function eventOf(topic: string): Uint8Array {
  return said({ message: { case: "event", value: { topic } } });
}

function exchangeOf(client: MessageClient, gone: AbortSignal): Exchange {
  const refuse = () => {
    throw new Error("a stream of events asks for nothing of that");
  };
  return {
    method: "GET",
    names: {},
    query: new URLSearchParams("pattern=>"),
    headers: {},
    maxFrameBytes: DEFAULT_LIMITS.maxFrameBytes,
    gone,
    left: gone,
    wallMs: () => 0,
    client: () => Promise.resolve(client),
    body: refuse,
    longSession: refuse,
    longSessionOf: refuse,
  };
}

Deno.test("http: events that come before a stream is written wait in its session, and none is lost", async () => {
  const { maxFrameBytes } = DEFAULT_LIMITS;
  const origin = { peer: "127.0.0.1:1", address: "127.0.0.1", isRelayed: false };
  const client = new MessageClient({ ...origin, maxFrameBytes, turn: ALONE });
  const gone = new AbortController();
  const answering = events(exchangeOf(client, gone.signal));
  const asked = new Uint8Array(1024);
  const count = await settles(client.link.read(asked), "the subscription");
  const { id } = fromBinary(ClientMessageSchema, asked.subarray(1, count!));
  const ack = said({ id, message: { case: "ack", value: {} } });
  await settles(client.link.write(join(ack, eventOf("a"))), "the answer, and what came with it");
  const answer = await settles(answering, "the stream");
  const pieces: string[] = [];
  const { promise: taken, resolve: take } = Promise.withResolvers<void>();
  const running = answer.run((piece) => {
    pieces.push(typeof piece === "string" ? piece : decoder.decode(piece));
    return taken;
  });
  let isTaken = false;
  const more = client.link.write(join(eventOf("b"), eventOf("c"))).then(() => isTaken = true);
  await until(() => pieces.length === 1, "the first piece, which is not taken");
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(isTaken, false, "what follows waits where it is bounded");
  take();
  await settles(more, "what follows");
  const topics = pieces.slice(1).map((piece) => JSON.parse(piece.slice("data: ".length)).topic);
  assert.deepEqual(topics, ["a", "b", "c"]);
  gone.abort();
  await settles(running, "the end of the stream");
});
