/**
 * What /metrics tells: values that are true, a bounded number of series, and nothing to those who may not look.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import { BusClient } from "../../support/bus_client.ts";
import { type ClientMessageInit, contentOf } from "../../support/frames.ts";
import { pageUrl, scrape } from "../../support/metrics.ts";
import { startServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";
import { token, user } from "../../support/users.ts";

const publish = (topic: string, id?: bigint): ClientMessageInit => ({
  message: { case: "event", value: { topic, payload: new Uint8Array(10) } },
  ...id === undefined ? {} : { id },
});

Deno.test("metrics: what was published, delivered and kept is told", async () => {
  await using server = await startServer({ keep: [{ pattern: "kept.>" }] });
  await using reader = await BusClient.connect(server, "tcp");
  await using writer = await BusClient.connect(server, "ws");
  await reader.acknowledged({ message: { case: "subscribe", value: { pattern: "a.>" } } });
  for (let count = 0; count < 7; count++) await writer.acknowledged(publish("a.b"));
  for (let count = 0; count < 3; count++) await writer.acknowledged(publish("kept.one"));
  await reader.whenEvents(7);
  const told = await scrape(server);
  assert.equal(told.of("parley_events_published_total"), 10);
  assert.equal(told.of("parley_events_delivered_total"), 7);
  assert.equal(told.of('parley_topic_events_total{topic="a.b"}'), 7);
  assert.equal(told.of('parley_topic_bytes_total{topic="a.b"}'), 7 * (2 + 3 + 2 + 10));
  assert.equal(told.of('parley_topic_events_total{topic="kept.one"}'), 3);
  assert.equal(told.of('parley_topic_kept_events{topic="kept.one"}'), 3);
  assert.equal(told.of("parley_store_events_total"), 3);
  assert.equal(told.of("parley_store_commit_duration_seconds_count"), 3);
  assert.equal(told.of('parley_connections{listener="tcp",state="open"}'), 1);
  assert.equal(told.of('parley_connections{listener="ws",state="open"}'), 1);
  assert.equal(told.of('parley_connections{listener="raw",state="open"}'), 0);
  assert.equal(told.of("parley_connections_opened_total"), 2);
  assert.equal(told.of("parley_subscriptions"), 1);
  assert(told.of("process_resident_memory_bytes") > 1e7);
  assert(told.of("parley_turn_duration_seconds_count") > 0);
  const { messagesIn, bytesIn, messagesOut, bytesOut } = server.stats();
  assert.equal(told.of("parley_received_messages_total"), messagesIn);
  assert.equal(told.of("parley_received_bytes_total"), bytesIn);
  assert.equal(told.of("parley_sent_messages_total"), messagesOut);
  assert.equal(told.of("parley_sent_bytes_total"), bytesOut);
});

Deno.test("metrics: the time that the disk took is told when there is one", async () => {
  const data = await Deno.makeTempDir({ prefix: "parley-test-" });
  try {
    await using server = await startServer({ data, keep: [{ pattern: ">" }] });
    await using writer = await BusClient.connect(server, "tcp");
    await writer.acknowledged(publish("a"));
    const told = await scrape(server);
    assert.equal(told.of("parley_store_sync_duration_seconds_count"), 1);
    const sync = told.of("parley_store_sync_duration_seconds_sum");
    assert(sync > 0 && sync <= told.of("parley_store_commit_duration_seconds_sum"));
    assert(told.of("parley_store_disk_bytes") > 0);
    assert.equal(told.of("parley_store_up"), 1);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

Deno.test("metrics: queues are told by state, and their sums", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  const push = (queue: string) =>
    client.acknowledged({
      message: { case: "job", value: { queue, payload: new Uint8Array(5) } },
    });
  for (const queue of ["q", "q", "q", "other"]) await push(queue);
  const pull = { queue: "q", consumer: 1n, prefetch: 1 };
  await client.acknowledged({ message: { case: "pull", value: pull } });
  await client.when(
    () => client.messages.some(({ message }) => message.case === "job"),
    "a job",
  );
  const told = await scrape(server);
  assert.equal(told.of("parley_queues"), 2);
  assert.equal(told.of('parley_queue_jobs{queue="q",state="ready"}'), 2);
  assert.equal(told.of('parley_queue_jobs{queue="q",state="leased"}'), 1);
  assert.equal(told.of('parley_queue_jobs{queue="q",state="dead"}'), 0);
  assert.equal(told.of('parley_queue_consumers{queue="q"}'), 1);
  assert.equal(told.of('parley_queue_pushed_total{queue="q"}'), 3);
  assert(told.of('parley_queue_oldest_age_seconds{queue="q"}') >= 0);
  // A queue that is called as the rest is one of the rest.
  assert.equal(told.of('parley_queue_jobs{queue="other",state="ready"}'), 1);
  assert.equal(told.of("parley_jobs_pushed_total"), 4);
  assert.equal(told.of("parley_jobs_delivered_total"), 1);
});

Deno.test("metrics: calls are told by their ends, errors by code, limits by name", async () => {
  await using server = await startServer({ limits: { max_subscriptions: 1 } });
  await using client = await BusClient.connect(server, "tcp");
  await using service = await BusClient.connect(server, "tcp");
  await service.acknowledged({ message: { case: "register", value: { method: "a/B" } } });
  const call = client.nextId();
  await client.send({ message: { case: "call", value: { method: "a/B" } }, id: call });
  await service.when(
    () => service.messages.some(({ message }) => message.case === "call"),
    "the call",
  );
  const { id } = service.messages.find(({ message }) => message.case === "call")!;
  await service.send({ message: { case: "answer", value: {} }, id });
  contentOf(await client.answerTo(call), "answer");
  const nobody = await client.ask({ message: { case: "call", value: { method: "c/D" } } });
  assert.equal(contentOf(nobody, "error").code, ErrorCode.UNAVAILABLE);
  await client.acknowledged({ message: { case: "subscribe", value: { pattern: "a" } } });
  contentOf(
    await client.ask({ message: { case: "subscribe", value: { pattern: "b" } } }),
    "error",
  );
  await client.sendBytes(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff));
  await client.whenEnded();
  const told = await scrape(server);
  assert.equal(told.of('parley_calls_total{outcome="answered"}'), 1);
  assert.equal(told.of("parley_call_duration_seconds_count"), 1);
  assert.equal(told.of('parley_errors_total{code="unavailable"}'), 1);
  assert.equal(told.of('parley_errors_total{code="resource_exhausted"}'), 1);
  assert.equal(told.of('parley_limit_hits_total{limit="subscriptions"}'), 1);
  const reason = CloseReason[CloseReason.PROTOCOL_ERROR].toLowerCase();
  assert.equal(told.of(`parley_connections_ended_total{reason="${reason}"}`), 1);
});

Deno.test("metrics: at most 2,000 series, however many topics and queues there are", async () => {
  const most = { topics: 100, queues: 100 };
  await using server = await startServer({
    monitoring: most,
    keep: [{ pattern: "k.>" }],
    limits: { max_queues: 500 },
  });
  await using client = await BusClient.connect(server, "tcp");
  const topics = 100_000;
  for (let from = 0; from < topics; from += 10_000) {
    const some = Array.from({ length: 10_000 }, (_, index) => publish(`t.${from + index}`));
    await client.send(...some);
  }
  for (let index = 0; index < 300; index++) await client.send(publish(`k.${index}`));
  for (let index = 0; index < 400; index++) {
    await client.send({ message: { case: "job", value: { queue: `q${index}` } } });
  }
  await client.acknowledged(publish("last"));
  await until(() => server.stats().eventsIn === topics + 301, "all events");
  let told = await scrape(server);
  assert(told.series.size <= 2000, `${told.series.size} series`);
  const sum = () =>
    [...told.series].filter(([series]) => series.startsWith("parley_topic_events_total{"))
      .reduce((all, [, value]) => all + value, 0);
  assert.equal(sum(), topics + 301, "the rest is told as one");
  // One that comes late and is busy is noticed once places change; until then the rest has it.
  for (let count = 0; count < 50; count++) await client.acknowledged(publish("late"));
  told = await scrape(server);
  assert(told.series.size <= 2000, `${told.series.size} series`);
  assert.equal(sum(), topics + 301 + 50);
});

Deno.test("metrics: names with quotes, line ends and backslashes stay one label", async () => {
  await using server = await startServer();
  await using client = await BusClient.connect(server, "tcp");
  await client.acknowledged(publish('a"b\\c'));
  const told = await scrape(server);
  assert.equal(told.of('parley_topic_events_total{topic="a\\"b\\\\c"}'), 1);
});

Deno.test("metrics: without users told to this machine alone, and not through a proxy", async () => {
  await using server = await startServer({ insecure: true });
  const { port } = server.config.listen.http.length > 0 ? { port: server.port("ws") } : { port: 0 };
  const status = async (headers: Record<string, string>, path = "/metrics") => {
    const lines = Object.entries({ Host: `localhost:${port}`, ...headers })
      .map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const request = `GET ${path} HTTP/1.1\r\n${lines}Connection: close\r\n\r\n`;
    await connection.write(new TextEncoder().encode(request));
    const text = await new Response(connection.readable).text();
    return Number(text.slice(9, 12));
  };
  assert.equal(await status({}), 200);
  for (const name of ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"]) {
    assert.equal(await status({ [name]: "192.0.2.1" }), 403, name);
  }
  // Health is told to everybody.
  assert.equal(await status({ "X-Forwarded-For": "192.0.2.1" }, "/healthz"), 200);
  assert.equal(await status({ "X-Forwarded-For": "192.0.2.1" }, "/readyz"), 200);
});

Deno.test("metrics: with users told to those who may manage them", async () => {
  const scraper = token("scraper");
  await using server = await startServer({
    users: [
      await user("ada", "admin"),
      await user("eve", "reader"),
      { name: "prometheus", roles: "scraper", tokens: [scraper.entry] },
    ],
    roles: {
      admin: { allow: { manage: ">" } },
      scraper: { allow: { manage: "server.metrics" } },
      reader: { allow: { subscribe: ">" } },
    },
  });
  const ask = async (authorization?: string, path = "/metrics") => {
    const headers: Record<string, string> = authorization === undefined
      ? {}
      : { Authorization: authorization };
    const response = await fetch(pageUrl(server, path), { headers });
    const text = await response.text();
    return { status: response.status, text, asks: response.headers.get("www-authenticate") };
  };
  const basic = (name: string) => `Basic ${btoa(`${name}:${name}'s secret`)}`;
  const nobody = await ask();
  assert.equal(nobody.status, 401);
  assert.match(nobody.asks ?? "", /Basic .*Bearer/);
  assert(!nobody.text.includes("parley_"));
  assert.equal((await ask("Bearer wrong")).status, 401);
  assert.equal((await ask(`Basic ${btoa("ada:wrong")}`)).status, 401);
  assert.equal((await ask("Basic %%%")).status, 401);
  assert.equal((await ask(basic("eve"))).status, 403);
  assert.equal((await ask(basic("ada"))).status, 200);
  const told = await ask(`Bearer ${scraper.token}`);
  assert.equal(told.status, 200);
  assert.match(told.text, /^parley_build_info\{/m);
  // Everybody learns whether the server is ready, and only those who may look learn why.
  const strangers = JSON.parse((await ask(undefined, "/readyz")).text);
  assert.deepEqual(strangers, { status: "ready" });
  const known = JSON.parse((await ask(`Bearer ${scraper.token}`, "/readyz")).text);
  assert(known.checks.length > 3);
});

Deno.test("metrics: a HEAD has the head alone, and many at once get the same text", async () => {
  await using server = await startServer();
  const head = await fetch(pageUrl(server, "/metrics"), { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(head.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(await head.text(), "");
  const texts = await Promise.all(
    Array.from({ length: 20 }, async () => await (await fetch(pageUrl(server, "/metrics"))).text()),
  );
  for (const text of texts) assert.match(text, /parley_build_info/);
});
