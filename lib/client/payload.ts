/**
 * A payload and its forms: what events, calls, answers and jobs have in common.
 *
 * Reading raises INVALID_ARGUMENT when the payload is something else: that is the sender's fault, and not that of the one
 * who reads.
 */
import { ErrorCode, ParleyError } from "../base/errors.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Something that came with a payload. */
export abstract class Received {
  /** The payload as it came. */
  readonly payload: Uint8Array;

  /**
   * Made by the client only.
   *
   * @internal
   */
  constructor(payload: Uint8Array) {
    this.payload = payload;
  }

  /** The payload as bytes: the same as `payload`. */
  bytes(): Uint8Array {
    return this.payload;
  }

  /** The payload as text. Raises INVALID_ARGUMENT when it is no UTF-8. */
  text(): string {
    try {
      return decoder.decode(this.payload);
    } catch (cause) {
      throw this.#unreadable("text: it is no UTF-8", cause);
    }
  }

  /** The value that the payload says in JSON. Raises INVALID_ARGUMENT when it is none. */
  json<T = unknown>(): T {
    const text = this.text();
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw this.#unreadable(`JSON: ${(cause as Error).message}`, cause);
    }
  }

  /**
   * How messages name it.
   *
   * @internal
   */
  protected abstract title(): string;

  #unreadable(how: string, cause: unknown): ParleyError {
    const message = `cannot read ${this.title()} as ${how}`;
    return new ParleyError(ErrorCode.INVALID_ARGUMENT, message, { cause });
  }
}

/** The time of a stamp in microseconds since 1970. */
export function dateOf(micros: bigint): Date {
  return new Date(Number(micros / 1000n));
}
