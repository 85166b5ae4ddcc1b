/**
 * Durable work from every node of a cluster over real servers of NATS: done by the node that writes, the same from everywhere,
 * while links break and another node takes over.
 */
import assert from "node:assert/strict";
import { type Client, ErrorCode, ParleyError } from "../../lib/client/mod.ts";
import { Collector, numbers } from "../client/bus_support.ts";
import { nextOf } from "../client/rooms/room_support.ts";
import { withNats } from "../support/nats_server.ts";
import { settles, until } from "../support/until.ts";
import { ClusterFixture } from "./cluster_fixture.ts";

const config = {
  keep: [{ pattern: "orders.>" }],
  listen: { http: "127.0.0.1:0" },
  // What comes back, comes back because of what happened, and never because a lease has ended.
  queue: [{ name: "work", lease_ms: 24 * 3600_000 }],
};

/** Asks again until it is granted: what may be asked again says so. */
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

/** A client of each node. */
async function clientsOf(cluster: ClusterFixture): Promise<Client[]> {
  return await Promise.all(cluster.nodes.map((_node, index) => cluster.client(index)));
}

/** Publishes, pushes and works on every node until it is stopped; tells what was acknowledged and done. */
class Load {
  readonly seqs = new Map<number, string>();
  readonly pushed = new Set<string>();
  readonly done = new Set<string>();
  #stops = false;
  #count = 0;
  readonly #running: Promise<void>[];

  constructor(clients: readonly Client[]) {
    this.#running = clients.flatMap((client) => [this.#publish(client), this.#push(client)]);
    for (const client of clients) {
      client.queue("work").work((job) => void this.done.add(job.text()), { concurrency: 4 });
    }
  }

  async works(more: number): Promise<void> {
    const enough = this.seqs.size + this.done.size + more;
    await until(() => this.seqs.size + this.done.size >= enough, "the load goes on");
  }

  async stop(): Promise<void> {
    this.#stops = true;
    await settles(Promise.all(this.#running), "the end of the load");
    await until(() => [...this.pushed].every((text) => this.done.has(text)), "all jobs are done");
  }

  async #publish(client: Client): Promise<void> {
    while (!this.#stops) {
      const text = `event ${++this.#count}`;
      const { seq } = await granted(() => client.publish("orders.a", text, { messageId: text }));
      assert.equal(this.seqs.has(Number(seq)), false, `seq ${seq} was given twice`);
      this.seqs.set(Number(seq), text);
    }
  }

  async #push(client: Client): Promise<void> {
    while (!this.#stops) {
      const text = `job ${++this.#count}`;
      await granted(() => client.queue("work").push(text, { messageId: text }));
      this.pushed.add(text);
    }
  }
}

/** Every acknowledged event is in the history of every node, under its seq. */
async function checkHistories(cluster: ClusterFixture, load: Load): Promise<void> {
  for (const index of cluster.nodes.keys()) {
    const client = await cluster.client(index);
    const got = new Collector();
    await client.subscribe("orders.a", { since: "all" }, got.take);
    await got.count(Math.max(...load.seqs.keys()));
    for (const { seq, text } of got.events.map((one) => ({ seq: one.seq, text: one.text() }))) {
      const known = load.seqs.get(Number(seq));
      if (known !== undefined) assert.equal(text, known, `seq ${seq} on node ${index}`);
    }
    assert.deepEqual(
      got.events.map(({ seq }) => Number(seq)),
      got.events.map((_event, at) => at + 1),
      `no gaps on node ${index}`,
    );
  }
}

