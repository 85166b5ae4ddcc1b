/**
 * The snapshots port: whole copies of a store that several nodes share, each with its place in the log, for nodes that are
 * new or were away for longer than the log remembers.
 *
 * Contract: a snapshot is there whole or not at all, and what is fetched is what was put. Snapshots of another history are
 * not seen. Only the newest few are kept.
 */

/** A snapshot. */
export interface SnapshotInfo {
  /** The log's sequence that the copy holds at least; what is behind it may be in it, too. */
  readonly sequence: number;
  /** The bytes of the copy. */
  readonly bytes: number;
  /** The SHA-256 of the copy, as the one who keeps it writes it. */
  readonly digest: string;
  /** The node that made it. */
  readonly node: string;
  /** When it was made, in milliseconds since 1970. */
  readonly timeMs: number;
}

/** The snapshots of one history. */
export interface Snapshots {
  /** The snapshot that is furthest on; null when there is none. Rejects with a ParleyError, UNAVAILABLE. */
  newest(): Promise<SnapshotInfo | null>;
  /**
   * Keeps what `write` writes to the path that it is given: a copy that a store makes, which is at `sequence` already. One at a
   * time. Rejects with the error of `write`, or with a ParleyError, UNAVAILABLE.
   */
  put(
    write: (path: string) => Promise<void>,
    sequence: number,
    node: string,
  ): Promise<SnapshotInfo>;
  /**
   * Writes a snapshot to `path`, which must not exist, and makes it durable. Rejects with a ParleyError, UNAVAILABLE, and
   * has then left nothing there.
   */
  fetch(snapshot: SnapshotInfo, path: string): Promise<void>;
}
