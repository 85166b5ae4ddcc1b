/**
 * The log on JetStream against real servers: the contract, with one server and with three, and what only servers that
 * die can do to it.
 */
import assert from "node:assert/strict";
import { connect } from "@nats-io/transport-node";
import type { NatsConnection } from "@nats-io/nats-core";
import { jetstreamManager } from "@nats-io/jetstream";
import {
  type LogOptions,
  openJetStreamLog,
  streamOf,
} from "../../../lib/adapters/jetstream/open.ts";
import type { JetStreamLog } from "../../../lib/adapters/jetstream/log.ts";
import { AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { type LogPlace, testCommitLog } from "../../contract/commit_log_contract.ts";
import { MemoryEntries, MemoryLog } from "../../support/memory_log.ts";
import { isStopped, startJetStream } from "../../support/jetstream_servers.ts";
import { hasNats, NatsServer, withNats } from "../../support/nats_server.ts";
import { settles } from "../../support/until.ts";

testCommitLog({
  name: "memory",
  largeBytes: 4_000_000,
  place() {
    const shared = new MemoryEntries();
    return Promise.resolve({
      open: () => Promise.resolve(new MemoryLog(shared)),
      async [Symbol.asyncDispose]() {},
    });
  },
});

testCommitLog({
  name: hasNats ? "jetstream" : "jetstream (install nats-server)",
  largeBytes: 12_000_000,
  place: () => Servers.start(1),
}, { ignore: !hasNats });

/** Servers with JetStream, and logs on them. */
class Servers implements LogPlace {
  readonly servers: NatsServer[];
  readonly #directory: string;
  readonly #connections: NatsConnection[] = [];

  private constructor(servers: NatsServer[], directory: string) {
    this.servers = servers;
    this.#directory = directory;
  }

  static async start(count: number): Promise<Servers> {
    const directory = await Deno.makeTempDir({ prefix: "parley-log-" });
    const store = (index: number) => `${directory}/${index}`;
    const servers = count === 1
      ? [await NatsServer.start({ store: store(0) })]
      : await startJetStream(count, store);
    return new Servers(servers, directory);
  }

  async connect(): Promise<NatsConnection> {
    const connection = await connect({
      servers: this.servers.map(({ url }) => url),
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      ignoreAuthErrorAbort: true,
    });
    this.#connections.push(connection);
    return connection;
  }

  async open(options: Partial<LogOptions> = {}): Promise<JetStreamLog> {
    const connection = await this.connect();
    const replicas = this.servers.length;
    for (let tries = 1;; tries++) {
      try {
        return await openJetStreamLog({
          connection,
          cluster: "test",
          replicas,
          epoch: crypto.randomUUID(),
          answerMs: 1000,
          outcomeMs: 20_000,
          maxBytes: 100_000_000,
          ...options,
        });
      } catch (error) {
        // Servers that have just started have no leader yet.
        if (tries === 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) await connection.close();
    for (const server of this.servers) await server.kill();
    await Deno.remove(this.#directory, { recursive: true });
  }
}

/** An entry that says its number, and is large enough to be in parts now and then. */
function numbered(number: number): Uint8Array {
  const bytes = new Uint8Array(number % 50 === 0 ? 3_000_000 : 2000);
  new DataView(bytes.buffer).setFloat64(0, number);
  return bytes;
}

const numberOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0);

Deno.test(withNats("a log on one server is no replicated one, on three it is", async () => {
  for (const [count, level] of [[1, AckLevel.ROUTED], [3, AckLevel.REPLICATED]]) {
    await using servers = await Servers.start(count);
    const log = await servers.open();
    assert.equal(log.level, level);
    assert.equal(log.replicas, count);
    assert.equal(await log.append(numbered(1), 0), 1);
  }
}));

Deno.test(withNats("a log outlives its servers, with its epoch", async () => {
  await using servers = await Servers.start(1);
  const log = await servers.open();
  const last = await log.append(numbered(1), 0);
  servers.servers[0] = await servers.servers[0].restart();
  const again = await servers.open();
  assert.equal(again.epoch, log.epoch);
  assert.equal((await again.state()).lastSequence, last);
}));

Deno.test(
  withNats(
    "the leader is killed while entries are appended: none is lost or there twice",
    async () => {
      await using servers = await Servers.start(3);
      const log = await servers.open();
      const other = await servers.open();
      const read: number[] = [];
      const reader = other.read(0, ({ bytes }) => void read.push(numberOf(bytes)));
      const manager = await jetstreamManager(await servers.connect());
      const rounds = Number(Deno.env.get("LOG_KILLS") ?? 2);
      let last = 0;
      let number = 0;
      for (let round = 0; round < rounds; round++) {
        const { cluster } = await manager.streams.info(streamOf("test"));
        const place = Number(cluster!.leader!.slice(1)) - 1;
        let isBack = false;
        const killed = (async () => {
          await servers.servers[place].kill();
          servers.servers[place] = await servers.servers[place].restart();
          isBack = true;
        })();
        for (let more = 0; !isBack || more < 60; more++) {
          last = await log.append(numbered(++number), last);
        }
        await killed;
      }
      await settles(reader.reached(last), "everything was read", 60_000);
      assert.deepEqual(
        read,
        Array.from({ length: number }, (_, index) => index + 1),
      );
      await reader.close();
    },
  ),
);

Deno.test(withNats("an append that nobody answers is not known to be there", async () => {
  await using servers = await Servers.start(1);
  const log = await servers.open({ outcomeMs: 300 });
  let last = await log.append(numbered(1), 0);
  servers.servers[0].signal("SIGSTOP");
  await isStopped(servers.servers[0].pid);
  await assert.rejects(log.append(numbered(2), last), { fault: "unknown" });
  servers.servers[0].signal("SIGCONT");
  // Whatever became of it, it is there before the next append or never.
  for (;;) {
    const { lastSequence } = await log.state();
    try {
      last = await log.append(numbered(3), lastSequence);
      break;
    } catch (error) {
      if ((error as { fault?: string }).fault !== "fenced") throw error;
    }
  }
  const read: number[] = [];
  const reader = log.read(0, ({ bytes }) => void read.push(numberOf(bytes)));
  await settles(reader.reached(last), "everything was read");
  assert.deepEqual(read.filter((number) => number !== 2), [1, 3]);
  assert.ok(read.length === 2 || read[1] === 2, "the entry is in its place or not there");
  await reader.close();
}));

Deno.test(withNats("a full log refuses what is more, and goes on once it was trimmed", async () => {
  await using servers = await Servers.start(1);
  const log = await servers.open({ maxBytes: 8_000_000 });
  let last = 0;
  const large = new Uint8Array(3_000_000);
  let refused: { fault?: string; lastSequence?: number } = {};
  for (let round = 0; round < 10 && refused.fault === undefined; round++) {
    try {
      last = await log.append(large, last);
    } catch (error) {
      refused = error as typeof refused;
    }
  }
  assert.equal(refused.fault, "full");
  last = refused.lastSequence!;
  assert.equal((await log.state()).lastSequence, last);
  await log.trim(last);
  assert.equal(await log.append(numbered(1), last), last + 1);
  const read: number[] = [];
  const reader = log.read(last, ({ bytes }) => void read.push(numberOf(bytes)));
  await settles(reader.reached(last + 1), "the next one was read");
  assert.deepEqual(read, [1]);
  await reader.close();
}));

Deno.test(withNats("a stream that is no log is refused, and no JetStream is said", async () => {
  await using servers = await Servers.start(1);
  const connection = await servers.connect();
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: streamOf("test"), subjects: ["test.log"] });
  const options = { connection, cluster: "test", replicas: 1, epoch: "e" };
  await assert.rejects(openJetStreamLog(options), /it is not the log of a cluster/);
  await using plain = await NatsServer.start();
  const without = await connect({ servers: plain.url });
  try {
    const asked = openJetStreamLog({ ...options, connection: without, answerMs: 300 });
    await assert.rejects(asked, /cannot open stream "test_log"/);
  } finally {
    await without.close();
  }
}));

Deno.test(
  withNats(
    "without a connection an outcome is not asked for longer than the lead lasts",
    async () => {
      await using servers = await Servers.start(1);
      let downMs = 0;
      const log = await servers.open({ outcomeMs: 1e9, downMs: () => downMs, maxDownMs: 3000 });
      assert.equal(await log.append(new Uint8Array(1), 0), 1);
      await servers.servers[0].kill();
      let isOver = false;
      const appended = log.append(new Uint8Array(1), 1).finally(() => isOver = true);
      const refused = assert.rejects(appended, { fault: "unknown" });
      // The server may be back soon.
      downMs = 2999;
      await assert.rejects(log.state());
      await assert.rejects(log.state());
      assert.equal(isOver, false);
      downMs = 3000;
      await settles(refused, "the end of the append");
    },
  ),
);
