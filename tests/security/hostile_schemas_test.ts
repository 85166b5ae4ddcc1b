/**
 * Descriptors of message types that are made to harm, and payloads of them: names that mean something to JavaScript, types that
 * hold themselves, a hundred thousand fields, types within types without end. Each is taken or refused with a typed error, what
 * is taken is used on topics that are held to it, and whoever behaves is served.
 */
import assert from "node:assert/strict";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type DescriptorProtoSchema,
  type FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { connect } from "../../lib/client/mod.ts";
import { ErrorCode } from "../../lib/base/errors.ts";
import { Types } from "../../lib/gen/parley/v1/type_pb.ts";
import { BusClient } from "../support/bus_client.ts";
import { publish } from "../support/bus_messages.ts";
import { linkAll } from "../support/descriptors.ts";
import { contentOf } from "../support/frames.ts";
import { lengthDelimited } from "../support/own_requests.ts";
import { MeasuredServer } from "../support/measured_server.ts";
import { ask } from "../support/users.ts";
import { readTypeFile } from "../../lib/logic/types/type_file.ts";

type Message = MessageInitShape<typeof DescriptorProtoSchema>;
type Field = MessageInitShape<typeof FieldDescriptorProtoSchema>;

const MESSAGE = 11;
const STRING = 9;
const HOSTILE_NAMES = [
  ...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf", "then"],
  ...[
    "__defineGetter__",
    "return",
    "eval",
    "globalThis",
    "toJSON",
    "__lookupGetter__",
    "arguments",
  ],
];
/** As many fields as are tried, over as many files as that takes. */
const FIELDS = 100_000;
const FIELDS_A_FILE = 1200;
/** More than a file may have. */
const FIELDS_A_FRAME = 10_000;
const NESTED_TYPES = 1000;
const NESTED_VALUES = 20_000;

function file(name: string, messageType: Message[], more: { dependency?: string[] } = {}) {
  const init = { name, package: "evil", syntax: "proto3", messageType, ...more };
  return toBinary(FileDescriptorProtoSchema, create(FileDescriptorProtoSchema, init));
}

function field(name: string, number: number, typeName = ""): Field {
  const type = typeName === "" ? STRING : MESSAGE;
  return { name, number, label: 1, type, typeName, jsonName: name };
}

/** Types within types, so many. */
function nested(depth: number): Message {
  let message: Message = { name: "T" };
  for (let count = 1; count < depth; count++) message = { name: "T", nestedType: [message] };
  return message;
}

/** A message that holds itself `depth` times. */
function within(depth: number): Uint8Array {
  let payload: Uint8Array = new Uint8Array(0);
  for (let count = 0; count < depth; count++) payload = lengthDelimited(1, payload);
  return payload;
}

/** Adds files to a server; gives what it says: a number of files, or the refusal. */
async function add(client: BusClient, files: Uint8Array[]): Promise<string> {
  const { answer, error } = await ask(client, Types.method.add, { files });
  if (error === null) return `${answer.added.length} taken`;
  const expected = [ErrorCode.INVALID_ARGUMENT, ErrorCode.RESOURCE_EXHAUSTED];
  assert(expected.includes(error.code), `${error.code}: ${error.message}`);
  return `refused: ${error.message}`;
}

