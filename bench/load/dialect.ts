/**
 * The three languages in which the load generator publishes and subscribes: just enough of each to make
 * the bytes beforehand, and to know how long what comes back is.
 */
import type { Dialect } from "../harness/subjects.ts";
import type { BusDialect } from "./bus_dialect.ts";
import { nats } from "./dialect_nats.ts";
import { parley } from "./dialect_parley.ts";
import { redis } from "./dialect_redis.ts";

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
