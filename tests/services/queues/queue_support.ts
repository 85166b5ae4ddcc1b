/**
 * Producers and consumers of queues made of raw frames, for tests: they push, pull and settle as the wire
 * says, and keep what they got.
 */
import assert from "node:assert/strict";
import type { ErrorCode } from "../../../lib/base/errors.ts";
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { Error as ErrorReply } from "../../../lib/gen/parley/v1/error_pb.ts";
import {
  InfoQueueRequestSchema,
  InfoQueueResponseSchema,
  type Job,
  type JobSchema,
  ListQueuesRequestSchema,
  ListQueuesResponseSchema,
  PauseQueueRequestSchema,
  PauseQueueResponseSchema,
  PeekQueueRequestSchema,
  PeekQueueResponseSchema,
  PurgeQueueRequestSchema,
  PurgeQueueResponseSchema,
  type QueueInfo,
  RedriveQueueRequestSchema,
  RedriveQueueResponseSchema,
  ResumeQueueRequestSchema,
  ResumeQueueResponseSchema,
  type SettleSchema,
  Verdict,
} from "../../../lib/gen/parley/v1/queue_pb.ts";
import type { Ack } from "../../../lib/gen/parley/v1/session_pb.ts";
import type { BusClient } from "../../support/bus_client.ts";
import { type ClientMessageInit, contentOf } from "../../support/frames.ts";

export type JobInit = MessageInitShape<typeof JobSchema>;
export type SettleInit = MessageInitShape<typeof SettleSchema>;

/** The number of the consumer that these clients use unless told otherwise. */
export const CONSUMER = 1n;

/** Pushes one job and gives its acknowledgement. */
export async function push(client: BusClient, job: JobInit): Promise<Ack> {
  return contentOf(await client.ask({ message: { case: "job", value: job } }), "ack");
}

/** Pushes jobs with these texts; resolves when all are acknowledged, with their ids. */
export async function pushAll(
  client: BusClient,
  queue: string,
  texts: readonly string[],
  more: JobInit = {},
): Promise<bigint[]> {
  const ids = texts.map(() => client.nextId());
  await client.send(...texts.map((text, index) => ({
    id: ids[index],
    message: {
      case: "job" as const,
      value: { queue, payload: new TextEncoder().encode(text), ...more },
    },
  })));
  const seqs: bigint[] = [];
  for (const id of ids) seqs.push(contentOf(await client.answerTo(id), "ack").seq);
  return seqs;
}

/** Makes a consumer, or changes it. */
export async function pull(
  client: BusClient,
  queue: string,
  prefetch: number | undefined,
  consumer = CONSUMER,
): Promise<void> {
  const value = { queue, consumer, prefetch };
  contentOf(await client.ask({ message: { case: "pull", value } }), "ack");
}

/** The jobs that came and were not looked at yet; waits for so many. */
export async function jobs(client: BusClient, count: number): Promise<Job[]> {
  const found = () => client.messages.filter(({ message }) => message.case === "job").length;
  await client.when(() => found() >= count, `${count} jobs`);
  const taken: Job[] = [];
  for (let at = 0; at < client.messages.length && taken.length < count;) {
    const { message } = client.messages[at];
    if (message.case === "job") {
      taken.push(message.value);
      client.messages.splice(at, 1);
    } else at++;
  }
  return taken;
}

/** How many jobs came that were not taken. */
export function waiting(client: BusClient): number {
  return client.messages.filter(({ message }) => message.case === "job").length;
}

/** Settles jobs and gives the answer. */
export async function settle(
  client: BusClient,
  verdict: Verdict,
  held: readonly Job[],
  more: SettleInit = {},
) {
  const tokens = held.map(({ token }) => token);
  const value = { consumer: CONSUMER, tokens, verdict, ...more };
  return await client.ask({ message: { case: "settle", value } });
}

/** Acknowledges jobs; fails when any of them is late. */
export async function ack(client: BusClient, ...held: readonly Job[]): Promise<void> {
  const settled = contentOf(await settle(client, Verdict.ACK, held), "settled");
  assert.deepEqual(settled.lateTokens, []);
}

/** The payloads of jobs as text. */
export function texts(held: readonly Job[]): string[] {
  return held.map(({ payload }) => new TextDecoder().decode(payload));
}

/** Sends a message that is refused, and gives the error. */
export async function refusal(
  client: BusClient,
  message: ClientMessageInit["message"],
): Promise<ErrorReply> {
  return contentOf(await client.ask({ message }), "error");
}

/** Checks that an error has this code, tells what its text must, and leaves the connection open. */
export function assertRefused(error: ErrorReply, code: ErrorCode, text: RegExp): void {
  assert.equal(error.code, code, error.message);
  assert.match(`${error.message} (accepted: ${error.accepted})`, text);
  assert.equal(error.closeReason, 0);
}

/** The methods that look after queues: verb, request and response. */
export const METHODS = {
  list: ["List", ListQueuesRequestSchema, ListQueuesResponseSchema],
  info: ["Info", InfoQueueRequestSchema, InfoQueueResponseSchema],
  peek: ["Peek", PeekQueueRequestSchema, PeekQueueResponseSchema],
  purge: ["Purge", PurgeQueueRequestSchema, PurgeQueueResponseSchema],
  redrive: ["Redrive", RedriveQueueRequestSchema, RedriveQueueResponseSchema],
  pause: ["Pause", PauseQueueRequestSchema, PauseQueueResponseSchema],
  resume: ["Resume", ResumeQueueRequestSchema, ResumeQueueResponseSchema],
} as const;

/** The call of one of them. */
export function careCall<I extends DescMessage>(
  [verb, input]: readonly [string, I, DescMessage],
  request: MessageInitShape<I>,
): ClientMessageInit["message"] {
  const payload = toBinary(input, create(input, request));
  return { case: "call", value: { method: `parley.v1.Queues/${verb}`, payload } };
}

/** Calls one of them, and gives its answer. */
export async function care<I extends DescMessage, O extends DescMessage>(
  client: BusClient,
  method: readonly [string, I, O],
  request: MessageInitShape<I>,
): Promise<MessageShape<O>> {
  const answer = await client.ask({ message: careCall(method, request) });
  return fromBinary(method[2], contentOf(answer, "answer").payload);
}

/** What a queue holds. */
export async function infoOf(client: BusClient, queue: string): Promise<QueueInfo> {
  const { info } = await care(client, METHODS.info, { queue });
  assert(info !== undefined);
  return info;
}
