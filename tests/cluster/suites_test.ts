/**
 * The suites of single servers, unchanged but for the address, against three nodes: through one that does not write, or with each
 * client at another node.
 */
import assert from "node:assert/strict";
import { NatsServer, withNats } from "../support/nats_server.ts";

/** A suite, and those of its tests that are left out, each with the reason. */
interface Suite {
  readonly file: string;
  readonly without?: Readonly<Record<string, string>>;
}

const SUITES: readonly Suite[] = [
  { file: "tests/client/queues/server_test.ts" },
  { file: "tests/client/rooms/room_test.ts" },
  {
    file: "tests/services/rooms/rooms_test.ts",
    without: {
      "a topic line survives a restart, and an empty one takes it away for good":
        "names outlive nodes, so that nobody has the same name at once without its token",
    },
  },
];

/** Runs a suite in a process of its own; `clients` says where its clients connect. */
async function pass({ file, without = {} }: Suite, clients: "one" | "spread"): Promise<void> {
  const store = await Deno.makeTempDir({ prefix: "parley-suite-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(store, { recursive: true }));
  const nats = stack.use(await NatsServer.start({ store }));
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-check", "-A", "--quiet", "--preload=tests/support/left_out.ts", file],
    env: {
      PARLEY_TEST_CLUSTER: nats.url,
      PARLEY_TEST_CLIENTS: clients,
      PARLEY_TEST_WITHOUT: JSON.stringify(Object.keys(without)),
      NO_COLOR: "1",
    },
    stderr: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.equal(code, 0, text);
  assert.match(text, /[1-9]\d* passed/);
}

for (const suite of SUITES) {
  Deno.test(
    withNats(
      `${suite.file} passes through a node that does not write`,
      () => pass(suite, "one"),
    ),
  );
}
