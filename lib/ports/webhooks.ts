/**
 * Sending a job to a receiver by HTTP.
 */

/** One attempt. */
export interface WebhookRequest {
  readonly url: string;
  /** Each signs; in the form of `whsec_` and base64. */
  readonly secrets: readonly string[];
  /** The same for each attempt of a job, and of no other. Without full stops. */
  readonly id: string;
  readonly queue: string;
  readonly attempt: number;
  /** The headers and the type of the job. */
  readonly headers: Readonly<Record<string, string>>;
  readonly type: string;
  readonly body: Uint8Array;
  /** Gives the attempt up. */
  readonly signal: AbortSignal;
}

/** What the receiver answered. */
export interface WebhookAnswer {
  readonly status: number;
  /** The header Retry-After; empty when there is none. */
  readonly retryAfter: string;
}

/** Sends jobs to receivers. */
export interface WebhookPoster {
  /**
   * Sends one; a request that is answered in any way resolves. Rejects with an Error that says why there is no answer,
   * without anything secret: the receiver cannot be reached, may not be, or took too long.
   */
  post(request: WebhookRequest): Promise<WebhookAnswer>;
}
