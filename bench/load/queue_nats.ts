/**
 * A work queue of JetStream: a stream in files whose messages leave it when they are acknowledged, and one
 * durable consumer that all connections pull from.
 *
 * A connection asks for half of its prefetch more whenever that much has come, as clients of NATS do.
 * Acknowledgements of jobs are not answered, which is usual: a job counts as done when it was sent.
 */
import { nats, natsMessage } from "./dialect_nats.ts";
import { askJetStream } from "./jetstream_api.ts";
import { NatsReader } from "./nats_reader.ts";
import type { ConsumerWire, ProducerWire, QueueDialect } from "./queue_wire.ts";

const CONSUMER = "workers";
/** More than all connections may have asked for. */
const MAX_ACK_PENDING = 10_000;
const encoder = new TextEncoder();
/** Not that of an earlier load: what it asked for and did not get would come here, too. */
const INBOX = `_INBOX.${crypto.randomUUID().slice(0, 6)}`;
const decoder = new TextDecoder();

/** Work queues of JetStream. */
export const natsQueue: QueueDialect = {
  async make(target, queue) {
    const stream = streamOf(queue);
    await askJetStream(target, `STREAM.CREATE.${stream}`, {
      name: stream,
      subjects: [subjectOf(queue)],
      storage: "file",
      retention: "workqueue",
      num_replicas: target.replicas ?? 1,
    });
    await askJetStream(target, `CONSUMER.DURABLE.CREATE.${stream}.${CONSUMER}`, {
      stream_name: stream,
      config: {
        durable_name: CONSUMER,
        ack_policy: "explicit",
        deliver_policy: "all",
        max_ack_pending: MAX_ACK_PENDING,
      },
    });
  },
  async producer(setup, queue, payload, index) {
    const inbox = `${INBOX}.producer.${index}`;
    await nats.open(setup);
    await nats.subscribe(setup, inbox);
    return new NatsProducer(
      natsMessage(`PUB ${subjectOf(queue)} ${inbox} ${payload.length}`, payload),
    );
  },
  async consumer(setup, queue, prefetch, index) {
    const inbox = `${INBOX}.consumer.${index}`;
    await nats.open(setup);
    await nats.subscribe(setup, inbox);
    const request = `PUB $JS.API.CONSUMER.MSG.NEXT.${streamOf(queue)}.${CONSUMER} ${inbox}`;
    const pull = (batch: number) => {
      const text = encoder.encode(JSON.stringify({ batch }));
      return natsMessage(`${request} ${text.length}`, text);
    };
    await setup.write(pull(prefetch));
    const more = Math.ceil(prefetch / 2);
    return new NatsConsumer(prefetch, more, pull(more));
  },
};

function subjectOf(queue: string): string {
  return `queue.${queue}`;
}

/** The stream of JetStream that is a queue. */
export function streamOf(queue: string): string {
  return queue.toUpperCase().replaceAll(".", "_");
}

/** Counts acknowledgements; one that tells an error raises. */
export class NatsProducer extends NatsReader implements ProducerWire {
  readonly job: Uint8Array;

  constructor(job: Uint8Array) {
    super();
    this.job = job;
  }

  override filled(count: number): number {
    super.filled(count);
    let confirmed = 0;
    while (this.next()) {
      const text = this.buffer.subarray(this.payloadStart, this.payloadEnd);
      // Both kinds of answers are objects that tell in their first key what they are.
      if (text[2] !== STREAM_KEY) throw new Error(`a job was refused: ${decoder.decode(text)}`);
      confirmed++;
    }
    return confirmed;
  }
}

/** The third byte of `{"stream":…`; an error begins with `{"error":…`. */
const STREAM_KEY = "s".charCodeAt(0);
const PUB = encoder.encode("PUB ");
const ACK = encoder.encode(" 4\r\n+ACK\r\n");
/** Longer than the subject by which a delivery is acknowledged. */
const REPLY_BYTES = 256;

/** Counts deliveries, and acknowledges each. */
export class NatsConsumer extends NatsReader implements ConsumerWire {
  readonly #output: Uint8Array;
  readonly #more: number;
  readonly #pull: Uint8Array;
  #written = 0;
  #held = 0;
  #arrived = 0;
  #done = 0;

  /** `pull` asks for `more` jobs more. */
  constructor(prefetch: number, more: number, pull: Uint8Array) {
    super();
    this.#more = more;
    this.#pull = pull;
    this.#output = new Uint8Array(prefetch * REPLY_BYTES + 2 * pull.length);
  }

  override filled(count: number): number {
    super.filled(count);
    let jobs = 0;
    while (this.next()) {
      if (this.replyEnd === this.replyStart) throw new Error("a job came without a reply subject");
      this.#put(PUB, 0, PUB.length);
      this.#put(this.buffer, this.replyStart, this.replyEnd);
      this.#put(ACK, 0, ACK.length);
      jobs++;
    }
    this.#held += jobs;
    this.#arrived += jobs;
    return jobs;
  }

  settle(): Uint8Array {
    for (; this.#arrived >= this.#more; this.#arrived -= this.#more) {
      this.#put(this.#pull, 0, this.#pull.length);
    }
    const bytes = this.#output.subarray(0, this.#written);
    this.#written = 0;
    this.#done += this.#held;
    this.#held = 0;
    return bytes;
  }

  takeDone(): number {
    const done = this.#done;
    this.#done = 0;
    return done;
  }

  #put(bytes: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; at++) this.#output[this.#written++] = bytes[at];
  }
}
