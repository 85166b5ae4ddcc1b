/**
 * Prometheus itself: promtool finds nothing to complain about, a real one scrapes a server, and the alert rules and the
 * dashboard in docs/monitoring ask for nothing that is not there.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { BusClient } from "../../support/bus_client.ts";
import { pageUrl, scrape } from "../../support/metrics.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { token, user } from "../../support/users.ts";
import { settles } from "../../support/until.ts";
import { childEnvironment, outcomeOf, root } from "../../interop/programs.ts";

function has(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

const isThere = has("promtool") && has("prometheus");
const needs = isThere ? "" : " (needs the Debian package prometheus)";
const folder = join(root, "docs/monitoring");

function prometheusTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `prometheus: ${name}${needs}`, ignore: !isThere, fn });
}

/** A server on which everything has happened that has metrics, with its data in a folder of its own. */
async function busyServer(data: TemporaryFolder): Promise<TestServer> {
  const server = await startServer({ data: data.path, keep: [{ pattern: "kept.>" }] });
  await using client = await BusClient.connect(server, "tcp");
  for (const topic of ["a.b", "kept.one"]) {
    await client.acknowledged({ message: { case: "event", value: { topic } } });
  }
  await client.acknowledged({ message: { case: "job", value: { queue: "q" } } });
  return server;
}

prometheusTest("promtool has nothing to say of the metrics", async () => {
  await using data = await TemporaryFolder.make();
  await using server = await busyServer(data);
  const { text } = await scrape(server);
  const child = new Deno.Command("promtool", {
    args: ["check", "metrics"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(text));
  await input.close();
  const { code, stdout, stderr } = await child.output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.deepEqual([code, said], [0, ""]);
});

prometheusTest("promtool accepts the alert rules and the example of a configuration", async () => {
  const rules = await outcomeOf("promtool", ["check", "rules", join(folder, "alerts.yml")]);
  assert.equal(rules.code, 0, rules.stdout + rules.stderr);
  assert.match(rules.stdout, /SUCCESS: \d\d rules found/);
  const syntax = ["check", "config", "--syntax-only", join(folder, "prometheus.yml")];
  const config = await outcomeOf("promtool", syntax);
  assert.equal(config.code, 0, config.stdout + config.stderr);
});

prometheusTest("a real one scrapes a server with users, and sees what happened", async () => {
  const work = await Deno.makeTempDir({ prefix: "parley-prometheus-" });
  const scraper = token("scraper");
  try {
    await using server = await startServer({
      users: [
        await user("ada", "all"),
        { name: "prometheus", roles: "scraper", tokens: [scraper.entry] },
      ],
      roles: {
        all: { allow: { publish: ">" } },
        scraper: { allow: { manage: "server.metrics" } },
      },
      auth: { guest_role: "all" },
    });
    await using client = await BusClient.connect(server, "tcp");
    for (let count = 0; count < 5; count++) {
      await client.acknowledged({ message: { case: "event", value: { topic: "seen" } } });
    }
    await Deno.writeTextFile(`${work}/token`, scraper.token);
    await Deno.writeTextFile(
      `${work}/prometheus.yml`,
      `global: { scrape_interval: 1s }
scrape_configs:
  - job_name: parley
    authorization: { credentials_file: token }
    static_configs: [{ targets: ["${new URL(pageUrl(server, "/")).host}"] }]
rule_files: ["${folder}/alerts.yml"]
`,
    );
    await using prometheus = await Prometheus.start(work);
    const up = await prometheus.whenValue('up{job="parley"}', (value) => value === 1);
    assert.equal(up, 1);
    const seen = 'parley_topic_events_total{topic="seen"}';
    assert.equal(await prometheus.whenValue(seen, (value) => value === 5), 5);
    // Every expression of the rules is one that this Prometheus evaluates.
    for (const health of await prometheus.ruleHealth()) assert.match(health, /^(ok|unknown)$/);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
});

Deno.test("prometheus: alert rules and dashboard ask only for metrics that are there", async () => {
  await using data = await TemporaryFolder.make();
  await using server = await busyServer(data);
  const { names, text } = await scrape(server);
  const families = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
  const rules = await Deno.readTextFile(join(folder, "alerts.yml"));
  const dashboard = JSON.parse(await Deno.readTextFile(join(folder, "dashboard.json")));
  const panels = dashboard.panels as { targets?: { expr: string }[] }[];
  const expressions = panels.flatMap(({ targets }) => targets?.map(({ expr }) => expr) ?? []);
  assert(expressions.length > 30);
  const asked = [rules.replace(/^ *#.*$/gm, ""), ...expressions]
    .flatMap((text) => text.match(/\b(?:parley|process)_[a-z_]+/g) ?? []);
  assert(asked.length > 60);
  for (const name of new Set(asked)) {
    assert(names.has(name) || families.includes(name), `there is no metric ${name}`);
  }
});

Deno.test("prometheus: the page of operations names every metric that is there", async () => {
  await using data = await TemporaryFolder.make();
  await using server = await busyServer(data);
  const { text } = await scrape(server);
  const page = await Deno.readTextFile(join(root, "docs/operations.md"));
  const families = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
  assert(families.length > 50);
  for (const name of families) assert(page.includes(`\`${name}\``), `${name} is not described`);
});

/** A folder that goes with the test. */
class TemporaryFolder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async make(): Promise<TemporaryFolder> {
    return new TemporaryFolder(await Deno.makeTempDir({ prefix: "parley-test-" }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** A Prometheus of the test's own, on a port of the system's choice. */
class Prometheus implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #url: string;
  readonly #log: Promise<void>;

  private constructor(child: Deno.ChildProcess, url: string, log: Promise<void>) {
    this.#child = child;
    this.#url = url;
    this.#log = log;
  }

  static async start(work: string): Promise<Prometheus> {
    const child = new Deno.Command("prometheus", {
      args: [
        `--config.file=${work}/prometheus.yml`,
        `--storage.tsdb.path=${work}/data`,
        "--web.listen-address=127.0.0.1:0",
      ],
      cwd: work,
      env: childEnvironment(),
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const { promise, resolve } = Promise.withResolvers<string>();
    const read = async () => {
      let text = "";
      for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        const found = /"Listening on" address=(127\.0\.0\.1:\d+)/.exec(text);
        if (found !== null) resolve(`http://${found[1]}`);
      }
    };
    const log = read();
    return new Prometheus(child, await settles(promise, "Prometheus to listen"), log);
  }

  /** Asks until the value of an expression is as it is to be. */
  async whenValue(query: string, isWanted: (value: number) => boolean): Promise<number> {
    for (let left = 300; left > 0; left--) {
      const { data } = await this.#ask(`query?query=${encodeURIComponent(query)}`);
      const value = Number(data.result[0]?.value[1]);
      if (isWanted(value)) return value;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error(`the value of ${query} is not as it is to be`);
  }

  /** Whether each of the rules can be evaluated. */
  async ruleHealth(): Promise<string[]> {
    const { data } = await this.#ask("rules");
    return data.groups.flatMap(({ rules }: { rules: { health: string }[] }) =>
      rules.map(({ health }) => health)
    );
  }

  async #ask(path: string) {
    for (;;) {
      const response = await fetch(`${this.#url}/api/v1/${path}`);
      const text = await response.text();
      if (response.ok) return JSON.parse(text);
      // It has begun to listen, and is not ready yet.
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.status;
    await this.#log;
  }
}
