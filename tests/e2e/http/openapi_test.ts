/**
 * Holds docs/openapi.json to the routes that there are, and to what a server really answers.
 */
import assert from "node:assert/strict";
import { ROUTES } from "../../../lib/adapters/http/routes.ts";
import { ask, EventReader } from "../../support/http_api.ts";
import { startServer } from "../../support/server.ts";
import { openApi } from "../../../tools/openapi.ts";

// deno-lint-ignore no-explicit-any
type Json = any;

const file: Json = JSON.parse(
  await Deno.readTextFile(new URL("../../../docs/openapi.json", import.meta.url)),
);

Deno.test("openapi: the file is up to date", () => {
  assert.deepEqual(file, JSON.parse(JSON.stringify(openApi())), "run tools/openapi.ts");
});

Deno.test("openapi: each route is described with its parameters, and nothing else is", () => {
  const described = Object.entries<Json>(file.paths).flatMap(([path, methods]) =>
    Object.entries<Json>(methods).map(([method, { parameters = [] }]) => {
      const query = parameters.filter((one: Json) => one.in === "query");
      for (const one of query) assert(one.description && one.schema, `${path} ${one.name}`);
      return `${method.toUpperCase()} ${path} ${query.map((one: Json) => one.name)}`;
    })
  );
  const routes = ROUTES.map(({ method, path, query }) =>
    `${method} ${path.replace("+}", "}")} ${query}`
  );
  assert.deepEqual(described.sort(), routes.sort());
});

Deno.test("openapi: every method of the server's own has a route", async () => {
  await using server = await startServer();
  const { json } = await ask(server, "/v1/call/parley.v1.Nobody/Nothing");
  const methods: string[] = json.accepted.split(", ");
  assert(methods.length > 20, "the refusal names them");
  const routes = ROUTES.map(({ path }) => path.slice(1)).filter((path) =>
    path.startsWith("parley.")
  );
  assert.deepEqual(routes.sort(), methods.sort());
});

/** What is wrong with a value by a schema of the file. */
function faults(value: Json, schema: Json, at = ""): string[] {
  if (schema.$ref !== undefined) {
    return faults(value, file.components.schemas[schema.$ref.split("/").at(-1)], at);
  }
  if (schema.oneOf !== undefined) {
    const fits = schema.oneOf.filter((one: Json) => faults(value, one, at).length === 0);
    return fits.length === 1 ? [] : [`${at}: ${fits.length} of oneOf fit ${JSON.stringify(value)}`];
  }
  if (schema.enum !== undefined && !schema.enum.includes(value)) return [`${at}: ${value}`];
  switch (schema.type) {
    case "object": {
      if (typeof value !== "object" || value === null) return [`${at} is no object`];
      const { properties = {}, required = [], additionalProperties } = schema;
      return [
        ...required.filter((name: string) => !(name in value)).map((name: string) =>
          `${at}.${name} is missing`
        ),
        ...Object.entries(value).flatMap(([name, one]) =>
          name in properties
            ? faults(one, properties[name], `${at}.${name}`)
            : additionalProperties === false
            ? [`${at}.${name} is not described`]
            : []
        ),
      ];
    }
    case "array":
      return value.flatMap((one: Json, index: number) =>
        faults(one, schema.items, `${at}[${index}]`)
      );
    case "integer":
      return Number.isSafeInteger(value) && value >= (schema.minimum ?? -Infinity) ? [] : [at];
    case "string":
      return typeof value === "string" ? [] : [`${at} is no string`];
    case "boolean":
      return typeof value === "boolean" ? [] : [`${at} is no boolean`];
    default:
      return [];
  }
}

function fits(value: Json, path: string, method = "post", status = "200"): void {
  const [content] = Object.values<Json>(file.paths[path][method].responses[status].content);
  assert.deepEqual(faults(value, content.schema), [], `${path}: ${JSON.stringify(value)}`);
}

Deno.test("openapi: what a server answers is as it is described", async () => {
  await using server = await startServer({
    keep: [{ pattern: "k" }],
    queue: [{ name: "q", max_deliveries: 1, bind: ["b"] }],
  });
  const json = async (path: string, body: Json = "") =>
    (await ask(server, path, { body, headers: { "content-type": "application/json" } })).json;
  fits(await json("/v1/publish/plain"), "/v1/publish/{topic}");
  fits(await json("/v1/publish/k"), "/v1/publish/{topic}");
  fits(await json("/v1/publish/a.*"), "/v1/publish/{topic}", "post", "default");
  fits(await json("/v1/queues/q?key=k&priority=1&type=t", '{"n":1}'), "/v1/queues/{queue}");
  await json("/v1/publish/b", "event");
  const pulled = await json("/v1/queues/q/pull?max=10");
  assert.equal(pulled.jobs.length, 2);
  fits(pulled, "/v1/queues/{queue}/pull");
  const tokens = pulled.jobs.map(({ token }: Json) => token);
  const settle = { tokens, verdict: "reject", error: "no" };
  assert.deepEqual(faults(settle, file.components.schemas.Settle), []);
  fits(await json("/v1/queues/q/settle", JSON.stringify(settle)), "/v1/queues/{queue}/settle");
  const dead = await json("/v1/queues/q.dead/pull?max=10&wait_ms=10000");
  assert(dead.jobs.length > 0);
  fits(dead, "/v1/queues/{queue}/pull");
  fits(await json("/v1/call/acme.None"), "/v1/call/{method}", "post", "default");
  await using reader = await EventReader.open(server, "pattern=k&since=all");
  fits((await reader.next())?.data, "/v1/events", "get");
  fits(
    await json("/parley.v1.Queues/Info", '{"queue":"none"}'),
    "/parley.v1.Queues/Info",
    "post",
    "default",
  );
});
