/**
 * What administrators may have a server do, as the methods of the service Admin see it. The composition root does it.
 */

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
}
