/**
 * Payloads as the message types make them that the server knows: JSON, or why there is none.
 *
 * What a type is is asked once and remembered for a minute. Bounded: `MAX_TYPES`.
 */
import {
  createFileRegistry,
  type DescMessage,
  fromBinary,
  type Message,
  toJsonString,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { create } from "@bufbuild/protobuf";
import { useEffect, useState } from "preact/hooks";
import { detached } from "../../lib/base/detached.ts";
import { Types } from "../../lib/gen/parley/v1/type_pb.ts";
import { ask, inWords } from "./ask.ts";

/** A payload as its type makes it, or why it is shown as it is. */
export interface Decoded {
  readonly text?: string;
  readonly why: string;
}

const MAX_TYPES = 200;
const REMEMBERED_MS = 60_000;

interface Known {
  readonly schema: Promise<DescMessage | null>;
  readonly timeMs: number;
}

const known = new Map<string, Known>();

/** The message of that name with what it is made of; null when the server does not know it. */
export function schemaOf(type: string): Promise<DescMessage | null> {
  const found = known.get(type);
  if (found !== undefined && Date.now() - found.timeMs < REMEMBERED_MS) return found.schema;
  const schema = ask(Types.method.get, { type }).then(({ files }) => {
    const file = files.map(({ fileDescriptor }) =>
      fromBinary(FileDescriptorProtoSchema, fileDescriptor)
    );
    return createFileRegistry(create(FileDescriptorSetSchema, { file })).getMessage(type) ?? null;
  });
  known.delete(type);
  known.set(type, { schema, timeMs: Date.now() });
  if (known.size > MAX_TYPES) known.delete(known.keys().next().value!);
  return schema;
}

/** Decodes a payload. */
async function decode(type: string, bytes: Uint8Array): Promise<Decoded> {
  try {
    const schema = await schemaOf(type);
    if (schema === null) return { why: `The server does not know the type ${type}.` };
    const message: Message = fromBinary(schema, bytes);
    return { text: toJsonString(schema, message, { prettySpaces: 2 }), why: "" };
  } catch (reason) {
    return { why: `It cannot be read as ${type}: ${inWords(reason)}` };
  }
}

const NOT_YET: Decoded = { why: "" };

/** A payload as its type makes it, as soon as that is known; an empty type makes nothing. */
export function useDecoded(type: string, bytes: Uint8Array): Decoded {
  const [decoded, setDecoded] = useState({ type: "", bytes, found: NOT_YET });
  useEffect(() => {
    if (type === "" || isOf(decoded, type, bytes)) return;
    let isOver = false;
    detached(
      decode(type, bytes).then((found) => {
        if (!isOver) setDecoded({ type, bytes, found });
      }),
      "read a payload",
    );
    return () => isOver = true;
  }, [type, bytes]);
  return isOf(decoded, type, bytes) ? decoded.found : NOT_YET;
}

/** Whether the same bytes were decoded: what is read again and again is another array each time. */
function isOf(one: { type: string; bytes: Uint8Array }, type: string, bytes: Uint8Array): boolean {
  return one.type === type && type !== "" && one.bytes.length === bytes.length &&
    (one.bytes === bytes || one.bytes.every((byte, index) => byte === bytes[index]));
}
