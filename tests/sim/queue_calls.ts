/**
 * What tests ask a server about its queues, and a server that is set up for them.
 */
import assert from "node:assert/strict";
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { type PeekedJob, type QueueInfo, Queues } from "../../lib/gen/parley/v1/queue_pb.ts";
import type { BusClient } from "../support/bus_client.ts";
import { call } from "../support/bus_messages.ts";
import { contentOf, type ServerMessage } from "../support/frames.ts";
import { KeptServer } from "./kept_server.ts";

const PAGE_JOBS = 1000;

const { info: INFO, peek: PEEK, redrive: REDRIVE } = Queues.method;

/** A data directory with a configuration, and servers in it, one after the other. */
export class QueueDirectory implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes one, in `parent` if given; `toml` is the configuration beside the options of KeptServer. */
  static async make(toml: string, parent?: string): Promise<QueueDirectory> {
    const path = await Deno.makeTempDir({ prefix: "parley-queue-", dir: parent });
    const directory = new QueueDirectory(path);
    await Deno.writeTextFile(`${directory.path}/parley.toml`, toml);
    return directory;
  }

  /** Starts a server, with more options if need be. */
  start(more: readonly string[] = []): Promise<KeptServer> {
    const config = ["--config", `${this.path}/parley.toml`];
    return KeptServer.start(`${this.path}/data`, [...config, ...more]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** What a queue holds. */
export async function infoOf(client: BusClient, queue: string): Promise<QueueInfo> {
  const { info } = await ask(client, INFO, {
    queue,
  });
  return info!;
}

/** Waits until nobody holds a job of the queue and none is on its way out, by asking again and again. */
export async function whenNoneIsOut(client: BusClient, queue: string): Promise<QueueInfo> {
  for (;;) {
    const info = await infoOf(client, queue);
    if (info.leased === 0n) return info;
  }
}

/** All jobs of a queue. */
export async function peekAll(client: BusClient, queue: string): Promise<PeekedJob[]> {
  const all: PeekedJob[] = [];
  for (;;) {
    const after = all.at(-1)?.job?.id ?? 0n;
    const { jobs, more } = await ask(client, PEEK, { queue, after, limit: PAGE_JOBS });
    all.push(...jobs);
    if (!more) return all;
  }
}

/** Asks to have all dead letters put back; what is answered to it need not be awaited. */
export async function redrive(client: BusClient, queue: string): Promise<number> {
  const { redriven } = await ask(client, REDRIVE, { queue });
  return Number(redriven);
}

async function ask<Q extends DescMessage, A extends DescMessage>(
  client: BusClient,
  { name, input, output }: DescMethodUnary<Q, A>,
  init: MessageInitShape<Q>,
): Promise<MessageShape<A>> {
  const payload = toBinary(input, create(input, init));
  const answer = await client.ask(call({ method: `parley.v1.Queues/${name}`, payload }));
  return answered(answer, output);
}

function answered<A extends DescMessage>(message: ServerMessage, schema: A): MessageShape<A> {
  const { error, payload } = contentOf(message, "answer");
  assert.equal(error, undefined);
  return fromBinary(schema, payload);
}
