/**
 * Every number of the administration and of HTTP at −1, 0, 2³¹ and 2⁵³, and around them: a typed answer each time, and the server
 * goes on. Made of the descriptors and of docs/openapi.json, so that a new number is tested by itself.
 */
import assert from "node:assert/strict";
import {
  type DescField,
  type DescMessage,
  type DescMethod,
  type Message,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { ErrorCode } from "../../../lib/base/errors.ts";
import { BusClient } from "../../support/bus_client.ts";
import { contentOf, echoMessage, join, varint } from "../../support/frames.ts";
import { ask as askHttp, urlOf } from "../../support/http_api.ts";
import { lengthDelimited, OWN_METHODS, sensibleRequest } from "../../support/own_requests.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { settles } from "../../support/until.ts";

const VALUES = [-1n, 0n, 1n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n - 1n, 2n ** 53n];
const LARGEST = 2n ** 64n;
/** How deep messages in messages are looked into. */
const MAX_DEPTH = 3;

/** A numeric field of a request: the fields that lead to it, and itself. */
type Place = readonly DescField[];

function isNumber(field: DescField): boolean {
  const { fieldKind, scalar } = field;
  if (fieldKind === "enum") return true;
  if (fieldKind === "list") return field.listKind === "scalar" && isNumeric(field.scalar);
  return fieldKind === "scalar" && isNumeric(scalar!);
}

function isNumeric(scalar: ScalarType): boolean {
  return ![ScalarType.STRING, ScalarType.BYTES, ScalarType.BOOL].includes(scalar);
}

/** All numeric fields of a message and of those in it. */
function placesOf(schema: DescMessage, above: Place = []): Place[] {
  return schema.fields.flatMap((field) => {
    const place = [...above, field];
    if (isNumber(field)) return [place];
    const isDeep = field.fieldKind === "message" && above.length < MAX_DEPTH;
    return isDeep ? placesOf(field.message, place) : [];
  });
}

/** The bytes of a number in a field, as its type has it. */
function encoded({ number, scalar, fieldKind }: DescField, value: bigint): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(8));
  if (scalar === ScalarType.DOUBLE && fieldKind === "scalar") {
    view.setFloat64(0, Number(value), true);
    return join(varint(number * 8 + 1), new Uint8Array(view.buffer));
  }
  return join(varint(number * 8), varint(value < 0n ? LARGEST + value : value));
}

/** A request that makes sense but for the number at a place. */
function requestWith(method: DescMethod, place: Place, value: bigint): Uint8Array<ArrayBuffer> {
  const inner = place.toReversed().reduce<Uint8Array<ArrayBuffer>>(
    (body, field, index) =>
      index === 0 ? encoded(field, value) : lengthDelimited(field.number, body),
    new Uint8Array(0),
  );
  // Behind the rest: of what comes twice the last counts, and messages are merged.
  return join(
    new Uint8Array(toBinary(method.input, sensibleRequest(method.input) as Message)),
    inner,
  );
}

