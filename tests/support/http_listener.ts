/**
 * An http listener for tests, with a gate that counts, and its answers taken apart.
 */
import assert from "node:assert/strict";
import { ALONE } from "./alone.ts";
import { plentyOfInput } from "./input_budget.ts";
import { type ConnectionGate, HttpListener, listenHttp } from "../../lib/adapters/http/listener.ts";
import { DEFAULT_LIMITS, type Limits } from "../../lib/base/limits.ts";
import { VERSION } from "../../lib/base/version.ts";
import type { PageAnswer } from "../../lib/ports/http_page.ts";
import type { InputBudget } from "../../lib/wire/input_budget.ts";
import { settles, until } from "./until.ts";
import { handshakeRequest } from "./websocket_peer.ts";

/** A gate that counts. */
export class CountingGate implements ConnectionGate {
  open = 0;
  most = Infinity;

  admit(address: string): string | null {
    assert.equal(address, "127.0.0.1");
    if (this.open >= this.most) return "There is no room.";
    this.open++;
    return null;
  }

  release(): void {
    this.open--;
  }

  enter(): Promise<boolean> {
    return Promise.resolve(true);
  }

  mayTell(): boolean {
    return true;
  }

  told(): void {}
}

/** A listener whose WebSockets are closed at once when it ends. */
export class Running implements AsyncDisposable {
  readonly listener: HttpListener;
  readonly gate: CountingGate;
  readonly ended: Promise<void>;

  constructor(listener: HttpListener, gate: CountingGate) {
    this.listener = listener;
    this.gate = gate;
    this.ended = this.#closeLinks();
  }

  /** Sends text and gives everything that comes until the connection ends. */
  async exchange(...parts: string[]): Promise<string> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: this.listener.port });
    try {
      for (const part of parts) await connection.write(new TextEncoder().encode(part));
      return await readText(connection);
    } finally {
      connection.close();
    }
  }

  /** Sends a request that asks for the end of the connection, and takes the answer apart. */
  async request(head: string, host = "localhost"): Promise<Response> {
    const text = await this.exchange(`${head}\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    return parse(text);
  }

  /** Asks for a WebSocket and takes the refusal apart. */
  async handshake(options: Parameters<typeof handshakeRequest>[0]): Promise<Response> {
    return parse(await this.exchange(handshakeRequest(options)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.listener.close();
    await settles(this.ended, "the end of the listener");
    await until(() => this.gate.open === 0, "every place is given back");
  }

  async #closeLinks(): Promise<void> {
    for await (const link of this.listener) link.close();
  }
}

/** A page as a server has it. */
// deno-lint-ignore require-await -- a page answers later.
async function health(): Promise<PageAnswer> {
  const body = JSON.stringify({ status: "ok", version: VERSION });
  return { status: 200, type: "application/json", body };
}

export function run(
  limits: Partial<Limits> = {},
  origins: string[] = [],
  input: InputBudget = plentyOfInput(),
): Running {
  const gate = new CountingGate();
  const [listener] = listenHttp("127.0.0.1", 0, {
    input,
    turn: ALONE,
    limits: { ...DEFAULT_LIMITS, ...limits },
    guard: { loopback: true, hosts: [], origins },
    gate,
    pages: new Map([["/healthz", health]]),
  });
  return new Running(listener, gate);
}

export async function readText(connection: Deno.TcpConn): Promise<string> {
  const chunk = new Uint8Array(4096);
  let text = "";
  for (;;) {
    const count = await settles(connection.read(chunk), "a read");
    if (count === null) return text;
    text += new TextDecoder().decode(chunk.subarray(0, count));
  }
}

/** An answer, taken apart by the platform's own rules for headers. */
export function parse(text: string): Response {
  const end = text.indexOf("\r\n\r\n");
  const [first, ...lines] = text.slice(0, end).split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]);
  assert(end > 0 && status > 0, `an answer, not ${JSON.stringify(text)}`);
  const headers = new Headers(lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  }));
  const body = text.slice(end + 4);
  assert.equal(Number(headers.get("content-length")), body.length, "the length is as announced");
  for (const [name, value] of Object.entries(ALWAYS)) assert.equal(headers.get(name), value, name);
  return new Response(body, { status, headers });
}

const ALWAYS = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};
