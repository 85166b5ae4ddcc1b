/**
 * What a server tells of itself in numbers.
 */
import type { Features, Snapshot } from "../services/features.ts";
import type { Admission } from "./listeners/admission.ts";
import { droppedLogLines } from "./logging.ts";

/** What a server counts, and what it may hold. */
export type ServerStats = Snapshot & {
  /** Subscriptions at this moment. */
  readonly subscriptions: number;
  /** Calls that wait for an answer at this moment. */
  readonly callsUnderWay: number;
  /** What waits in all outboxes at this moment. */
  readonly outboxBytes: number;
  /** What of all input is held and waits, as parts of messages, lines or heads, at this moment. */
  readonly inputBytes: number;
  /** The connections at once that are possible here. */
  readonly maxConnections: number;
  /** Lines of this process's log that were dropped because nobody read them. */
  readonly logLinesDropped: number;
};

/** The numbers of a server at this moment. */
export function statsOf(features: Features, { maxConnections }: Admission): ServerStats {
  const { bus, calls, context } = features;
  return {
    ...features.snapshot(),
    subscriptions: bus.subscriptions,
    callsUnderWay: calls.size,
    outboxBytes: context.budget.bytes,
    inputBytes: context.input.bytes,
    maxConnections,
    logLinesDropped: droppedLogLines(),
  };
}
