/**
 * What is known of a job, whether this client holds it or only looked at it.
 *
 * Everything is copied: nothing here belongs to a connection's buffer.
 */
import {
  type Death as WireDeath,
  DeathReason,
  type Job as WireJob,
} from "../../gen/parley/v1/queue_pb.ts";
import { dateOf, Received } from "../payload.ts";

/** Why a job is a dead letter: delivered as often as its queue allows, or rejected by a consumer. */
export type DeathReasonName = "max_deliveries" | "rejected" | "unknown";

/** How a job became a dead letter. */
export interface JobDeath {
  /** Why it was given up. */
  readonly reason: DeathReasonName;
  /** How often it was delivered. */
  readonly attempts: number;
  /** What the last consumer said of it, or that its lease ended. May be empty. */
  readonly lastError: string;
  /** When. */
  readonly time: Date;
  /** The queue that it was in. */
  readonly queue: string;
  /** The id of the job there. */
  readonly id: bigint;
}

const REASONS: Readonly<Record<number, DeathReasonName>> = {
  [DeathReason.MAX_DELIVERIES]: "max_deliveries",
  [DeathReason.REJECTED]: "rejected",
};

/** A job as it was pushed, and what the server says of it. */
export class JobRecord extends Received {
  /** The queue that it is in. */
  readonly queue: string;
  /** Its number in its queue, from 1. */
  readonly id: bigint;
  /** The full protobuf name of the payload, or empty. */
  readonly type: string;
  /** As its pusher gave them. */
  readonly headers: Readonly<Record<string, string>>;
  /** What its pusher gave it to be recognised by, or empty. */
  readonly messageId: string;
  /** From 0, which is usual, to 9. */
  readonly priority: number;
  /** In an ordered queue, jobs of one key run one after the other. May be empty. */
  readonly key: string;
  /** The session that pushed it. */
  readonly sender: string;
  /** How often it was delivered, this delivery included. */
  readonly attempt: number;
  /** Whether it may have been delivered before. */
  readonly redelivered: boolean;
  /** When the server took it first. */
  readonly pushedAt: Date;
  /** The topic of the event that became this job, or empty. */
  readonly topic: string;
  /** Why it was given up; null unless it is a dead letter. */
  readonly death: JobDeath | null;

  /**
   * Made by the client only.
   *
   * @internal
   */
  constructor(wire: WireJob) {
    super(wire.payload);
    this.queue = wire.queue;
    this.id = wire.id;
    this.type = wire.type;
    this.headers = wire.headers;
    this.messageId = wire.messageId;
    this.priority = wire.priority;
    this.key = wire.key;
    this.sender = wire.sender;
    this.attempt = wire.attempt;
    this.redelivered = wire.redelivered;
    this.pushedAt = dateOf(wire.timeUnixMicros);
    this.topic = wire.topic;
    this.death = wire.death === undefined ? null : deathOf(wire.death);
  }

  /** When the server took it first: the same as `pushedAt`. */
  get time(): Date {
    return this.pushedAt;
  }

  /**
   * How messages name it.
   *
   * @internal
   */
  protected override title(): string {
    return nameOf(this);
  }
}

/** How messages name a job. */
export function nameOf({ id, queue }: { readonly id: bigint; readonly queue: string }): string {
  return `job ${id} of "${queue}"`;
}

function deathOf({ reason, attempts, lastError, timeUnixMicros, queue, id }: WireDeath): JobDeath {
  return {
    reason: REASONS[reason] ?? "unknown",
    attempts,
    lastError,
    time: dateOf(timeUnixMicros),
    queue,
    id,
  };
}
