/**
 * The queues of one client: its pullers and workers, the consumers they have on each connection, and the
 * methods that look after queues.
 *
 * They live on the client's first connection. Consumers are numbered for the whole life of the client, so
 * that a job can never reach one of another connection. After a reconnect every puller has a new consumer.
 */
import {
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { JobSchema, Queues as QueueMethods } from "../../gen/parley/v1/queue_pb.ts";
import { type Incoming, readAck } from "../connection/answers.ts";
import { encodeAsk, readAsked } from "../connection/own_methods.ts";
import type { ClientConnection } from "../connection/client_connection.ts";
import type { ConnectionPool } from "../connection/pool.ts";
import type { ErrorReports } from "../error_reports.ts";
import { Queue, type QueueOwner } from "./queue.ts";
import { QueueConsumer } from "./consumer.ts";
import { type QueueInfo, queueInfo } from "./info.ts";
import type { Puller } from "./puller.ts";
import { encodePush, type PushAck, type PushOptions } from "./push.ts";
import type { Worker } from "./worker.ts";
import type { RequestOptions } from "../settings.ts";

/** All that a client has to do with queues. */
export class Queues implements QueueOwner {
  readonly reports: ErrorReports;
  readonly #pool: () => ConnectionPool;
  readonly #pullers = new Set<Puller>();
  readonly #workers = new Set<Worker>();
  readonly #consumers = new Map<number, QueueConsumer>();
  #nextConsumer = 1;
  /** Why no puller is taken any more. */
  #over: ParleyError | null = null;

  /** `pool` gives the client's connections, when they are needed first. */
  constructor(pool: () => ConnectionPool, reports: ErrorReports) {
    this.#pool = pool;
    this.reports = reports;
  }

  /** How many workers there are. */
  get workers(): number {
    return this.#workers.size;
  }

  get connection(): ClientConnection | null {
    return this.#pool().first;
  }

  /** A queue by its name. */
  queue(name: string): Queue {
    return new Queue(this, name);
  }

  /** Pushes a job. */
  push(queue: string, data: Uint8Array | string, options: PushOptions): Promise<PushAck> {
    return this.#pool().submit(
      () => encodePush(queue, data, options),
      (incoming) => {
        const { seq, level, duplicate } = readAck(incoming);
        return { id: seq, level, duplicate };
      },
      options,
      { ordered: true },
    );
  }

  /** The queues whose names match, in the order of their names, asked for page by page. */
  async *list(pattern: string, options: RequestOptions): AsyncGenerator<QueueInfo, void, void> {
    let after = "";
    for (;;) {
      const page = await this.ask(
        QueueMethods.method.list,
        { pattern, after },
        options,
      );
      for (const queue of page.queues) yield queueInfo(queue);
      const last = page.queues.at(-1);
      if (!page.more || last === undefined) return;
      after = last.queue;
    }
  }

  /** Calls one of the methods that look after queues. */
  ask<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options: RequestOptions,
  ): Promise<MessageShape<O>> {
    return this.#pool().submit(
      () => encodeAsk(method, request),
      (incoming) => readAsked(method, incoming),
      options,
      // Behind what was pushed before.
      { ordered: true },
    );
  }

  join(puller: Puller): void {
    if (this.#over !== null) throw this.#over;
    this.#pullers.add(puller);
  }

  leave(puller: Puller): void {
    this.#pullers.delete(puller);
  }

  consumer(puller: Puller, connection: ClientConnection): QueueConsumer {
    const consumer = new QueueConsumer(puller, this.#pool(), connection, this.#nextConsumer++);
    this.#consumers.set(consumer.number, consumer);
    return consumer;
  }

  over(consumer: QueueConsumer): void {
    this.#consumers.delete(consumer.number);
  }

  begun(worker: Worker): void {
    this.#workers.add(worker);
  }

  ended(worker: Worker): void {
    this.#workers.delete(worker);
  }

  /** A job arrived. For a consumer that was closed it comes too late, and has gone back already. */
  takeJob(_connection: ClientConnection, incoming: Incoming): void {
    const job = fromBinary(JobSchema, incoming.body().slice());
    this.#consumers.get(Number(job.consumer))?.take(job);
  }

  /** The first connection is open anew. */
  reopened(connection: ClientConnection): void {
    for (const puller of [...this.#pullers]) puller.attach(connection);
  }

  /** A connection takes no new requests: it stays for the jobs that the program has, and gets no others. */
  draining(connection: ClientConnection): void {
    for (const consumer of this.#consumersOf(connection)) consumer.retire();
  }

  /** A connection is over. */
  lost(connection: ClientConnection): void {
    for (const consumer of this.#consumersOf(connection)) consumer.end("the connection was lost");
  }

  /** Ends all pullers: there will be no connection any more. */
  fail(reason: ParleyError): void {
    this.#over = reason;
    for (const puller of [...this.#pullers]) puller.fail(reason);
  }

  /** Stops all workers, and waits for handlers that run, for `timeoutMs` at most; `close` gives up the others. */
  async stopWorkers(timeoutMs: number): Promise<void> {
    await within(timeoutMs, [...this.#workers].map((worker) => worker.stop()));
  }

  /** How many pullers there are that want jobs, or have not given them back. */
  get pullers(): number {
    return this.#pullers.size;
  }

  /** The client is closed: every job that is held goes back. Waits for `timeoutMs` until the server knows, at most. */
  async close(timeoutMs: number): Promise<void> {
    this.#over ??= new ParleyError(
      ErrorCode.FAILED_PRECONDITION,
      "cannot pull jobs: the client is closed",
    );
    await within(timeoutMs, [...this.#pullers].map((puller) => puller.close()));
  }

  #consumersOf(connection: ClientConnection): QueueConsumer[] {
    return [...this.#consumers.values()].filter((each) => each.connection === connection);
  }
}

/** Waits for all of them, for `timeoutMs` at most. */
async function within(timeoutMs: number, all: Promise<void>[]): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, timeoutMs));
  await Promise.race([Promise.all(all), late]);
  clearTimeout(timer);
}
