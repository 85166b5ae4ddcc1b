/**
 * Three servers of NATS with JetStream that are one cluster: what the nodes of Parley share their log on, and the peer that
 * they are measured with.
 */
import { Child } from "../harness/child.ts";
import { accepts, freePort } from "../harness/subjects.ts";

/** How many there are, and how many hold each entry of a stream. */
export const NATS_SERVERS = 3;
const TRIES = 3;
const SERVER_NAME = "n";

/** One of the servers. */
export interface NatsNode {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
}

/** Starts them, with their files in `folder`; `stack` ends them. Another program may take a free port first: it is tried again. */
export async function startNatsServers(
  folder: string,
  stack: AsyncDisposableStack,
): Promise<NatsNode[]> {
  let failure: unknown;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    await using started = new AsyncDisposableStack();
    const numbers = Array.from({ length: NATS_SERVERS }, (_, index) => index);
    const ports = numbers.map(freePort);
    const routes = numbers.map(freePort);
    try {
      const nodes = numbers.map((index) => {
        const child = started.use(Child.start("nats-server", [
          ...["-a", "127.0.0.1", "-p", `${ports[index]}`, "-n", `${SERVER_NAME}${index + 1}`],
          ...["-cluster_name", "bench", "-cluster", `nats://127.0.0.1:${routes[index]}`],
          ...["-routes", routes.map((port) => `nats://127.0.0.1:${port}`).join(",")],
          ...["-js", "-sd", `${folder}/nats-${attempt}-${index}`],
        ]));
        return { name: `${SERVER_NAME}${index + 1}`, port: ports[index], child };
      });
      for (const { child, port } of nodes) await accepts(child, port);
      stack.use(started.move());
      return nodes.map(({ name, port, child }) => ({ name, port, pid: child.pid }));
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
