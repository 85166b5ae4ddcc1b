/**
 * Every request that there is, out of the descriptors of the protocol, so that a new one is tested by itself: the
 * members of ClientMessage, and the requests of the server's own methods; and what their fields may hold or not.
 */
import {
  create,
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescService,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import { Admin } from "../../lib/gen/parley/v1/admin_pb.ts";
import { Cluster } from "../../lib/gen/parley/v1/cluster_pb.ts";
import { Demo } from "../../lib/gen/parley/v1/demo_pb.ts";
import { ClientMessageSchema } from "../../lib/gen/parley/v1/envelope_pb.ts";
import { Queues } from "../../lib/gen/parley/v1/queue_pb.ts";
import { Rooms } from "../../lib/gen/parley/v1/room_pb.ts";
import { Server } from "../../lib/gen/parley/v1/server_pb.ts";
import { Services } from "../../lib/gen/parley/v1/service_pb.ts";
import { Topics } from "../../lib/gen/parley/v1/topic_pb.ts";
import { Types } from "../../lib/gen/parley/v1/type_pb.ts";
import { Users } from "../../lib/gen/parley/v1/user_pb.ts";
import { join, varint } from "./frames.ts";

/** A request: where it stands in a ClientMessage, and the message that it is. */
export interface Request {
  readonly name: string;
  /** The body of the request as part of a ClientMessage. */
  embed(body: Uint8Array): Uint8Array;
  readonly schema: DescMessage;
}

const encoder = new TextEncoder();

/** One length-delimited field. */
export function lengthDelimited(field: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  return join(varint(field * 8 + 2), varint(body.length), body);
}

/** The members of ClientMessage. */
export const MEMBERS: readonly Request[] = ClientMessageSchema.oneofs[0].fields.map((field) => ({
  name: field.name,
  embed: (body) => lengthDelimited(field.number, body),
  schema: field.message!,
}));

const CALL = ClientMessageSchema.oneofs[0].fields.find(({ name }) => name === "call")!;

function own(method: string, schema: DescMessage): Request {
  return {
    name: method,
    schema,
    embed: (body) =>
      lengthDelimited(
        CALL.number,
        join(lengthDelimited(1, encoder.encode(method)), lengthDelimited(2, body)),
      ),
  };
}

/** The services of the server's own methods; tests/e2e/administration/rights_told_test.ts holds the list complete. */
const SERVICES: readonly DescService[] = [
  Demo,
  Topics,
  Queues,
  Rooms,
  Services,
  Types,
  Users,
  Server,
  Admin,
  Cluster,
];

/** The server's own methods. */
export const OWN_METHODS: readonly DescMethod[] = SERVICES.flatMap(({ methods }) => methods);

/** The requests of the server's own methods. */
export const OWN_REQUESTS: readonly Request[] = OWN_METHODS.map(({ parent, name, input }) =>
  own(`${parent.typeName}/${name}`, input)
);

/** What the fields that name something say in a request that makes sense. */
const NAMES: Readonly<Record<string, string>> = {
  topic: "k.a",
  pattern: "k.a",
  queue: "q",
  room: "tea",
  name: "q",
  user: "ada",
  token_name: "t",
  method: "acme.X/Y",
  backup_id: "b",
  text: "x",
  type: "acme.v1.T",
};

/** A request of a method that names what there may be, and says nothing else. */
export function sensibleRequest(schema: DescMessage): Message {
  const message = create(schema) as Message & Record<string, unknown>;
  for (const field of schema.fields) {
    const isName = field.fieldKind === "scalar" && field.scalar === ScalarType.STRING;
    if (isName && NAMES[field.name] !== undefined) message[field.localName] = NAMES[field.name];
    if (field.fieldKind === "message") message[field.localName] = sensibleRequest(field.message);
  }
  return message;
}

const TEXTS = ["", "x", "BAD NAME", "a.b", "*", ">", "q.dead", "a".repeat(256), "a".repeat(257)];
const NUMBERS = [0n, 1n, 2n ** 31n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

/** What a field may hold, each as the bytes of the field: empty, at limits, over them, and of wrong wire types. */
export function fieldCases(field: DescField): Uint8Array<ArrayBuffer>[] {
  const { number } = field;
  return [
    join(varint(number * 8), varint(1)),
    join(varint(number * 8 + 1), new Uint8Array(8)),
    lengthDelimited(number, new Uint8Array([0xff, 0xfe])),
    join(varint(number * 8 + 5), new Uint8Array(4)),
    ...wholeCases(field),
  ];
}

/** Those of these that have the wire type of the field, so that nobody ends a connection for it. */
export function wholeCases(field: DescField): Uint8Array<ArrayBuffer>[] {
  const { number } = field;
  const isText = field.scalar === 9 || field.scalar === 12 || field.fieldKind === "list";
  if (isText) return TEXTS.map((text) => lengthDelimited(number, encoder.encode(text)));
  if (field.fieldKind === "scalar" || field.fieldKind === "enum") {
    return NUMBERS.map((value) => join(varint(number * 8), varint(value)));
  }
  return [lengthDelimited(number, new Uint8Array(0))];
}
