/**
 * The suites of single servers, unchanged but for the address, against three nodes, through one that does not write.
 *
 * CLUSTER_SUITES=all runs those of the long run, too. What a suite is run without says why: mostly it looks into the one server that
 * it expects.
 */
import assert from "node:assert/strict";
import { NatsServer, withNats } from "../support/nats_server.ts";

/** A suite, and those of its tests that are left out, each with the reason. */
interface Suite {
  readonly file: string;
  readonly without?: Readonly<Record<string, string>>;
}

/** The suites of the gate. */
const SUITES: readonly Suite[] = [
  { file: "tests/client/queues/server_test.ts" },
  { file: "tests/client/rooms/room_test.ts" },
  { file: "tests/client/topics/publish_test.ts" },
];

/** Those of the long run. */
const LONG: readonly Suite[] = [
  ...[
    "adapters/text/classic",
    "adapters/text/hostile",
    "adapters/text/transcript",
    "client/bus_node",
    "client/calls/service",
    "client/connection/credentials",
    "client/connection/hints",
    "client/connection/login_renewal",
    "client/connection/server",
    "client/connection/tls",
    "client/node",
    "client/program",
    "client/queues/typed",
    "client/queues/untried",
    "client/text_identity",
    "client/topics/overflow",
    "client/topics/reconnect",
    "client/topics/subscribe",
    "client/topics/subscription_end",
    "client/topics/typed",
    "e2e/administration/afar",
    "e2e/administration/binding_rights",
    "e2e/administration/connections",
    "e2e/administration/explain",
    "e2e/administration/log_level",
    "e2e/administration/login_refused",
    "e2e/administration/numbers",
    "e2e/administration/rights_told",
    "e2e/administration/services",
    "e2e/administration/users",
    "e2e/http/call",
    "e2e/pings",
    "e2e/raw",
    "e2e/sizes",
    "e2e/websocket",
    "services/access/callout",
    "services/access/certificate",
    "services/access/delivery",
    "services/access/jwt",
    "services/access/kept_bytes",
    "services/access/login",
    "services/access/renewal",
    "services/access/rights",
    "services/access/text",
    "services/access/user_limits",
    "services/calls/calls",
    "services/calls/failures",
    "services/calls/request_ids",
    "services/handlers/audit",
    "services/handlers/topic_methods",
    "services/handlers/topic_reading",
    "services/kept/pattern_start",
    "services/kept/replay",
    "services/queues/pull",
    "services/queues/settle",
  ].map((name) => ({ file: `tests/${name}_test.ts` })),
  {
    file: "tests/services/rooms/rooms_test.ts",
    without: {
      "a topic line survives a restart, and an empty one takes it away for good":
        "names outlive nodes, so that nobody has the same name at once without its token",
    },
  },
  {
    file: "tests/client/queues/restart_test.ts",
    without: {
      "a queue with a data directory outlives its server, and workers outlive it too":
        "expects FSYNCED, and a cluster says ROUTED or REPLICATED",
    },
  },
  {
    file: "tests/services/kept/publish_test.ts",
    without: {
      "an acknowledgement has the store's level and a seq without gaps (sqlite)":
        "expects FSYNCED, and a cluster says ROUTED or REPLICATED",
      "a repeated message_id is kept once, delivered once, and told with the first seq (sqlite)":
        "expects FSYNCED, and a cluster says ROUTED or REPLICATED",
    },
  },
  {
    file: "tests/services/access/revocation_test.ts",
    without: {
      "a token that is taken back or ends ends its sessions, by itself":
        "a token of it lives for less than three nodes take to start",
    },
  },
  {
    file: "tests/e2e/administration/policies_test.ts",
    without: {
      "a reload changes what the configuration says, and nothing of what was set":
        "reloads the configuration of one node, and asks the one that writes",
    },
  },
  {
    file: "tests/e2e/administration/measure_test.ts",
    without: {
      "types are told apart, another pattern begins anew, and rooms and what the server tells are measured, too":
        "a node measures what is published on it, and rooms are at the node that writes",
      "a list tells rates, bytes and subscribers, of topics that are not kept, too":
        "the node that writes lists, and has not what is published on another one",
    },
  },
];

/** Runs a suite in a process of its own. */
async function pass({ file, without = {} }: Suite): Promise<void> {
  const store = await Deno.makeTempDir({ prefix: "parley-suite-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(store, { recursive: true }));
  const nats = stack.use(await NatsServer.start({ store }));
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-check", "-A", "--quiet", "--preload=tests/support/left_out.ts", file],
    env: {
      PARLEY_TEST_CLUSTER: nats.url,
      PARLEY_TEST_WITHOUT: JSON.stringify(Object.keys(without)),
      NO_COLOR: "1",
    },
    stderr: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.equal(code, 0, text);
  assert.match(text, /[1-9]\d* passed/);
}

const isLong = Deno.env.get("CLUSTER_SUITES") === "all";

for (const suite of isLong ? [...SUITES, ...LONG] : SUITES) {
  const name = `${suite.file} passes through a node that does not write`;
  Deno.test(withNats(name, () => pass(suite)));
}
