/**
 * RabbitMQ as a server that is measured: a node of its own on loopback, with its defaults and without
 * plugins, that shares nothing with one that the system may run.
 *
 * Everything that it keeps is in a folder of its own. A node of Erlang needs a name server, epmd, which
 * would else be started for good: this one has a port of its own and ends with the node. The wrapper in
 * Debian's PATH insists on a user and on folders, so the script behind it is run; in place of itself, so
 * that the process that is known is the one that computes.
 */
import { join } from "node:path";
import { Child } from "./child.ts";
import { accepts, freePort, startPeer, type Subject } from "./subjects.ts";

const PROGRAM = "rabbitmq-server";
/** Where Debian has the script, from the folder of the wrapper. */
const BEHIND_WRAPPER = "../lib/rabbitmq/bin/rabbitmq-server";

/** Starts it. Rejects when it is not installed. */
export async function startRabbit(): Promise<Subject> {
  const script = await findScript();
  if (script === undefined) throw new Error(`${PROGRAM} is not installed`);
  return await startPeer(PROGRAM, "amqp", async (port, folder, stack) => {
    const names = freePort();
    const epmd = stack.use(
      Child.start("epmd", ["-port", `${names}`, "-address", "127.0.0.1"], folder),
    );
    await accepts(epmd, names);
    const [config, plugins] = [join(folder, "rabbitmq.conf"), join(folder, "plugins")];
    await Deno.writeTextFile(config, `listeners.tcp.1 = 127.0.0.1:${port}\n`);
    await Deno.writeTextFile(plugins, "[].\n");
    return Child.start(script, [], folder, {
      HOME: folder,
      ERL_EPMD_PORT: `${names}`,
      ERL_EPMD_ADDRESS: "127.0.0.1",
      // Nor may anything that the node runs start another one, whenever this one ends.
      ERL_ZFLAGS: "-start_epmd false",
      RABBITMQ_NODENAME: `parley_bench_${port}@localhost`,
      RABBITMQ_DIST_PORT: `${freePort()}`,
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
      RABBITMQ_CONF_ENV_FILE: join(folder, "no-such-file"),
      RABBITMQ_CONFIG_FILE: config,
      RABBITMQ_ENABLED_PLUGINS_FILE: plugins,
      RABBITMQ_MNESIA_BASE: join(folder, "mnesia"),
      RABBITMQ_LOG_BASE: join(folder, "log"),
      RABBITMQ_GENERATED_CONFIG_DIR: join(folder, "generated"),
      // So the script becomes the node, instead of waiting for it.
      RUNNING_UNDER_SYSTEMD: "true",
    });
  });
}

/** Which version is installed, as its folder says: to ask it would start an epmd. Undefined for none. */
export async function rabbitVersion(): Promise<string | undefined> {
  const script = await findScript();
  if (script === undefined) return undefined;
  return /rabbitmq_server-(\d[\w.]*)/.exec(await Deno.realPath(script))?.[1] ??
    "of unknown version";
}

async function findScript(): Promise<string | undefined> {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    if (folder === "" || !await isFile(join(folder, PROGRAM))) continue;
    const behind = join(folder, BEHIND_WRAPPER);
    return await isFile(behind) ? behind : join(folder, PROGRAM);
  }
  return undefined;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
