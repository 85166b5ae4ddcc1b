/**
 * What breaks when message types change: programs that were made with the former ones, and payloads that are kept.
 *
 * The rules are those of the wire and of JSON: what was written with either set is read with the other, and means the same. So
 * fields and values may come, and go when their number is reserved; what is there keeps its number, name, type and
 * cardinality. Names of files and packages may change as long as the full names of types stay.
 *
 * Source: https://protobuf.dev/programming-guides/proto3/#updating
 */
import {
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescService,
  ScalarType,
} from "@bufbuild/protobuf";

/** The scalar types that are read as each other without a loss, in the wire and in JSON. */
const ALIKE = new Map<ScalarType, string>([
  [ScalarType.INT32, "32"],
  [ScalarType.UINT32, "32"],
  [ScalarType.INT64, "64"],
  [ScalarType.UINT64, "64"],
  [ScalarType.FIXED32, "fixed32"],
  [ScalarType.SFIXED32, "fixed32"],
  [ScalarType.FIXED64, "fixed64"],
  [ScalarType.SFIXED64, "fixed64"],
]);

/** The breaks between two sets, one sentence each, in a lasting order; none when both understand each other. */
export function breaksBetween(before: Iterable<DescFile>, after: Iterable<DescFile>): string[] {
  const now = typesOf(after);
  const breaks: string[] = [];
  for (const [name, old] of typesOf(before)) {
    const other = now.get(name);
    if (other === undefined) breaks.push(`${name} is gone`);
    else if (old.kind !== other.kind) breaks.push(`${name} is no ${old.kind} any more`);
    else if (old.kind === "message") messageBreaks(old, other as DescMessage, breaks);
    else if (old.kind === "enum") enumBreaks(old, other as DescEnum, breaks);
    else serviceBreaks(old, other as DescService, breaks);
  }
  return breaks.sort();
}

function typesOf(files: Iterable<DescFile>): Map<string, DescMessage | DescEnum | DescService> {
  const types = new Map<string, DescMessage | DescEnum | DescService>();
  const add = (message: DescMessage): void => {
    types.set(message.typeName, message);
    for (const nested of message.nestedMessages) add(nested);
    for (const nested of message.nestedEnums) types.set(nested.typeName, nested);
  };
  for (const { messages, enums, services } of files) {
    for (const message of messages) add(message);
    for (const one of [...enums, ...services]) types.set(one.typeName, one);
  }
  return types;
}

function messageBreaks(before: DescMessage, after: DescMessage, breaks: string[]): void {
  const now = new Map(after.fields.map((field) => [field.number, field]));
  const isReserved = (number: number) =>
    after.proto.reservedRange.some(({ start, end }) => number >= start && number < end);
  for (const field of before.fields) {
    const name = `${before.typeName}.${field.name}`;
    const other = now.get(field.number);
    if (other === undefined) {
      if (!isReserved(field.number)) {
        breaks.push(`${name} is gone, and its number ${field.number} is not reserved`);
      }
      continue;
    }
    if (other.name !== field.name || other.jsonName !== field.jsonName) {
      breaks.push(`${name}: field ${field.number} is called ${other.name} now`);
    }
    const [was, is] = [typeOf(field), typeOf(other)];
    if (was.likeness !== is.likeness) breaks.push(`${name} changed from ${was.text} to ${is.text}`);
    if (field.oneof?.name !== other.oneof?.name) {
      breaks.push(`${name} changed its oneof from ${oneofOf(field)} to ${oneofOf(other)}`);
    }
  }
}

function enumBreaks(before: DescEnum, after: DescEnum, breaks: string[]): void {
  const now = new Map<number, string[]>();
  for (const { number, name } of after.values) {
    now.set(number, [...now.get(number) ?? [], name]);
  }
  const isReserved = (number: number) =>
    after.proto.reservedRange.some(({ start, end }) => number >= start && number <= end);
  for (const { number, name } of before.values) {
    const names = now.get(number);
    if (names === undefined) {
      if (!isReserved(number)) {
        breaks.push(`${before.typeName}.${name} is gone, and its number ${number} is not reserved`);
      }
    } else if (!names.includes(name)) {
      breaks.push(`${before.typeName}.${name}: ${number} is called ${names[0]} now`);
    }
  }
}

function serviceBreaks(before: DescService, after: DescService, breaks: string[]): void {
  const now = new Map(after.methods.map((method) => [method.name, method]));
  for (const { name, input, output, methodKind } of before.methods) {
    const method = `${before.typeName}/${name}`;
    const other = now.get(name);
    if (other === undefined) breaks.push(`${method} is gone`);
    else {
      if (other.input.typeName !== input.typeName) {
        breaks.push(`${method} takes ${other.input.typeName} now, and not ${input.typeName}`);
      }
      if (other.output.typeName !== output.typeName) {
        breaks.push(`${method} gives ${other.output.typeName} now, and not ${output.typeName}`);
      }
      if (other.methodKind !== methodKind) breaks.push(`${method} streams in another way`);
    }
  }
}

/** A field's type as people write it, and as far as it matters to those who read it. */
function typeOf(field: DescField): { text: string; likeness: string } {
  switch (field.fieldKind) {
    case "map": {
      const key = scalar(field.mapKey);
      const value = typeOfValue(field.mapKind, field);
      return {
        text: `map<${key.text}, ${value.text}>`,
        likeness: `map<${key.likeness}, ${value.likeness}>`,
      };
    }
    case "list": {
      const { text, likeness } = typeOfValue(field.listKind, field);
      return { text: `repeated ${text}`, likeness: `repeated ${likeness}` };
    }
    default:
      return typeOfValue(field.fieldKind, field);
  }
}

function typeOfValue(
  kind: "scalar" | "enum" | "message",
  field: { scalar?: ScalarType; enum?: DescEnum; message?: DescMessage },
): { text: string; likeness: string } {
  if (kind === "scalar") return scalar(field.scalar!);
  const name = (kind === "enum" ? field.enum : field.message)!.typeName;
  return { text: name, likeness: name };
}

function scalar(type: ScalarType): { text: string; likeness: string } {
  const text = ScalarType[type].toLowerCase();
  return { text, likeness: ALIKE.get(type) ?? text };
}

function oneofOf({ oneof }: DescField): string {
  return oneof === undefined ? "none" : oneof.name;
}
