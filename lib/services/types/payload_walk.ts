/**
 * Is a payload a message of a type? It is walked over and not decoded, so that it costs no memory, and time by its bytes.
 *
 * As strict as those who decode it: wire types, lengths, UTF-8 of strings, messages within messages down to a depth. Fields that
 * the type does not know are passed over. Groups are refused.
 */
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { FieldCursor } from "../../wire/field_cursor.ts";
import { skipVarint } from "../../wire/message_scan.ts";
import { isUtf8 } from "../../wire/utf8.ts";

/** The most levels of messages within messages: as many as clients decode. */
const MAX_DEPTH = 100;
const LENGTH_DELIMITED = 2;

/** The fields of types by their numbers; a type that is no longer known is forgotten with its descriptor. */
const fieldsByNumber = new WeakMap<DescMessage, ReadonlyMap<number, DescField>>();

/** The bytes of a message. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/** What is wrong with a payload; null when it is a message of that type. */
export class PayloadWalk {
  readonly #cursors: FieldCursor[] = [];
  #bytes: Uint8Array = new Uint8Array(0);

  /** Looks at the bytes from `start` to `end`. */
  faultOf(type: DescMessage, bytes: Uint8Array, start: number, end: number): string | null {
    this.#bytes = bytes;
    try {
      return this.#message(type, { start, end }, 0);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #message(type: DescMessage, { start, end }: Range, depth: number): string | null {
    if (depth >= MAX_DEPTH) return `it has messages within messages ${MAX_DEPTH} deep`;
    const fields = fieldsOf(type);
    const cursor = this.#cursors[depth] ??= new FieldCursor();
    cursor.open(this.#bytes, start, end);
    while (cursor.next()) {
      const field = fields.get(cursor.field);
      if (field === undefined) continue;
      const fault = this.#field(field, cursor, depth);
      if (fault !== null) return fault;
    }
    return null;
  }

  #field(field: DescField, cursor: FieldCursor, depth: number): string | null {
    const bytes = this.#bytes;
    const { wireType, start, end } = cursor;
    const wanted = wireTypeOf(field);
    if (wireType !== wanted) {
      const isPacked = field.fieldKind === "list" && wireType === LENGTH_DELIMITED;
      if (!isPacked) return `${field} has wire type ${wireType}`;
      return packedFault(wanted, bytes, start, end) ? `${field} is no list of its values` : null;
    }
    if (field.fieldKind === "map") return this.#entry(field, cursor, depth);
    if (field.message !== undefined) {
      return this.#message(field.message, cursor, depth + 1);
    }
    const isText = field.scalar === ScalarType.STRING && !isUtf8(bytes, start, end);
    return isText ? `${field} is not UTF-8` : null;
  }

  /** An entry of a map: its key is field 1, its value field 2. */
  #entry(
    field: DescField & { fieldKind: "map" },
    { start, end }: Range,
    depth: number,
  ): string | null {
    const bytes = this.#bytes;
    if (depth + 1 >= MAX_DEPTH) return `it has messages within messages ${MAX_DEPTH} deep`;
    const cursor = this.#cursors[depth + 1] ??= new FieldCursor();
    cursor.open(bytes, start, end);
    while (cursor.next()) {
      if (cursor.field > 2) continue;
      const scalar = cursor.field === 1 ? field.mapKey : field.scalar;
      const wanted = scalar === undefined
        ? field.mapKind === "enum" ? 0 : LENGTH_DELIMITED
        : wireTypeOfScalar(scalar);
      if (cursor.wireType !== wanted) return `${field} has wire type ${cursor.wireType}`;
      if (scalar === ScalarType.STRING && !isUtf8(bytes, cursor.start, cursor.end)) {
        return `${field} is not UTF-8`;
      }
      if (cursor.field === 1 || field.message === undefined) continue;
      const fault = this.#message(field.message, cursor, depth + 2);
      if (fault !== null) return fault;
    }
    return null;
  }
}

function fieldsOf(type: DescMessage): ReadonlyMap<number, DescField> {
  let fields = fieldsByNumber.get(type);
  if (fields === undefined) {
    fields = new Map(type.fields.map((field) => [field.number, field]));
    fieldsByNumber.set(type, fields);
  }
  return fields;
}

/** The wire type of a field, of an element of a list that is not packed. */
function wireTypeOf(field: DescField): number {
  if (field.fieldKind === "map" || field.message !== undefined) return LENGTH_DELIMITED;
  return field.scalar === undefined ? 0 : wireTypeOfScalar(field.scalar);
}

function wireTypeOfScalar(scalar: ScalarType): number {
  switch (scalar) {
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return 1;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return 5;
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return LENGTH_DELIMITED;
    default:
      return 0;
  }
}

/** Whether the bytes are no row of values of that wire type. */
function packedFault(wireType: number, bytes: Uint8Array, start: number, end: number): boolean {
  if (wireType !== 0) return (end - start) % (wireType === 1 ? 8 : 4) !== 0;
  for (let at = start; at < end;) at = skipVarint(bytes, at, end);
  return false;
}
