/**
 * What administrators may have a server do, as the methods of the service Admin see it. The composition root does it.
 */

import type { WorkQueueOptions } from "../logic/queues/work_queue.ts";
import type { Session } from "./connection/session.ts";

/** A key of the configuration whose new value takes a restart. */
export interface WaitingKey {
  readonly key: string;
  /** The value that the server runs with, as text; a secret is not shown. */
  readonly running: string;
  /** The value that was read. */
  readonly configured: string;
}

/** What came of reading the configuration again. */
export interface ReloadOutcome {
  /** The keys that changed and are in force now. */
  readonly applied: readonly string[];
  /** What differs from what the server was started with, and takes a restart. */
  readonly waiting: readonly WaitingKey[];
}

/** How much of topics is kept; 0 sets no bound. */
export interface KeepFields {
  readonly pattern: string;
  readonly maxEvents: number;
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  readonly forgetAfterMs: number;
}

/** How a queue is set up; what is absent stays as it is. */
export interface QueueFields extends Partial<WorkQueueOptions> {
  readonly bind?: readonly string[];
  /** Where jobs are posted to; empty for nowhere. */
  readonly deliverTo?: string;
  readonly deliverSecrets?: readonly string[];
  readonly deliverAtOnce?: number;
}

/** The policies that are set while the server runs. They are stored before they are in force. */
export interface PolicyAdministration {
  /** Keeps topics. Rejects with INVALID_ARGUMENT, and with RESOURCE_EXHAUSTED when there are too many policies. */
  keep(fields: KeepFields, by: string): Promise<void>;
  /** Takes that back. Rejects with NOT_FOUND, or FAILED_PRECONDITION when the configuration says it. */
  unkeep(pattern: string): Promise<void>;
  /** Sets a queue, or all that match a pattern, up. Rejects as `keep`. */
  setQueue(name: string, fields: QueueFields, by: string): Promise<void>;
  /** Takes that back. Rejects as `unkeep`. */
  unsetQueue(name: string): Promise<void>;
  /** Whether something was set for that name. */
  hasQueue(name: string): boolean;
}

/** Which history is asked for. */
export interface HistoryRequest {
  /** The queue that it is of; empty for the server. */
  readonly queue: string;
  /** Less than a minute for that of the last minutes, otherwise that of the last day. */
  readonly stepMs: number;
  /** The series that are wanted; null for all. */
  readonly names: ReadonlySet<string> | null;
  /** The most values of each. */
  readonly most: number;
}

/** Figures over time. */
export interface NotedHistory {
  readonly stepMs: number;
  /** When the last values were noted, by the wall clock; 0 when there are none. */
  readonly lastUnixMs: number;
  readonly series: readonly {
    readonly name: string;
    readonly kind: "rate" | "level" | "peak" | "mean";
    /** The oldest first; not a number where nothing was noted. */
    readonly values: Float32Array;
  }[];
}

/** Something that is wrong with the server as a whole. */
export interface ServerProblem {
  readonly kind: string;
  readonly isError: boolean;
  readonly text: string;
  readonly count: number;
}

/** What a server says of itself to everybody. */
export interface About {
  readonly environment: string;
  readonly environmentColor: string;
  /** When it started, by the wall clock, in milliseconds. */
  readonly startedMs: number;
}

/** The server as a whole, for those who may manage it. */
export interface Administration {
  /** Reads the configuration again. Rejects with a ParleyError, and then nothing has changed. */
  reload(): Promise<ReloadOutcome>;
  /**
   * Has the server stop in order, and point its clients to these URLs; none means those of its configuration. Gives how
   * many connections are told. Raises INVALID_ARGUMENT for URLs that clients cannot be pointed to.
   */
  drain(goTo: readonly string[]): number;
  /** All connections, in the order in which they came. */
  readonly sessions: ReadonlySet<Session>;
  /** What the server counts, and what it holds, by name. */
  stats(): Readonly<Record<string, unknown>>;
  readonly policies: PolicyAdministration;
  /** What the server says of itself to everybody. */
  about(): About;
  /** What is wrong with the server as a whole at this moment. */
  problems(): readonly ServerProblem[];
  /** What was noted of the server, or of a queue. */
  history(request: HistoryRequest): NotedHistory;
}
