/**
 * Variables that begin with PARLEY_: what Kubernetes and Docker set for a service of that name is passed over by
 * its name and value, what programs of jobs find as well, and everything else that nobody knows is refused.
 */
import assert from "node:assert/strict";
import { checkVariables, ConfigError, resolveConfig } from "../../../lib/server/config/config.ts";
import { LOCAL, Running, runProcess as run } from "../../cli/processes.ts";

/** What a pod beside a Service named parley finds. */
const BESIDE_A_SERVICE = {
  PARLEY_PORT: "tcp://10.0.0.1:7311",
  PARLEY_SERVICE_HOST: "10.0.0.1",
  PARLEY_SERVICE_PORT: "7311",
  PARLEY_SERVICE_PORT_TCP: "7311",
  PARLEY_SERVICE_PORT_WEB_SOCKET: "7380",
  PARLEY_PORT_7311_TCP: "tcp://10.0.0.1:7311",
  PARLEY_PORT_7311_TCP_PROTO: "tcp",
  PARLEY_PORT_7311_TCP_PORT: "7311",
  PARLEY_PORT_7311_TCP_ADDR: "10.0.0.1",
};

const OTHERS = {
  PARLEY_SERVICE_HOST: "fd00::a1",
  PARLEY_PORT: "tcp://[fd00::a1]:7311",
  PARLEY_PORT_53_UDP: "udp://10.0.0.1:53",
  PARLEY_PORT_53_UDP_PROTO: "udp",
  PARLEY_WEB_SERVICE_HOST: "10.0.0.2",
  PARLEY_WEB_2_PORT_80_TCP: "tcp://10.0.0.2:80",
  PARLEY_QUEUE: "emails",
  PARLEY_JOB_ID: "1",
  PARLEY_SENDER: "1",
  PARLEY_SERVER: "parley://localhost:7311",
  PATH: "/bin",
};

function refused(environment: Record<string, string>): string[] {
  try {
    resolveConfig(undefined, environment);
  } catch (error) {
    assert(error instanceof ConfigError);
    const problems = error.problems.map(({ text }) => text);
    assert.throws(() => checkVariables(environment), { message: problems.join("\n") });
    return problems;
  }
  checkVariables(environment);
  return [];
}

Deno.test("what a platform sets for a service of this name is passed over", () => {
  assert.deepEqual(refused(BESIDE_A_SERVICE), []);
  assert.deepEqual(refused(OTHERS), []);
});

Deno.test("a name of a platform with another value, or nearly its name, is refused", () => {
  const wrong = {
    PARLEY_PORT: "7311",
    PARLEY_SERVICE_HOST: "localhost",
    PARLEY_SERVICE_PORT: "tcp",
    PARLEY_PORT_7311_TCP: "10.0.0.1:7311",
    PARLEY_PORT_7311_TCP_PROTO: "http",
    PARLEY_PORT_7311_TPC: "tcp://10.0.0.1:7311",
    PARLEY_PORTS: "tcp://10.0.0.1:7311",
    PARLEY_SERVICE_HOSTS: "10.0.0.1",
    PARLEY_LIMITS_MAX_FRAM: "1024",
  };
  for (const [name, value] of Object.entries(wrong)) {
    const [problem, ...more] = refused({ ...BESIDE_A_SERVICE, [name]: value });
    assert.match(problem, new RegExp(`^${name}: unknown variable`));
    assert.deepEqual(more, []);
  }
});

Deno.test("a server and commands run beside a Service named parley, and refuse a misspelt variable", async () => {
  await using server = new Running(["serve", "--json", ...LOCAL], BESIDE_A_SERVICE);
  const { listeners } = JSON.parse((await server.lines(1))[0]);
  const environment = { PARLEY_SERVER: listeners[0].urls[0] };
  assert.equal((await run(["health"], { ...BESIDE_A_SERVICE, ...environment })).code, 0);
  const plain = environment.PARLEY_SERVER.replace("parley://", "");
  assert.equal((await run(["health", "--server", plain])).code, 0);
  assert.equal((await run(["health"], { PARLEY_SERVER: plain })).code, 0);
  for (
    const args of [["health"], ["pub", "a", "b"], ["queue", "ls"], ["serve"], ["config", "print"]]
  ) {
    const { code, stdout, stderr } = await run(args, { PARLEY_SERVR: environment.PARLEY_SERVER });
    assert.deepEqual([code, stdout], [1, ""], args[0]);
    assert.equal(stderr, "parley: PARLEY_SERVR: unknown variable; did you mean PARLEY_SERVER?\n");
  }
});
