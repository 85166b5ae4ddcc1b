/**
 * How a message bus is spoken with by the load generator.
 */
import type { Setup } from "./target.ts";

/** How a message bus is spoken with. */
export interface BusDialect {
  /** Does what a new connection does first; with a token, says who it is. */
  open(setup: Setup, token?: string): Promise<void>;
  /** Subscribes, and waits until the server has done it. */
  subscribe(setup: Setup, pattern: string): Promise<void>;
  /** The bytes that publish `payload`. */
  publish(topic: string, payload: Uint8Array): Uint8Array;
  /** The length of the delivery that `bytes` begin with, when it has come whole. */
  deliveryBytes(bytes: Uint8Array): number | undefined;
  /** How long the answer to a publish is that reached that many; 0 when there is none. */
  replyBytes(receivers: number): number;
  /** The length of what the server sends now and then unasked; 0 when it never does. */
  readonly unaskedBytes: number;
}
