/**
 * The contract of the link port (lib/ports/link.ts) as tests: one suite, run for every adapter.
 *
 * An adapter brings a way to make a link with its peer. A case that it cannot hold is named in `skip`.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Link, ListenerKind } from "../../lib/ports/link.ts";
import { Random } from "../support/random.ts";
import { settles, until } from "../support/until.ts";

/** The other end of a link: a plain connection. */
export interface LinkPeer {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

/** A link and its peer; `dispose` ends whatever of both is left. */
export interface LinkPair {
  readonly link: Link;
  readonly peer: LinkPeer;
  dispose(): void;
}

/** How an adapter takes part. */
export interface LinkContract {
  readonly name: string;
  readonly kind: ListenerKind;
  /** The address that its links have. */
  readonly address: string;
  connect(): Promise<LinkPair>;
  /** A link whose peer resets the connection when `reset` is called. */
  connectToReset(): Promise<{ link: Link; reset(): void }>;
  /** Names of cases that do not apply, each with the reason. */
  readonly skip?: Readonly<Record<string, string>>;
}

/** More than any socket keeps for a peer that does not read. */
const TOO_MUCH_BYTES = 16 * 1024 * 1024;

/** Registers the suite for one adapter. */
export function testLinkContract(contract: LinkContract): void {
  for (const [name, run] of Object.entries(cases)) {
    Deno.test({
      name: `${contract.name}: ${name}`,
      ignore: contract.skip?.[name] !== undefined,
      async fn() {
        const pair = await contract.connect();
        try {
          await run(pair, contract);
        } finally {
          pair.link.close();
          pair.dispose();
        }
      },
    });
  }
}

type Case = (pair: LinkPair, contract: LinkContract) => void | Promise<void>;

const cases: Record<string, Case> = {
  async "a closed link is released, whatever was under way"({ link }) {
    const reading = link.read(new Uint8Array(8)).catch(() => {});
    const writing = link.write(new Uint8Array(TOO_MUCH_BYTES)).catch(() => {});
    link.close();
    await settles(link.whenReleased(), "the release");
    await settles(Promise.all([reading, writing]), "what was under way");
    await settles(link.whenReleased(), "the release again");
  },

  "it says what it is and who its peer is"({ link }, contract) {
    assert.equal(link.kind, contract.kind);
    assert.notEqual(link.peer, "");
    assert.equal(link.address, contract.address);
    assert.equal(link.bytesWritten, 0);
  },

  async "a read gives what is there, and null once the peer has finished"({ link, peer }) {
    await writeAll(peer, new TextEncoder().encode("hello"));
    assert.equal(new TextDecoder().decode(await readBytes(link, 5)), "hello");
    await peer.closeWrite();
    assert.equal(await settles(link.read(new Uint8Array(8)), "the end of input"), null);
    assert.equal(await settles(link.read(new Uint8Array(8)), "the end again"), null);
  },

  async "a read waits for the first byte, and fills no more than it was given"({ link, peer }) {
    const into = new Uint8Array(4).fill(0xee);
    const reading = link.read(into.subarray(1, 3));
    await writeAll(peer, Uint8Array.of(1, 2, 3));
    const count = await settles(reading, "the read");
    assert(count === 1 || count === 2);
    assert.equal(into[0], 0xee);
    assert.equal(into[3], 0xee);
    assert.deepEqual(await readBytes(link, 3 - count), Uint8Array.of(1, 2, 3).slice(count));
  },

  async "writing goes on after the peer has finished sending"({ link, peer }) {
    await peer.closeWrite();
    assert.equal(await settles(link.read(new Uint8Array(8)), "the end of input"), null);
    await settles(link.write(Uint8Array.of(7)), "the write");
    assert.deepEqual(await readBytes(peer, 1), Uint8Array.of(7));
  },

  async "a write takes everything, however slowly the peer reads"({ link, peer }) {
    const batch = new Random(1).bytes(3 * 1024 * 1024);
    const writing = link.write(batch);
    const received = await readBytes(peer, batch.length);
    await settles(writing, "the write");
    assert.equal(Buffer.compare(received, batch), 0);
    assert.equal(link.bytesWritten, batch.length);
  },

  async "batches leave in order"({ link, peer }) {
    const random = new Random(2);
    const batches = Array.from({ length: 50 }, () => random.bytes(1 + random.below(5000)));
    const reading = readBytes(peer, batches.reduce((sum, batch) => sum + batch.length, 0));
    for (const batch of batches) await settles(link.write(batch), "a write");
    assert.equal(Buffer.compare(await reading, Buffer.concat(batches)), 0);
  },

  async "bytesWritten grows while a write makes progress"({ link, peer }) {
    const writing = link.write(new Uint8Array(TOO_MUCH_BYTES));
    writing.catch(() => {});
    await until(() => link.bytesWritten > 0, "the first progress");
    const before = link.bytesWritten;
    assert(before < TOO_MUCH_BYTES, "the peer has not read");
    await readBytes(peer, TOO_MUCH_BYTES / 2);
    await until(() => link.bytesWritten > before, "more progress");
    await readBytes(peer, TOO_MUCH_BYTES / 2);
    await settles(writing, "the write");
    assert.equal(link.bytesWritten, TOO_MUCH_BYTES);
  },

  async "closeWrite ends our sending after what was written, and reading goes on"({ link, peer }) {
    await link.write(Uint8Array.of(1, 2));
    link.closeWrite();
    link.closeWrite();
    assert.deepEqual(await readBytes(peer, 2), Uint8Array.of(1, 2));
    assert.equal(await settles(peer.read(new Uint8Array(1)), "the end at the peer"), null);
    await writeAll(peer, Uint8Array.of(3));
    assert.deepEqual(await readBytes(link, 1), Uint8Array.of(3));
  },

  async "close makes a pending read settle"({ link }) {
    const reading = link.read(new Uint8Array(8));
    const outcome = reading.then(() => "given", () => "rejected");
    link.close();
    await settles(outcome, "the pending read");
  },

  async "close makes a pending write settle, although the peer does not read"({ link }) {
    const writing = link.write(new Uint8Array(TOO_MUCH_BYTES));
    const outcome = writing.then(() => "taken", () => "rejected");
    await until(() => link.bytesWritten > 0, "the first progress");
    link.close();
    assert.equal(await settles(outcome, "the pending write"), "rejected");
  },

  async "close ends both directions, and may be called again, as may closeWrite"({ link, peer }) {
    link.close();
    link.close();
    link.closeWrite();
    assert.equal(await settles(endOf(peer), "the end at the peer"), "ended");
    await assert.rejects(settles(link.read(new Uint8Array(8)), "a read after close"));
    await assert.rejects(settles(link.write(Uint8Array.of(1)), "a write after close"));
  },

  async "after a reset, read rejects and says why"(_pair, contract) {
    const { link, reset } = await contract.connectToReset();
    const outcome = readToTheEnd(link).then(() => null, (error: unknown) => error);
    reset();
    const error = await settles(outcome, "the read");
    assert(error instanceof Error && error.message !== "", `${error}`);
    await assert.rejects(settles(writeForEver(link), "writes after the reset"));
    link.close();
  },

  async "after an abrupt end, a write that is under way rejects"({ link, peer }) {
    const writing = link.write(new Uint8Array(TOO_MUCH_BYTES));
    const outcome = writing.then(() => null, (error: unknown) => error);
    await until(() => link.bytesWritten > 0, "the first progress");
    peer.close();
    assert(await settles(outcome, "the write") instanceof Error);
  },

  async "closeWrite and close are quiet when the peer is gone"({ link, peer }) {
    await link.write(new Uint8Array(1000));
    await readBytes(peer, 1);
    peer.close();
    await settles(endOf(link), "the end");
    link.closeWrite();
    link.close();
    link.close();
  },
};

interface Readable {
  read(into: Uint8Array): Promise<number | null>;
}

async function readBytes(from: Readable, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count);
  for (let have = 0; have < count;) {
    const got = await settles(from.read(bytes.subarray(have)), "a read");
    if (got === null) throw new Error(`the end came after ${have} of ${count} bytes`);
    assert(got > 0, "a read gives at least one byte");
    have += got;
  }
  return bytes;
}

async function writeAll(to: LinkPeer, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await to.write(bytes.subarray(done));
}

async function writeForEver(link: Link): Promise<never> {
  for (;;) await link.write(new Uint8Array(1000));
}

async function readToTheEnd(from: Readable): Promise<void> {
  const into = new Uint8Array(4096);
  while (await from.read(into) !== null);
}

async function endOf(from: Readable): Promise<"ended"> {
  await readToTheEnd(from).catch(() => {});
  return "ended";
}
