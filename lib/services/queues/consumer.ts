/**
 * One consumer of a queue: a session, the number that its client gave it, and the bytes on their way to it.
 *
 * The bytes that are leased to a consumer and not sent, with those that wait in its outbox, are bounded: past
 * `HELD_BYTES` the consumer is held, so that a client that does not read gets no more jobs, and is not
 * disconnected for those that it asked for.
 */
import type { Consumer, LeaseToken } from "../../logic/queues/work_queue.ts";
import { copyBytes } from "../../wire/frame_writer.ts";
import { putVarint, putVarint53, varintSize } from "../../wire/varint.ts";
import type { Peer } from "../connection/peer.ts";

/** The bytes on their way to a consumer past which it gets no more jobs; at half of them it does again. */
export const HELD_BYTES = 1024 * 1024;

/** Tag of ServerMessage.job: field 13, length-delimited. */
const JOB_TAG = 0x6a;
/** Tag of Job.attempt: field 14, varint. */
const ATTEMPT_TAG = 0x70;
/** First bytes of the tags of Job.token, lease_ms, redelivered and consumer: fields 16 to 19; 1 follows. */
const TOKEN_TAG = 0x81;
const LEASE_TAG = 0x88;
const REDELIVERED_TAG = 0x90;
const CONSUMER_TAG = 0x98;
/** The most bytes of all stamps together. */
const MAX_STAMPS_BYTES = 64;

const stamps = new Uint8Array(MAX_STAMPS_BYTES);
const NOTHING = new Uint8Array(0);

/** A job as it leaves for a consumer. One object is filled again and again. */
export class OutgoingJob {
  slot = 0;
  attempt = 0;
  generation = 0;
  leaseMs = 0;
  redelivered = false;
  /** The body lies from `start` to `end`. */
  bytes: Uint8Array = NOTHING;
  start = 0;
  end = 0;

  /** Sets where the body lies. */
  setBody(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }
}

/** A consumer of a queue: a session's, or the server itself. */
export abstract class QueueConsumer {
  /** The consumer as the machine knows it. */
  handle!: Consumer<QueueConsumer>;
  /** The bytes of jobs that are leased to the consumer and not sent yet. */
  waitingBytes = 0;
  /** The slots of jobs that are leased to the consumer and not sent yet, in the order of their leases. */
  readonly line = new Set<number>();
  #token: LeaseToken<QueueConsumer> | null = null;

  /** Whether so many bytes are on their way that the consumer must not get more. */
  abstract readonly isFull: boolean;
  /** Whether jobs may still be sent. */
  abstract readonly takesDeliveries: boolean;
  /** Whether the server itself is the consumer: then nobody uses the queue by that. */
  readonly isOwn: boolean = false;
  /** Resolves when so much was read that the consumer may not be full any more, or is gone. */
  abstract whenRead(): Promise<void>;
  /** Sends a job, which is good until this returns. */
  abstract send(job: Readonly<OutgoingJob>): void;

  /** The token of a delivery to this consumer; good until the next call. */
  tokenOf(slot: number, generation: number): Readonly<LeaseToken<QueueConsumer>> {
    const token = this.#token ??= { consumer: this.handle, slot, generation };
    token.slot = slot;
    token.generation = generation;
    return token;
  }
}

/** A consumer of a session. */
export class PeerConsumer extends QueueConsumer {
  readonly session: Peer;
  /** The number that the client gave the consumer. */
  readonly number: number;

  constructor(session: Peer, number: number) {
    super();
    this.session = session;
    this.number = number;
  }

  get isFull(): boolean {
    return this.waitingBytes + this.session.outbox.size > HELD_BYTES;
  }

  get takesDeliveries(): boolean {
    return this.session.takesDeliveries;
  }

  async whenRead(): Promise<void> {
    await this.session.outbox.whenAtMost(HELD_BYTES / 2);
  }

  send(job: Readonly<OutgoingJob>): void {
    const { bytes, start, end } = job;
    let at = 0;
    stamps[at++] = ATTEMPT_TAG;
    at = putVarint(stamps, at, job.attempt);
    stamps[at++] = TOKEN_TAG;
    stamps[at++] = 1;
    at = putUint32(at, job.slot + 1);
    at = putUint32(at, job.generation);
    stamps[at++] = LEASE_TAG;
    stamps[at++] = 1;
    at = putVarint(stamps, at, job.leaseMs);
    if (job.redelivered) {
      stamps[at++] = REDELIVERED_TAG;
      stamps[at++] = 1;
      stamps[at++] = 1;
    }
    stamps[at++] = CONSUMER_TAG;
    stamps[at++] = 1;
    at = putVarint53(stamps, at, this.number);
    const { session } = this;
    session.context.counters.traffic.jobsOut++;
    const length = end - start + at;
    let to = session.begin(1 + varintSize(length) + length);
    const out = session.outbox.bytes;
    out[to++] = JOB_TAG;
    to = putVarint(out, to, length);
    to = copyBytes(out, to, bytes, start, end);
    copyBytes(out, to, stamps, 0, at);
    session.touch();
  }
}

function putUint32(at: number, value: number): number {
  stamps[at] = value & 0xff;
  stamps[at + 1] = (value >>> 8) & 0xff;
  stamps[at + 2] = (value >>> 16) & 0xff;
  stamps[at + 3] = value >>> 24;
  return at + 4;
}
