/**
 * The metrics of jobs that are posted to their receivers.
 */
import type { Webhooks } from "../../services/webhooks/webhooks.ts";
import type { Families, Labels } from "./families.ts";

/** Adds the families. */
export function addWebhookMetrics(families: Families, webhooks: () => Webhooks | null): void {
  families.counter(
    "parley_webhook_jobs_total",
    "Jobs that were posted to a receiver, by what became of them.",
    () =>
      Object.entries(webhooks()?.counts ?? {})
        .map(([outcome, count]): [number, Labels] => [count, { outcome }]),
  );
  families.gauge(
    "parley_webhook_requests",
    "Requests to receivers that are under way.",
    () => webhooks()?.requests ?? 0,
  );
}
