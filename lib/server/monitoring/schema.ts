/**
 * The tables [monitoring] and [tracing] of the configuration: how much metrics tell one by one, when a server counts as
 * not ready, and whether messages are traced.
 */
import { z } from "zod";
import { duration, MIB, whole } from "../config/fields.ts";

/** The most topics, and queues, with metrics of their own: together all series stay below 2,000. */
export const MAX_SERIES_NAMES = 100;

/** The schema of the table. */
export const monitoringSchema = z.strictObject({
  topics: whole(
    50,
    0,
    MAX_SERIES_NAMES,
    "The topics with metrics of their own: those that most is published on. The others count together, as other.",
  ),
  queues: whole(
    50,
    0,
    MAX_SERIES_NAMES,
    "The queues with metrics of their own: those that most is pushed to. The others count together, as other.",
  ),
  min_free_disk_bytes: whole(
    64 * MIB,
    0,
    Number.MAX_SAFE_INTEGER,
    "With less than that free where the data directory lies, /readyz says that the server is not ready. In bytes.",
  ),
  max_commit_ms: duration(
    10_000,
    "When a commit takes longer than that, /readyz says that the server is not ready.",
  ),
  max_loop_delay_ms: duration(
    1000,
    "When a timer comes later than that, /readyz says that the server is not ready.",
  ),
}).prefault({}).describe("Metrics and health, see docs/operations.md.");

/** The schema of the table of tracing. */
export const tracingSchema = z.strictObject({
  enabled: z.boolean().default(false).describe(
    "Whether messages with a sampled traceparent header get spans. They are sent on by the runtime, which has to be " +
      "started with OTEL_DENO=true.",
  ),
}).prefault({}).describe("Traces, see docs/operations.md.");
