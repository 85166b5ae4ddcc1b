/**
 * The replica port: a store that shares a log with the stores of other nodes, and has the same history.
 *
 * Contract, held by tests/contract/replica_contract.ts for every adapter:
 * - A store that leads appends each of its batches to the log, and commits it when the log has it. All others refuse
 *   what is handed over, as UNAVAILABLE, and apply the log's entries: to the same topics, queues and records, under the
 *   same numbers, seqs, times and revisions; `committed` of the listener is called for each.
 * - `position` is as durable as the history: it is stored in the transaction of the batch it belongs to. So whoever
 *   applies what is behind it has left nothing out, and applied nothing twice, whenever the process ended.
 * - A store that was fenced, or does not know whether the log holds its batch, leads no longer: the batch fails as
 *   UNAVAILABLE, with whatever gathered behind it. If the log holds it, it is applied as any other entry.
 */
import type { LogEntry, LogError } from "./commit_log.ts";

/** The part of a store that shares a log. */
export interface Replica {
  /** The sequence of the log up to which the store has applied all batches. */
  readonly position: number;
  /** Whether the batches of this store go into the log. */
  readonly leads: boolean;
  /** Why nothing can be handed over, for people; null while everything can. */
  readonly refusal: string | null;
  /**
   * Why nothing is to be handed over though the store leads, or because it does not; null when there is nothing to say. Set
   * by whoever has it lead.
   */
  excuse: string | null;
  /** Called when the store leads no longer by itself, with the reason; set by whoever had it lead. */
  deposed: (reason: LogError) => void;
  /**
   * Claims the lead for `node` behind `last`, up to which everything was applied. Resolves when the log has the claim and
   * the store leads. Rejects with a LogError when it does not: as `fenced`, others have appended meanwhile; as `unknown`,
   * the claim may be in the log, and is without effect.
   */
  claim(node: string, last: number): Promise<void>;
  /** Appends a sign of life while the store leads, behind what it is appending. Never rejects. */
  pulse(): Promise<void>;
  /** Gives the lead up. Resolves when no batch is under way; what is handed over later is refused. */
  follow(): Promise<void>;
  /** Gives the lead up as `follow` does, and tells the log so that others need not wait for silence. Never rejects. */
  resign(): Promise<void>;
  /**
   * Applies an entry of the log, in order, while the store does not lead; one that it has applied is passed over.
   * Resolves when the listener was told, with the node that says by this entry that it leads, empty when the one that led says
   * that it does no longer, null for a batch. Rejects
   * with a ParleyError, as a batch fails, and has then changed nothing.
   */
  apply(entry: LogEntry): Promise<string | null>;
}
