/**
 * The types of payloads, for commands that show or make them: those of `--proto FILE`, else those that the server knows, and
 * always Parley's own.
 *
 * The type of a payload is what its sender says it is: bytes that are no such message stay bytes, with the reason.
 */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { DescMethodUnary, MessageShape } from "@bufbuild/protobuf";
import type { Command } from "commander";
import { detached } from "../../base/detached.ts";
import { invalidArgument, ParleyError } from "../../base/errors.ts";
import { decodeTextLeniently } from "../../base/utf8_text.ts";
import { quote } from "../../base/quote.ts";
import type { Client } from "../../client/mod.ts";
import { file_parley_v1_admin } from "../../gen/parley/v1/admin_pb.ts";
import { file_parley_v1_demo } from "../../gen/parley/v1/demo_pb.ts";
import { file_parley_v1_queue } from "../../gen/parley/v1/queue_pb.ts";
import { file_parley_v1_room } from "../../gen/parley/v1/room_pb.ts";
import { file_parley_v1_system } from "../../gen/parley/v1/system_pb.ts";
import { file_parley_v1_topic } from "../../gen/parley/v1/topic_pb.ts";
import { file_parley_v1_type, Types } from "../../gen/parley/v1/type_pb.ts";
import { MessageTypes } from "../../logic/types/message_types.ts";
import { filesOfSet, readTypeFile, type TypeFile } from "../../logic/types/type_file.ts";
import { UsageError } from "../usage_error.ts";

/** How long a type that is not known is not asked for again. */
const ASK_AGAIN_MS = 2000;

const OWN_FILES = [
  file_parley_v1_admin,
  file_parley_v1_demo,
  file_parley_v1_queue,
  file_parley_v1_room,
  file_parley_v1_system,
  file_parley_v1_topic,
  file_parley_v1_type,
];

/** What is said of a payload of a known type in JSON: what it says, or why that cannot be told. */
export interface DecodedFields {
  readonly decoded?: unknown;
  readonly decode_error?: string;
}

/** The types that a command knows. */
export class PayloadTypes {
  /** Parley's own types. */
  static readonly OWN = new PayloadTypes(MessageTypes.none(OWN_FILES));

  #types: MessageTypes;
  readonly #ask: (() => Promise<MessageTypes>) | null;
  #askedMs = -Infinity;

  /** `ask` is called for types that are not known, now and then. */
  constructor(types: MessageTypes, ask: (() => Promise<MessageTypes>) | null = null) {
    this.#types = types;
    this.#ask = ask;
  }

  /** The payload as it is shown: of known types the bytes of its JSON; and why, when it should be known and cannot be read. */
  shown(type: string, payload: Uint8Array): { readonly bytes: Uint8Array; readonly why: string } {
    if (!this.#knows(type)) return { bytes: payload, why: "" };
    const decoded = this.#types.decode(type, payload);
    if ("reason" in decoded) return { bytes: payload, why: decoded.reason };
    return { bytes: new TextEncoder().encode(JSON.stringify(decoded.json)), why: "" };
  }

  /** Members for an object of JSON that says what the payload says; none for a type that is not known. */
  decoded(type: string, payload: Uint8Array): DecodedFields {
    if (!this.#knows(type)) return {};
    const decoded = this.#types.decode(type, payload);
    return "reason" in decoded ? { decode_error: decoded.reason } : { decoded: decoded.json };
  }

  /** The payload of that type that says what a text of JSON says. Raises INVALID_ARGUMENT. */
  encode(type: string, json: string | Uint8Array): Uint8Array<ArrayBuffer> {
    if (type === "") {
      throw invalidArgument("cannot encode a payload without a type", {
        accepted: "--type TYPE, or the type in each line of JSON",
      });
    }
    const text = typeof json === "string" ? json : decodeTextLeniently(json);
    return this.#types.encode(type, text);
  }

  /** The names of the types that a method takes and gives. Raises INVALID_ARGUMENT for a method that is not known. */
  method(name: string): { readonly input: string; readonly output: string } {
    const method = this.#types.method(name);
    if (method !== undefined) {
      return { input: method.input.typeName, output: method.output.typeName };
    }
    throw invalidArgument(`cannot encode a request of ${quote(name)}: the method is not known`, {
      accepted: "a method of --proto FILE or of the server's types, or --type TYPE",
    });
  }

  /** The type that a method gives; empty for one that is not known. */
  outputOf(name: string): string {
    return this.#types.method(name)?.output.typeName ?? "";
  }

  #knows(type: string): boolean {
    if (type === "") return false;
    if (this.#types.message(type) !== undefined) return true;
    const nowMs = performance.now();
    if (this.#ask !== null && nowMs - this.#askedMs >= ASK_AGAIN_MS) {
      this.#askedMs = nowMs;
      detached(this.#ask().then((types) => void (this.#types = types)), "ask for types");
    }
    return false;
  }
}

/** The option that says which types payloads have. */
export interface ProtoOption {
  readonly proto?: string;
}

/** Adds `--proto`. */
export function withProto(command: Command): Command {
  return command.option(
    "--proto <file>",
    "a descriptor set with the types of payloads (default: those of the server)",
  );
}

/** The types that a command goes by. Raises UsageError for a file that cannot be used. */
export async function payloadTypes(client: Client, options: ProtoOption): Promise<PayloadTypes> {
  if (options.proto === undefined) {
    const ask = () => askTypes(client);
    return new PayloadTypes(await ask(), ask);
  }
  return new PayloadTypes(linked(await readDescriptorFile(options.proto, "--proto")));
}

/** The files of a descriptor set on disk, encoded. Raises UsageError, which names `source`. */
export async function readSetFile(path: string, source: string): Promise<Uint8Array[]> {
  try {
    return filesOfSet(await Deno.readFile(path));
  } catch (cause) {
    const { message, accepted } = ParleyError.from(cause);
    const more = accepted === "" ? "" : `; accepted: ${accepted}`;
    throw new UsageError(`${source}: cannot read ${quote(path)}: ${message}${more}`, { cause });
  }
}

async function readDescriptorFile(path: string, source: string): Promise<TypeFile[]> {
  const files = await readSetFile(path, source);
  try {
    return files.map(readTypeFile);
  } catch (cause) {
    throw new UsageError(`${source}: ${ParleyError.from(cause).message}`, { cause });
  }
}

/** Calls a method of the server's types. */
export async function callTypes<Method extends keyof typeof Types["method"]>(
  client: Client,
  name: Method,
  request: MessageInitShape<typeof Types["method"][Method]["input"]>,
): Promise<MessageShape<typeof Types["method"][Method]["output"]>> {
  const { input, output, name: method } = Types.method[name] as DescMethodUnary;
  const { payload } = await client.call(
    `${Types.typeName}/${method}`,
    toBinary(input, create(input, request)),
    { type: input.typeName },
  );
  return fromBinary(output, payload) as MessageShape<typeof Types["method"][Method]["output"]>;
}

/** What the server knows, which is nothing when it does not say: the types are a help, not what a command is for. */
async function askTypes(client: Client): Promise<MessageTypes> {
  try {
    const { files } = await callTypes(client, "get", {});
    return linked(files.map(({ fileDescriptor }) => readTypeFile(fileDescriptor)));
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error;
    return MessageTypes.none(OWN_FILES);
  }
}

function linked(files: readonly TypeFile[]): MessageTypes {
  const linking = MessageTypes.link(files, { more: OWN_FILES });
  for (;;) {
    const { done, value } = linking.next();
    if (done) return value;
  }
}
