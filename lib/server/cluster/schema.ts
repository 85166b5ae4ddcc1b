/**
 * The table of the cluster: which servers of NATS carry it, and how to come in.
 */
import { z } from "zod";
import type { NatsOptions } from "../../adapters/nats/connection.ts";
import { duration, listOf, MIB, whole } from "../config/fields.ts";
import type { TlsFault } from "../config/tls_schema.ts";

/** The most servers that are named; further ones are learned from those. */
const MAX_SERVERS = 16;
const NATS_FORM = '"nats://host:4222" or "tls://host:4222"';

function checkNatsUrl(text: string): void {
  const url = URL.parse(text);
  if (url === null || !/^(nats|tls):$/.test(url.protocol) || url.hostname === "") {
    throw new Error(`${JSON.stringify(text)} is no URL of a NATS server, like ${NATS_FORM}`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new Error(
      `the URL of ${url.host} has a user in it; set cluster.user and cluster.password_file, or cluster.token_file`,
    );
  }
  if (!/^\/?$/.test(url.pathname) || url.search !== "" || url.hash !== "") {
    throw new Error(`${JSON.stringify(text)} says more than a host and a port`);
  }
}

const path = (what: string) => z.string().max(1024).default("").describe(what);

/** The schema of the table `cluster`. */
export const clusterSchema = z.strictObject({
  servers: listOf(checkNatsUrl).refine((list) => list.length <= MAX_SERVERS, {
    message: `has more than ${MAX_SERVERS} servers`,
  }).prefault("").describe(
    `The servers of NATS over which this server and others act as one, like ${NATS_FORM}. Empty for a server alone.`,
  ),
  name: z.string().regex(/^[A-Za-z0-9_-]{1,32}$/, {
    message: "is no name of a cluster: 1 to 32 letters, digits, _ or -",
  }).default("parley").describe(
    "The name of the cluster, the same on all nodes: subjects of NATS begin with it, so several clusters can share servers.",
  ),
  node: z.string().regex(/^[A-Za-z0-9._-]{0,64}$/, {
    message: "is no name of a node: at most 64 letters, digits, dots, _ or -",
  }).default("").describe("The name of this node, for people. Empty for one made up at the start."),
  address: z.string().max(256).default("").describe(
    'The URL under which clients reach this node, like "parley://a.example.com:7311", for people and for clients of other nodes.',
  ),
  user: z.string().max(256).default("").describe("A user of NATS; needs cluster.password_file."),
  password_file: path("The file with the user's password."),
  token_file: path("The file with a token of NATS."),
  credentials_file: path("The file of credentials (JWT and key) that nsc made."),
  ca_file: path(
    "The file with the authorities, in PEM, that sign the certificates of the NATS servers.",
  ),
  certificate_file: path("The file with a certificate, in PEM, that this server shows to NATS."),
  key_file: path("The file with the private key of that certificate."),
  replicas: whole(
    0,
    0,
    5,
    "The NATS servers that hold each entry of the log of what is kept, where the log is made. 0: three when `servers` names three or more, else one. With one, a server that is lost takes acknowledged things with it.",
  ),
  log_max_bytes: whole(
    2 * 1024 * MIB,
    64 * MIB,
    Number.MAX_SAFE_INTEGER,
    "The most bytes of the log on each of these servers, where the log is made: JetStream sets them aside. It is shortened once it is half full.",
  ),
  heartbeat_ms: duration(500, "The time between two signs of life for other nodes.", 20),
  silence_ms: duration(3000, "A node that is not heard of for this time is gone.", 100),
}).prefault({}).describe(
  "Many servers that act as one, over NATS. With a data directory they share what is kept, by a log in JetStream; without one, events, groups and calls alone.",
);

/** The table, complete. */
export type ClusterConfig = z.output<typeof clusterSchema>;

/** How to come to NATS. */
export function natsOptionsOf(cluster: ClusterConfig, name: string): NatsOptions {
  return {
    servers: cluster.servers,
    name,
    credentialsFile: cluster.credentials_file,
    tokenFile: cluster.token_file,
    user: cluster.user,
    passwordFile: cluster.password_file,
    caFile: cluster.ca_file,
    certificateFile: cluster.certificate_file,
    keyFile: cluster.key_file,
  };
}

/** The NATS servers that hold each entry of the log, where it is made. */
export function replicasOf({ replicas, servers }: ClusterConfig): number {
  if (replicas > 0) return replicas;
  return servers.length >= 3 ? 3 : 1;
}

/** Says what does not fit together. */
export function clusterFaults({ cluster }: { readonly cluster: ClusterConfig }): TlsFault[] {
  const faults: TlsFault[] = [];
  const unless = (holds: boolean, message: string, ...keys: string[]) => {
    if (!holds) faults.push({ message, paths: keys.map((key) => key.split(".")) });
  };
  const has = (key: keyof ClusterConfig) => cluster[key] !== "";
  unless(
    has("user") === has("password_file"),
    "a user and a password belong together; set cluster.user and cluster.password_file, or neither",
    "cluster.user",
    "cluster.password_file",
  );
  unless(
    has("certificate_file") === has("key_file"),
    "a certificate and its key belong together; set cluster.certificate_file and cluster.key_file, or neither",
    "cluster.certificate_file",
    "cluster.key_file",
  );
  const ways = [has("user"), has("token_file"), has("credentials_file")].filter((way) => way);
  unless(
    ways.length <= 1,
    "there is more than one way to come in; set one of cluster.user, cluster.token_file and cluster.credentials_file",
    "cluster.user",
    "cluster.token_file",
    "cluster.credentials_file",
  );
  const { heartbeat_ms, silence_ms } = cluster;
  unless(
    silence_ms >= 3 * heartbeat_ms,
    `silence_ms (${silence_ms}) must be at least three times heartbeat_ms (${heartbeat_ms}), so ${
      3 * heartbeat_ms
    }`,
    "cluster.silence_ms",
    "cluster.heartbeat_ms",
  );
  return faults;
}
