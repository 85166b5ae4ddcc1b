/**
 * The Parley client for TypeScript and JavaScript, on Deno, Node and in browsers.
 *
 * ```ts
 * await using client = await connect("parley://localhost");
 * console.log(await client.echo("Hello, World!"), await client.add(-5, 3));
 * ```
 *
 * This file is all that programs import; the others may change with any version.
 */
import { Client } from "./client.ts";
import type { ConnectOptions } from "./settings.ts";

export { CloseReason, ErrorCode, ParleyError } from "../base/errors.ts";
export type { ErrorCodeName } from "../base/errors.ts";
export type { ClientMessage, ServerMessage } from "../gen/parley/v1/envelope_pb.ts";
export type { Welcome } from "../gen/parley/v1/session_pb.ts";
export {
  type AuthAnswer,
  AuthAnswerSchema,
  type AuthRequest,
  AuthRequestSchema,
} from "../gen/parley/v1/auth_pb.ts";
export { AckLevel } from "../gen/parley/v1/session_pb.ts";
export type { Admin, ReloadResult } from "./admin.ts";
export { Client } from "./client.ts";
export type { CallOptions, CallResult, PublishAck, PublishOptions } from "./client_options.ts";
export type { Job, NackOptions, RejectOptions } from "./queues/job.ts";
export type { DeathReasonName, JobDeath, JobRecord } from "./queues/job_record.ts";
export type { PeekOptions, Queue, RemoveOptions } from "./queues/queue.ts";
export type {
  JobStateName,
  PeekedJob,
  PeekedJobs,
  QueueInfo,
  QueueSettings,
} from "./queues/info.ts";
export type { Puller, PullOptions } from "./queues/puller.ts";
export type { PushAck, PushOptions } from "./queues/push.ts";
export {
  type InvalidJobCallback,
  pullMessages,
  type PullMessagesOptions,
  pushMessage,
  type TypedJob,
  TypedPuller,
  workMessages,
} from "./queues/typed.ts";
export {
  type JobHandler,
  Reject,
  type Worker,
  type WorkerStats,
  type WorkOptions,
} from "./queues/worker.ts";
export type { Room, RoomHistory, RoomMember, RoomOptions } from "./rooms/room.ts";
export type { RoomMessage, RoomMessageKind } from "./rooms/message.ts";
export type { RoomSummary } from "./rooms/rooms.ts";
export type {
  CallAnswer,
  CallHandler,
  ReceivedCall,
  ServeOptions,
  Service,
} from "./calls/service.ts";
export type {
  EventCallback,
  Gap,
  OverflowName,
  ReceivedEvent,
  SubscribeOptions,
  Subscription,
} from "./topics/subscription.ts";
export type { Since } from "./topics/since.ts";
export {
  callMessage,
  callMethod,
  type MessageSubscribeOptions,
  publishMessage,
  serveMessages,
  subscribeMessages,
  type TypedEvent,
  TypedSubscription,
} from "./topics/typed.ts";
export type { RequestMessage } from "./connection/requests.ts";
export type {
  ClientCredentials,
  ClientStatus,
  ConnectOptions,
  ReconnectOptions,
  RequestOptions,
  TlsOptions,
} from "./settings.ts";

/**
 * Connects to the server at `url`: `parley://host`, `parley://host:port` (7311 unless said),
 * `parleys://host:port` for TLS (7314 unless said; `options.tls` says what is trusted and shown), `unix:///path/to/socket`, or `ws://host:port` and `wss://host` (path `/ws` unless said), which is what
 * browsers can open.
 *
 * It resolves when every connection of the pool has had its Welcome. It tries once: a server that cannot
 * be reached at the start is most often an address that is wrong. Connections that are lost later are
 * opened again as `options.reconnect` says, and requests wait meanwhile.
 *
 * Rejects with a ParleyError: INVALID_ARGUMENT (URL or options), UNAVAILABLE (nobody listens, or the host
 * is not known), DEADLINE_EXCEEDED (no Welcome within `connectTimeoutMs`), or the server's refusal; with
 * the signal's reason when `options.signal` is aborted.
 */
export function connect(url: string, options: ConnectOptions = {}): Promise<Client> {
  return Client.connect(url, options);
}
