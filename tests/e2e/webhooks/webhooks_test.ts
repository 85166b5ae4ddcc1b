/**
 * Queues whose jobs are posted: done by 2xx and by nothing else, tried again, given up, held back and stopped as the
 * receiver says; by whole servers, against real receivers.
 */
import assert from "node:assert/strict";
import { isSigned } from "../../../examples/typescript/webhook_receiver.ts";
import { type Client, connect } from "../../../lib/client/mod.ts";
import { type Config, configFrom, type ConfigInput } from "../../../lib/server/config/config.ts";
import { testCertificate } from "../../support/certificate.ts";
import { LogRecords } from "../../support/log_records.ts";
import { Receiver } from "../../support/receiver.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { settled, settles } from "../../support/until.ts";

const SECRET = `whsec_${btoa("0123456789abcdef0123456789abcdef")}`;
const ALLOWED = { allow_addresses: ["127.0.0.0/8", "::1"], allow_http: true };
const urlOf = (server: TestServer) => `parley://127.0.0.1:${server.port("tcp")}`;

type QueueInput = NonNullable<ConfigInput["queue"]>[number];

/** What a configuration says of a queue that is posted to a receiver. */
function posted(receiver: Receiver, more: Partial<QueueInput> = {}): QueueInput {
  return {
    name: "q",
    deliver_to: receiver.url(),
    deliver_secret: SECRET,
    backoff_min_ms: 1,
    backoff_max_ms: 1,
    ...more,
  };
}

async function start(queue: QueueInput, more: ConfigInput = {}): Promise<TestServer> {
  return await startServer({ queue: [queue], webhooks: ALLOWED, ...more });
}

/** Pushes jobs with these payloads. */
async function push(client: Client, ...payloads: string[]): Promise<void> {
  for (const payload of payloads) await client.queue("q").push(payload);
}

const isEmpty = async (client: Client, queue = "q") => {
  const { ready, leased, delayed } = await client.queue(queue).info();
  return ready + leased + delayed === 0;
};

