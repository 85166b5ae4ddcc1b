/**
 * The Workers of the store die under load, over and over: what is acknowledged is on the disk, what is refused is not,
 * nobody misses anything or gets it twice, and the server goes on.
 *
 * A Worker is ended as its thread would be by the system, whatever it was doing, or fails by itself.
 */
import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { connect, ErrorCode, ParleyError } from "../../lib/client/mod.ts";
import { onDefect } from "../../lib/base/defects.ts";
import {
  TopicInfoRequestSchema,
  TopicInfoResponseSchema,
} from "../../lib/gen/parley/v1/topic_pb.ts";
import { LogRecords } from "../support/log_records.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { settles, until } from "../support/until.ts";

const DEATHS = Number(Deno.env.get("WORKER_DEATHS") ?? 20);

/** The Workers that are started, newest last, by their roles. */
class Workers implements Disposable {
  readonly all: { role: string; worker: Worker }[] = [];
  readonly #real = Worker;

  constructor() {
    const { all } = this;
    globalThis.Worker = class extends Worker {
      constructor(specifier: string | URL, options?: WorkerOptions) {
        super(specifier, options);
        const entry = { role: "", worker: this as Worker };
        all.push(entry);
      }
      // deno-lint-ignore no-explicit-any
      override postMessage(message: any, ...more: any[]): void {
        const entry = all.find(({ worker }) => worker === this);
        if (entry !== undefined && typeof message?.role === "string") entry.role = message.role;
        super.postMessage(message, ...more);
      }
    };
  }

  count(role: string): number {
    return this.all.filter((one) => one.role === role).length;
  }

  newest(role: string): Worker {
    return this.all.findLast((one) => one.role === role)!.worker;
  }

  /** Ends the newest of a role. */
  kill(role: string, how: "ended" | "throws"): void {
    const worker = this.newest(role);
    if (how === "throws") return worker.postMessage(null);
    worker.terminate();
    worker.dispatchEvent(new ErrorEvent("error", { message: "the thread was ended" }));
  }

  [Symbol.dispose](): void {
    globalThis.Worker = this.#real;
  }
}

async function withServer(
  run: (server: TestServer, workers: Workers) => Promise<void>,
  data: string,
): Promise<void> {
  using workers = new Workers();
  await using server = await startServer({
    data,
    keep: [{ pattern: "k.>", max_events: 1_000_000 }],
    // A job whose verdict is refused comes back when its lease ends.
    queue: [{ name: "jobs", lease_ms: 300, max_deliveries: 0 }],
    store: { retention_interval_ms: 50 },
  });
  await run(server, workers);
}

/** Whether an error says that something was not kept now. */
function isRefused(reason: unknown): boolean {
  assert(reason instanceof ParleyError, String(reason));
  assert.equal(reason.code, ErrorCode.UNAVAILABLE, reason.message);
  assert.equal(reason.retryable, true);
  return true;
}

const urlOf = (server: TestServer) => `parley://127.0.0.1:${server.port("tcp")}`;
const text = (payload: Uint8Array) => new TextDecoder().decode(payload);

