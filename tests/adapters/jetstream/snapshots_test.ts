/**
 * Snapshots in JetStream's object store, and nodes that begin with them.
 */
import assert from "node:assert/strict";
import { connect } from "@nats-io/transport-node";
import type { NatsConnection } from "@nats-io/nats-core";
import { openJetStreamLog } from "../../../lib/adapters/jetstream/open.ts";
import { openSnapshots } from "../../../lib/adapters/jetstream/snapshots.ts";
import { openSharedStore } from "../../../lib/adapters/sqlite/shared_store.ts";
import { append, readAll } from "../../contract/store_support.ts";
import { NatsServer, withNats } from "../../support/nats_server.ts";
import { ReplicaNode } from "../../support/replica_node.ts";
import { settles } from "../../support/until.ts";

/** One server, and nodes with directories of their own. */
class Place implements AsyncDisposable {
  readonly folder: string;
  readonly connection: NatsConnection;
  readonly #server: NatsServer;
  readonly #epoch: string = crypto.randomUUID();

  private constructor(folder: string, server: NatsServer, connection: NatsConnection) {
    this.folder = folder;
    this.#server = server;
    this.connection = connection;
  }

  static async make(): Promise<Place> {
    const folder = await Deno.makeTempDir({ prefix: "parley-snapshots-" });
    const server = await NatsServer.start({ store: `${folder}/nats` });
    return new Place(folder, server, await connect({ servers: server.url }));
  }

  log() {
    const { connection } = this;
    return openJetStreamLog({ connection, cluster: "test", replicas: 1, epoch: this.#epoch });
  }

  snapshots(epoch = this.#epoch) {
    return openSnapshots({
      connection: this.connection,
      cluster: "test",
      replicas: 1,
      epoch,
      scratch: this.folder,
    });
  }

  async node(name: string): Promise<ReplicaNode> {
    const log = await this.log();
    const directory = `${this.folder}/${name}`;
    const store = await openSharedStore({ directory, log, snapshots: await this.snapshots() });
    return new ReplicaNode(store, log);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.close();
    await this.#server.kill();
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function publish({ store }: ReplicaNode, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const topic = store.openTopic("t");
    append(store, topic, `${topic.lastSeq + 1}`);
    await store.flush();
  }
}

async function hasAll({ store }: ReplicaNode, count: number): Promise<void> {
  const events = await readAll(store, store.topic("t")!, 100);
  const expected = Array.from({ length: count }, (_, index) => `${index + 1}`);
  assert.deepEqual(events.map(({ payload }) => payload), expected);
}

Deno.test(
  withNats("a snapshot that is fetched is what was put, and the newest two are kept", async () => {
    await using place = await Place.make();
    const snapshots = await place.snapshots();
    assert.equal(await snapshots.newest(), null);
    const bytes = new Uint8Array(3_000_000);
    for (let at = 0; at < bytes.length; at += 1009) bytes[at] = at % 251;
    const to = `${place.folder}/to`;
    const put = [];
    for (const sequence of [5, 7, 12]) {
      bytes[0] = sequence;
      put.push(await snapshots.put((path) => Deno.writeFile(path, bytes), sequence, "node"));
    }
    const again = await place.snapshots();
    const newest = (await again.newest())!;
    assert.deepEqual([newest.sequence, newest.bytes, newest.node], [12, bytes.length, "node"]);
    assert.equal(newest.digest, put[2].digest);
    await again.fetch(newest, to);
    assert.deepEqual(await Deno.readFile(to), bytes);
    await Deno.remove(to);
    await again.fetch(put[1], to);
    assert.equal((await Deno.readFile(to))[0], 7);
    await Deno.remove(to);
    await assert.rejects(again.fetch(put[0], to), /it is there no longer/);
    await assert.rejects(Deno.lstat(to), Deno.errors.NotFound);
    assert.equal(await (await place.snapshots("another")).newest(), null);
    const fails = snapshots.put(() => Promise.reject(new Error("no room for a copy")), 20, "node");
    await assert.rejects(fails, /no room for a copy/);
    assert.equal((await snapshots.newest())!.sequence, 12);
    const files = [...Deno.readDirSync(place.folder)].map(({ name }) => name);
    assert.deepEqual(files.filter((name) => name.startsWith("snapshot")), []);
  }),
);

Deno.test(
  withNats("a node that is new, or was away for too long, begins with a snapshot", async () => {
    await using place = await Place.make();
    await using one = await place.node("one");
    const away = await place.node("away");
    assert.ok(await one.claim("one"));
    await publish(one, 3);
    await settles(away.caughtUp(), "a node has applied what there was");
    await away[Symbol.asyncDispose]();
    await publish(one, 3);
    const { position } = one.replica;
    await (await place.snapshots()).put((path) => one.store.backup(path), position, "one");
    await publish(one, 3);
    await one.log.trim(position + 1);
    for (const name of ["away", "new"]) {
      await using node = await place.node(name);
      assert.equal(node.replica.position, position);
      assert.equal(node.store.epoch, one.store.epoch);
      await settles(node.caughtUp(), "it goes on from there");
      await hasAll(node, 9);
    }
    // Again with what it has by now.
    await using again = await place.node("new");
    await settles(again.caughtUp(), "it goes on from there");
    await hasAll(again, 9);
  }),
);

Deno.test(
  withNats("a node for which neither log nor snapshots have enough is refused", async () => {
    await using place = await Place.make();
    await using one = await place.node("one");
    assert.ok(await one.claim("one"));
    await publish(one, 5);
    await one.log.trim(4);
    await assert.rejects(place.node("new"), {
      codeName: "FAILED_PRECONDITION",
      message: /it begins at 4/,
    });
  }),
);