/** Waits until a queue holds nothing. */
async function emptied(client: Client): Promise<void> {
  for (let count = 0; !await isEmpty(client); count++) {
    assert(count < 3000, "the queue is done with");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const status = (code: number, headers: Record<string, string> = {}) =>
  new Response(null, { status: code, headers });

Deno.test("webhooks: jobs are posted over TLS, signed, and done by 2xx", async () => {
  await using receiver = await Receiver.start();
  const folder = await Deno.makeTempDir();
  const ca = `${folder}/ca.pem`;
  await Deno.writeTextFile(ca, (await testCertificate()).ca);
  try {
    const webhooks = { allow_addresses: ALLOWED.allow_addresses, ca };
    await using server = await start(posted(receiver), { webhooks });
    await using client = await connect(urlOf(server));
    await client.queue("q").push("one", { type: "acme.Mail", headers: { color: "red" } });
    const [{ text, headers, body, path }] = await receiver.came(1);
    assert.deepEqual([text, path], ["one", "/jobs?a=b"]);
    assert(isSigned(headers, body, SECRET));
    assert.equal(headers.get("parley-type"), "acme.Mail");
    assert.equal(headers.get("parley-header-color"), "red");
    await emptied(client);
    const metrics = await (await fetch(`http://127.0.0.1:${server.port("ws")}/metrics`)).text();
    assert.match(metrics, /parley_webhook_jobs_total\{outcome="acknowledged"\} 1/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("webhooks: what fails is tried again under the same id, and is a dead letter in the end", async () => {
  await using receiver = Receiver.plain((_, number) => status(number === 1 ? 500 : 204));
  await using server = await start(posted(receiver, { max_deliveries: 2 }));
  await using client = await connect(urlOf(server));
  await push(client, "one");
  const [first, second] = await receiver.came(2);
  assert.equal(first.headers.get("webhook-id"), second.headers.get("webhook-id"));
  assert.match(first.headers.get("webhook-id")!, /^job_[0-9a-f]{32}$/);
  assert.deepEqual(
    [first, second].map(({ headers }) => headers.get("parley-attempt")),
    ["1", "2"],
  );
  await emptied(client);
  receiver.answer = () => status(302, { location: receiver.url("/elsewhere") });
  await push(client, "two");
  const dead = client.queue("q.dead").pull();
  const [letter] = await settles(Array.fromAsync(take(dead, 1)), "the dead letter");
  assert.equal(letter.text(), "two");
  assert.match(letter.death?.lastError ?? "", /answered 302, and redirects are not followed/);
  assert(receiver.received.every(({ path }) => path !== "/elsewhere"));
  assert.notEqual(receiver.received[2].headers.get("webhook-id"), first.headers.get("webhook-id"));
});

Deno.test("webhooks: Retry-After holds the whole queue back", async () => {
  await using receiver = Receiver.plain((_, number) =>
    number === 1 ? status(503, { "retry-after": "3600" }) : status(204)
  );
  await using server = await start(posted(receiver, { deliver_at_once: 1 }));
  await using client = await connect(urlOf(server));
  await push(client, "one", "two");
  await receiver.came(1);
  await settled(() => receiver.received.length, "nothing more comes");
  assert.equal(receiver.received.length, 1);
  const { ready, delayed } = await client.queue("q").info();
  assert.deepEqual([ready, delayed], [1, 1]);
});

Deno.test("webhooks: after a short Retry-After the queue goes on", async () => {
  await using receiver = Receiver.plain((_, number) =>
    number === 1 ? status(429, { "retry-after": "1" }) : status(204)
  );
  await using server = await start(posted(receiver, { deliver_at_once: 1 }));
  await using client = await connect(urlOf(server));
  await push(client, "one", "two");
  await receiver.came(3);
  await emptied(client);
});

Deno.test("webhooks: 410 pauses the queue, and its job is still there", async () => {
  using records = new LogRecords();
  await using receiver = Receiver.plain((_, number) => status(number === 1 ? 410 : 204));
  await using server = await start(posted(receiver, { deliver_at_once: 1 }));
  await using client = await connect(urlOf(server));
  await push(client, "one", "two");
  const queue = client.queue("q");
  for (;;) {
    const { paused, ready } = await queue.info();
    if (paused && ready === 2) break;
  }
  assert.equal(receiver.received.length, 1);
  const audited = records.records.filter(({ category }) => category[1] === "audit");
  assert(
    audited.some(({ properties }) => properties.act === "webhook" && properties.target === "q"),
  );
  await queue.resume();
  await emptied(client);
  assert.equal(receiver.received[1].headers.get("parley-attempt"), "1", "it did not count");
});

Deno.test("webhooks: so many at once, and no lease ends while a receiver thinks", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using receiver = Receiver.plain(async () => {
    await promise;
    return status(204);
  });
  await using server = await start(posted(receiver, { deliver_at_once: 3, lease_ms: 50 }));
  await using client = await connect(urlOf(server));
  await push(client, ...Array.from({ length: 8 }, (_, index) => `${index}`));
  await receiver.came(3);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(receiver.received.length, 3);
  resolve();
  await emptied(client);
  assert.equal(receiver.received.length, 8, "each once");
  assert.equal(receiver.mostUnderWay, 3);
});

Deno.test("webhooks: all queues together post no more at once than they may", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using receiver = Receiver.plain(async () => {
    await promise;
    return status(204);
  });
  await using server = await start(posted(receiver, { name: "q.*" }), {
    webhooks: { ...ALLOWED, max_at_once: 2 },
  });
  await using client = await connect(urlOf(server));
  for (let index = 0; index < 5; index++) await client.queue(`q.${index}`).push("x");
  await receiver.came(2);
  await settled(() => receiver.received.length, "no more");
  assert.equal(receiver.received.length, 2);
  resolve();
  await receiver.came(5);
  assert.equal(receiver.mostUnderWay, 2);
});

Deno.test("webhooks: receivers that do not answer hold up their own queues alone", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using slow = Receiver.plain(async () => {
    await promise;
    return status(204);
  });
  try {
    await using quick = Receiver.plain();
    const silent = { deliver_at_once: 64, lease_ms: 60_000 };
    const names = ["a", "b", "c", "d", "e"];
    const queue = [...names.map((name) => posted(slow, { name, ...silent })), posted(quick)];
    await using server = await startServer({ queue, webhooks: ALLOWED });
    await using client = await connect(urlOf(server));
    const large = "x".repeat(200_000);
    for (const name of names) {
      await Promise.all(Array.from({ length: 40 }, () => client.queue(name).push(large)));
    }
    // Each of them has a share, and all of them together leave some.
    const taken = await settled(() => slow.received.length, "no more comes");
    assert(taken > 30 && taken <= 48, `${taken}`);
    for (let index = 0; index < 50; index++) await push(client, `${index}`);
    await quick.came(50);
    await emptied(client);
    assert.equal(slow.received.length, taken, "and none of them was answered");
  } finally {
    resolve();
  }
});

Deno.test("webhooks: an address that is not public gets nothing, and the job says why", async () => {
  await using receiver = Receiver.plain();
  for (const hostname of ["127.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "169.254.169.254"]) {
    const input = {
      queue: [posted(receiver, { deliver_to: receiver.url("/", hostname) })],
      webhooks: { allow_http: true },
    };
    assert.throws(
      () => configFrom(input),
      /which is not public; add it to webhooks.allow_addresses/,
    );
  }
  const webhooks = { allow_http: true };
  await using server = await start(posted(receiver, { max_deliveries: 1 }), { webhooks });
  await using client = await connect(urlOf(server));
  await push(client, "one");
  const dead = client.queue("q.dead").pull();
  const [letter] = await settles(Array.fromAsync(take(dead, 1)), "the dead letter");
  assert.match(letter.death?.lastError ?? "", /is at (127\.0\.0\.1|::1), which is not a public/);
  assert.equal(receiver.received.length, 0);
});

Deno.test("webhooks: a stop waits for what is posted, and gives back what has no answer", async () => {
  const folder = await Deno.makeTempDir();
  const { promise, resolve } = Promise.withResolvers<void>();
  await using receiver = Receiver.plain(async () => {
    await promise;
    return status(204);
  });
  try {
    const data = { data: folder, limits: { drain_ms: 20_000 } };
    const server = await start(posted(receiver), data);
    const client = await connect(urlOf(server));
    await push(client, "one");
    await receiver.came(1);
    await client.close();
    const stopping = server.server.stop();
    resolve();
    await settles(stopping, "the stop");
    await server[Symbol.asyncDispose]();
    const { promise: never, resolve: end } = Promise.withResolvers<Response>();
    receiver.answer = () => never;
    const second = await start(posted(receiver), data);
    const pushing = await connect(urlOf(second));
    assert(await isEmpty(pushing), "the first was done");
    await push(pushing, "two");
    await receiver.came(2);
    await pushing.close();
    await second[Symbol.asyncDispose]();
    end(status(500));
    receiver.answer = () => status(204);
    await using third = await start(posted(receiver), data);
    await using last = await connect(urlOf(third));
    await receiver.came(3);
    assert.deepEqual(receiver.received.map(({ text }) => text), ["one", "two", "two"]);
    assert.equal(receiver.received[2].headers.get("parley-attempt"), "1");
    assert.equal(
      receiver.received[1].headers.get("webhook-id"),
      receiver.received[2].headers.get("webhook-id"),
    );
    await emptied(last);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("webhooks: a reload changes where jobs go, all or nothing", async () => {
  await using one = Receiver.plain();
  await using two = Receiver.plain();
  let next: () => Config;
  await using server = await startServer(
    { queue: [posted(one)], webhooks: ALLOWED },
    { reread: () => Promise.resolve(next()) },
  );
  const other = (input: ConfigInput): Config => {
    const { queue, webhooks } = configFrom(input);
    return { ...server.config, queue, webhooks };
  };
  next = () => other({ queue: [posted(two)], webhooks: { ...ALLOWED, ca: "/no/such/file" } });
  await using client = await connect(urlOf(server));
  await assert.rejects(server.server.reload(), /no\/such\/file/);
  await push(client, "one");
  await one.came(1);
  next = () => other({ queue: [posted(two)], webhooks: ALLOWED });
  await server.server.reload();
  await push(client, "two");
  await two.came(1);
  next = () => other({ queue: [{ name: "q" }] });
  await server.server.reload();
  await push(client, "three");
  const [job] = await settles(Array.fromAsync(take(client.queue("q").pull(), 1)), "the job");
  assert.equal(job.text(), "three");
  assert.deepEqual([one.received.length, two.received.length], [1, 1]);
});

/** The first so many. */
async function* take<T>(all: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  for await (const one of all) {
    yield one;
    if (--count === 0) return;
  }
}
