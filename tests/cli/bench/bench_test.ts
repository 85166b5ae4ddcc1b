/**
 * The load generators against real servers: they count right, and they notice what is wrong. No rate and
 * no duration is judged here.
 */
import assert from "node:assert/strict";
import { echoFrame, runEchoLoad } from "../../../lib/cli/bench/load.ts";
import { Histogram } from "../../../lib/cli/bench/histogram.ts";
import { startServer } from "../../support/server.ts";
import { run } from "../fake_io.ts";

const load = { connections: 3, inFlight: 1, sizeBytes: 64, framing: "delimited" } as const;

Deno.test("a request is a bare echo, with a length before it where that is wanted", () => {
  assert.deepEqual([...echoFrame(2, "bytes")], [0x0a, 4, 0x0a, 2, 0x78, 0x78]);
  assert.deepEqual([...echoFrame(2, "delimited")], [6, 0x0a, 4, 0x0a, 2, 0x78, 0x78]);
  assert.deepEqual([...echoFrame(0, "bytes")], [0x0a, 0]);
});

Deno.test("echo load counts every answer, on every listener", async () => {
  await using server = await startServer();
  const tcp = `parley://127.0.0.1:${server.port("tcp")}`;
  const cases = [
    { ...load, server: tcp, requests: 100 },
    { ...load, server: `unix://${server.path}`, requests: 101, inFlight: 16 },
    { ...load, server: tcp, requests: 40, inFlight: 8, sizeBytes: 100_000 },
    { ...load, server: tcp, requests: 7, sizeBytes: 0 },
    {
      ...load,
      server: `parley://127.0.0.1:${server.port("raw")}`,
      requests: 50,
      framing: "bytes" as const,
    },
  ];
  for (const each of cases) {
    const result = await runEchoLoad(each);
    assert.equal(result.requests, each.requests);
    assert.equal(result.frameBytes, echoFrame(each.sizeBytes, each.framing).length);
    assert.equal(result.latencyMs === null, each.inFlight > 1);
  }
});

Deno.test("an answer that is an error fails the load with the server's words", async () => {
  await using server = await startServer({ limits: { max_frame_bytes: 1024 } });
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  await assert.rejects(
    runEchoLoad({ ...load, server: url, requests: 10, sizeBytes: 2000 }),
    { name: "ParleyError", message: /1024/ },
  );
});

Deno.test("a server that closes, or is not there, fails the load", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `parley://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  const closing = (async () => {
    for (let count = 0; count < load.connections; count++) (await listener.accept()).close();
  })();
  await assert.rejects(runEchoLoad({ ...load, server: url, requests: 10 }), {
    message: /the load on parley:.* failed/,
  });
  await closing;
  listener.close();
  await assert.rejects(runEchoLoad({ ...load, server: url, requests: 10 }), {
    message: /^cannot open 3 connections \(0 were opened\)/,
  });
});

Deno.test("bench echo prints a summary or JSON", async () => {
  await using server = await startServer();
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  const args = ["bench", "echo", "--server", url, "--connections", "2", "--requests", "20"];
  const plain = await run(args);
  assert.equal(plain.code, 0, plain.stderr);
  assert.match(plain.stdout, /^requests +20 in /m);
  assert.match(plain.stdout, /^latency +p50 .* p99 .* max /m);
  assert.equal(plain.stderr, "", "no progress in a pipe");
  const json = JSON.parse((await run([...args, "--json"])).stdout);
  assert.equal(json.requests, 20);
  assert.equal(json.size_bytes, 64);
});

Deno.test("bench conns tells how many connections the server kept, and what they cost", async () => {
  await using server = await startServer();
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  const conns = (count: number, ...more: string[]) =>
    run(["bench", "conns", "--server", url, "--connections", `${count}`, "--hold", "0.2", ...more]);
  const kept = await conns(5, "--json", "--pid", String(Deno.pid));
  assert.equal(kept.code, 0, kept.stderr);
  const result = JSON.parse(kept.stdout);
  assert.deepEqual([result.connections, result.held, result.refused], [5, 5, 0]);
  assert(result.memory_bytes.before > 0);
  const unknown = await conns(1, "--pid", "999999999");
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /^parley: cannot read the memory of process 999999999/);
});

Deno.test("bench conns fails when the server ends connections", async () => {
  // Three are taken, and then closed.
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const closing = (async () => {
    for (let count = 0; count < 3; count++) (await listener.accept()).close();
  })();
  const url = `parley://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
  const args = ["--server", url, "--connections", "3", "--hold", "60"];
  const { code, stdout } = await run(["bench", "conns", ...args]);
  await closing;
  assert.equal(code, 1);
  assert.match(stdout, /^held +0; the server ended 3$/m);
});

Deno.test("a histogram tells quantiles within one percent, and the largest exactly", () => {
  const histogram = new Histogram();
  assert.deepEqual([histogram.count, histogram.quantileMs(0.5), histogram.maxMs], [0, 0, 0]);
  for (let ms = 1; ms <= 1000; ms++) histogram.record(ms);
  assert.equal(histogram.count, 1000);
  for (const [share, exact] of [[0.5, 500], [0.99, 990], [0, 1]]) {
    const told = histogram.quantileMs(share);
    assert(told >= exact && told <= exact * 1.011, `${share}: ${told}`);
  }
  assert.equal(histogram.quantileMs(1), 1000);
  histogram.record(1e9);
  assert.equal(histogram.maxMs, 1e9);
});

Deno.test("kept load counts what is acknowledged, and says when the topic is not kept", async () => {
  await using server = await startServer({ keep: [{ pattern: "bench.>" }] });
  const PARLEY_SERVER = `parley://127.0.0.1:${server.port("tcp")}`;
  const args = ["--seconds", "0.05", "--publishers", "2", "--in-flight", "8", "--size", "10"];
  const plain = await run(["bench", "kept", ...args], { environment: { PARLEY_SERVER } });
  assert.equal(plain.code, 0, plain.stderr);
  assert.match(plain.stdout, /2 publishers, 8 in flight, 10 B/);
  const json = await run(["bench", "kept", ...args, "--json"], { environment: { PARLEY_SERVER } });
  const result = JSON.parse(json.stdout);
  assert(result.acknowledged >= 16);
  assert.equal(result.level, "ROUTED", "this server keeps in memory");
  const unkept = await run(["bench", "kept", ...args, "--topic", "other"], {
    environment: { PARLEY_SERVER },
  });
  assert.equal(unkept.code, 1);
  assert.match(unkept.stderr, /cannot measure "other": it is not kept/);
  const refused = await run(["bench", "kept", ...args, "--topic", "a b"], {
    environment: { PARLEY_SERVER },
  });
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /white space/);
});
