/**
 * The three languages in which the load generator has work done: what a queue is made with, what pushes a
 * job, and what comes back, read in place and counted.
 *
 * A wire belongs to one connection that is set up. It gives the room that the next bytes are read into and
 * says what they were; it raises for a refusal and for anything that it does not know. No I/O behind the
 * setting-up.
 */
import type { Dialect } from "../harness/subjects.ts";
import type { QueueDialect } from "./queue_wire.ts";
import { amqpQueue } from "./queue_amqp.ts";
import { natsQueue } from "./queue_nats.ts";
import { parleyQueue } from "./queue_parley.ts";

/** The language of a server. Raises for one that has no queues. */
export function queueDialect(dialect: Dialect): QueueDialect {
  switch (dialect) {
    case "parley":
      return parleyQueue;
    case "nats":
      return natsQueue;
    case "amqp":
      return amqpQueue;
    case "redis":
    case "bytes":
      throw new Error(`no queues are measured of ${dialect}: parley, nats or amqp is accepted`);
  }
}
