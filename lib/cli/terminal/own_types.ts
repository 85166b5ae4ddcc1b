/**
 * Payloads of Parley's own types, shown as what they say instead of as bytes.
 *
 * The type of an event is what its publisher says it is: bytes that are no such message stay bytes.
 */
import { type DescMessage, fromBinary, toJson } from "@bufbuild/protobuf";
import { RoomEventSchema } from "../../gen/parley/v1/room_pb.ts";
import { file_parley_v1_system } from "../../gen/parley/v1/system_pb.ts";

const OWN_TYPES: ReadonlyMap<string, DescMessage> = new Map(
  [RoomEventSchema, ...file_parley_v1_system.messages].map((schema) => [schema.typeName, schema]),
);

/** The message as JSON; null when it is none of Parley's own. */
function ownMessage(type: string, payload: Uint8Array): unknown {
  const schema = OWN_TYPES.get(type);
  if (schema === undefined) return null;
  try {
    return toJson(schema, fromBinary(schema, payload));
  } catch {
    return null;
  }
}

/** The payload of an event or a job as it is shown: of Parley's own types the bytes of its JSON. */
export function shownPayload(type: string, payload: Uint8Array): Uint8Array {
  const message = ownMessage(type, payload);
  return message === null ? payload : new TextEncoder().encode(JSON.stringify(message));
}

/** A member for an object of JSON that says what the payload says; none for what is not Parley's own. */
export function decodedJson(type: string, payload: Uint8Array): { decoded?: unknown } {
  const message = ownMessage(type, payload);
  return message === null ? {} : { decoded: message };
}
