/**
 * What a server that a user starts tells an OpenTelemetry collector: the spans of messages whose senders follow them, and
 * nothing of any other.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { connect } from "../../lib/client/mod.ts";
import { childEnvironment, root } from "../interop/programs.ts";
import { settles, until } from "../support/until.ts";

/** A span as OTLP has it in JSON. */
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes?: readonly { key: string; value: Record<string, unknown> }[];
  readonly status?: { readonly code?: number; readonly message?: string };
}

/** A collector that keeps what is sent to it. */
class Collector implements AsyncDisposable {
  readonly spans: Span[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => this.#take(request),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** The spans of a trace, each as its name behind those of its parents. */
  pathsOf(traceId: string): string[] {
    const own = this.spans.filter((span) => span.traceId === traceId);
    const byId = new Map(own.map((span) => [span.spanId, span]));
    const path = (span: Span): string => {
      const parent = byId.get(span.parentSpanId ?? "");
      return parent === undefined ? span.name : `${path(parent)}/${span.name}`;
    };
    return own.map(path).sort();
  }

  async #take(request: Request): Promise<Response> {
    const body = await request.json();
    if (new URL(request.url).pathname === "/v1/traces") {
      for (const { scopeSpans } of body.resourceSpans) {
        for (const { spans } of scopeSpans) this.spans.push(...spans);
      }
    }
    return Response.json({});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.shutdown();
  }
}

const CONFIG = `
tracing.enabled = true
[[keep]]
pattern = "kept.>"
[[queue]]
name = "q"
backoff_min_ms = 1
backoff_max_ms = 1
`;

/** A server as `deno run` makes it. */
class TracedServer implements AsyncDisposable {
  readonly url: string;
  readonly log: Promise<string>;
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;

  private constructor(child: Deno.ChildProcess, folder: string, url: string, log: Promise<string>) {
    this.#child = child;
    this.#folder = folder;
    this.url = url;
    this.log = log;
  }

  static async start(environment: Record<string, string>): Promise<TracedServer> {
    const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
    await Deno.writeTextFile(`${folder}/parley.toml`, CONFIG);
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-check", "--allow-all", join(root, "server.ts"), "serve", "--json"],
        ...["--tcp", "127.0.0.1:0", "--raw", "", "--text", "", "--http", "", "--data", ""],
      ],
      cwd: folder,
      env: childEnvironment(environment),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const log = new Response(child.stderr).text();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\n")) {
      const { value, done } = await settles(reader.read(), "the server to listen");
      if (done) throw new Error(`the server ended: ${await log}`);
      text += value;
    }
    await reader.cancel();
    const { listeners } = JSON.parse(text) as { listeners: { urls: string[] }[] };
    return new TracedServer(child, folder, listeners[0]!.urls[0]!, log);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await settles(this.#child.status, "the end of the server");
    await this.log;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

const traceId = (number: number) => number.toString(16).padStart(32, "a");
const parent = "00f067aa0ba902b7";
const followed = (number: number) => ({ traceparent: `00-${traceId(number)}-${parent}-01` });

Deno.test("tracing: publish, store, delivery, calls and jobs are told to a collector", async () => {
  await using collector = new Collector();
  await using server = await TracedServer.start({
    OTEL_DENO: "true",
    OTEL_DENO_CONSOLE: "ignore",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: "50",
  });
  await using client = await connect(server.url);
  await using reader = await connect(server.url);
  const events = await reader.subscribe(">");
  await client.publish("plain", "x", { headers: followed(1) });
  await client.publish("kept.one", "x", { headers: followed(2) });
  // The header goes on to whoever reads, as every header does.
  let seen = 0;
  for await (const event of events) {
    if (event.topic === "plain") assert.deepEqual(event.headers, followed(1));
    if (++seen === 2) break;
  }
  await using _service = await reader.serve("a/B", () => "y");
  await client.call("a/B", "x", { headers: followed(3) });
  const queue = client.queue("q");
  await queue.push("x", { headers: followed(4) });
  let attempts = 0;
  for await (const job of queue.pull()) {
    if (++attempts === 1) await job.nack();
    else {
      await job.ack();
      break;
    }
  }
  // Nobody follows these: the sampled flag is not set, there is no header, it is malformed.
  const silent = `00-${traceId(5)}-${parent}-00`;
  await client.publish("plain", "x", { headers: { traceparent: silent } });
  await client.publish("plain", "x", {});
  await client.publish("plain", "x", { headers: { traceparent: "nonsense" } });
  const whole = async (number: number, ...paths: string[]) => {
    const told = () => collector.pathsOf(traceId(number));
    await until(() => told().length >= paths.length, `${paths.length} spans`);
    assert.deepEqual(told(), paths.toSorted());
  };
  await whole(1, "publish");
  await whole(2, "publish", "publish/deliver", "publish/store");
  await whole(3, "call");
  await whole(4, "attempt", "attempt", "push", "push/store", "settle", "settle");
  const own = collector.spans.filter((span) => span.traceId === traceId(4));
  const outcomes = own.filter(({ name }) => name === "attempt").map(({ attributes }) =>
    attributes?.find(({ key }) => key === "parley.outcome")?.value.stringValue
  );
  assert.deepEqual(outcomes.sort(), ["ACK", "NACK"]);
  // Each first span stands behind that of the sender.
  for (const number of [1, 2, 3, 4]) {
    const first = collector.spans.find((span) =>
      span.traceId === traceId(number) && !["store", "deliver"].includes(span.name)
    );
    assert.equal(first?.parentSpanId, parent);
  }
  const known = new Set([1, 2, 3, 4].map(traceId));
  const others = collector.spans.filter((span) => !known.has(span.traceId));
  assert.deepEqual(others.map(({ name }) => name).filter((name) => name !== "start"), []);
});

Deno.test("tracing: without a recorder the server says so, and goes on", async () => {
  let log: Promise<string>;
  {
    await using server = await TracedServer.start({});
    ({ log } = server);
    await using client = await connect(server.url);
    await client.publish("plain", "x", { headers: followed(1) });
  }
  assert.match(await log, /nobody records spans: start the server with OTEL_DENO=true/);
});
