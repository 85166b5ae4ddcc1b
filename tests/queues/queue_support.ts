/**
 * Producers and consumers of queues made of raw frames, for tests: they push, pull and settle as the wire
 * says, and keep what they got.
 */
import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type Job,
  type JobSchema,
  type SettleSchema,
  Verdict,
} from "../../lib/gen/parley/v1/queue_pb.ts";
import type { Ack } from "../../lib/gen/parley/v1/session_pb.ts";
import type { BusClient } from "../support/bus_client.ts";
import { contentOf } from "../support/frames.ts";

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
  consumer = CONSUMER,
) {
  const tokens = held.map(({ token }) => token);
  const value = { consumer, tokens, verdict, ...more };
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
