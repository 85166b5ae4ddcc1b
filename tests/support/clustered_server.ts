/**
 * A server for tests that is a node of a cluster of three and does not write: whole suites run against it unchanged.
 *
 * PARLEY_TEST_CLUSTER=1 has `startServer` of tests/support/server.ts start it, wherever a test asks for a server that keeps
 * nothing on the disk.
 */
import type { ConfigInput } from "../../lib/server/config/config.ts";
import type { Server, ServerOptions } from "../../lib/server/server.ts";
import { NatsServer } from "./nats_server.ts";
import { until } from "./until.ts";

const NODES = 3;
/** Whoever writes is to be found soon, and not to be replaced because the machine is busy. */
const SILENCE_MS = 1000;

/** A server of a test. */
interface TestNode extends AsyncDisposable {
  readonly server: Server;
  /** Ends what the server is a part of. */
  ended: (() => Promise<void>) | null;
}

/** Whether the servers of tests are to be nodes of clusters. */
export const inCluster: boolean = Deno.env.get("PARLEY_TEST_CLUSTER") === "1";

/** Starts three nodes, each by `start`; gives one that does not write. Disposing of it ends all. */
export async function startClustered<Node extends TestNode>(
  input: ConfigInput,
  options: ServerOptions,
  start: (input: ConfigInput, options: ServerOptions) => Promise<Node>,
): Promise<Node> {
  await using opened = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "parley-cluster-" });
  opened.defer(() => Deno.remove(folder, { recursive: true }));
  const nats = opened.use(await NatsServer.start({ store: `${folder}/nats` }));
  const nodes: Node[] = [];
  for (let index = 0; index < NODES; index++) {
    const node = await start({
      ...input,
      data: `${folder}/node-${index}`,
      cluster: {
        servers: [nats.url],
        node: `node-${index}`,
        heartbeat_ms: 100,
        silence_ms: SILENCE_MS,
        log_max_bytes: 64 * 1024 * 1024,
      },
    }, options);
    nodes.push(opened.use(node));
  }
  const logs = nodes.map(({ server }) => server.cluster!.log!);
  await until(() => {
    const found = logs.findIndex(({ role }) => role === "writer");
    if (found < 0) return false;
    const { id } = nodes[found].server.cluster!.self;
    return logs.every(({ writer }) => writer === id) &&
      nodes.every(({ server }) => server.cluster!.nodes().length === NODES - 1);
  }, "one of three nodes writes, and all know it");
  const follower = nodes.find((_node, index) => logs[index].role !== "writer")!;
  const rest = opened.move();
  follower.ended = () => rest.disposeAsync();
  return follower;
}
