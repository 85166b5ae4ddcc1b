/**
 * Each benchmark runs, with tiny numbers, as it is run from the command line: to see that it works, not
 * how fast anything is. Peers that are missing are left out, so these tests need none.
 */
import assert from "node:assert/strict";
import { childEnvironment, root } from "../interop/programs.ts";
import { withNats } from "../support/nats_server.ts";
import { settles, until } from "../support/until.ts";

const ARGS = ["run", "--no-check", "--allow-all", "bench/main.ts"];
const TINY = [
  ...["--runs", "1", "--seconds", "0.05", "--connections", "20", "--subscriptions", "1500"],
  ...[
    "--jobs",
    "1500",
    "--members",
    "5",
    "--messages",
    "20",
    "--events",
    "3000",
    "--flooders",
    "1",
    "--slow",
    "20",
    "--readers",
    "20",
    "--kills",
    "1",
  ],
];
/** An executable that somebody has made may be older than these sources. */
const NO_EXECUTABLE = { PARLEY_EXECUTABLE: "/nowhere" };
const PEERS = ["nats-server", "redis-server", "rabbitmq-server"];

interface Report {
  command: string;
  cases: {
    name: string;
    subjects: { subject: string; samples: Record<string, number>[] }[];
    checks: { met?: boolean }[];
  }[];
  failures: string[];
}

function bench(args: readonly string[], env: Record<string, string> = {}): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: [...ARGS, ...args],
    cwd: root,
    env: childEnvironment(env),
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

async function outcome(args: readonly string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await bench(args, env).output();
  return {
    code,
    stdout: new TextDecoder().decode(stdout),
    stderr: new TextDecoder().decode(stderr),
  };
}

function linuxTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: Deno.build.os !== "linux", fn });
}

const expected: [string, number, string[]][] = [
  ["start", 1, ["deno run server.ts"]],
  ["echo", 2, ["parley", "bare loop"]],
  ["conns", 1, ["parley, silent", "parley, after Hello", "bare loop"]],
  ["bus", 4, ["parley"]],
  ["bus-subs", 2, ["n = 1", "n = 1,000", "n = 1,500"]],
  ["call", 1, ["parley"]],
  ["kept", 1, ["parley"]],
  ["queue", 3, ["parley"]],
  ["room", 1, ["parley"]],
  ["fairness", 2, ["parley, publish", "parley, history", "parley, peek"]],
  ["tls", 5, ["parley, tls", "parley, tcp"]],
  ["slow-tls", 1, ["tcp, at rest", "tls, slow handshakes"]],
  ["access", 4, ["off", "users, one rule", "rates", "users, rules and rates"]],
  ["monitoring", 4, ["not scraped", "scraped each second"]],
  ["http", 2, ["parley"]],
  ["trim", 1, ["parley, trimming", "parley, before it"]],
];

for (const [name, cases, subjects] of expected) {
  linuxTest(`bench ${name} runs`, () => benchRuns(name, cases, subjects));
}

Deno.test(withNats("bench cluster runs", async () => {
  await benchRuns("cluster", 6, ["parley"]);
}));

async function benchRuns(name: string, cases: number, subjects: readonly string[]) {
  const { code, stdout, stderr } = await outcome([name, ...TINY, "--json"], NO_EXECUTABLE);
  assert.equal(code, 0, stderr);
  const report: Report = JSON.parse(stdout);
  assert.deepEqual(
    report.failures.filter((each) => !PEERS.some((peer) => each.startsWith(peer))),
    [],
  );
  assert.equal(report.cases.length, cases);
  for (const one of report.cases) {
    const found = one.subjects.map(({ subject }) => subject);
    for (const subject of subjects) {
      // What one server is measured with stands behind its name.
      const there = found.some((each) => each === subject || each.startsWith(`${subject}, `));
      assert(there, `${one.name}: ${subject}`);
    }
    for (const { samples } of one.subjects) {
      assert.equal(samples.length, name === "start" ? 2 : 1);
    }
    const values = one.subjects.flatMap(({ samples }) => Object.values(samples[0]));
    assert(values.every((value) => Number.isFinite(value)), JSON.stringify(one));
  }
}

linuxTest("bench goes on without the peers, unless they are required", async () => {
  const nowhere = { PATH: "/nowhere" };
  const without = await outcome(["call", ...TINY], nowhere);
  assert.equal(without.code, 0, without.stderr);
  assert.match(without.stderr, /^nats-server is not installed: it is left out\n$/);
  assert.match(without.stdout, /^deno task bench call --runs 1 --seconds 0.05\n\d+ cores of /);
  assert.match(without.stdout, /\nparley {2}/);
  const required = await outcome(["call", ...TINY, "--require-peers"], nowhere);
  assert.equal(required.code, 1);
  assert.match(required.stdout, /\nparley {2}/);
});

linuxTest("bench refuses what it does not know with exit code 2", async () => {
  const { code, stderr } = await outcome(["nothing"]);
  assert.equal(code, 2);
  assert.match(stderr, /^cannot bench "nothing"/);
});

linuxTest("a signal ends bench and everything that it started", async () => {
  const child = bench(["echo", "--seconds", "600"]).spawn();
  const output = child.output();
  const children = () =>
    Deno.readTextFileSync(`/proc/${child.pid}/task/${child.pid}/children`).split(" ")
      .filter((pid) => pid !== "");
  let started: string[] = [];
  try {
    await until(() => childrenOf(children).length === 3, "two servers and a load generator");
    started = children();
    child.kill("SIGINT");
    const { code } = await settles(output, "bench ends");
    assert.equal(code, 130);
    for (const pid of started) {
      assert.throws(() => Deno.statSync(`/proc/${pid}`), Deno.errors.NotFound, pid);
    }
  } catch (error) {
    // What did not end by itself must not outlive the test.
    for (const pid of [child.pid, ...started.map(Number)]) killIfThere(pid);
    await output;
    throw error;
  }
});

function killIfThere(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // It has ended after all.
  }
}

/** None while the process is not there yet. */
function childrenOf(children: () => string[]): string[] {
  try {
    return children();
  } catch {
    return [];
  }
}
