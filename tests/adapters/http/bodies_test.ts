/**
 * Bodies and answers under those who are slow or greedy: deadlines, the budget of all input, and what a peer may ask
 * for at once.
 */
import assert from "node:assert/strict";
import { InputBudget } from "../../../lib/wire/input_budget.ts";
import { SlabPool } from "../../../lib/wire/slab_pool.ts";
import { parse, readText, run, type Running } from "../../support/http_listener.ts";
import { settles, until } from "../../support/until.ts";

const KIB = 1024;
const encoder = new TextEncoder();
const budget = (bytes: number) => new InputBudget(bytes, new SlabPool(), () => performance.now());

function connect(running: Running): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port: running.listener.port });
}

/** Sends a request whose body is announced with `length` bytes and begun with `begun` of them. */
async function begin(running: Running, length: number, begun: number): Promise<Deno.TcpConn> {
  const connection = await connect(running);
  const head =
    `POST /v1/publish/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`;
  await connection.write(encoder.encode(head));
  const body = new Uint8Array(begun);
  for (let sent = 0; sent < begun;) sent += await connection.write(body.subarray(sent));
  return connection;
}

Deno.test("http: a body that makes no progress ends its connection", async () => {
  const input = budget(1 << 30);
  await using running = run({ messageTimeoutMs: 100 }, [], input);
  const connection = await begin(running, 10_000, 5000);
  const answer = parse(await settles(readText(connection), "the answer"));
  assert.equal(answer.status, 408);
  assert.match(await answer.text(), /no progress/);
  connection.close();
  await until(() => input.bytes + input.leavingBytes === 0, "nothing is counted any more");
});

Deno.test("http: bodies and heads that are not whole count in the budget of all input", async () => {
  const input = budget(100 * KIB);
  await using running = run({}, [], input);
  const first = await begin(running, 1000 * KIB, 60 * KIB);
  await until(() => input.bytes >= 60 * KIB, "the first body is counted");
  const head = await connect(running);
  await head.write(encoder.encode(`GET / HTTP/1.1\r\nX: ${"x".repeat(8 * KIB)}`));
  await until(() => input.bytes >= 68 * KIB, "so is a head");
  const second = await begin(running, 1000 * KIB, 60 * KIB);
  await until(() => input.gone > 0, "somebody has to go");
  const answer = parse(await settles(readText(first), "the answer"));
  assert.equal(answer.status, 503);
  assert.match(await answer.text(), /no room/);
  assert(input.bytes <= 100 * KIB);
  for (const connection of [first, head, second]) connection.close();
  await until(() => input.bytes + input.leavingBytes === 0, "nothing is counted any more");
});

Deno.test("http: a whole body counts no longer, nor does one that nobody wants", async () => {
  const input = budget(1 << 30);
  await using running = run({ maxFrameBytes: 64 * KIB }, [], input);
  const whole = await begin(running, 50 * KIB, 50 * KIB);
  assert.match(await settles(readOnce(whole), "an answer"), /^HTTP\/1\.1 503 /);
  await until(() => input.bytes === 0, "the whole one is given back");
  const large = await begin(running, 65 * KIB, 0);
  assert.match(await settles(readOnce(large), "an answer"), /^HTTP\/1\.1 413 /);
  const chunked = await connect(running);
  await chunked.write(encoder.encode(
    "POST /v1/publish/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
  ));
  const chunk = encoder.encode(`1000\r\n${"x".repeat(4096)}\r\n`);
  for (let count = 0; count < 17; count++) await chunked.write(chunk);
  assert.match(await settles(readOnce(chunked), "an answer"), /^HTTP\/1\.1 413 /);
  for (const connection of [whole, large, chunked]) connection.close();
  await until(() => input.bytes + input.leavingBytes === 0, "nothing is counted any more");
});

Deno.test("http: a client that asks before it sends is told to, or why not", async () => {
  await using running = run({ maxFrameBytes: KIB });
  const head = (length: number) =>
    "POST /v1/publish/a HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n" +
    `Content-Length: ${length}\r\n\r\n`;
  const small = await connect(running);
  await small.write(encoder.encode(head(10)));
  assert.equal(await settles(readOnce(small), "an answer"), "HTTP/1.1 100 Continue\r\n\r\n");
  const large = await connect(running);
  await large.write(encoder.encode(head(KIB + 1)));
  assert.match(await settles(readOnce(large), "an answer"), /^HTTP\/1\.1 413 /);
  small.close();
  large.close();
});

Deno.test("http: a peer that asks for ever and reads nothing is parted with", async () => {
  await using running = run({ writeTimeoutMs: 300 });
  const connection = await connect(running);
  const requests = encoder.encode("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1000));
  const flooding = (async () => {
    for (;;) {
      for (let sent = 0; sent < requests.length;) {
        sent += await connection.write(requests.subarray(sent));
      }
    }
  })().catch(() => {});
  await until(() => running.gate.open === 0, "it is gone");
  connection.close();
  await settles(flooding, "the end of the flood");
});

async function readOnce(connection: Deno.TcpConn): Promise<string> {
  const chunk = new Uint8Array(4096);
  const count = await connection.read(chunk);
  return new TextDecoder().decode(chunk.subarray(0, count ?? 0));
}
