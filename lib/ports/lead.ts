/**
 * The lead port: which node of a cluster writes what is kept, as the rest of a server may ask.
 *
 * Contract: at most one node writes at a time, and the log alone decides which. What is told here may be late: who hands work to the
 * writer must bear that it is the writer no longer, and whoever writes may learn of its end from the next commit.
 */

/** Who writes. */
export interface Lead {
  /** The id of the node that writes, as `NodeInfo.id` has it; undefined while nobody is known to. */
  writer(): string | undefined;
  /** Whether this node writes, and takes what is handed over: it has applied everything, and taken up its queues. */
  isWriter(): boolean;
  /** Calls `listener`, which must not raise, after each change of these. Gives a function that ends this. */
  onChange(listener: () => void): () => void;
  /**
   * Resolves when this node has applied what the log holds at this moment, at the latest after `mostMs` milliseconds; never
   * rejects. For who writes, and without a cluster, that is at once.
   */
  caughtUp(mostMs: number): Promise<void>;
}
