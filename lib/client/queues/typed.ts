/**
 * Queues with generated messages instead of bytes: what is pushed is encoded and named, what comes is
 * checked by its name, if it has one, and decoded.
 *
 * A job that is no such message will never be one: it becomes a dead letter, with the error, and the next
 * one follows. Nobody who may push can stop a consumer with it, and nothing is lost.
 */
import type { DescMessage, MessageInitShape, MessageShape } from "../messages.ts";
import { mayFail } from "../../base/detached.ts";
import type { ParleyError } from "../../base/errors.ts";
import type { Client } from "../client.ts";
import type { Job } from "./job.ts";
import { nameOf } from "./job_record.ts";
import type { Puller, PullOptions } from "./puller.ts";
import type { PushAck, PushOptions } from "./push.ts";
import type { Worker, WorkOptions } from "./worker.ts";
import { decode, encode } from "../topics/typed.ts";

/**
 * Pushes a message of a generated schema; its full name becomes the job's type. Rejects as `push` does, and
 * with INVALID_ARGUMENT for what the schema does not allow.
 */
export async function pushMessage<T extends DescMessage>(
  client: Client,
  queue: string,
  schema: T,
  message: MessageInitShape<T>,
  options: Omit<PushOptions, "type"> = {},
): Promise<PushAck> {
  const payload = encode(schema, message);
  return await client.queue(queue).push(payload, { ...options, type: schema.typeName });
}

/** A job and its decoded payload. */
export interface TypedJob<T extends DescMessage> {
  /** The job, to be settled. */
  readonly job: Job;
  /** What its payload says. */
  readonly message: MessageShape<T>;
}

/** Told of a job that is no such message, and was rejected for that. */
export type InvalidJobCallback = (job: Job, error: ParleyError) => void;

/** The options of `pullMessages`. */
export interface PullMessagesOptions extends PullOptions {
  /** Told of each job that is no such message, before it is rejected. */
  onInvalid?: InvalidJobCallback;
}

/** Jobs of one type, decoded. Ends as its puller ends. */
export class TypedPuller<T extends DescMessage>
  implements AsyncIterable<TypedJob<T>>, AsyncDisposable {
  /** The puller that it reads. */
  readonly puller: Puller;
  readonly #schema: T;
  readonly #onInvalid: InvalidJobCallback | undefined;

  /** Made by `pullMessages`. */
  constructor(puller: Puller, schema: T, onInvalid?: InvalidJobCallback) {
    this.puller = puller;
    this.#schema = schema;
    this.#onInvalid = onInvalid;
  }

  /** Takes no more jobs, and gives back those that are not settled. */
  close(): Promise<void> {
    return this.puller.close();
  }

  /** Closes the puller, as `close` does. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The jobs, as they come; leaving the loop closes the puller. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TypedJob<T>, void, void> {
    for await (const job of this.puller) {
      let message: MessageShape<T>;
      try {
        message = decode(this.#schema, job, nameOf(job));
      } catch (error) {
        const refusal = error as ParleyError;
        this.#onInvalid?.(job, refusal);
        // Should it come too late, the next delivery is rejected.
        mayFail(job.reject({ error: refusal.message }), "reject a job that is no message");
        continue;
      }
      yield { job, message };
    }
  }
}

/** Takes the jobs of a queue whose payloads are messages of `schema`. */
export function pullMessages<T extends DescMessage>(
  client: Client,
  queue: string,
  schema: T,
  options: PullMessagesOptions = {},
): TypedPuller<T> {
  const { onInvalid, ...others } = options;
  return new TypedPuller(client.queue(queue).pull(others), schema, onInvalid);
}

/**
 * Runs `handler` for each job of a queue whose payload is a message of `schema`, as `work` does. A job that
 * is no such message is rejected; the handler does not see it.
 */
export function workMessages<T extends DescMessage>(
  client: Client,
  queue: string,
  schema: T,
  handler: (message: MessageShape<T>, job: Job, signal: AbortSignal) => void | Promise<void>,
  options: WorkOptions = {},
): Worker {
  return client.queue(queue).work(
    (job, signal) => handler(decode(schema, job, nameOf(job)), job, signal),
    options,
  );
}