Deno.test("the store's Workers die under load, and memory and disk stay one", async () => {
  const data = await Deno.makeTempDir({ prefix: "parley-deaths-" });
  const defects: string[] = [];
  const stopHearing = onDefect((what) => defects.push(what));
  using logs = new LogRecords();
  const acked = new Map<string, bigint>();
  const refused = new Set<string>();
  const pushed = new Set<string>();
  const notPushed = new Set<string>();
  const done = new Map<string, number>();
  try {
    await withServer(async (server, workers) => {
      await using program = await connect(urlOf(server), { reconnect: false });
      await using reader = await connect(urlOf(server), { reconnect: false });
      const live: { seq: bigint; text: string }[] = [];
      const subscription = await reader.subscribe("k.a", { since: "all" });
      const reading = (async () => {
        for await (const { seq, payload } of subscription) live.push({ seq, text: text(payload) });
      })();
      const worker = await reader.queue("jobs").work(({ payload }) => {
        const name = text(payload);
        done.set(name, (done.get(name) ?? 0) + 1);
      }, { concurrency: 4 });
      let over = false;
      let number = 0;
      const publishing = Array.from({ length: 4 }, async () => {
        while (!over) {
          const name = `e${number++}`;
          try {
            acked.set(name, (await program.publish("k.a", name)).seq);
          } catch (reason) {
            if (isRefused(reason)) refused.add(name);
          }
        }
      });
      const pushing = Array.from({ length: 2 }, async () => {
        while (!over) {
          const name = `j${number++}`;
          try {
            await program.queue("jobs").push(name);
            pushed.add(name);
          } catch (reason) {
            if (isRefused(reason)) notPushed.add(name);
          }
        }
      });
      for (let round = 0; round < DEATHS; round++) {
        const role = round % 3 === 2 ? "reader" : "writer";
        const how = round % 2 === 0 ? "ended" : "throws";
        const before = workers.count(role);
        workers.kill(role, how);
        await until(() => workers.count(role) > before, `another ${role}`);
        const sizes = { acked: acked.size, pushed: pushed.size, done: done.size };
        await until(
          () => acked.size > sizes.acked && pushed.size > sizes.pushed && done.size > sizes.done,
          "the load goes on",
        );
      }
      over = true;
      await Promise.all([...publishing, ...pushing]);
      await until(() => live.length === acked.size, "all events have come");
      await until(() => [...pushed].every((name) => done.has(name)), "all jobs are done");
      for (let left = true; left;) {
        for await (const { ready, leased, delayed } of program.queues("jobs")) {
          left = ready + leased + delayed > 0;
        }
      }
      await worker.stop();
      assert.deepEqual(
        live.map(({ seq }) => seq),
        Array.from({ length: live.length }, (_, index) => BigInt(index + 1)),
        "no gap, nothing twice, in order",
      );
      for (const { seq, text } of live) assert.equal(acked.get(text), seq);
      for (const name of done.keys()) assert(!notPushed.has(name), `${name} was refused`);
      await subscription.unsubscribe();
      await reading;
      assert.equal(server.stats().connectionsOpen, 2);
    }, data);
    // What is on the disk is the same.
    await withServer(async (server) => {
      await using program = await connect(urlOf(server), { reconnect: false });
      const subscription = await program.subscribe("k.a", { since: "all" });
      const kept = new Map<string, bigint>();
      for await (const { seq, payload } of subscription) {
        kept.set(text(payload), seq);
        if (kept.size === acked.size) break;
      }
      assert.deepEqual([...kept], [...acked].toSorted(([, one], [, other]) => Number(one - other)));
      const { seq } = await program.publish("k.a", "next");
      assert.equal(seq, BigInt(acked.size + 1));
      for await (const info of program.queues("jobs")) {
        assert.deepEqual([info.ready, info.leased, info.delayed], [0, 0, 0]);
      }
    }, data);
    assert.equal(defects.length, DEATHS, defects.join());
    assert(defects.every((what) => what.startsWith("go on in the store's ")));
    assert(!logs.templates("error").some((each) => each.includes("is lost")));
    console.log(
      `${DEATHS} deaths: ${acked.size} events and ${pushed.size} jobs acknowledged, ` +
        `${refused.size} and ${notPushed.size} refused`,
    );
  } finally {
    stopHearing();
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("a writer that takes the place of a dead one keeps no more than the policies say", async () => {
  const data = await Deno.makeTempDir({ prefix: "parley-deaths-" });
  const stopHearing = onDefect(() => {});
  try {
    using workers = new Workers();
    await using server = await startServer({
      data,
      keep: [{ pattern: "k.>", max_events: 5 }],
      store: { retention_interval_ms: 20 },
    });
    await using program = await connect(urlOf(server), { reconnect: false });
    const publish = async () => {
      for (let left = 20; left > 0;) {
        const ack = await program.publish("k.a", "x").catch((reason) => isRefused(reason));
        if (ack !== true) left--;
      }
    };
    const kept = async () => {
      const { payload } = await program.call(
        "parley.v1.Topics/Info",
        toBinary(TopicInfoRequestSchema, create(TopicInfoRequestSchema, { topic: "k.a" })),
      );
      return Number(fromBinary(TopicInfoResponseSchema, payload).info!.events);
    };
    await publish();
    for (let round = 0; round < 3; round++) {
      workers.kill("writer", round % 2 === 0 ? "ended" : "throws");
      await publish();
      while (await kept() > 5);
    }
    assert.equal(workers.count("writer"), 4);
  } finally {
    stopHearing();
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("a server whose writer has just died stops in order", async () => {
  const data = await Deno.makeTempDir({ prefix: "parley-deaths-" });
  const stopHearing = onDefect(() => {});
  try {
    const acked: bigint[] = [];
    await withServer(async (server, workers) => {
      await using program = await connect(urlOf(server), { reconnect: false });
      const publishing = Array.from({ length: 200 }, async () => {
        acked.push((await program.publish("k.a", "x")).seq);
      });
      const outcomes = Promise.allSettled(publishing);
      await until(() => acked.length > 0, "the first is kept");
      workers.kill("writer", "ended");
      await settles(server.server.stop(), "stop");
      await outcomes;
    }, data);
    await withServer(async (server) => {
      await using program = await connect(urlOf(server), { reconnect: false });
      const { seq } = await program.publish("k.a", "x");
      // What was under way at the end may be kept, too.
      assert(Number(seq) > Math.max(...acked.map(Number)), "what was acknowledged is there");
    }, data);
  } finally {
    stopHearing();
    await Deno.remove(data, { recursive: true });
  }
});
