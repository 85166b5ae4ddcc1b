/**
 * What becomes of a job by the answer to its webhook.
 *
 * 2xx is done. 410 says that nobody wants these any more: the queue is paused. Everything else is tried again: when
 * `Retry-After` says, for 429 and 503, and else by the queue's backoff. Redirects are answers like others: they are not
 * followed. Pure.
 */

/** What becomes of a job. */
export type WebhookVerdict = "ack" | "nack" | "gone";

/** A verdict, and what goes with it. */
export interface WebhookOutcome {
  readonly verdict: WebhookVerdict;
  /** When the job is tried again, in milliseconds from now; -1 for the queue's backoff. */
  readonly delayMs: number;
  /** How long nothing more is sent to this receiver. */
  readonly holdMs: number;
  /** What went wrong, for people; empty when nothing did. */
  readonly error: string;
}

/** The longest that a receiver is listened to: no job waits longer for its next try, and nothing is held back longer. */
export const MAX_RETRY_AFTER_MS = 3_600_000;

const DONE: WebhookOutcome = { verdict: "ack", delayMs: -1, holdMs: 0, error: "" };

/** What becomes of a job whose webhook was answered so. */
export function webhookOutcome(
  status: number,
  retryAfter: string,
  wallMs: number,
): WebhookOutcome {
  if (status >= 200 && status < 300) return DONE;
  if (status === 410) {
    return { verdict: "gone", delayMs: -1, holdMs: 0, error: "the receiver answered 410 Gone" };
  }
  const isRedirect = status >= 300 && status < 400;
  const error = `the receiver answered ${status}${
    isRedirect ? ", and redirects are not followed" : ""
  }`;
  if (status !== 429 && status !== 503) return { verdict: "nack", delayMs: -1, holdMs: 0, error };
  const afterMs = retryAfterMs(retryAfter, wallMs);
  return { verdict: "nack", delayMs: afterMs ?? -1, holdMs: afterMs ?? 0, error };
}

/** What `Retry-After` says, in milliseconds from now: seconds, or a date (RFC 9110, 10.2.3); null when it says nothing. */
export function retryAfterMs(text: string, wallMs: number): number | null {
  const trimmed = text.trim();
  if (/^\d{1,10}$/.test(trimmed)) return Math.min(Number(trimmed) * 1000, MAX_RETRY_AFTER_MS);
  if (!/^[A-Z][a-z]+,? /.test(trimmed)) return null;
  const dateMs = Date.parse(trimmed);
  if (Number.isNaN(dateMs)) return null;
  return Math.min(Math.max(0, dateMs - wallMs), MAX_RETRY_AFTER_MS);
}
