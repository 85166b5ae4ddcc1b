/**
 * What the server says of queues and of jobs that were only looked at, as programs get it.
 */
import { assert } from "../../base/errors.ts";
import {
  JobState,
  type PeekedJob as WirePeekedJob,
  type QueueInfo as WireQueueInfo,
} from "../../gen/parley/v1/queue_pb.ts";
import { dateOf } from "../payload.ts";
import { JobRecord } from "./job_record.ts";

/** How a queue is set up, by the server's configuration or by default. */
export interface QueueSettings {
  /** How long a delivery is leased. */
  readonly leaseMs: number;
  /** After so many deliveries a job is a dead letter; 0 for no limit. */
  readonly maxDeliveries: number;
  /** The most jobs; past it pushes are refused, or drop the oldest. */
  readonly maxJobs: number;
  /** The most bytes of all jobs together. */
  readonly maxBytes: number;
  /** What happens to a push that does not fit. */
  readonly whenFull: "refuse" | "drop_oldest";
  /** Whether jobs of one key run one after the other. */
  readonly ordered: boolean;
  /** The topics whose events become jobs. */
  readonly bind: readonly string[];
  /** The first delay before a job is tried again; each next one is twice as long. */
  readonly backoffMinMs: number;
  /** The longest delay. */
  readonly backoffMaxMs: number;
}

/** What a queue holds and how it is set up. */
export interface QueueInfo {
  /** Its name. */
  readonly name: string;
  /** Jobs that can be handed out now. */
  readonly ready: number;
  /** Jobs that wait for a time: pushed with a delay, or to be tried again. */
  readonly delayed: number;
  /** Jobs that consumers hold. */
  readonly leased: number;
  /** Jobs that wait for another one of their key. */
  readonly blocked: number;
  /** Jobs in its queue of dead letters. */
  readonly dead: number;
  /** The bytes of all its jobs, without the dead ones. */
  readonly bytes: number;
  /** When its oldest job was pushed; null when there is none. */
  readonly oldest: Date | null;
  /** How many pull from it now. */
  readonly consumers: number;
  /** Whether it is paused: takes jobs, hands none out. */
  readonly paused: boolean;
  /** Jobs that were pushed since the server started. */
  readonly pushed: number;
  /** Jobs that were done since the server started. */
  readonly done: number;
  /** Deliveries since the server started that were not the first of their job. */
  readonly redelivered: number;
  /** How it is set up. */
  readonly settings: QueueSettings;
}

/** Where a job stands. */
export type JobStateName = "ready" | "delayed" | "leased" | "blocked" | "unknown";

const STATES: Readonly<Record<number, JobStateName>> = {
  [JobState.READY]: "ready",
  [JobState.DELAYED]: "delayed",
  [JobState.LEASED]: "leased",
  [JobState.BLOCKED]: "blocked",
};

/** A job that was looked at; `attempt` says how often it was delivered. */
export class PeekedJob extends JobRecord {
  /** Where it stands. */
  readonly state: JobStateName;
  /** When a delayed job is handed out, or a lease ends; otherwise null. */
  readonly until: Date | null;
  /** What a consumer said last of the job, as far as the server remembers; may be empty. */
  readonly lastError: string;
  /** The session of the connection that holds a leased job; may be empty. */
  readonly holder: string;

  /**
   * Made by the client only.
   *
   * @internal
   */
  constructor(
    { job, state, untilUnixMicros, lastError, holder }: WirePeekedJob & { job: object },
  ) {
    super(job);
    this.lastError = lastError;
    this.holder = holder;
    this.state = STATES[state] ?? "unknown";
    this.until = untilUnixMicros === 0n ? null : dateOf(untilUnixMicros);
  }
}

/** A page of jobs that were looked at. */
export interface PeekedJobs {
  /** In the order of their ids. */
  readonly jobs: PeekedJob[];
  /** Whether there are more behind them, that fit or were not looked at. */
  readonly more: boolean;
  /** Where to go on: the value for `after`. With a filter there may be no job here and more behind. */
  readonly next: bigint;
  /** How many were looked at. */
  readonly looked: number;
}

/** The jobs of an answer. */
export function peekedJobs(jobs: readonly WirePeekedJob[]): PeekedJob[] {
  return jobs.flatMap((peeked) =>
    peeked.job === undefined ? [] : [new PeekedJob({ ...peeked, job: peeked.job })]
  );
}

/** What is known of a queue. */
export function queueInfo(wire: WireQueueInfo | undefined): QueueInfo {
  assert(wire !== undefined, "the server says what it was asked for");
  const { settings } = wire;
  return {
    name: wire.queue,
    ready: Number(wire.ready),
    delayed: Number(wire.delayed),
    leased: Number(wire.leased),
    blocked: Number(wire.blocked),
    dead: Number(wire.dead),
    bytes: Number(wire.bytes),
    oldest: wire.oldestTimeUnixMicros === 0n ? null : dateOf(wire.oldestTimeUnixMicros),
    consumers: wire.consumers,
    paused: wire.paused,
    pushed: Number(wire.pushed),
    done: Number(wire.done),
    redelivered: Number(wire.redelivered),
    settings: {
      leaseMs: settings?.leaseMs ?? 0,
      maxDeliveries: settings?.maxDeliveries ?? 0,
      maxJobs: Number(settings?.maxJobs ?? 0),
      maxBytes: Number(settings?.maxBytes ?? 0),
      whenFull: settings?.dropsOldest ? "drop_oldest" : "refuse",
      ordered: settings?.ordered ?? false,
      bind: settings?.bind ?? [],
      backoffMinMs: settings?.backoffMinMs ?? 0,
      backoffMaxMs: settings?.backoffMaxMs ?? 0,
    },
  };
}
