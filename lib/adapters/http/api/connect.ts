/**
 * The server's own methods for programs that speak Connect or gRPC-Web, and for curl: `POST /parley.v1.Queues/List`
 * with JSON or with protobuf.
 *
 * @connectrpc/connect reads and writes; each request becomes a call of the same name in the session of its connection,
 * so what it may do is decided where all calls are. Bodies have the size of a message at most. Only unary methods.
 */
import {
  Code,
  ConnectError,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { create, type DescService, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { ErrorCode, ParleyError } from "../../../base/errors.ts";
import { joinBytes } from "../../../base/join_bytes.ts";
import { Admin } from "../../../gen/parley/v1/admin_pb.ts";
import { Cluster } from "../../../gen/parley/v1/cluster_pb.ts";
import { Demo } from "../../../gen/parley/v1/demo_pb.ts";
import { ErrorSchema } from "../../../gen/parley/v1/error_pb.ts";
import { Queues } from "../../../gen/parley/v1/queue_pb.ts";
import { Rooms } from "../../../gen/parley/v1/room_pb.ts";
import { type Answer as CallAnswer, CallSchema } from "../../../gen/parley/v1/service_pb.ts";
import { Server } from "../../../gen/parley/v1/server_pb.ts";
import { Topics } from "../../../gen/parley/v1/topic_pb.ts";
import { Services } from "../../../gen/parley/v1/service_pb.ts";
import { Types } from "../../../gen/parley/v1/type_pb.ts";
import { Users } from "../../../gen/parley/v1/user_pb.ts";
import { FieldCursor } from "../../../wire/field_cursor.ts";
import type { Answer } from "../answer.ts";
import { askWhileThere } from "./call.ts";
import type { Exchange, Run } from "./exchange.ts";

/** The services of the server's own. */
export const SERVICES: readonly DescService[] = [
  Admin,
  Cluster,
  Demo,
  Queues,
  Rooms,
  Server,
  Services,
  Topics,
  Types,
  Users,
];

/** The codes of Connect by ours: they have the same names. */
const CODES: Readonly<Record<ErrorCode, Code>> = {
  [ErrorCode.UNSPECIFIED]: Code.Unknown,
  [ErrorCode.INVALID_ARGUMENT]: Code.InvalidArgument,
  [ErrorCode.UNAUTHENTICATED]: Code.Unauthenticated,
  [ErrorCode.PERMISSION_DENIED]: Code.PermissionDenied,
  [ErrorCode.NOT_FOUND]: Code.NotFound,
  [ErrorCode.ALREADY_EXISTS]: Code.AlreadyExists,
  [ErrorCode.RESOURCE_EXHAUSTED]: Code.ResourceExhausted,
  [ErrorCode.FAILED_PRECONDITION]: Code.FailedPrecondition,
  [ErrorCode.DEADLINE_EXCEEDED]: Code.DeadlineExceeded,
  [ErrorCode.UNAVAILABLE]: Code.Unavailable,
  [ErrorCode.UNIMPLEMENTED]: Code.Unimplemented,
  [ErrorCode.INTERNAL]: Code.Internal,
};

/** The largest request in JSON, and of all services but that of message types: what is read of it at once holds up others. */
const MAX_REQUEST_BYTES = 64 * 1024;
/** The most fields of a larger one. */
const MAX_FIELDS = 1000;
/** What stands before a message in gRPC-Web: a flag and its length. */
const ENVELOPE_BYTES = 5;
/** The longest time that a client may give: a timer takes no longer one. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

const EXCHANGE = createContextKey<Exchange | null>(null);

/** A route for each method. */
export function connectRoutes(): { method: "POST"; path: string; query: []; run: Run }[] {
  // A field that is misspelt would do nothing.
  const jsonOptions = { ignoreUnknownFields: false };
  const usual = {
    ...{ grpc: false, grpcWeb: true, connect: true, jsonOptions },
    binaryOptions: { readUnknownFields: false },
    maxTimeoutMs: MAX_TIMEOUT_MS,
  };
  const router = createConnectRouter(usual);
  for (const service of SERVICES) {
    const methods = service.methods.map(({ name, localName, input, output }) => [
      localName,
      async (request: Message, context: HandlerContext) => {
        const method = `${service.typeName}/${name}`;
        return fromBinary(output, await ask(context, method, toBinary(input, request)));
      },
    ]);
    // A set of descriptors has the size of a message. What is not said here is as if it was said nowhere.
    const options = service === Types ? usual : { ...usual, readMaxBytes: MAX_REQUEST_BYTES };
    router.service(service, Object.fromEntries(methods), options);
  }
  return router.handlers.map((handler) => ({
    method: "POST",
    path: handler.requestPath,
    query: [],
    run: (exchange) => answer(handler, exchange),
  }));
}

/** Calls a method of the server's own; gives the payload of its answer. */
async function ask(
  { values }: HandlerContext,
  method: string,
  payload: Uint8Array,
): Promise<Uint8Array> {
  const exchange = values.get(EXCHANGE)!;
  const value = create(CallSchema, { method, payload });
  try {
    const client = await exchange.client();
    const said = await askWhileThere(exchange.gone, client, { case: "call", value });
    return (said.value as CallAnswer).payload;
  } catch (reason) {
    throw reason instanceof ParleyError ? asConnectError(reason) : reason;
  }
}

/** The error as Connect tells it; what would be accepted is in its details. */
function asConnectError(error: ParleyError): ConnectError {
  const { code, message, retryable, accepted } = error;
  const value = { code, message, retryable, accepted };
  return new ConnectError(message, CODES[code] ?? Code.Unknown, undefined, [
    { desc: ErrorSchema, value },
  ], error);
}

/** Raises a ConnectError for a body that would take long to read, whatever it is. */
function checkBody({ headers }: Exchange, body: Uint8Array): void {
  if (body.length <= MAX_REQUEST_BYTES) return;
  const type = headers["content-type"] ?? "";
  if (/json/i.test(type)) {
    throw new ConnectError(
      `cannot take ${body.length} bytes of JSON; accepted: at most ${MAX_REQUEST_BYTES}, or protobuf`,
      Code.ResourceExhausted,
    );
  }
  const fields = new FieldCursor();
  fields.open(body, /grpc-web/i.test(type) ? ENVELOPE_BYTES : 0, body.length);
  let count = 0;
  try {
    while (fields.next()) if (++count > MAX_FIELDS) break;
  } catch {
    // What is no protobuf is refused by whoever reads it.
    return;
  }
  if (count <= MAX_FIELDS) return;
  throw new ConnectError(
    `cannot take so many fields; accepted: at most ${MAX_FIELDS} in a request of more than ${MAX_REQUEST_BYTES} bytes`,
    Code.ResourceExhausted,
  );
}

async function answer(handler: UniversalHandler, exchange: Exchange): Promise<Answer> {
  const body = await exchange.body();
  const response = await handler({
    httpVersion: "1.1",
    url: new URL(handler.requestPath, "http://localhost").href,
    method: exchange.method,
    header: new Headers({ ...exchange.headers }),
    body: (async function* () {
      checkBody(exchange, body);
      yield body;
    })(),
    signal: exchange.gone,
    contextValues: createContextValues().set(EXCHANGE, exchange),
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body ?? []) chunks.push(chunk);
  // It is said of the body below.
  response.header?.delete("content-length");
  return {
    status: response.status,
    headers: Object.fromEntries(response.header ?? []),
    body: joinBytes(chunks),
  };
}
