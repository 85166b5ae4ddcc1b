/**
 * Somebody who comes to a listener for the first time and asks for the least there is: how long until
 * the answer is there.
 */
import assert from "node:assert/strict";
import { handshakeRequest } from "./websocket_peer.ts";
import { settles } from "./until.ts";

/** A listener by its kind; http is asked for the server's health, ws for a WebSocket. */
export type Door = "tcp" | "raw" | "text" | "unix" | "http" | "ws";

/** An echo of "a" as a bare message. */
const ECHO = [0x0a, 0x03, 0x0a, 0x01, 0x61];
const HEALTH = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/** What is asked, and how the answer begins. */
const TALKS: Record<Door, { ask: Uint8Array; begins: string }> = {
  tcp: { ask: Uint8Array.of(ECHO.length, ...ECHO), begins: "\x05\n\x03\n\x01a" },
  unix: { ask: Uint8Array.of(ECHO.length, ...ECHO), begins: "\x05\n\x03\n\x01a" },
  raw: { ask: Uint8Array.from(ECHO), begins: "\n\x03\n\x01a" },
  text: { ask: new Uint8Array(0), begins: "Welcome to " },
  http: { ask: new TextEncoder().encode(HEALTH), begins: "HTTP/1.1 200 OK\r\n" },
  ws: { ask: new TextEncoder().encode(handshakeRequest()), begins: "HTTP/1.1 101 " },
};

/** Connects to `address`, a port or the path of a socket, and gives how long the answer took, in ms. */
export async function newcomerMs(door: Door, address: number | string): Promise<number> {
  const startedMs = performance.now();
  using connection = await settles<Deno.Conn>(
    typeof address === "string"
      ? Deno.connect({ transport: "unix", path: address })
      : Deno.connect({ hostname: "127.0.0.1", port: address }),
    `a newcomer connects to ${door}`,
  );
  const { ask, begins } = TALKS[door];
  if (ask.length > 0) await connection.write(ask);
  const into = new Uint8Array(4096);
  let answer = "";
  while (answer.length < begins.length) {
    const count = await settles(connection.read(into), `${door} answers a newcomer`);
    assert(
      count !== null,
      `${door} closed a newcomer's connection after ${JSON.stringify(answer)}`,
    );
    answer += new TextDecoder("latin1").decode(into.subarray(0, count));
  }
  assert(answer.startsWith(begins), `${door} answered ${JSON.stringify(answer)}`);
  return performance.now() - startedMs;
}
