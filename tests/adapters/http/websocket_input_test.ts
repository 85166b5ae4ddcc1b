/**
 * What waits in a WebSocket's link to be read: it counts in the budget of all input, who has to go for the sake of
 * others is told 1013, and all of it comes back, however the link ends.
 */
import assert from "node:assert/strict";
import { ALONE } from "../../support/alone.ts";
import { listenHttp } from "../../../lib/adapters/http/listener.ts";
import { DEFAULT_LIMITS } from "../../../lib/base/limits.ts";
import type { Link } from "../../../lib/ports/link.ts";
import { InputBudget } from "../../../lib/wire/input_budget.ts";
import { SlabPool } from "../../../lib/wire/slab_pool.ts";
import { openGate } from "../../support/open_gate.ts";
import { settles, until } from "../../support/until.ts";
import { Opcode, WebSocketPeer } from "../../support/websocket_peer.ts";

const KIB = 1024;
const TRY_AGAIN_LATER = 1013;

/** A listener with a budget of its own. */
class Ground implements AsyncDisposable {
  readonly pool = new SlabPool();
  readonly budget: InputBudget;
  nowMs = 1000;
  readonly #peers: WebSocketPeer[] = [];
  readonly #opened: Link[] = [];
  readonly #listener;
  readonly #links;

  constructor(limitBytes: number) {
    this.budget = new InputBudget(limitBytes, this.pool, () => this.nowMs);
    [this.#listener] = listenHttp("127.0.0.1", 0, {
      turn: ALONE,
      input: this.budget,
      limits: { ...DEFAULT_LIMITS, lingerMs: 500 },
      guard: { loopback: true, hosts: [], origins: [] },
      gate: openGate,
    });
    this.#links = this.#listener[Symbol.asyncIterator]();
  }

  /** A link in which several kibibytes wait that nobody reads. */
  async full(): Promise<{ link: Link; peer: WebSocketPeer; sending: Promise<void> }> {
    const peer = await settles(WebSocketPeer.connect(this.#listener.port), "connect");
    this.#peers.push(peer);
    const link = (await settles(this.#links.next(), "accept")).value as Link;
    this.#opened.push(link);
    const sending = peer.sendFrame(new Uint8Array(200 * KIB)).catch(() => {});
    // While it is read, it takes more at a time.
    const into = new Uint8Array(16 * KIB);
    for (let taken = 0; taken < 64 * KIB;) taken += (await settles(link.read(into), "a read"))!;
    const before = this.budget.bytes + this.budget.gone;
    for (let taken = 0; taken < 40 * KIB && this.budget.bytes + this.budget.gone === before;) {
      taken += (await settles(link.read(into.subarray(0, KIB)), "a read"))!;
    }
    return { link, peer, sending };
  }

  /** Fails unless everything is given back. */
  async comesBack(what: string): Promise<void> {
    const { budget, pool } = this;
    await until(() => budget.bytes + budget.leavingBytes + pool.heldBytes === 0, what);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const link of this.#opened) link.close();
    for (const peer of this.#peers) peer.close();
    await settles(Promise.all(this.#opened.map((link) => link.whenReleased())), "the release");
    this.#listener.close();
    await settles(this.#links.next(), "the end of the listener");
  }
}

Deno.test("ws: who has to go for the sake of others is told to try again later", async () => {
  await using ground = new Ground(20 * KIB);
  const first = await ground.full();
  assert(ground.budget.bytes > 0, "what nobody reads is counted");
  assert.equal(ground.budget.gone, 0);
  ground.nowMs += 1000;
  const second = await ground.full();
  assert.equal(ground.budget.gone, 1);
  assert(ground.budget.bytes <= 20 * KIB);
  assert.equal(await settles(first.peer.closedByServer(), "the end"), TRY_AGAIN_LATER);
  assert.match(first.peer.closeReason, /no room/);
  await assert.rejects(settles(first.link.read(new Uint8Array(10)), "a read"), /no room/);
  // The other one is read on.
  let taken = 0;
  while (taken < 64 * KIB) {
    taken += (await settles(second.link.read(new Uint8Array(16 * KIB)), "a read"))!;
  }
  second.link.close();
  await ground.comesBack("all that both held");
});

async function readAll(link: Link): Promise<void> {
  while (await settles(link.read(new Uint8Array(KIB)), "a read") !== null);
}

type Full = Awaited<ReturnType<Ground["full"]>>;

const ENDS: Record<string, (full: Full) => Promise<void> | void> = {
  "closed by us": ({ link }) => link.close(),
  "closed after we had finished": ({ link }) => {
    link.closeWrite();
    link.close();
  },
  "reset by its peer": async ({ link, peer }) => {
    peer.close();
    await assert.rejects(readAll(link));
    link.close();
  },
  "read to its end": async ({ link, peer, sending }) => {
    const reading = readAll(link);
    await sending;
    await peer.closeWrite();
    await reading;
  },
  "refused for a text frame": async ({ link, peer, sending }) => {
    const refused = assert.rejects(readAll(link));
    await sending;
    await peer.sendFrame(new Uint8Array(10), { opcode: Opcode.TEXT });
    await refused;
    link.close();
  },
};

for (const [how, end] of Object.entries(ENDS)) {
  Deno.test(`ws: what waited comes back when the link is ${how}`, async () => {
    await using ground = new Ground(1024 * KIB);
    const full = await ground.full();
    assert(ground.budget.bytes > 0, "something waits");
    await end(full);
    await ground.comesBack("all of it");
  });
}
