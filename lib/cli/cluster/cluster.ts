/**
 * `parley cluster`: how it stands with the servers that act as one, and having the one that writes give it up.
 */
import type { Command } from "commander";
import { printable } from "../../base/printable.ts";
import { callMethod } from "../../client/mod.ts";
import {
  Cluster,
  type ClusterLog,
  type ClusterNode,
  ClusterRole,
  type InfoClusterResponse,
} from "../../gen/parley/v1/cluster_pb.ts";
import { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import { byteCount, countOf } from "../../logic/count_text.ts";
import { type CliContext, type ServerOptions, withClient, withServerOptions } from "../command.ts";
import { ageText } from "../queues/info_text.ts";
import { columnLines } from "../terminal/columns.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { count } from "../terminal/summary.ts";
import { styled } from "../terminal/terminal_text.ts";
import { addSeed } from "./seed.ts";

const RIGHT = `Where the server has users, this needs the permission "manage server.cluster";
otherwise only the server's own machine may.`;

const ROLES: Readonly<Record<ClusterRole, string>> = {
  [ClusterRole.UNSPECIFIED]: "-",
  [ClusterRole.WRITER]: "writer",
  [ClusterRole.FOLLOWER]: "follower",
  [ClusterRole.LOST]: "lost",
};

/** Adds the commands. */
export function addCluster(program: Command, context: CliContext): void {
  const cluster = program.command("cluster").description("look after servers that act as one");
  addSeed(cluster, context);
  withServerOptions(cluster.command("info"))
    .description("tell which nodes there are, which of them writes, and how far each has come")
    .addHelpText("after", `\nExample:\n  parley cluster info\n\n${RIGHT}`)
    .action((options: ServerOptions) => info(options, context));
  withServerOptions(cluster.command("step-down"))
    .description("have the node that writes give it up, so that another one does")
    .addHelpText(
      "after",
      `\nExample:\n  parley cluster step-down --server parley://a.example.com:7311\n\n` +
        `It is asked of the node that writes; another one refuses, and names it.\n${RIGHT}`,
    )
    .action((options: ServerOptions) => stepDown(options, context));
}

async function info(options: ServerOptions, { io }: CliContext): Promise<void> {
  const found = await withClient(
    options,
    io,
    (client) => callMethod(client, Cluster.method.info, {}),
  );
  const out = io.stdout;
  if (options.json) return void out.write(jsonLine(infoJson(found)));
  const left = (title: string) => ({ title });
  const right = (title: string) => ({ title, side: "right" as const });
  const columns = [
    ...["node", "role"].map(left),
    ...["applied", "behind", "up"].map(right),
    ...["version", "address"].map(left),
  ];
  const nowMs = Date.now();
  const rows = found.nodes.map((node) => [
    printable(node.name) + (node.id === found.node ? " *" : ""),
    ROLES[node.role] ?? "-",
    count(Number(node.appliedSequence)),
    count(Number(node.lag)),
    ageText(new Date(Number(node.startedUnixMicros / 1000n)), nowMs),
    printable(node.serverVersion),
    printable(node.address),
  ]);
  const [heading, ...lines] = columnLines(columns, rows, out.isTerminal ? out.columns : Infinity);
  const facts = [...factsOf(found)].map(([name, text]) => `${name.padEnd(9)}${text}`);
  out.write(
    [styled("bold", heading, out), ...lines, "", ...facts].map((line) => `${line}\n`).join(""),
  );
}

function* factsOf(found: InfoClusterResponse): Generator<[string, string]> {
  const { cluster, node, log, servers, reachable, whyUnreachable } = found;
  yield ["cluster", `${printable(cluster)}; * answers (${printable(node)})`];
  const nats = servers.map((url) => printable(url)).join(", ");
  yield ["NATS", reachable ? nats : `not reached (${printable(whyUnreachable)}): ${nats}`];
  if (log === undefined) {
    yield ["kept", "nothing is shared that is kept: the nodes have no data directories"];
    return;
  }
  const { writer, writerName, snapshot, refusal, fault } = log;
  yield ["writer", writer === "" ? "nobody at the moment" : printable(writerName || writer)];
  yield ["log", logText(log)];
  yield [
    "snapshot",
    snapshot === undefined
      ? "none is known"
      : `at ${count(Number(snapshot.sequence))}, ${byteCount(Number(snapshot.bytes))}`,
  ];
  if (refusal !== "") yield ["here", `nothing is kept by itself: ${printable(refusal)}`];
  if (fault !== "") yield ["fault", printable(fault)];
}

function logText({ firstSequence, lastSequence, replicas, fullness, level }: ClusterLog): string {
  const range = `${count(Number(firstSequence))} to ${count(Number(lastSequence))}`;
  const servers = replicas === 0
    ? "not reached yet"
    : `each entry on ${countOf(replicas, "server")} of NATS, acknowledged as ${
      AckLevel[level] ?? level
    }`;
  return `${range}, ${(fullness * 100).toFixed(1)} % full; ${servers}`;
}

function infoJson({ cluster, node, nodes, servers, reachable, ...found }: InfoClusterResponse) {
  const { log, whyUnreachable } = found;
  return {
    cluster,
    node,
    reachable,
    ...whyUnreachable === "" ? {} : { whyUnreachable },
    servers,
    log: log === undefined ? null : {
      epoch: log.epoch,
      writer: log.writer,
      writerName: log.writerName,
      firstSequence: Number(log.firstSequence),
      lastSequence: Number(log.lastSequence),
      fullness: log.fullness,
      replicas: log.replicas,
      level: AckLevel[log.level] ?? String(log.level),
      snapshot: log.snapshot === undefined ? null : {
        sequence: Number(log.snapshot.sequence),
        bytes: Number(log.snapshot.bytes),
        time: timeOf(log.snapshot.timeUnixMicros),
      },
      refusal: log.refusal,
      fault: log.fault,
    },
    nodes: nodes.map(nodeJson),
  };
}

function nodeJson({ id, name, role, appliedSequence, lag, ...node }: ClusterNode) {
  return {
    id,
    name,
    role: ROLES[role] ?? "-",
    applied: Number(appliedSequence),
    lag: Number(lag),
    version: node.serverVersion,
    address: node.address,
    started: timeOf(node.startedUnixMicros),
  };
}

function timeOf(micros: bigint): string {
  return new Date(Number(micros / 1000n)).toISOString();
}

async function stepDown(options: ServerOptions, { io }: CliContext): Promise<void> {
  await withClient(options, io, (client) => callMethod(client, Cluster.method.stepDown, {}));
  if (options.json) return void io.stdout.write(jsonLine({ steppedDown: true }));
  io.stdout.write("the node gives up writing; another one takes over\n");
}
