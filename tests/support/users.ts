/**
 * Users for tests: stored passwords that cost little, tokens, and clients that say who they are.
 */
import {
  create,
  type DescMessage,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { nodeHasher } from "../../lib/adapters/secrets/node_hasher.ts";
import type { ListenerKind } from "../../lib/ports/link.ts";
import { formatPasswordHash, toBase64Url } from "../../lib/logic/access/password_hash.ts";
import { tokenOf } from "../../lib/logic/access/token.ts";
import type { ConfigInput } from "../../lib/server/config/config.ts";
import type { Error as ParleyErrorMessage } from "../../lib/gen/parley/v1/error_pb.ts";
import { BusClient } from "./bus_client.ts";
import { contentOf, helloMessage, type ServerMessage } from "./frames.ts";
import type { TestServer } from "./server.ts";
import { SocketClient } from "./socket_client.ts";

/** The least that a stored password may cost: tests make many. */
const COST = { n: 1024, r: 1, p: 1 };

type Users = NonNullable<ConfigInput["users"]>;

/** The stored form of a password. */
export async function stored(password: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const hash = await nodeHasher.scrypt(password, salt, COST, 32);
  return formatPasswordHash({ cost: COST, salt, hash });
}

/** A user whose password is the name with "'s secret" behind it. */
export async function user(
  name: string,
  roles: string | string[],
  more: Partial<Users[number]> = {},
): Promise<Users[number]> {
  return { name, password: await stored(`${name}'s secret`), roles, ...more };
}

/** A token, and what is stored of it. */
export function token(name: string, expires = ""): {
  token: string;
  entry: { name: string; hash: string; expires: string };
} {
  const token = tokenOf(crypto.getRandomValues(new Uint8Array(32)));
  return { token, entry: { name, hash: toBase64Url(nodeHasher.sha256(token)), expires } };
}

/** What a Hello may say of who the client is. */
export interface Said {
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
}

/** A client that can number its messages, on a raw listener too. */
export function open(server: TestServer, kind: ListenerKind): Promise<SocketClient> {
  return SocketClient.connect(server, kind, kind === "raw" ? { framing: "prefixed32" } : {});
}

/** A client that has said Hello, and what the server answered. */
export async function greet(
  server: TestServer,
  kind: ListenerKind,
  said: Said,
): Promise<{ client: SocketClient; answer: ServerMessage }> {
  const client = await open(server, kind);
  const hello = helloMessage(said, 1n);
  return { client, answer: await client.request(hello) };
}

/** A client that is that user. Fails when it is not welcome. */
export async function enter(
  server: TestServer,
  kind: ListenerKind,
  name: string,
): Promise<SocketClient> {
  const { client, answer } = await greet(server, kind, {
    user: name,
    password: `${name}'s secret`,
  });
  if (answer.message.case === "welcome") return client;
  client.close();
  throw new Error(`${name} is not welcome: ${JSON.stringify(answer.message.value)}`);
}

/** A client that reads all the time, and is that user. */
export async function enterBus(
  server: TestServer,
  kind: ListenerKind,
  name: string,
): Promise<BusClient> {
  const client = await BusClient.connect(server, kind);
  contentOf(
    await client.ask(helloMessage({ user: name, password: `${name}'s secret` })),
    "welcome",
  );
  return client;
}

/** Calls one of the server's own methods; gives the answer, or the error. */
export async function ask<I extends DescMessage, O extends DescMessage>(
  client: BusClient,
  method: {
    readonly input: I;
    readonly output: O;
    readonly name: string;
    readonly parent: DescService;
  },
  request: MessageInitShape<I>,
): Promise<{ answer: MessageShape<O>; error: null } | { answer: null; error: ParleyErrorMessage }> {
  const payload = toBinary(method.input, create(method.input, request));
  const name = `${method.parent.typeName}/${method.name}`;
  const { message } = await client.ask({
    message: { case: "call", value: { method: name, payload } },
  });
  if (message.case === "error") return { answer: null, error: message.value };
  if (message.case !== "answer") throw new Error(`expected an answer, got ${message.case}`);
  return { answer: fromBinary(method.output, message.value.payload), error: null };
}