Deno.test("every number of the server's own methods brings a typed answer, and the server goes on", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-numbers-" });
  try {
    await Deno.writeTextFile(`${folder}/users.toml`, "");
    await using server = await startServer({ keep: [{ pattern: "k.>" }], data: `${folder}/data` });
    await using client = await BusClient.connect(server, "tcp");
    const counts = { numbers: 0, answers: 0, refusals: 0 };
    for (const method of OWN_METHODS) {
      // It has no numbers, and ends the server.
      if (method.name === "Drain") continue;
      for (const place of placesOf(method.input)) {
        counts.numbers++;
        for (const value of VALUES) {
          const payload = requestWith(method, place, value);
          const name = `${method.parent.typeName}/${method.name}`;
          const request = { case: "call", value: { method: name, payload } } as const;
          const said = `${name} ${place.map(({ name }) => name).join(".")}=${value}`;
          const answer = await settles(client.ask({ message: request }), said);
          if (answer.message.case === "answer") counts.answers++;
          else {
            counts.refusals++;
            const { code, message: text } = contentOf(answer, "error");
            assert.notEqual(code, ErrorCode.INTERNAL, `${said}: ${text}`);
            assert.notEqual(text, "");
          }
        }
      }
    }
    const echo = await client.ask(echoMessage("still there"));
    assert.equal(contentOf(echo, "echoMessage").content, "still there");
    assert.equal(server.stats().internalErrors, 0);
    console.log(JSON.stringify(counts));
    assert(counts.numbers > 50, JSON.stringify(counts));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

interface Parameter {
  readonly in: string;
  readonly name: string;
  readonly schema: { readonly type: string };
}

/** The paths and methods of docs/openapi.json with their numeric parameters. */
async function httpNumbers(): Promise<{ path: string; method: string; name: string }[]> {
  const file = new URL("../../../docs/openapi.json", import.meta.url);
  const { paths } = JSON.parse(await Deno.readTextFile(file)) as {
    paths: Record<string, Record<string, { parameters?: Parameter[] }>>;
  };
  const named = (path: string) =>
    path.replace("{topic}", "k.a").replace("{queue}", "q").replace(
      "{method}",
      "parley.v1.Demo/Echo",
    );
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { parameters = [] }]) =>
      parameters.filter(({ schema }) => schema.type === "integer")
        .map(({ name }) => ({ path: named(path), method: method.toUpperCase(), name }))
    )
  );
}

const TEXTS = [
  "-1",
  "0",
  "1",
  "2147483648",
  "9007199254740992",
  "18446744073709551616",
  "1e3",
  "NaN",
  "",
];

Deno.test("every number of HTTP brings a typed answer, and the server goes on", async () => {
  await using server = await startServer({ keep: [{ pattern: "k.>" }] });
  const numbers = await httpNumbers();
  assert(numbers.length >= 5);
  for (const { path, method, name } of numbers) {
    for (const text of TEXTS) {
      const { status, json } = await askHttp(server, `${path}?${name}=${text}`, { method });
      checkTyped(status, json, `${path} ${name}=${text}`);
    }
  }
  // Those in JSON: of a settle, and of the server's own methods by Connect.
  const headers = { "content-type": "application/json" };
  for (const text of ["-1", "0", "2147483648", "9007199254740992", "1e400", '"x"', "0.5"]) {
    const settle = `{"tokens":["a.1.1"],"verdict":"nack","delay_ms":${text}}`;
    const said = await askHttp(server, "/v1/queues/q/settle", { body: settle, headers });
    checkTyped(said.status, said.json, `settle ${text}`);
    for (const method of ["Queues/Peek", "Topics/List", "Server/History"]) {
      const body = `{"limit":${text}}`;
      const { status } = await askHttp(server, `/parley.v1.${method}`, { body, headers });
      assert(status < 500, `${method} ${text}: ${status}`);
    }
  }
  for (const text of TEXTS) await streamBegins(server, text);
  const { status } = await askHttp(server, "/v1/publish/k.a", { body: "x" });
  assert.equal(status, 200);
  assert.equal(server.stats().internalErrors, 0);
});

// deno-lint-ignore no-explicit-any
function checkTyped(status: number, json: any, what: string): void {
  assert(status < 500, `${what}: ${status}`);
  if (status < 300) return;
  assert.equal(json.status, status, what);
  assert.equal(typeof json.code, "string", what);
  assert.equal(typeof json.accepted, "string", what);
}

/** Asks for events since that, and goes as soon as the stream begins, or is refused. */
async function streamBegins(server: TestServer, since: string): Promise<void> {
  const leaving = new AbortController();
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  try {
    const url = urlOf(server, `/v1/events?pattern=k.a&since=${since}`);
    const response = await settles(fetch(url, { signal: leaving.signal, client }), url);
    if (response.status === 200) return;
    checkTyped(response.status, await response.json(), url);
  } finally {
    leaving.abort();
    client.close();
  }
}
