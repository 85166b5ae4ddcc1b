/**
 * What the tests of the client's queues share: jobs and answers of a fake server, and loops over jobs.
 */
import assert from "node:assert/strict";
import {
  type Client,
  connect,
  type ConnectOptions,
  type Job,
  type PeekedJob,
  type Puller,
} from "../../../lib/client/mod.ts";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { Verdict } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { settles } from "../../support/until.ts";
import { ack } from "../bus_support.ts";
import { type FakePeer, FakeServer, type Script, type ServerMessageInit } from "../fake_server.ts";

export { Verdict };

const encoder = new TextEncoder();

/** A client of a server that runs `script` for each connection, after its Welcome. */
export async function withScript(
  script: Script,
  run: (client: Client) => Promise<void>,
  options: ConnectOptions = {},
): Promise<void> {
  await using server = new FakeServer(async (peer) => {
    await peer.welcome();
    await script(peer);
  });
  await using client = await connect(server.url, options);
  await settles(run(client), "the test");
}

/** Takes a Pull and acknowledges it; gives the consumer's number. */
export async function acceptPull(peer: FakePeer): Promise<bigint> {
  const { id, value } = await peer.expect("pull");
  await peer.send(ack(id));
  return value.consumer;
}

/** Takes a Pull that wants no more jobs, and gives its id. */
export async function takeRetreat(peer: FakePeer): Promise<bigint> {
  const { id, value } = await peer.expect("pull");
  assert.deepEqual([value.prefetch, value.close], [0, false]);
  return id;
}

/**
 * Takes what ends a consumer: no more jobs, what was not handed over, and the close; answers it all. Gives the
 * tokens that were released.
 */
export async function acceptClose(peer: FakePeer): Promise<number[]> {
  await peer.send(ack(await takeRetreat(peer)));
  return await acceptRest(peer);
}

/** The same, once the server was asked for no more. */
export async function acceptRest(peer: FakePeer): Promise<number[]> {
  const released: number[] = [];
  for (;;) {
    const message = await peer.read();
    const member = message?.message;
    if (member?.case === "settle") {
      assert.equal(member.value.verdict, Verdict.RELEASE);
      released.push(...member.value.tokens.map(Number));
      await peer.send(settled(message!.id));
    } else if (member?.case === "pull") {
      assert.equal(member.value.close, true);
      await peer.send(ack(message!.id));
      return released;
    } else throw new Error(`expected the end of a consumer, got ${member?.case ?? "the end"}`);
  }
}

/** Takes a Settle; gives it without answering. */
export async function takeSettle(peer: FakePeer) {
  const { id, value } = await peer.expect("settle");
  const { consumer, tokens, verdict, delayMs, error } = value;
  return { id, consumer, tokens: tokens.map(Number), verdict, delayMs, error };
}

/** Takes a Settle and answers that these tokens are late; gives it. */
export async function acceptSettle(peer: FakePeer, ...lateTokens: bigint[]) {
  const settle = await takeSettle(peer);
  await peer.send(settled(settle.id, ...lateTokens));
  return settle;
}

/** Answers a Settle. */
export function settled(id: bigint, ...lateTokens: bigint[]): ServerMessageInit {
  return { message: { case: "settled", value: { lateTokens, level: AckLevel.ROUTED } }, id };
}

/** Refuses a request. */
export function refusal(id: bigint, code: ErrorCode, message = "because"): ServerMessageInit {
  return { message: { case: "error", value: { code, message } }, id };
}

/** A delivery of the job `token`, which is its id too. */
export function jobFor(consumer: bigint, token: number, more: object = {}): ServerMessageInit {
  const value = {
    queue: "work",
    payload: encoder.encode(`job ${token}`),
    sender: "other",
    id: BigInt(token),
    timeUnixMicros: 1_700_000_000_000_000n,
    attempt: 1,
    token: BigInt(token),
    leaseMs: 30_000,
    consumer,
    ...more,
  };
  return { message: { case: "job", value } };
}

/** Jobs with the tokens 1 to `count`. */
export function jobsFor(consumer: bigint, count: number, more: object = {}): ServerMessageInit[] {
  return Array.from({ length: count }, (_, index) => jobFor(consumer, index + 1, more));
}

/** The next job, which has to come. */
export async function nextJob(jobs: AsyncIterator<Job, undefined>): Promise<Job> {
  const { done, value } = await settles(jobs.next(), "a job");
  if (done) throw new Error("expected a job, got the end");
  return value;
}

/** So many jobs. */
export async function takeJobs(jobs: AsyncIterator<Job, undefined>, count: number): Promise<Job[]> {
  const taken: Job[] = [];
  while (taken.length < count) taken.push(await nextJob(jobs));
  return taken;
}

/** The iterator of a puller. */
export function jobsOf(puller: Puller): AsyncIterableIterator<Job> {
  return puller[Symbol.asyncIterator]();
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  const abort = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  return settles(abort, "the abort");
}

/** Reads until the client closes; everything that was asked stays without an answer. */
export async function untilClosed(peer: FakePeer): Promise<void> {
  while (await peer.read() !== null);
}

/** The dead letters of a queue, as soon as there are so many. */
export async function deadOf(client: Client, queue: string, count: number): Promise<PeekedJob[]> {
  const dead = client.queue(`${queue}.dead`);
  for (;;) {
    const { jobs } = await dead.peek({ limit: 1000 });
    if (jobs.length >= count) return jobs;
  }
}
