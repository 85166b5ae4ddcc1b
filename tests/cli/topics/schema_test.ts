/**
 * Message types on the command line, against a real server in this process: `schema add|check|ls|rm`, and how
 * payloads are shown and made by them.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { descriptorSet, source } from "../../support/descriptors.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { begin, type FakeOptions, run } from "../fake_io.ts";

function urlOf(server: TestServer): string {
  return `parley://127.0.0.1:${server.port("tcp")}`;
}

function ask(server: TestServer, args: readonly string[], options: FakeOptions = {}) {
  return run(args, { environment: { PARLEY_SERVER: urlOf(server) }, ...options });
}

async function output(server: TestServer, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await ask(server, args);
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout;
}

/** A descriptor set on disk, with this body of `acme.v1`. */
async function setFile(body: string): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempFile({ suffix: ".binpb" });
  await Deno.writeFile(path, await descriptorSet({ "acme/v1/order.proto": source(body) }));
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path) };
}

const ORDER = `
message Order { string id = 1; int64 cents = 2; }
message GetRequest { string id = 1; }
service Shop { rpc Get(GetRequest) returns (Order); }`;
const JSON_TEXT = '{"id": "7", "cents": "9007199254740993"}';
const SHOWN = '{"id":"7","cents":"9007199254740993"}';

Deno.test("types are added, checked, listed and removed", async () => {
  await using server = await startServer();
  await using good = await setFile(ORDER);
  await using bad = await setFile(ORDER.replace("int64", "string"));
  assert.match(await output(server, "schema", "ls"), /^no message types: /);
  assert.equal(
    await output(server, "schema", "check", good.path),
    "would add acme/v1/order.proto\n",
  );
  assert.equal(await output(server, "schema", "add", good.path), "added acme/v1/order.proto\n");
  assert.equal(await output(server, "schema", "add", good.path), "nothing changes\n");
  const { files, types } = JSON.parse(await output(server, "schema", "ls", "--json"));
  assert.deepEqual(files.map(({ path, version }: Record<string, unknown>) => [path, version]), [
    ["acme/v1/order.proto", 1],
  ]);
  assert.deepEqual(types, ["acme.v1.GetRequest", "acme.v1.Order"]);
  const checked = await ask(server, ["schema", "check", bad.path, "--json"]);
  assert.equal(checked.code, 1);
  const breaks = ["acme.v1.Order.cents changed from int64 to string"];
  assert.deepEqual(JSON.parse(checked.stdout).breaks, breaks);
  const refused = await ask(server, ["schema", "add", bad.path]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /changed from int64 to string .*--allow-breaking/);
  const taken = await output(server, "schema", "add", bad.path, "--allow-breaking");
  assert.equal(taken, `changed acme/v1/order.proto\nbreaks: ${breaks[0]}\n`);
  assert.equal(await output(server, "schema", "rm", "acme/v1/order.proto"), "removed 1 file\n");
  const gone = await ask(server, ["schema", "rm", "acme/v1/order.proto"]);
  assert.deepEqual([gone.code, gone.stdout], [1, ""]);
  for (const path of [`${good.path}.not`, "deno.json"]) {
    const wrong = await ask(server, ["schema", "add", path]);
    assert.equal(wrong.code, 2, wrong.stderr);
    assert.match(wrong.stderr, /^parley: schema add: cannot read ".*"/);
  }
});

Deno.test("events and jobs of known types are made of JSON, and shown as it", async () => {
  await using server = await startServer();
  await using set = await setFile(ORDER);
  await output(server, "schema", "add", set.path);
  const sub = begin(["sub", "o.>", "--count", "3"], {
    environment: { PARLEY_SERVER: urlOf(server) },
  });
  await sub.says("subscribed");
  const made = ["--type", "acme.v1.Order", "--encode"];
  await output(server, "pub", "o.a", JSON_TEXT, ...made);
  await output(server, "pub", "o.a", "{", "--type", "acme.v1.Order");
  await output(server, "pub", "o.a", "text", "--type", "acme.v1.Other");
  const { stdout } = await sub.ended;
  const lines = stdout.trimEnd().split("\n").map((line) => line.split("  ").slice(4).join("  "));
  assert.equal(lines[0], SHOWN);
  assert.match(lines[1], /^\{ {2}\(it is no acme\.v1\.Order: .+\)$/);
  assert.equal(lines[2], "text");
  await output(server, "queue", "push", "q", JSON_TEXT, ...made);
  await output(server, "queue", "push", "q", "{", "--type", "acme.v1.Order");
  const peeked = (await output(server, "queue", "peek", "q", "--json")).trimEnd().split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(peeked[0].decoded, JSON.parse(SHOWN));
  assert.match(peeked[1].decode_error, /^it is no acme\.v1\.Order: /);
  const pulled = await ask(server, ["queue", "pull", "q", "--count", "1", "--json"]);
  assert.deepEqual(JSON.parse(pulled.stdout).decoded, JSON.parse(SHOWN));
  // What was printed can be pushed again, whatever could be read of it.
  const again = await ask(server, ["queue", "push", "--json-lines", "q2"], {
    stdin: peeked.map((job) => JSON.stringify(job)).join("\n"),
  });
  assert.equal(again.code, 0, again.stderr);
  const untyped = await ask(server, ["pub", "o.a", "{}", "--encode"]);
  assert.equal(untyped.code, 1);
  assert.match(untyped.stderr, /without a type; accepted: --type TYPE/);
  const wrong = await ask(server, ["pub", "o.a", '{"id": 7}', ...made]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /cannot encode acme\.v1\.Order: .*expected string, got 7/);
});

Deno.test("types of a file go before those of the server, and are not sent to it", async () => {
  await using server = await startServer();
  await using set = await setFile(ORDER);
  await using client = await connect(urlOf(server));
  await using _service = await client.serve("acme.v1.Shop/Get", ({ payload }) => payload);
  const proto = ["--proto", set.path];
  const answer = await output(
    server,
    ...["call", "acme.v1.Shop/Get", '{"id": "7"}', "--encode", "--json", ...proto],
  );
  assert.deepEqual(JSON.parse(answer).decoded, { id: "7" });
  assert.match(await output(server, "schema", "ls"), /^no message types/);
  const unknown = await ask(server, ["call", "acme.v1.Shop/Put", "{}", "--encode", ...proto]);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /"acme\.v1\.Shop\/Put": the method is not known/);
  const missing = await ask(server, ["sub", "o.>", "--proto", "nowhere.binpb"]);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /--proto: cannot read "nowhere\.binpb"/);
});

Deno.test("Parley's own types are known without being added", async () => {
  await using server = await startServer();
  const args = ["call", "parley.v1.Rooms/ClaimName", '{"name": "ada"}', "--encode", "--json"];
  assert.equal(JSON.parse(await output(server, ...args)).decoded.name, "ada");
});
