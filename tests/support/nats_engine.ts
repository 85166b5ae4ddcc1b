/**
 * Connections to the NATS servers of a test.
 */
import type { NatsOptions } from "../../lib/adapters/nats/connection.ts";

/** The options of a connection without secrets. */
export function natsOptions(servers: readonly string[]): NatsOptions {
  return {
    servers,
    name: "test",
    credentialsFile: "",
    tokenFile: "",
    user: "",
    passwordFile: "",
    caFile: "",
    certificateFile: "",
    keyFile: "",
  };
}
