/**
 * Servers of WebSockets that answer a handshake with what no honest one would: headers that are no ASCII, are without
 * end or hold control characters. The client library and the command line say that it did not work, and live.
 */
import assert from "node:assert/strict";
import { connect } from "../../lib/client/mod.ts";
import { ParleyError } from "../../lib/base/errors.ts";
import { assertHarmless } from "../cli/hostile_text.ts";
import { runProcess } from "../cli/processes.ts";
import { settles } from "../support/until.ts";

const ACCEPT = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";

/** Answers, as bytes of Latin-1. */
const ANSWERS: Readonly<Record<string, string>> = {
  "a header that is no ASCII": `${ACCEPT}X-Odd: \xe9\xff\xfe\r\nSec-WebSocket-Accept: x\r\n\r\n`,
  "a reason that is no ASCII": "HTTP/1.1 403 \xff\xe9\x80\r\nX: \xff\r\n\r\n",
  "a terminal escape": `HTTP/1.1 403 \x1b[2J\x1b]52;c;aGk=\x07\r\nX: \x1b[31m\r\n\r\n`,
  "a name that is no token": `${ACCEPT}\xff\xfe: a\r\n\r\n`,
  "a protocol that is no ASCII": `${ACCEPT}Sec-WebSocket-Protocol: \xe9\r\n\r\n`,
  "ten thousand headers": `${ACCEPT}${"X: y\r\n".repeat(10_000)}\r\n`,
  "no end": "HTTP/1.1 200 OK\r\nX: ".padEnd(2_000_000, "x"),
  "no HTTP": "\x00\xff\x00\xff",
};

/** A server that answers everybody so. */
class OddServer implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #running: Promise<void>;

  constructor(answer: string) {
    const bytes = Uint8Array.from(answer, (each) => each.charCodeAt(0));
    this.#running = this.#run(bytes);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}/ws`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#running;
  }

  async #run(bytes: Uint8Array): Promise<void> {
    try {
      for await (const connection of this.#listener) {
        try {
          await connection.read(new Uint8Array(4096));
          for (let sent = 0; sent < bytes.length;) {
            sent += await connection.write(bytes.subarray(sent));
          }
          await connection.closeWrite();
          while (await connection.read(new Uint8Array(4096)) !== null);
        } catch {
          // The client has had enough.
        } finally {
          connection.close();
        }
      }
    } catch (reason) {
      if (!(reason instanceof Deno.errors.BadResource)) throw reason;
    }
  }
}

for (const [what, answer] of Object.entries(ANSWERS)) {
  Deno.test(`a client whose server answers with ${what} says so, and lives`, async () => {
    await using server = new OddServer(answer);
    const connecting = connect(server.url, { reconnect: false });
    const reason = await settles(
      connecting.then((client) => client.close(), (error: unknown) => error),
      "the failure",
    );
    assert(reason instanceof ParleyError, `${reason}`);
    const { code, stdout, stderr } = await runProcess(["pub", "a", "x", "--timeout", "3s"], {
      PARLEY_SERVER: server.url,
    });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^parley: cannot /);
    assertHarmless(stdout + stderr);
  });
}
