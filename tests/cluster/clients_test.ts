/**
 * Clients that know several nodes of a cluster: when theirs is gone, or stops, they go on at another, and nothing that was kept
 * is missing or comes twice.
 */
import assert from "node:assert/strict";
import { type Client, connect, ErrorCode, ParleyError, type Room } from "../../lib/client/mod.ts";
import { Collector } from "../client/bus_support.ts";
import { withNats } from "../support/nats_server.ts";
import { until } from "../support/until.ts";
import { ClusterFixture } from "./cluster_fixture.ts";

const config = {
  keep: [{ pattern: "orders.>" }],
  limits: { drain_quiet_ms: 20, linger_ms: 50 },
};
const reconnect = { minMs: 5, maxMs: 100 };

/** Asks again until it is granted. */
async function granted<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ParleyError) || error.code !== ErrorCode.UNAVAILABLE) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

/** The clients of one test, closed at its end. */
class Clients implements AsyncDisposable {
  readonly #all: Client[] = [];

  constructor(readonly cluster: ClusterFixture) {}

  /** Connects to a node; the others are where it goes on. */
  async at(node: number): Promise<Client> {
    const { nodes } = this.cluster;
    const urls = nodes.map((_node, index) => this.cluster.url((node + index) % nodes.length));
    const client = await connect(urls, { reconnect });
    assert.equal(client.welcome.serverId, nodes[node].server.serverId);
    this.#all.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#all.map((client) => client.close()));
  }
}

/** Everything that a client can be, at the node that is lost, with others at a node that stays. */
class World {
  readonly seen = new Collector();
  readonly shares = [new Collector(), new Collector()];
  readonly done: string[] = [];
  readonly said: string[] = [];
  readonly published: string[] = [];
  readonly pushed: string[] = [];
  #stops = false;
  #running: Promise<void>[] = [];

  private constructor(readonly moving: Client, readonly staying: Client, readonly room: Room) {}

  static async start(moving: Client, staying: Client): Promise<World> {
    const room = await moving.room("lobby", { nick: "ada", history: 0 });
    const world = new World(moving, staying, room);
    await moving.subscribe("orders.all", { since: "all" }, world.seen.take);
    for (const [index, client] of [moving, staying].entries()) {
      await client.subscribe("orders.all", { group: "share" }, world.shares[index].take);
      client.queue("work").work((job) => void world.done.push(job.text()), { concurrency: 2 });
    }
    await moving.serve("acme.Moving/Ask", () => "moved");
    await staying.serve("acme.Staying/Ask", () => "stayed");
    const bob = await staying.room("lobby", { nick: "bob", history: 0 });
    world.#running = [world.#publish(), world.#push(), world.#listen(bob)];
    return world;
  }

  async works(): Promise<void> {
    const enough = this.seen.events.length + 50;
    await until(() => this.seen.events.length >= enough, "events come");
    const jobs = this.done.length + 10;
    await until(() => this.done.length >= jobs, "jobs are done");
  }

  /** Everything goes on for the client that has moved, and nothing is missing. */
  async check(): Promise<void> {
    await this.works();
    assert.equal((await granted(() => this.moving.call("acme.Staying/Ask"))).text(), "stayed");
    assert.equal((await granted(() => this.staying.call("acme.Moving/Ask"))).text(), "moved");
    await this.room.say("here again");
    await until(() => this.said.includes("ada: here again"), "what is said arrives");
    const members = await this.room.members();
    assert.deepEqual(members.map(({ name }) => name), ["ada", "bob"]);
    this.#stops = true;
    await Promise.all(this.#running.slice(0, 2));
    await until(() => this.pushed.every((text) => this.done.includes(text)), "all jobs", 90_000);
    await this.seen.count(this.published.length);
    assert.deepEqual(this.seen.texts, this.published, "in order, without gap or duplicate");
    const seqs = this.seen.events.map(({ seq }) => Number(seq));
    assert.deepEqual(seqs, seqs.map((_seq, index) => index + 1));
    const shared = this.shares.flatMap(({ texts }) => texts);
    assert.equal(new Set(shared).size, shared.length, "each event to one member");
    await this.room.leave();
    assert.equal(this.said.filter((text) => text === "ada: here again").length, 1);
  }

  async #publish(): Promise<void> {
    while (!this.#stops) {
      const text = `event ${this.published.length}`;
      await granted(() => this.staying.publish("orders.all", text, { messageId: text }));
      this.published.push(text);
    }
  }

  async #push(): Promise<void> {
    while (!this.#stops) {
      const text = `job ${this.pushed.length}`;
      await granted(() => this.staying.queue("work").push(text, { messageId: text }));
      this.pushed.push(text);
    }
  }

  async #listen(bob: Room): Promise<void> {
    for await (const message of bob) {
      if (message.kind === "said") this.said.push(`${message.name}: ${message.text}`);
    }
  }
}

for (const role of ["writes", "follows"] as const) {
  Deno.test(
    withNats(`clients of a node that ${role} go on at another when it is gone`, async () => {
      await using cluster = await ClusterFixture.start({ durable: true, config });
      const writer = await cluster.writer();
      const lost = role === "writes" ? writer : (writer + 1) % 3;
      await using clients = new Clients(cluster);
      const world = await World.start(await clients.at(lost), await clients.at((lost + 1) % 3));
      await world.works();
      cluster.nodes[lost].server.abort();
      await until(
        () => world.moving.welcome.serverId !== cluster.nodes[lost].server.serverId,
        "it moves",
      );
      await world.check();
    }),
  );
}

Deno.test(
  withNats(
    "clients go on at another node when theirs stops, each pointed where it is told",
    async () => {
      await using cluster = await ClusterFixture.start({ durable: true, config });
      const writer = await cluster.writer();
      await using clients = new Clients(cluster);
      const [next, third] = [(writer + 1) % 3, (writer + 2) % 3];
      // This one knows one node alone, and follows the hint.
      const hinted = await connect(cluster.url(writer), { reconnect, followHints: true });
      const world = await World.start(await clients.at(writer), await clients.at(next));
      const got = new Collector();
      await hinted.subscribe("orders.all", { since: "all" }, got.take);
      await world.works();
      await cluster.nodes[writer].server.stop([cluster.url(third)]);
      await world.check();
      await got.count(world.published.length);
      assert.deepEqual(got.texts, world.published);
      assert.equal(hinted.welcome.serverId, cluster.nodes[third].server.serverId);
      await hinted.close();
    },
  ),
);
