/**
 * Real servers with JetStream that are one cluster, each of which knows all others from its start: without that they
 * would not begin.
 */
import { NatsServer } from "./nats_server.ts";
import { type OwnPort, ownPort } from "./own_port.ts";

/** Starts `count` servers; `storeOf` gives where each stores, `network` is the network namespace that they listen in. */
export async function startJetStream(
  count: number,
  storeOf: (index: number) => string,
  network?: string,
): Promise<NatsServer[]> {
  const ports: OwnPort[] = Array.from({ length: count }, () => ownPort());
  const routes = ports.map(({ port }) => port);
  try {
    return await Promise.all(
      ports.map(({ port }, index) =>
        NatsServer.start({
          cluster: "test",
          clusterPort: port,
          name: `n${index + 1}`,
          routes,
          store: storeOf(index),
          network,
        })
      ),
    );
  } finally {
    for (const port of ports) port[Symbol.dispose]();
  }
}

/** Resolves once a process that was sent SIGSTOP stands still. */
export async function isStopped(pid: number): Promise<void> {
  for (;;) {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    if (stat.slice(stat.lastIndexOf(")") + 2).startsWith("T")) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