Deno.test("descriptors that are made to harm are taken or refused, and harm nobody", async () => {
  const types = [{ type: "evil.Self", topics: ["held.self"] }, {
    type: "evil.Odd",
    topics: ["held.odd"],
  }];
  await using server = await MeasuredServer.start({ config: { types } });
  await server.innocents.during("hostile descriptors", async () => {
    await using client = new BusClient(
      await Deno.connect({ hostname: "127.0.0.1", port: server.ports.tcp }),
    );
    client.startReading();
    const odd: Message = {
      name: "Odd",
      field: HOSTILE_NAMES.map((name, index) => field(name, index + 1)),
    };
    const named = HOSTILE_NAMES.map((name): Message => ({ name, field: [field(name, 1)] }));
    const said: string[] = [];
    const tell = async (what: string, files: Uint8Array[]) => {
      said.push(`${what}: ${(await add(client, files)).slice(0, 300)}`);
    };
    await tell("names of JavaScript", [file("odd.proto", [odd, ...named])]);
    assert.match(said[0], /1 taken/);
    const unspeakable = ["$typeName", "a b", "a.b", "", "1a", "\u202ea", "<b>"].map((name) =>
      file("named.proto", [{ name: "Named", field: [field(name, 1)] }])
    );
    for (const one of unspeakable) await tell("a name that is none", [one]);
    assert.match(said[1], /refused: .*invalid field name "\$typeName"/);
    const self = { name: "Self", field: [field("self", 1, ".evil.Self")] };
    const pair = ["A", "B"].map((name) => ({
      name,
      field: [field("other", 1, `.evil.${name === "A" ? "B" : "A"}`)],
    }));
    await tell("types that hold themselves", [file("self.proto", [self, ...pair])]);
    assert.match(said.at(-1)!, /1 taken/);
    await tell("imports in a circle", [
      file("one.proto", [], { dependency: ["two.proto"] }),
      file("two.proto", [], { dependency: ["one.proto"] }),
    ]);
    assert.match(said.at(-1)!, /in a circle/);
    const numbers = Array.from({ length: FIELDS }, (_, index) => field(`f${index}`, index + 1));
    const wide = { name: "Wide", field: numbers.slice(0, FIELDS_A_FRAME) };
    await tell(`${FIELDS_A_FRAME} fields in a type`, [file("wide.proto", [wide])]);
    assert.match(said.at(-1)!, /refused/);
    const parts = Array.from({ length: Math.ceil(FIELDS / FIELDS_A_FILE) }, (_, part) => {
      const some = numbers.slice(0, FIELDS_A_FILE);
      return file(`wide${part}.proto`, [{ name: `Wide${part}`, field: some }]);
    });
    for (const part of parts) await tell("a part of them", [part]);
    assert(said.some((each) => /part of them: 1 taken/.test(each)));
    assert.match(said.at(-1)!, /refused: .*bytes/, "all of them are more than a server holds");
    await tell("types within types", [file("deep.proto", [nested(NESTED_TYPES)])]);
    assert.match(said.at(-1)!, /refused/);
    const number = {
      name: "Zero",
      field: [field("zero", 0), field("minus", -1), field("twice", 5)],
    };
    number.field.push(field("again", 5));
    await tell("numbers that are none", [file("zero.proto", [number])]);

    // What was taken is used.
    const text = new TextEncoder().encode("x");
    const payload = Uint8Array.from(
      HOSTILE_NAMES.flatMap((_, index) => [...lengthDelimited(index + 1, text)]),
    );
    contentOf(await client.ask(publish({ topic: "held.odd", payload })), "ack");
    contentOf(await client.ask(publish({ topic: "held.self", payload: within(50) })), "ack");
    const deep = await client.ask(publish({ topic: "held.self", payload: within(NESTED_VALUES) }));
    assert.equal(contentOf(deep, "error").code, ErrorCode.INVALID_ARGUMENT);
    const { answer } = await ask(client, Types.method.list, {});
    assert(answer!.types.includes("evil.__proto__"));
    // And the client library, as the command line does, reads them.
    await using library = await connect(`parley://127.0.0.1:${server.ports.tcp}`);
    const known = await ask(client, Types.method.get, { type: "evil.Odd" });
    const { types } = linkAll(known.answer!.files.map((each) => readTypeFile(each.fileDescriptor)));
    const { json } = types.decode("evil.Odd", payload) as { json: Record<string, unknown> };
    assert.deepEqual(Object.keys(json).sort(), [...HOSTILE_NAMES].sort());
    assert.equal(json["toString"], "x");
    await library.publish("held.odd", payload);
    assert.equal(({} as Record<string, unknown>)["x"], undefined);
    assert.deepEqual(Object.keys(Object.prototype), [], "nothing is everybody's");
    assert.equal((await server.stats()).internalErrors, 0);
    return `${said.length} sets, ${said.filter((each) => each.includes("taken")).length} taken, ` +
      `${server.mostAboveQuietMiB} MiB above quiet`;
  });
});
