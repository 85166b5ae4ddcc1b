/**
 * The servers that are measured, each a process of its own on a port that the system gives.
 *
 * Ours runs from its sources with the permissions of the executable and with its defaults: whatever a
 * user has on is on here. The peers run with theirs, on loopback, without persistence. Whoever starts a
 * server stops it.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { configFrom } from "../../lib/server/config/config.ts";
import { PERMISSIONS } from "../../tools/compile.ts";
import { Child } from "./child.ts";

/** The root of the tree. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const START_SECONDS = 30;
const TRIES = 3;

/** What speaks what: the dialects of the load generator. */
export type Dialect = "parley" | "bytes" | "nats" | "redis" | "amqp";

/** A running server. */
export interface Subject extends AsyncDisposable {
  /** What the tables call it. */
  readonly name: string;
  readonly dialect: Dialect;
  readonly pid: number;
  readonly port: number;
  /** Where it takes WebSockets, if it does. */
  readonly webSocketPort?: number;
  /** Where it takes TLS, if it does. */
  readonly tlsPort?: number;
  /** Where it takes plain connections, when `port` is the one of TLS. */
  readonly tcpPort?: number;
  /** The authority that its clients have to trust, in PEM, when `port` is one of TLS. */
  readonly tls?: { readonly ca: string };
  /** The token that its clients show, when it has users. */
  readonly token?: string;
}

/** Starts a server. Rejects with MissingProgram when it is not installed. */
export type Start = () => Promise<Subject>;

/** The arguments that run server.ts with the permissions of the executable. */
export const SERVER_ARGS: readonly string[] = [
  "run",
  "--quiet",
  "--no-check",
  ...PERMISSIONS,
  join(ROOT, "server.ts"),
];

/** The arguments of `serve` for a server as it is by default, but for the ports: any free ones. */
export const SERVE_ARGS: readonly string[] = [
  "serve",
  "--json",
  ...Object.entries(configFrom({}).listen).filter(([, values]) => values.length > 0)
    .flatMap(([key, values]) => [
      "--set",
      `listen.${key}=${values.map((each) => each.replace(/:\d+$/, ":0")).join(",")}`,
    ]),
];

/** Starts ours; `name` tells several of them apart. */
export async function startParley(
  name = "parley",
  more: readonly string[] = [],
): Promise<Subject> {
  const folder = await Deno.makeTempDir({ prefix: "parley-bench-" });
  const child = Child.start(Deno.execPath(), [...SERVER_ARGS, ...SERVE_ARGS, ...more], folder);
  const { listeners } = JSON.parse(await announced(child, folder));
  const portAt = (wanted: string): number | undefined => {
    const found: string[] | undefined = listeners.find(({ kind }: { kind: string }) =>
      kind === wanted
    )?.addresses;
    const address = found?.find((each) => each.startsWith("127.0.0.1:")) ?? found?.[0];
    return address === undefined ? undefined : portOf(address);
  };
  return {
    ...subject({ name, dialect: "parley", port: portAt("tcp")! }, child, folder),
    webSocketPort: portAt("ws"),
    tlsPort: portAt("tls"),
  };
}

/** Starts the bare echo loop. */
export function startBare(): Promise<Subject> {
  return startProgram("bare loop", "bench/bare_echo.ts");
}

/** Starts the bare server of HTTP. */
export function startBareHttp(): Promise<Subject> {
  return startProgram("bare Deno.serve", "bench/bare_http.ts");
}

/** Starts the bare server of node:http. */
export function startBareNodeHttp(): Promise<Subject> {
  return startProgram("bare node:http", "bench/bare_http.ts", ["node"]);
}

async function startProgram(
  name: string,
  program: string,
  words: readonly string[] = [],
): Promise<Subject> {
  const args = ["run", "--quiet", "--no-check", "--allow-net", join(ROOT, program), ...words];
  const child = Child.start(Deno.execPath(), args);
  const port = portOf(await announced(child));
  return subject({ name, dialect: "bytes", port }, child);
}

/** Starts nats-server. */
export function startNats(): Promise<Subject> {
  return startPeer(
    "nats-server",
    "nats",
    (port) => Child.start("nats-server", ["-a", "127.0.0.1", "-p", `${port}`]),
  );
}

/** Starts nats-server with JetStream, its files in a folder of its own. */
export function startJetStream(): Promise<Subject> {
  return startPeer("nats-server", "nats", (port, folder) => {
    return Child.start("nats-server", ["-a", "127.0.0.1", "-p", `${port}`, "-js", "-sd", folder]);
  });
}

/** Starts redis-server. */
export function startRedis(): Promise<Subject> {
  return startPeer("redis-server", "redis", (port, folder) =>
    Child.start("redis-server", [
      ...["--bind", "127.0.0.1", "--port", `${port}`, "--dir", folder],
      ...["--save", "", "--appendonly", "no", "--loglevel", "warning"],
    ], folder));
}

/** Says which version of a peer is installed; undefined when it is missing. */
export async function peerVersion(program: string): Promise<string | undefined> {
  try {
    const { stdout } = await new Deno.Command(program, { args: ["--version"], stdin: "null" })
      .output();
    return /\bv=?(\d[\w.]*)/.exec(new TextDecoder().decode(stdout))?.[1] ?? "of unknown version";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * How a peer is started: on a port, with a folder of its own. What it needs beside itself goes onto the
 * stack, and is ended after it.
 */
export type Launch = (
  port: number,
  folder: string,
  stack: AsyncDisposableStack,
) => Child | Promise<Child>;

/** Starts a peer. It takes no port 0 that it would tell, and another program may take the free port first. */
export async function startPeer(name: string, dialect: Dialect, launch: Launch): Promise<Subject> {
  let failure: unknown;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    await using stack = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "parley-bench-" });
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    const port = freePort();
    const child = stack.use(await launch(port, folder, stack));
    try {
      await accepts(child, port);
    } catch (error) {
      failure = error;
      continue;
    }
    const owned = stack.move();
    const end = () => owned.disposeAsync();
    return { name, dialect, pid: child.pid, port, [Symbol.asyncDispose]: end };
  }
  throw failure;
}

/** A port that nobody listens on at the moment. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Waits until a connection is accepted. Rejects when the server ends before. */
export async function accepts(child: Child, port: number): Promise<void> {
  const giveUpAt = performance.now() + START_SECONDS * 1000;
  let ended = false;
  void child.ended.then(() => ended = true);
  while (!ended) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw await child.failure();
}

async function announced(child: Child, folder?: string): Promise<string> {
  try {
    return await child.line(START_SECONDS);
  } catch (error) {
    await child.stop();
    if (folder !== undefined) await Deno.remove(folder, { recursive: true });
    throw error;
  }
}

function subject(
  server: Pick<Subject, "name" | "dialect" | "port">,
  child: Child,
  folder?: string,
): Subject {
  return {
    ...server,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      await child.stop();
      if (folder !== undefined) await Deno.remove(folder, { recursive: true });
    },
  };
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}
