/**
 * What programs import besides `connect`, whichever runtime they are for.
 *
 * mod.ts and browser.ts export all of it; the other files may change with any version.
 */
export { CloseReason, ErrorCode, ParleyError } from "../base/errors.ts";
export type { ErrorCodeName } from "../base/errors.ts";
export type {
  ClientMessage,
  DescMessage,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
  RequestMessage,
  ServerMessage,
  Welcome,
} from "./messages.ts";
export {
  type AuthAnswer,
  AuthAnswerSchema,
  type AuthRequest,
  AuthRequestSchema,
} from "./messages.ts";
export { AckLevel } from "../gen/parley/v1/session_pb.ts";
export type {
  Admin,
  ConnectionFilter,
  ConnectionSummary,
  KickOptions,
  ReloadResult,
} from "./admin.ts";
export { Client } from "./client.ts";
export type {
  FigureHistory,
  HistoryOptions,
  OwnPermissions,
  PermissionQuestion,
  Problem,
  Problems,
  Series,
  ServerAbout,
  ServerFacts,
} from "./server_facts.ts";
export type { CallOptions, CallResult, PublishAck, PublishOptions } from "./client_options.ts";
export type { Job, NackOptions, RejectOptions } from "./queues/job.ts";
export type { DeathReasonName, JobDeath, JobRecord } from "./queues/job_record.ts";
export type { JobFilter } from "./queues/filter.ts";
export type { JobCount, PeekOptions, Queue, RemoveOptions } from "./queues/queue.ts";
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
  type TypedPuller,
  workMessages,
} from "./queues/typed.ts";
export {
  type JobHandler,
  Reject,
  type Worker,
  type WorkerStats,
  type WorkOptions,
} from "./queues/worker.ts";
export type { Room, RoomHistory, RoomMember, RoomOptions, SayOptions } from "./rooms/room.ts";
export type { RoomMessage, RoomMessageKind } from "./rooms/message.ts";
export type { RoomSummary } from "./rooms/rooms.ts";
export type {
  CallAnswer,
  CallHandler,
  ReceivedCall,
  ServeOptions,
  Service,
} from "./calls/service.ts";
export type { Received } from "./payload.ts";
export type {
  EventCallback,
  OverflowName,
  SubscribeOptions,
  Subscription,
} from "./topics/subscription.ts";
export type { Gap, ReceivedEvent } from "./topics/event.ts";
export type { Since } from "./topics/since.ts";
export {
  callMessage,
  callMethod,
  type MessageSubscribeOptions,
  publishMessage,
  serveMessages,
  subscribeMessages,
  type TypedEvent,
  type TypedSubscription,
} from "./topics/typed.ts";
export type {
  ClientCredentials,
  ClientStatus,
  ConnectOptions,
  ReconnectOptions,
  RequestOptions,
  TlsOptions,
} from "./settings.ts";
