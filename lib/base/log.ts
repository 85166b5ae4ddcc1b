/**
 * The log categories. Every part logs under ["parley", PART]; levels can be set by part.
 *
 * Nothing is logged per message above debug. Texts that a peer chose are properties, never templates,
 * and are escaped by the sink.
 */
import { getLogger, type Logger } from "@logtape/logtape";

/** The parts that log. */
export const LOG_CATEGORIES = [
  "server",
  "listener",
  "connection",
  "cluster",
  "client",
  "cli",
  "audit",
] as const;

/** One of the parts that log. */
export type LogCategory = typeof LOG_CATEGORIES[number];

/** The logger of a part. */
export function logger(category: LogCategory): Logger {
  return getLogger(["parley", category]);
}
