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
}
