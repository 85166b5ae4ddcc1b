/**
 * How a server's queues are spoken with by the load generator.
 */
import type { Setup, Target } from "./target.ts";

/** What comes on one connection. */
export interface Incoming {
  /** Where the next bytes are to be put. */
  space(): Uint8Array;
  /** Says how many were put there; gives how many jobs are confirmed, or have come, by them. */
  filled(count: number): number;
}

/** A connection that pushes. */
export interface ProducerWire extends Incoming {
  /** The bytes that push one job; they may be repeated. */
  readonly job: Uint8Array;
}

/** A connection that pulls. */
export interface ConsumerWire extends Incoming {
  /** The bytes that say that all jobs which have come are done; good until it is asked again. */
  settle(): Uint8Array;
  /** How many jobs are done since it was asked last: answered as such, where there is an answer. */
  takeDone(): number;
}

/** How a server's queues are spoken with. */
export interface QueueDialect {
  /** Makes a durable queue; one that is there already is as good. */
  make(target: Target, queue: string): Promise<void>;
  /** Makes a connection one that pushes; `index` tells the producers apart. */
  producer(
    setup: Setup,
    queue: string,
    payload: Uint8Array,
    index: number,
  ): Promise<ProducerWire>;
  /** Makes a connection one that pulls, with at most `prefetch` jobs at once. */
  consumer(setup: Setup, queue: string, prefetch: number, index: number): Promise<ConsumerWire>;
}
