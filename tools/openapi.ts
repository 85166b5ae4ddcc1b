/**
 * Writes docs/openapi.json: the description of the http listener for tools, from the table of routes and what is said
 * of each here. tests/e2e/http/openapi_test.ts holds the file to this, and this to real answers.
 *
 *   deno run -A tools/openapi.ts
 */
import { SERVICES } from "../lib/adapters/http/api/connect.ts";
import { type Route, ROUTES } from "../lib/adapters/http/routes.ts";
import { VERSION } from "../lib/base/version.ts";

type Json = Record<string, unknown>;

const text = { type: "string" };
const whole = { type: "integer", minimum: 0 };
const flag = { type: "boolean" };
const list = (items: Json) => ({ type: "array", items });
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

/** An object all of whose fields are told, of which some need not be there. */
function object(properties: Record<string, Json>, optional: string[] = []): Json {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", properties, required, additionalProperties: false };
}

const level = { type: "string", enum: ["ROUTED", "FSYNCED", "REPLICATED"] };
const headers = { type: "object", additionalProperties: text };
const message = {
  type: text,
  message_id: text,
  topic: text,
  headers,
  data: { description: "The payload: any JSON if its content-type says so, otherwise a text." },
  data_base64: { type: "string", contentEncoding: "base64" },
};

/** What is said in JSON. */
const SCHEMAS: Record<string, Json> = {
  Published: {
    oneOf: [
      object({ level, receivers: whole }),
      object({ level, seq: whole, duplicate: flag }),
    ],
  },
  Pushed: object({ level, id: whole, duplicate: flag }),
  Job: object({
    token: text,
    queue: text,
    id: whole,
    attempt: whole,
    redelivered: flag,
    lease_ms: whole,
    time: { type: "string", format: "date-time" },
    sender: text,
    key: text,
    priority: whole,
    death: object({
      reason: { type: "string", enum: ["MAX_DELIVERIES", "REJECTED"] },
      attempts: whole,
      time: { type: "string", format: "date-time" },
      queue: text,
      id: whole,
      last_error: text,
    }, ["last_error"]),
    ...message,
  }, [...Object.keys(message), "key", "priority", "death"]),
  Pulled: object({ jobs: list(ref("Job")) }),
  Settle: object({
    tokens: { ...list(text), minItems: 1, maxItems: 1000 },
    verdict: { type: "string", enum: ["ack", "nack", "reject", "release", "extend"] },
    delay_ms: whole,
    error: text,
  }, ["delay_ms", "error"]),
  Settled: object({ level, late: list(text) }),
  Event: object({
    ...message,
    topic: text,
    seq: whole,
    time: { type: "string", format: "date-time" },
    sender: text,
  }, ["seq", ...Object.keys(message).filter((name) => name !== "topic")]),
  Problem: object({
    title: text,
    status: { type: "integer" },
    detail: text,
    code: text,
    retryable: flag,
    accepted: text,
  }, ["accepted"]),
  ConnectError: object({ code: text, message: text, details: list({ type: "object" }) }, [
    "message",
    "details",
  ]),
};

/** What is said of a parameter. */
const PARAMETERS: Record<string, Json> = {
  type: { description: "The message type.", schema: text },
  timeout_ms: { description: "How long the call may take.", schema: { ...whole, minimum: 1 } },
  priority: { description: "Higher ones are handed out first.", schema: { ...whole, maximum: 9 } },
  key: {
    description: "Jobs of one key run one after the other, in an ordered queue.",
    schema: text,
  },
  delay_ms: { description: "The job is not handed out before.", schema: whole },
  max: { description: "The most jobs.", schema: { type: "integer", minimum: 1, maximum: 1000 } },
  wait_ms: { description: "How long to wait for a job.", schema: { ...whole, maximum: 60_000 } },
  pattern: { description: "Which topics.", schema: text },
  since: {
    description:
      "new, all, last, last:N, a seq, an age like 2h, or a moment like 2026-01-20T15:00:00Z.",
    schema: text,
  },
  overflow: {
    description: "What happens when the client reads too slowly.",
    schema: { type: "string", enum: ["disconnect", "drop_oldest", "drop_newest", "catch_up"] },
  },
};