Deno.test(
  withNats("every node keeps events, takes and hands out jobs, and has the rooms", async () => {
    await using cluster = await ClusterFixture.start({ durable: true, config });
    await cluster.writer();
    const clients = await clientsOf(cluster);
    const texts: string[] = [];
    for (const [index, client] of clients.entries()) {
      const reader = await cluster.client(index);
      for (const text of numbers(10)) {
        texts.push(`${index} ${text}`);
        const { seq } = await client.publish("orders.a", `${index} ${text}`);
        assert.equal(Number(seq), texts.length);
        // It is there at once, where it was acknowledged.
        const last = await reader.subscribe("orders.a", { since: { last: 1 } });
        const { value } = await settles(last[Symbol.asyncIterator]().next(), "the newest event");
        assert.equal(value?.seq, seq);
        await last.unsubscribe();
      }
      await client.queue("work").push(`${index}`);
    }
    for (const index of clients.keys()) {
      const got = new Collector();
      await (await cluster.client(index)).subscribe("orders.a", { since: "all" }, got.take);
      await got.count(texts.length);
      assert.deepEqual(got.texts, texts);
      for await (const job of clients[index].queue("work").pull({ prefetch: 1 })) {
        assert.equal(job.text(), `${index}`);
        await job.ack();
        break;
      }
    }
    const rooms = [];
    for (const [index, client] of clients.entries()) {
      rooms.push(await client.room("lobby", { nick: `user${index}` }));
    }
    assert.equal((await rooms[2].members()).length, 3);
    await Promise.all(rooms.map((room) => room.say("hello")));
  }),
);

Deno.test(withNats("HTTP and lines come to the node that writes from every node", async () => {
  await using cluster = await ClusterFixture.start({
    durable: true,
    nodes: 2,
    config: { ...config, listen: { ...config.listen, text: "127.0.0.1:0" } },
  });
  const writer = await cluster.writer();
  const other = cluster.nodes[1 - writer];
  const base = `http://127.0.0.1:${other.port("ws")}/v1`;
  const post = async (path: string, body: string) => {
    const answer = await fetch(`${base}${path}`, { method: "POST", body });
    return { status: answer.status, text: await answer.text() };
  };
  const published = await post("/publish/orders.http", "over HTTP");
  assert.equal(published.status, 200, published.text);
  assert.equal((await post("/queues/mails", "a job")).status, 200);
  const pulled = await post("/queues/mails/pull?max=1", "");
  assert.match(pulled.text, /token/);
  const room = await (await cluster.client(writer)).room("lobby", { nick: "ada" });
  using line = await Deno.connect({ hostname: "127.0.0.1", port: other.port("text") });
  await line.write(new TextEncoder().encode("bob\n"));
  await line.write(new TextEncoder().encode("hello from a line\n"));
  for (;;) {
    const value = await nextOf(room);
    if (value?.kind === "said") {
      assert.deepEqual([value.name, value.text], ["bob", "hello from a line"]);
      break;
    }
  }
}));

Deno.test(
  withNats("another node takes over under load, and no client loses its connection", async () => {
    await using cluster = await ClusterFixture.start({ durable: true, config });
    const writer = await cluster.writer();
    const clients = await clientsOf(cluster);
    const rooms = await Promise.all(
      clients.map((client, index) => client.room("lobby", { nick: `user${index}` })),
    );
    const load = new Load(clients);
    await load.works(200);
    cluster.log(writer).stepDown();
    await until(() => cluster.log(writer).role !== "writer", "it has stepped down");
    await cluster.writer();
    await load.works(200);
    await load.stop();
    await checkHistories(cluster, load);
    for (const room of rooms) await room.say("still here");
    assert.equal((await rooms[0].members()).length, 3);
  }),
);

Deno.test(
  withNats("NATS goes and comes back under load: nothing acknowledged is lost", async () => {
    await using cluster = await ClusterFixture.start({ durable: true, config });
    await cluster.writer();
    const clients = await clientsOf(cluster);
    const load = new Load(clients);
    await load.works(200);
    cluster.nats[0] = await cluster.nats[0].restart();
    await cluster.writer();
    await load.works(200);
    await load.stop();
    await checkHistories(cluster, load);
  }),
);

Deno.test(withNats("a node that stops leaves its clients' jobs to the others", async () => {
  await using cluster = await ClusterFixture.start({ durable: true, config });
  const writer = await cluster.writer();
  const [away, other] = [...cluster.nodes.keys()].filter((index) => index !== writer);
  const [holder, puller] = [await cluster.client(away), await cluster.client(other)];
  await puller.queue("work").push("job");
  const held = holder.queue("work").pull()[Symbol.asyncIterator]();
  await settles(held.next(), "the job");
  cluster.nodes[away].server.abort();
  for await (const job of puller.queue("work").pull()) {
    assert.deepEqual([job.text(), job.redelivered], ["job", true]);
    await job.ack();
    break;
  }
}));
