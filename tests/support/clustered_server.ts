/**
 * A server for tests that is a node of a cluster of three and does not write: whole suites run against it unchanged.
 *
 * PARLEY_TEST_CLUSTER, the URL of a server of NATS with JetStream, has `startServer` of tests/support/server.ts start one wherever a test
 * asks for a server. With PARLEY_TEST_CLIENTS=spread each address that a test asks for is that of the next of the three nodes.
 * A data directory of a test holds those of the nodes, so that whoever starts a server in it again starts the same cluster.
 */
import type { ConfigInput } from "../../lib/server/config/config.ts";
import type { Server, ServerOptions } from "../../lib/server/server.ts";
import { until } from "./until.ts";

const NODES = 3;
/** Nobody claims the lead because the machine is busy: the first node has it, since its log is empty. */
const SILENCE_MS = 20_000;
/** Where others led before, the first node claims the lead when nobody was heard of for so long. */
const FIRST_SILENCE_MS = 3000;

/** A server of a test. */
interface TestNode extends AsyncDisposable {
  readonly server: Server;
  /** The nodes that take turns in having the next client; empty when this one has all. */
  nodes: readonly TestNode[];
  /** Ends what the server is a part of. */
  ended: (() => Promise<void>) | null;
}

/** The server of NATS over which the servers of tests are nodes of clusters; undefined when they are alone. */
const natsUrl = Deno.env.get("PARLEY_TEST_CLUSTER");

/** Whether the servers of tests are to be nodes of clusters. */
export const inCluster: boolean = natsUrl !== undefined;
const isSpread = Deno.env.get("PARLEY_TEST_CLIENTS") === "spread";

/** Starts three nodes, each by `start`; gives one that does not write. Disposing of it ends all. */
export async function startClustered<Node extends TestNode>(
  input: ConfigInput,
  options: ServerOptions,
  start: (input: ConfigInput, options: ServerOptions) => Promise<Node>,
): Promise<Node> {
  await using opened = new AsyncDisposableStack();
  let folder = input.data ?? "";
  const isNew = folder === "";
  if (isNew) {
    folder = await Deno.makeTempDir({ prefix: "parley-cluster-" });
    opened.defer(() => Deno.remove(folder, { recursive: true }));
  }
  const name = await nameOf(folder);
  const startNode = async (index: number, isAsked: boolean) => {
    const node = await start({
      ...input,
      listen: isAsked ? input.listen : elsewhere(input.listen),
      data: `${folder}/node-${index}`,
      cluster: {
        servers: [natsUrl!],
        name,
        node: `node-${index}`,
        heartbeat_ms: 100,
        silence_ms: index === 0 && !isNew ? FIRST_SILENCE_MS : SILENCE_MS,
        log_max_bytes: 64 * 1024 * 1024,
      },
    }, isAsked ? options : { ...options, stopping: undefined });
    return opened.use(node);
  };
  const writer = await startNode(0, false);
  await until(() => logOf(writer).role === "writer", "the first of three nodes writes");
  const started = await Promise.allSettled([startNode(1, true), startNode(2, false)]);
  const failed = started.find(({ status }) => status === "rejected");
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
  const nodes = [writer, ...started.map((one) => (one as PromiseFulfilledResult<Node>).value)];
  const asked = nodes[1];
  const { id } = writer.server.cluster!.self;
  await until(
    () => nodes.every((node) => knows(node, id)),
    "three nodes know each other, and the one that writes",
  );
  if (isSpread) asked.nodes = nodes;
  const rest = opened.move();
  asked.ended = () => rest.disposeAsync();
  return asked;
}

function logOf({ server }: TestNode) {
  return server.cluster!.log!;
}

function knows(node: TestNode, writer: string): boolean {
  return logOf(node).writer === writer && node.server.cluster!.nodes().length === NODES - 1;
}

/** The name of the cluster whose data lies in a folder. */
async function nameOf(folder: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(folder));
  return `t${new Uint8Array(digest).toHex().slice(0, 24)}`;
}

/** The same listeners on ports that the system gives, and a socket of its own. */
function elsewhere(listen: ConfigInput["listen"] = {}): ConfigInput["listen"] {
  const moved: Record<string, unknown> = { ...listen };
  if (moved.unix !== "") delete moved.unix;
  for (const kind of ["tcp", "tls", "raw", "text", "http"]) {
    if (moved[kind] !== undefined) moved[kind] = movedOf(moved[kind]);
  }
  return moved as ConfigInput["listen"];
}

function movedOf(listener: unknown): unknown {
  if (Array.isArray(listener)) return listener.map(movedOf);
  if (typeof listener === "string") return listener.replace(/:\d+$/, ":0");
  const one = listener as { readonly address: string };
  return { ...one, address: movedOf(one.address) };
}