/** What is said of a route: a line, its body and its answer. */
const DESCRIBED: Record<string, { summary: string; body?: Json; answer: Json }> = {
  "/v1/publish/{topic}": {
    summary: "Publishes the body.",
    body: anything(),
    answer: ofJson("Published"),
  },
  "/v1/queues/{queue}": {
    summary: "Pushes the body as a job.",
    body: anything(),
    answer: ofJson("Pushed"),
  },
  "/v1/queues/{queue}/pull": { summary: "Takes jobs of a queue.", answer: ofJson("Pulled") },
  "/v1/queues/{queue}/settle": {
    summary: "Says what becomes of jobs that were pulled.",
    body: ofJson("Settle"),
    answer: ofJson("Settled"),
  },
  "/v1/call/{method+}": {
    summary: "Calls a method with the body, and gives the payload of its answer.",
    body: anything(),
    answer: anything(),
  },
  "/v1/events": {
    summary: "Events of a pattern as server-sent events, each with an Event as its data.",
    answer: { "text/event-stream": { schema: ref("Event") } },
  },
};

function ofJson(schema: string): Json {
  return { "application/json": { schema: ref(schema) } };
}

function anything(): Json {
  return { "*/*": { schema: {} } };
}

/** What the methods of the server's own take and give. */
const METHODS = new Map(
  SERVICES.flatMap((service) =>
    service.methods.map((method): [string, { input: string; output: string }] => [
      `/${service.typeName}/${method.name}`,
      { input: method.input.typeName, output: method.output.typeName },
    ])
  ),
);

function operationOf({ path, query }: Route): Json {
  const names = [...path.matchAll(/\{(\w+)\+?\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: text,
  }));
  const parameters = [
    ...names,
    ...query.map((name) => ({ name, in: "query", ...PARAMETERS[name] })),
  ];
  const problem = { "application/problem+json": { schema: ref("Problem") } };
  const own = METHODS.get(path);
  if (own !== undefined) {
    const proto = (type: string) => ({
      "application/json": { schema: { type: "object", description: `${type} in JSON` } },
      "application/proto": { schema: { type: "string", description: type } },
    });
    return {
      summary: `The method ${path.slice(1)} of the server's own, by Connect.`,
      requestBody: { required: true, content: proto(own.input) },
      responses: {
        200: { description: own.output, content: proto(own.output) },
        default: { description: "An error of Connect.", content: ofJson("ConnectError") },
      },
    };
  }
  const { summary, body, answer } = DESCRIBED[path];
  return {
    summary,
    ...parameters.length === 0 ? {} : { parameters },
    ...body === undefined ? {} : { requestBody: { content: body } },
    responses: {
      200: { description: "It was done.", content: answer },
      default: { description: "It was refused.", content: problem },
    },
  };
}

/** The description. */
export function openApi(): Json {
  const paths: Record<string, Json> = {};
  for (const route of ROUTES) {
    const path = route.path.replace("+}", "}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Parley over HTTP",
      version: VERSION,
      description:
        "See http.md. Connections are WebSockets at /ws; pages are described in operations.md.",
    },
    servers: [{ url: "http://localhost:7380" }],
    security: [{}, { basic: [] }, { bearer: [] }],
    paths,
    components: {
      securitySchemes: {
        basic: { type: "http", scheme: "basic" },
        bearer: { type: "http", scheme: "bearer" },
      },
      schemas: SCHEMAS,
    },
  };
}

if (import.meta.main) {
  const file = new URL("../docs/openapi.json", import.meta.url);
  await Deno.writeTextFile(file, `${JSON.stringify(openApi(), null, 2)}\n`);
}
