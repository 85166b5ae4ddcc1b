/**
 * What administrators may have a server do, as the methods of the service Admin see it. The composition root does it.
 */

import type { WorkQueueOptions } from "../logic/queues/work_queue.ts";
import type { Peer } from "./connection/peer.ts";
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
  /** Whether what was set for that name says where jobs are posted to. */
  setsDelivery(name: string): boolean;
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

/** The level of one part of the log. */
export interface LogLevelInfo {
  /** Empty for all parts that have none of their own. */
  readonly category: string;
  readonly level: string;
  /** What the configuration says; empty where it says nothing. */
  readonly configured: string;
  readonly setBy: string;
  /** When it was set, as Unix time in milliseconds; 0 when the configuration decides. */
  readonly setMs: number;
}

/** The levels of the log. What is set counts until the configuration is read again, or a restart. */
export interface LogAdministration {
  /** All levels, the overall one first. */
  all(): LogLevelInfo[];
  /** Sets one; an empty level takes it back. Raises INVALID_ARGUMENT, and UNAVAILABLE where the log is somebody else's. */
  set(category: string, level: string, by: string): void;
}

/**
 * Changes the users in their file. Each is in force when it resolves. Rejects with FAILED_PRECONDITION where the
 * configuration names no file of users, and for users of the configuration itself; with NOT_FOUND, INVALID_ARGUMENT and
 * ALREADY_EXISTS; with RESOURCE_EXHAUSTED when too many changes wait.
 */
export interface UserAdministration {
  /** Whether the configuration names a file of users. */
  readonly hasFile: boolean;
  /** Whether a user stands in the configuration itself. */
  isConfigured(user: string): boolean;
  add(user: string, password: string, roles: readonly string[]): Promise<void>;
  /** An empty password takes the former away. */
  setPassword(user: string, password: string): Promise<void>;
  setRoles(user: string, roles: readonly string[]): Promise<void>;
  setDisabled(user: string, disabled: boolean): Promise<void>;
  remove(user: string): Promise<void>;
  /** Makes a token that lasts so long, in milliseconds; 0 for ever. Gives it, and when it ends as Unix time, 0 for never. */
  newToken(user: string, name: string, lastsMs: number): Promise<NewToken>;
  revokeToken(user: string, name: string): Promise<void>;
}

/** A token that was made. */
export interface NewToken {
  readonly token: string;
  /** When it ends, as Unix time in milliseconds; 0 for never. */
  readonly expiresMs: number;
}

/** Copies of the database that are read over connections; one at a time. */
export interface BackupAdministration {
  /**
   * Copies the database for `peer`; gives the name of the copy and its size. Rejects with FAILED_PRECONDITION without a
   * data directory, and with RESOURCE_EXHAUSTED while there is another, or not room enough on the disk.
   */
  start(peer: Peer): Promise<{ readonly id: string; readonly bytes: number }>;
  /** The next bytes, from `offset` on; with the last of them the SHA-256 of all. Rejects with NOT_FOUND and INVALID_ARGUMENT. */
  read(id: string, offset: bigint, maxBytes: number): Promise<BackupPiece>;
  /** Removes the copy. Rejects with NOT_FOUND. */
  end(id: string): Promise<void>;
}

/** Some bytes of a copy. */
export interface BackupPiece {
  readonly data: Uint8Array;
  /** Empty before the end. */
  readonly sha256: Uint8Array;
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
  readonly users: UserAdministration;
  readonly log: LogAdministration;
  readonly backups: BackupAdministration;
}
