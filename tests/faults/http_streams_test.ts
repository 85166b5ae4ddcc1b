/**
 * Streams of events over HTTP that nobody reads, while somebody publishes without a pause, and requests whose bodies come
 * one byte at a time: memory is bounded and given back, the streams end, others are served.
 */
import assert from "node:assert/strict";
import { publish } from "../support/bus_messages.ts";
import { frame } from "../support/frames.ts";
import { MeasuredServer } from "../support/measured_server.ts";
import { isReset } from "../support/socket_client.ts";
import { settles } from "../support/until.ts";

const STREAMS = 100;
const EVENTS = 3000;
const EVENT_BYTES = 16 * 1024;
const SLOW_BODIES = 300;
const DRIP_MS = 200;
const TIMEOUT_MS = 1500;
const MAX_MIB = 450;
const LEFT_BYTES = 120 * 1024 * 1024;
const HANG_MS = 120_000;
const encoder = new TextEncoder();

async function request(port: number, text: string): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(encoder.encode(text));
  return connection;
}

Deno.test("streams of events that nobody reads are bounded, and all of it comes back", async () => {
  await using server = await MeasuredServer.start();
  await server.innocents.during(`${STREAMS} streams of events that nobody reads`, async () => {
    const { ws, tcp } = server.ports;
    const streams: Deno.TcpConn[] = [];
    for (let count = 0; count < STREAMS; count++) {
      const head = "GET /v1/events?pattern=t HTTP/1.1\r\nHost: localhost\r\n\r\n";
      const stream = await request(ws, head);
      assert(await settles(stream.read(new Uint8Array(1024)), "the head of a stream") !== null);
      streams.push(stream);
    }
    const publisher = await Deno.connect({ hostname: "127.0.0.1", port: tcp });
    try {
      const event = frame(publish({ topic: "t", payload: new Uint8Array(EVENT_BYTES) }));
      const startedMs = performance.now();
      for (let count = 0; count < EVENTS; count++) {
        for (let sent = 0; sent < event.length;) {
          sent += await settles(publisher.write(event.subarray(sent)), "a publish", HANG_MS);
        }
      }
      await server.readsNoMore();
      const seconds = (performance.now() - startedMs) / 1000;
      const { slowCloses, eventsDropped } = await server.stats();
      const most = server.mostAboveQuietMiB;
      assert(most <= MAX_MIB, `${most} MiB above quiet, and at most ${MAX_MIB} may be`);
      return `${EVENTS} events of 16 KiB in ${seconds.toFixed(1)} s, ${slowCloses} streams ended ` +
        `for it, ${eventsDropped} events dropped, at most ${most} MiB above quiet`;
    } finally {
      for (const connection of [...streams, publisher]) connection.close();
    }
  });
  await server.comesBack(LEFT_BYTES, HANG_MS);
  assert.equal((await server.stats()).internalErrors, 0);
});

Deno.test("bodies that come one byte at a time end at their deadline, and others are served", async () => {
  const limits = { message_timeout_ms: TIMEOUT_MS, handshake_timeout_ms: TIMEOUT_MS };
  await using server = await MeasuredServer.start({ config: { limits } });
  await server.innocents.during(`${SLOW_BODIES} slow bodies of requests`, async () => {
    const head = "POST /v1/publish/t HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n";
    const tookMs = await Promise.all(Array.from({ length: SLOW_BODIES }, async () => {
      const startedMs = performance.now();
      const connection = await request(server.ports.ws, head);
      const timer = setInterval(() => {
        connection.write(Uint8Array.of(0x78)).catch(() => {});
      }, DRIP_MS);
      const into = new Uint8Array(4096);
      try {
        while (await settles(connection.read(into), "the end of a slow body", HANG_MS) !== null);
      } catch (reason) {
        if (!isReset(reason)) throw reason;
      } finally {
        clearInterval(timer);
        connection.close();
      }
      return performance.now() - startedMs;
    }));
    return `all ended after at most ${(Math.max(...tookMs) / 1000).toFixed(1)} s ` +
      `(deadline ${TIMEOUT_MS / 1000} s), at most ${server.mostAboveQuietMiB} MiB above quiet`;
  });
  while ((await server.stats()).connectionsOpen > 2);
  assert.equal((await server.stats()).internalErrors, 0);
});
