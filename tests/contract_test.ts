/**
 * The contract lasts: everything that proto/released.json promises is there as it was, and every method of
 * the server's own that proto/ describes is answered.
 */
import assert from "node:assert/strict";
import type { DescMessage } from "@bufbuild/protobuf";
import { Admin } from "../lib/gen/parley/v1/admin_pb.ts";
import { Demo } from "../lib/gen/parley/v1/demo_pb.ts";
import { Queues } from "../lib/gen/parley/v1/queue_pb.ts";
import { Rooms } from "../lib/gen/parley/v1/room_pb.ts";
import { Server } from "../lib/gen/parley/v1/server_pb.ts";
import { Cluster } from "../lib/gen/parley/v1/cluster_pb.ts";
import { Services } from "../lib/gen/parley/v1/service_pb.ts";
import { Users } from "../lib/gen/parley/v1/user_pb.ts";
import { Topics } from "../lib/gen/parley/v1/topic_pb.ts";
import { Types } from "../lib/gen/parley/v1/type_pb.ts";
import { connect, ErrorCode } from "../lib/client/mod.ts";
import { type Outcome, outcomeOf, root } from "./interop/programs.ts";
import { PROTO_FILES } from "./support/proto_files.ts";
import { startServer } from "./support/server.ts";

interface ReleasedMessage {
  readonly name: string;
  readonly field?: readonly { name: string; number: number; type: string }[];
  readonly nestedType?: readonly ReleasedMessage[];
  readonly options?: { readonly mapEntry?: boolean };
}

interface ReleasedFile {
  readonly name: string;
  readonly messageType?: readonly ReleasedMessage[];
  readonly enumType?: readonly {
    name: string;
    value: readonly { name: string; number?: number }[];
  }[];
  readonly service?: readonly { name: string; method: readonly { name: string }[] }[];
}

const released: { readonly file: readonly ReleasedFile[] } = JSON.parse(
  await Deno.readTextFile(new URL("../proto/released.json", import.meta.url)),
);

/** What of a message that was released is not there as it was. */
function missingOf(was: ReleasedMessage, is: DescMessage | undefined): string[] {
  if (is === undefined) return [`message ${was.name}`];
  const fields = (was.field ?? []).filter(({ name, number }) =>
    is.fields.find((field) => field.name === name)?.number !== number
  );
  const nested = (was.nestedType ?? []).filter(({ options }) => options?.mapEntry !== true)
    .flatMap((each) => missingOf(each, is.nestedMessages.find(({ name }) => name === each.name)));
  return [...fields.map(({ name, number }) => `${was.name}.${name} = ${number}`), ...nested];
}

/** What of a file that was released is not there as it was. */
function missing(was: ReleasedFile): string[] {
  const is = PROTO_FILES.find(({ proto }) => proto.name === was.name);
  if (is === undefined) return [was.name];
  return [
    ...(was.messageType ?? []).flatMap((each) =>
      missingOf(each, is.messages.find(({ name }) => name === each.name))
    ),
    ...(was.enumType ?? []).flatMap((each) => {
      const now = is.enums.find(({ name }) => name === each.name);
      return each.value.filter(({ name, number = 0 }) =>
        now?.values.find((value) => value.name === name)?.number !== number
      ).map(({ name }) => `${each.name}.${name}`);
    }),
    ...(was.service ?? []).flatMap((each) => {
      const now = is.services.find(({ name }) => name === each.name);
      return each.method.filter(({ name }) => now?.methods.every((method) => method.name !== name))
        .map(({ name }) => `${each.name}/${name}`);
    }),
  ];
}

Deno.test("everything that was released is there, under the same numbers", () => {
  const files = released.file.filter(({ name }) => name.startsWith("parley/"));
  assert(files.length > 0 && PROTO_FILES.length >= files.length);
  assert.deepEqual(files.flatMap(missing), []);
});

Deno.test("what is deleted or renumbered is found", () => {
  const envelope = released.file.find(({ name }) => name.endsWith("envelope.proto"))!;
  const message = envelope.messageType!.find(({ name }) => name === "ClientMessage")!;
  const settle = message.field!.find(({ name }) => name === "settle")!;
  const other = { ...message, field: [{ ...settle, number: 99 }] };
  assert.deepEqual(missing({ ...envelope, messageType: [other] }), ["ClientMessage.settle = 99"]);
  const queue = released.file.find(({ name }) => name.endsWith("queue.proto"))!;
  const verdicts = queue.enumType!.find(({ name }) => name === "Verdict")!;
  assert(verdicts.value.some(({ name }) => name === "VERDICT_EXTEND"), "it is released");
  const gone = { ...verdicts, value: [{ name: "VERDICT_GONE", number: 77 }] };
  assert.deepEqual(missing({ ...queue, messageType: [], enumType: [gone] }), [
    "Verdict.VERDICT_GONE",
  ]);
});

/** Copies proto/ to `folder` with one place of it changed, and gives what \`buf breaking\` says of the copy. */
async function breaking(path: string, before: string, after: string): Promise<Outcome> {
  const folder = await Deno.makeTempDir({ prefix: "parley-breaking-" });
  try {
    await Deno.mkdir(`${folder}/proto/parley/v1`, { recursive: true });
    await Deno.copyFile(`${root}/buf.yaml`, `${folder}/buf.yaml`);
    for (const { name } of Deno.readDirSync(`${root}/proto/parley/v1`)) {
      const text = await Deno.readTextFile(`${root}/proto/parley/v1/${name}`);
      const changed = name === path ? text.replace(before, after) : text;
      assert(name !== path || before === after || changed !== text, `${path} has ${before}`);
      await Deno.writeTextFile(`${folder}/proto/parley/v1/${name}`, changed);
    }
    const args = ["breaking", folder, "--against", "proto/released.json"];
    return await outcomeOf(Deno.execPath(), ["run", "--allow-all", "tools/buf.ts", ...args]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("buf breaking refuses what is deleted or renumbered, and takes what is there", async () => {
  const [same, deleted, renumbered] = await Promise.all([
    breaking("queue.proto", "", ""),
    breaking("queue.proto", "  VERDICT_EXTEND = 5;\n", ""),
    breaking("envelope.proto", "Settle settle = 17;", "Settle settle = 18;"),
  ]);
  assert.equal(same.code, 0, `${same.stdout}${same.stderr}`);
  assert.notEqual(deleted.code, 0);
  assert.match(deleted.stdout, /"5" on enum "Verdict"/);
  assert.notEqual(renumbered.code, 0);
  assert.match(renumbered.stdout, /"17".*"settle".*"ClientMessage"/);
});

Deno.test("a server answers every method that proto/ describes, and names them for one that it has not", async () => {
  await using server = await startServer();
  await using client = await connect(`parley://127.0.0.1:${server.port("tcp")}`);
  const names = [Demo, Rooms, Topics, Queues, Types, Services, Users, Admin, Server, Cluster]
    .flatMap((
      service,
    ) => service.methods.map(({ name }) => `${service.typeName}/${name}`));
  const check = async (method: string) => {
    const answer = await client.call(method, new Uint8Array(0)).then(() => null, (error) => error);
    assert.notEqual(answer?.code, ErrorCode.UNIMPLEMENTED, method);
  };
  // The server answers it, and then stops.
  const last = "parley.v1.Admin/Drain";
  for (const method of names) if (method !== last) await check(method);
  await assert.rejects(client.call("parley.v1.Rooms/Nothing", new Uint8Array(0)), {
    code: ErrorCode.UNIMPLEMENTED,
    accepted: names.join(", "),
  });
  await check(last);
});
