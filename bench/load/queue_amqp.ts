/**
 * A durable classic queue of RabbitMQ, in AMQP 0-9-1: persistent messages, publisher confirms, and
 * deliveries that are acknowledged by the program, many with one frame.
 *
 * The server may confirm one by one, out of order, or many at once; each message counts once. Who consumes
 * is not told that an acknowledgement was heard: a job counts as done when that was sent.
 */
import {
  amqpFrameBytes,
  amqpMethod,
  AmqpReader,
  EMPTY_TABLE,
  FRAME,
  long,
  longText,
  METHOD,
  octet,
  persistentMessage,
  PROTOCOL_HEADER,
  readLong,
  readLongLong,
  short,
  shortText,
} from "./amqp_frames.ts";
import type { ConsumerWire, ProducerWire, QueueDialect } from "./queue_wire.ts";
import { Setup } from "./target.ts";

const CHANNEL = 1;
const DURABLE = 2;
const MULTIPLE = 1;
/** Offsets in a method frame: where the method stands, and where its arguments begin. */
const METHOD_AT = 7;
const ARGUMENTS_AT = 11;

/** Queues of RabbitMQ. */
export const amqpQueue: QueueDialect = {
  async make(target, queue) {
    const setup = await Setup.open(target);
    await open(setup);
    const declare = [short(0), shortText(queue), octet(DURABLE), EMPTY_TABLE];
    await ask(
      setup,
      amqpMethod(CHANNEL, METHOD.queueDeclare, ...declare),
      METHOD.queueDeclareOk,
      "a queue",
    );
    setup.connection.close();
  },
  async producer(setup, queue, payload) {
    await open(setup);
    const select = amqpMethod(CHANNEL, METHOD.confirmSelect, octet(0));
    await ask(setup, select, METHOD.confirmSelectOk, "confirms");
    return new AmqpProducer(persistentMessage(CHANNEL, queue, payload));
  },
  async consumer(setup, queue, prefetch) {
    await open(setup);
    const qos = amqpMethod(CHANNEL, METHOD.basicQos, long(0), short(prefetch), octet(0));
    await ask(setup, qos, METHOD.basicQosOk, "a prefetch");
    const consume = [short(0), shortText(queue), shortText("c"), octet(0), EMPTY_TABLE];
    await ask(
      setup,
      amqpMethod(CHANNEL, METHOD.basicConsume, ...consume),
      METHOD.basicConsumeOk,
      "a consumer",
    );
    return new AmqpConsumer();
  },
};

/** Shakes hands, without heartbeats, and opens the channel. */
async function open(setup: Setup): Promise<void> {
  await ask(setup, PROTOCOL_HEADER, METHOD.connectionStart, "its greeting");
  const login = [EMPTY_TABLE, shortText("PLAIN"), longText("\0guest\0guest"), shortText("en_US")];
  const startOk = amqpMethod(0, METHOD.connectionStartOk, ...login);
  const tune = await ask(setup, startOk, METHOD.connectionTune, "its limits");
  const limits = tune.slice(ARGUMENTS_AT, ARGUMENTS_AT + 6);
  await setup.write(amqpMethod(0, METHOD.connectionTuneOk, limits, short(0)));
  const vhost = amqpMethod(0, METHOD.connectionOpen, shortText("/"), shortText(""), octet(0));
  await ask(setup, vhost, METHOD.connectionOpenOk, "its virtual host");
  const channel = amqpMethod(CHANNEL, METHOD.channelOpen, shortText(""));
  await ask(setup, channel, METHOD.channelOpenOk, "a channel");
}

/** Sends something, and waits for the frame of the method that answers it. */
async function ask(
  setup: Setup,
  bytes: Uint8Array,
  answer: number,
  what: string,
): Promise<Uint8Array> {
  await setup.write(bytes);
  const frame = await setup.take(amqpFrameBytes, what);
  if (readLong(frame, METHOD_AT) === answer) return frame;
  throw refusal(frame);
}

function refusal(frame: Uint8Array): Error {
  // What closes a connection or a channel says why, as text.
  const said = new TextDecoder().decode(frame.subarray(ARGUMENTS_AT)).replace(/[^ -~]/g, " ");
  return new Error(`the server refused: ${said.trim()}`);
}

/** Counts confirms: each message once, whichever way it is confirmed. */
export class AmqpProducer extends AmqpReader implements ProducerWire {
  readonly job: Uint8Array;
  /** All up to this one are confirmed. */
  #low = 0;
  /** Those beyond it that are. */
  readonly #beyond = new Set<number>();

  constructor(job: Uint8Array) {
    super();
    this.job = job;
  }

  override filled(count: number): number {
    super.filled(count);
    let confirmed = 0;
    while (this.next()) {
      if (this.method !== METHOD.basicAck) throw unexpected(this);
      const tag = readLongLong(this.buffer, this.argumentsStart);
      const multiple = (this.buffer[this.argumentsStart + 8] & MULTIPLE) !== 0;
      confirmed += multiple ? this.#confirmUpTo(tag) : this.#confirm(tag);
    }
    return confirmed;
  }

  #confirm(tag: number): number {
    if (tag <= this.#low || this.#beyond.has(tag)) {
      throw new Error(`message ${tag} was confirmed twice`);
    }
    this.#beyond.add(tag);
    while (this.#beyond.delete(this.#low + 1)) this.#low++;
    return 1;
  }

  #confirmUpTo(tag: number): number {
    let confirmed = 0;
    while (this.#low < tag) {
      this.#low++;
      if (!this.#beyond.delete(this.#low)) confirmed++;
    }
    while (this.#beyond.delete(this.#low + 1)) this.#low++;
    return confirmed;
  }
}

/** Counts deliveries: a method, a header, and a body in one frame. */
export class AmqpConsumer extends AmqpReader implements ConsumerWire {
  readonly #ack = amqpMethod(CHANNEL, METHOD.basicAck, new Uint8Array(8), octet(MULTIPLE));
  readonly #view = new DataView(this.#ack.buffer);
  #lastTag = 0;
  #held = 0;
  #done = 0;

  override filled(count: number): number {
    super.filled(count);
    let jobs = 0;
    while (this.next()) {
      if (this.type === FRAME.body) {
        this.#lastTag++;
        jobs++;
      } else if (this.type === FRAME.method && this.method !== METHOD.basicDeliver) {
        throw unexpected(this);
      } else if (this.type === FRAME.method) {
        this.#expectTag();
      }
    }
    this.#held += jobs;
    return jobs;
  }

  settle(): Uint8Array {
    this.#view.setBigUint64(ARGUMENTS_AT, BigInt(this.#lastTag));
    this.#done += this.#held;
    this.#held = 0;
    return this.#ack;
  }

  takeDone(): number {
    const done = this.#done;
    this.#done = 0;
    return done;
  }

  /** Deliveries of a channel are numbered from 1; a body closes the one before it. */
  #expectTag(): void {
    const at = this.argumentsStart;
    const tag = readLongLong(this.buffer, at + 1 + this.buffer[at]);
    if (tag !== this.#lastTag + 1) {
      throw new Error(`delivery ${tag} came after ${this.#lastTag}`);
    }
  }
}

function unexpected(reader: AmqpReader): Error {
  return refusal(reader.buffer.slice(reader.payloadStart - METHOD_AT, reader.payloadEnd));
}
