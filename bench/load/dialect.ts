/**
 * The three languages in which the load generator publishes and subscribes: just enough of each to make
 * the bytes beforehand, and to know how long what comes back is.
 */
import type { Dialect } from "../harness/subjects.ts";
import { nats } from "./dialect_nats.ts";
import { parley } from "./dialect_parley.ts";
import { redis } from "./dialect_redis.ts";
import type { Setup } from "./target.ts";

/** How a message bus is spoken with. */
export interface BusDialect {
  /** Does what a new connection does first. */
  open(setup: Setup): Promise<void>;
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

/** The language of a server. Raises for one that has no bus. */
export function busDialect(dialect: Dialect): BusDialect {
  switch (dialect) {
    case "parley":
      return parley;
    case "nats":
      return nats;
    case "redis":
      return redis;
    case "amqp":
    case "bytes":
      throw new Error(`no bus is measured of ${dialect}: parley, nats or redis is accepted`);
  }
}
