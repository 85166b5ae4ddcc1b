/**
 * Opens the log of a cluster: finds its stream, or makes it.
 *
 * Whoever makes the stream names the history: its epoch stands in the stream's description, which nobody changes, so
 * all nodes learn the same one. The stream takes no more when it is full; what nobody has applied is never dropped.
 */
import type { NatsConnection } from "@nats-io/nats-core";
import {
  DiscardPolicy,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamInfo,
} from "@nats-io/jetstream";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";
import { AckLevel } from "../../gen/parley/v1/session_pb.ts";
import { ApiCode, codeOf } from "./codes.ts";
import { JetStreamLog } from "./log.ts";

const DESCRIPTION = "log of a Parley cluster, epoch ";
/** For how long the servers know the id of a message: longer than its outcome is asked for. */
const ID_WINDOW_MS = 120_000;
/** The room that a message has beside its data, for its headers. */
const HEADER_ROOM = 4096;
const MIB = 1024 * 1024;

/** How the log of a cluster is opened. */
export interface LogOptions {
  readonly connection: NatsConnection;
  /** The name of the cluster: `NAME_log` is the stream. */
  readonly cluster: string;
  /** The machines that hold each entry, where the stream is made. */
  readonly replicas: number;
  /** The history that a stream is made for; null when it must be there. */
  readonly epoch: string | null;
  /** The most bytes of the stream, where it is made; absent: 8 GiB. */
  readonly maxBytes?: number;
  /** How long one answer of a server is waited for; absent: 1.5 s. */
  readonly answerMs?: number;
  /** How long the outcome of an append is asked for; absent: 10 s. */
  readonly outcomeMs?: number;
  /** For how long there has been no connection; absent: there always is one. */
  readonly downMs?: () => number;
  /** How long an outcome is asked for without a connection; absent: as long as with one. */
  readonly maxDownMs?: number;
}

/** The name of the stream of a cluster. */
export function streamOf(cluster: string): string {
  return `${cluster}_log`;
}

/**
 * Opens the log. Rejects with a ParleyError: UNAVAILABLE when JetStream does not answer or has no room for the
 * replicas, FAILED_PRECONDITION when the stream is something else, or is not there and must be.
 */
export async function openJetStreamLog(options: LogOptions): Promise<JetStreamLog> {
  const { connection, cluster, answerMs = 1500, outcomeMs = 10_000 } = options;
  const { downMs = () => 0, maxDownMs = Infinity } = options;
  const name = streamOf(cluster);
  let info: StreamInfo;
  let manager: JetStreamManager;
  try {
    manager = await jetstreamManager(connection, { timeout: answerMs });
    info = await findOrMake(manager, name, options);
  } catch (error) {
    if (error instanceof ParleyError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ParleyError(
      ErrorCode.UNAVAILABLE,
      `cannot open stream ${quote(name)} of the cluster's log: ${reason}`,
      { accepted: "NATS servers with JetStream, as many as the log has replicas", cause: error },
    );
  }
  const { num_replicas: replicas, storage, description = "" } = info.config;
  const epoch = description.startsWith(DESCRIPTION) ? description.slice(DESCRIPTION.length) : "";
  const subject = subjectOf(cluster);
  if (epoch === "" || info.config.subjects.join() !== subject || storage !== StorageType.File) {
    throw new ParleyError(
      ErrorCode.FAILED_PRECONDITION,
      `cannot use stream ${quote(name)}: it is not the log of a cluster`,
      { accepted: "another name for the cluster, or a stream that Parley has made" },
    );
  }
  const largest = connection.info?.max_payload ?? MIB;
  return new JetStreamLog({
    connection,
    manager,
    name,
    subject,
    epoch,
    // One machine may lose what it has acknowledged with its power: it syncs its files minutes later.
    level: replicas >= 2 ? AckLevel.REPLICATED : AckLevel.ROUTED,
    replicas,
    partBytes: Math.max(1, Math.min(largest, 4 * MIB) - HEADER_ROOM),
    answerMs,
    outcomeMs,
    isGone: () => downMs() >= maxDownMs,
  });
}

/** Whether there is a log of the cluster. Rejects with a ParleyError, UNAVAILABLE, when JetStream does not answer. */
export async function isLogThere(
  { connection, cluster, answerMs = 5000 }: Pick<
    LogOptions,
    "connection" | "cluster" | "answerMs"
  >,
): Promise<boolean> {
  try {
    const manager = await jetstreamManager(connection, { timeout: answerMs });
    await manager.streams.info(streamOf(cluster));
    return true;
  } catch (error) {
    if (codeOf(error) === ApiCode.NO_STREAM) return false;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ParleyError(
      ErrorCode.UNAVAILABLE,
      `cannot look for the log of the cluster ${quote(cluster)}: ${reason}`,
      { accepted: "NATS servers with JetStream", cause: error },
    );
  }
}

function subjectOf(cluster: string): string {
  return `${cluster}.log`;
}

async function findOrMake(
  manager: JetStreamManager,
  name: string,
  { cluster, replicas, epoch, maxBytes = 8192 * MIB }: LogOptions,
): Promise<StreamInfo> {
  try {
    return await manager.streams.info(name);
  } catch (error) {
    if (codeOf(error) !== ApiCode.NO_STREAM) throw error;
  }
  if (epoch === null) {
    throw new ParleyError(
      ErrorCode.FAILED_PRECONDITION,
      `cannot go on with the data: there is no log of the cluster ${
        quote(cluster)
      } that it belongs to`,
      {
        accepted: "`parley cluster seed`, which begins a log with what a data directory holds, " +
          "or an empty data directory",
      },
    );
  }
  try {
    return await manager.streams.add({
      name,
      description: DESCRIPTION + epoch,
      subjects: [subjectOf(cluster)],
      num_replicas: replicas,
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.New,
      max_bytes: maxBytes,
      duplicate_window: ID_WINDOW_MS * 1e6,
    });
  } catch (error) {
    // Another node was sooner.
    if (codeOf(error) === ApiCode.STREAM_EXISTS) return await manager.streams.info(name);
    throw error;
  }
}
