/**
 * Lines of text and request heads that are begun and not finished: they count in the budget of all input, the
 * greediest goes first and is told why, a line has the deadline of a message, and all of it comes back.
 */
import assert from "node:assert/strict";
import { startServer, type TestServer } from "../support/server.ts";
import { settles, until } from "../support/until.ts";

const KIB = 1024;
const LIMIT_BYTES = 128 * KIB;
const LIMITS = { max_frame_bytes: 64 * KIB, max_input_total_bytes: LIMIT_BYTES };
const PART_BYTES = 3000;
/** A beginning that fits into what every connection has. */
const SMALL_BYTES = 1000;
const encoder = new TextEncoder();

/** A peer that reads everything until the end. */
class Peer {
  readonly whole: Promise<string>;
  seen = "";
  readonly #connection: Deno.TcpConn;
  #closed = false;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    this.whole = this.#readAll();
  }

  static async connect(server: TestServer, kind: "text" | "http"): Promise<Peer> {
    const port = server.port(kind === "http" ? "ws" : kind);
    return new Peer(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async send(text: string): Promise<void> {
    const bytes = encoder.encode(text);
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#connection.write(bytes.subarray(sent));
    }
  }

  closeWrite(): Promise<void> {
    return this.#connection.closeWrite();
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  async #readAll(): Promise<string> {
    const chunk = new Uint8Array(4096);
    try {
      for (;;) {
        const count = await this.#connection.read(chunk);
        if (count === null) break;
        this.seen += new TextDecoder().decode(chunk.subarray(0, count));
      }
    } catch {
      // It was closed, by either side.
    }
    return this.seen;
  }
}

const HEAD = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: ";

for (
  const { kind, begun, rest, why, answered, heldBytes, smallBytes } of [{
    kind: "text",
    // Memory counts, by buffers.
    heldBytes: 4 * KIB,
    smallBytes: 0,
    begun: "x".repeat(PART_BYTES),
    rest: "\n",
    why: /The connection ends: the server has no room/,
    answered: /name/,
  }, {
    kind: "http",
    // The bytes count that have come, since whoever gathers them does not tell of its buffers.
    heldBytes: PART_BYTES,
    smallBytes: SMALL_BYTES,
    begun: HEAD + "x".repeat(PART_BYTES - HEAD.length),
    rest: "\r\n\r\n",
    why: /^HTTP\/1\.1 503 [^]*There is no room for requests that are not whole/,
    answered: /^HTTP\/1\.1 200 /,
  }] as const
) {
  Deno.test(`${kind}: what is begun counts, and the greediest goes when there is no more room`, async () => {
    await using server = await startServer({
      limits: { ...LIMITS, handshake_timeout_ms: 30_000 },
    });
    const peers: Peer[] = [];
    try {
      const fitting = Math.floor(LIMIT_BYTES / heldBytes);
      for (let count = 1; count <= fitting; count++) {
        const peer = await Peer.connect(server, kind);
        peers.push(peer);
        await peer.send(begun);
        await until(() => server.stats().inputBytes === count * heldBytes, "it is held");
      }
      assert.equal(server.stats().slowSenderCloses, 0, "up to the limit nobody goes");
      const last = await Peer.connect(server, kind);
      peers.push(last);
      await last.send(begun);
      await until(() => server.stats().slowSenderCloses > 0, "one too many");
      assert.match(await settles(peers[0].whole, "the first one ends"), why);
      assert(server.stats().inputBytes <= LIMIT_BYTES);
      assert(server.stats().slowSenderCloses < fitting, "not all of them");
      const before = last.seen.length;
      await last.send(rest);
      await until(() => last.seen.length > before, "the last one is answered");
      assert.match(last.seen.slice(before), answered);
    } finally {
      for (const peer of peers) peer[Symbol.dispose]();
    }
    await until(() => server.stats().inputBytes === 0, "nothing is held any more");
    await until(() => server.stats().connectionsOpen === 0, "they are gone");
  });

  Deno.test(`${kind}: what grew is counted, and given back when it is whole`, async () => {
    await using server = await startServer({ limits: LIMITS });
    using peer = await Peer.connect(server, kind);
    await peer.send(begun.slice(0, SMALL_BYTES));
    await until(() => server.stats().inputBytes === smallBytes, "the small beginning");
    await peer.send(begun.slice(SMALL_BYTES));
    await until(() => server.stats().inputBytes === heldBytes, "it has grown");
    await peer.send(rest);
    await until(() => server.stats().inputBytes === 0, "it is whole");
  });
}

Deno.test("text: a line that stands still ends the connection, one that is typed slowly goes on", async () => {
  await using server = await startServer({ limits: { ...LIMITS, message_timeout_ms: 700 } });
  using slow = await Peer.connect(server, "text");
  using stuck = await Peer.connect(server, "text");
  using quiet = await Peer.connect(server, "text");
  await quiet.send("quiet\n");
  await stuck.send("half a na");
  let ended = false;
  const typing = (async () => {
    while (!ended) {
      await slow.send("x");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  const seen = await settles(stuck.whole, "the end of the one that stands still");
  ended = true;
  await typing;
  assert.match(
    seen,
    /The connection ends: a message was begun and made no progress for 700 ms\.\n$/,
  );
  assert.equal(server.stats().slowSenderCloses, 1);
  for (const peer of [slow, quiet]) {
    const before = peer.seen.length;
    await peer.send("\n");
    await until(() => peer.seen.length > before, "who did nothing wrong is answered");
  }
});

Deno.test("text: what a line held comes back, however it ends", async () => {
  await using server = await startServer({ limits: LIMITS });
  const ends: ((peer: Peer) => Promise<unknown> | void)[] = [
    (peer) => peer[Symbol.dispose](),
    (peer) => peer.closeWrite(),
    // It passes the limit, and after that nothing of it is held.
    (peer) => peer.send("x".repeat(PART_BYTES)),
  ];
  for (const end of ends) {
    using peer = await Peer.connect(server, "text");
    await peer.send("x".repeat(PART_BYTES));
    await until(() => server.stats().inputBytes === 4 * KIB, "it is held");
    await end(peer);
    await until(() => server.stats().inputBytes === 0, "all of it is given back");
  }
  await until(() => server.stats().connectionsOpen === 0, "they are gone");
});
