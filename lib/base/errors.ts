/**
 * The one error class of Parley, with a closed set of codes, and the table of reasons for closing.
 *
 * Bad input raises a ParleyError; its message names the action, the value and what would be accepted.
 * Whatever else is caught at a boundary is normalised by `ParleyError.from`, which keeps it as `cause`.
 * A broken invariant is no ParleyError: it is an Error of `assert`, a defect.
 */
import { CloseReason, ErrorCode } from "../gen/parley/v1/error_pb.ts";

export { CloseReason, ErrorCode };

/** The codes by the names that people read: `INVALID_ARGUMENT` and so on, as in gRPC. */
export type ErrorCodeName = Exclude<keyof typeof ErrorCode, "UNSPECIFIED">;

/** The limits that are counted. */
export const LIMIT_NAMES = [
  "connections",
  "connections_per_address",
  "frame_bytes",
  "headers",
  "outbox_bytes",
  "input_total_bytes",
  "message_timeout",
  "write_timeout",
  "rate",
  "subscriptions",
  "wildcards",
  "feeds",
  "calls",
  "methods",
  "room_members",
  "rooms",
  "queues",
  "queue",
  "consumers",
  "kept_topics",
  "store",
  "records",
  "logins",
  "user_connections",
  "user_subscriptions",
  "user_topics",
  "user_queues",
  "user_kept_bytes",
] as const;

/** The name of a limit that is counted. */
export type LimitName = typeof LIMIT_NAMES[number];

/** What a ParleyError may carry besides its code and message. */
interface ParleyErrorOptions {
  /** What lies behind it; kept for logs, never sent to a peer. */
  cause?: unknown;
  /** Whether the same request may succeed later. Default: true for UNAVAILABLE only. */
  retryable?: boolean;
  /** For a refusal, what would have been accepted. */
  accepted?: string;
  /** The message without what would be accepted, when that stands behind it. */
  reason?: string;
  /** Set when the connection ends with this error. */
  closeReason?: CloseReason;
  /** The limit that was reached; it is counted, and never sent to a peer. */
  limit?: LimitName;
  /** With SHUTDOWN, the URLs of servers to connect to instead. */
  goTo?: readonly string[];
}

const NOWHERE: readonly string[] = Object.freeze([]);

/** An error with a code that programs can decide on. Raised by the server's parts and by the client. */
export class ParleyError extends Error {
  /** Always `ParleyError`. */
  override readonly name = "ParleyError";
  /** What kind of error it is. */
  readonly code: ErrorCode;
  /** Whether the same request may succeed later without a change. */
  readonly retryable: boolean;
  /** For a refusal, what would have been accepted; otherwise empty. */
  readonly accepted: string;
  /** The message without what would be accepted, which the client library puts behind it. */
  readonly reason: string;
  /** Why the connection ends; UNSPECIFIED when it does not. */
  readonly closeReason: CloseReason;
  /**
   * The limit that was reached; null when it was none that is counted. For the server only.
   *
   * @internal
   */
  readonly limit: LimitName | null;
  /** With SHUTDOWN, the URLs of servers to connect to instead, in the order in which to try them; otherwise empty. */
  readonly goTo: readonly string[];

  /** An error of this code; `message` is for people. */
  constructor(code: ErrorCode, message: string, options: ParleyErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? code === ErrorCode.UNAVAILABLE;
    this.accepted = options.accepted ?? "";
    this.reason = options.reason ?? message;
    this.closeReason = options.closeReason ?? CloseReason.UNSPECIFIED;
    this.limit = options.limit ?? null;
    this.goTo = options.goTo ?? NOWHERE;
  }

  /** The code's name, like `INVALID_ARGUMENT`. */
  get codeName(): string {
    return ErrorCode[this.code] ?? `CODE_${this.code}`;
  }

  /** Gives `thrown` itself when it is a ParleyError, otherwise one with `code` and `thrown` as its cause. */
  static from(thrown: unknown, code: ErrorCode = ErrorCode.INTERNAL, action = ""): ParleyError {
    if (thrown instanceof ParleyError) return thrown;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return new ParleyError(code, action ? `${action}: ${reason}` : reason, { cause: thrown });
  }
}

/** A request that is wrong by itself. */
export function invalidArgument(message: string, options?: ParleyErrorOptions): ParleyError {
  return new ParleyError(ErrorCode.INVALID_ARGUMENT, message, options);
}

/** Bytes that are no Parley messages: the connection ends with this. */
export function protocolError(
  message: string,
  code: ErrorCode = ErrorCode.INVALID_ARGUMENT,
  accepted?: string,
  limit?: LimitName,
): ParleyError {
  const closeReason = CloseReason.PROTOCOL_ERROR;
  return new ParleyError(code, message, { closeReason, accepted, limit });
}

/** Raises when `condition` does not hold: a defect of Parley, never the fault of a peer. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`broken invariant: ${message}`);
}
