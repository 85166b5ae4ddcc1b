/**
 * What every engine does, whatever carries its bytes.
 */
import assert from "node:assert/strict";
import {
  BUS_CHANNEL,
  type Channel,
  type Engine,
  type EngineListener,
  type NodeInfo,
  WORK_CHANNEL,
} from "../../lib/ports/engine.ts";
import { settles, until } from "../support/until.ts";

/** Nodes that can find each other. */
export interface EngineWorld extends AsyncDisposable {
  /** Makes one more engine; nobody has opened it. */
  engine(self: NodeInfo): Promise<Engine>;
}

/** What a node tells of itself in tests. */
export function infoOf(id: string): NodeInfo {
  return { id, name: `name-${id}`, version: "1", address: "", sinceMs: 1, details: {} };
}

/** Notes what it is told. */
export class Recorder implements EngineListener {
  readonly said: string[] = [];
  readonly bytes: Record<Channel, number[]> = { 0: [], 1: [] };
  /** The number of bytes that came, when they are not kept. */
  received = (_from: NodeInfo, channel: Channel, bytes: Uint8Array): Promise<void> => {
    this.bytes[channel].push(...bytes);
    return Promise.resolve();
  };

  joined({ id }: NodeInfo): void {
    this.said.push(`joined ${id}`);
  }
  changed({ id, details }: NodeInfo): void {
    this.said.push(`changed ${id} ${JSON.stringify(details)}`);
  }
  left({ id }: NodeInfo, _why: string): void {
    this.said.push(`left ${id}`);
  }
  reachable(isUp: boolean): void {
    this.said.push(isUp ? "up" : "down");
  }

  has(line: string, times = 1): boolean {
    return this.said.filter((each) => each === line).length >= times;
  }
}

/** Runs the suite in worlds that `open` makes; `test` registers one. */
export function testEngineContract(
  name: string,
  open: () => Promise<EngineWorld>,
  test: (name: string, fn: () => Promise<void>) => void,
): void {
  const two = async (run: (one: Node, other: Node) => Promise<void>) => {
    await using world = await open();
    const one = await Node.open(world, "one");
    const other = await Node.open(world, "other");
    await until(
      () => one.log.has("joined other") && other.log.has("joined one"),
      "the nodes know each other",
    );
    try {
      await run(one, other);
    } finally {
      await one.engine.close();
      await other.engine.close();
    }
  };

  test(`${name}: nodes find each other, and each is told of the others once`, () =>
    two(async (one, other) => {
      assert.deepEqual(one.engine.nodes().map(({ id }) => id), ["other"]);
      assert.deepEqual(one.engine.nodes()[0], other.engine.self);
      other.engine.describe({ writer: "yes" });
      await until(() => one.log.has('changed other {"writer":"yes"}'), "it is told of details");
      assert.deepEqual(one.engine.nodes()[0].details, { writer: "yes" });
      await other.engine.close();
      await until(() => one.log.has("left other"), "the other is gone");
      assert.deepEqual(one.engine.nodes(), []);
      assert.deepEqual(one.log.said.filter((line) => line.includes("other")), [
        "joined other",
        'changed other {"writer":"yes"}',
        "left other",
      ]);
    }));

  test(`${name}: the bytes of each channel come in their order, whole and once`, () =>
    two(async (one, other) => {
      const sends: Promise<void>[] = [];
      const expected: Record<Channel, number[]> = { 0: [], 1: [] };
      for (let index = 0; index < 200; index++) {
        const channel = index % 3 === 0 ? WORK_CHANNEL : BUS_CHANNEL;
        const bytes = new Uint8Array(1 + index % 7).fill(index);
        expected[channel].push(...bytes);
        sends.push(one.engine.send("other", channel, bytes));
      }
      await Promise.all(sends);
      await until(
        () => other.log.bytes[0].length >= expected[0].length,
        "the bytes of one channel",
      );
      await until(
        () => other.log.bytes[1].length >= expected[1].length,
        "the bytes of the other channel",
      );
      assert.deepEqual(other.log.bytes, expected);
    }));

  test(`${name}: what is longer than a message comes whole`, () =>
    two(async (one, other) => {
      const bytes = new Uint8Array(3_000_000).map((_, index) => index % 251);
      let at = 0;
      other.log.received = (_from, _channel, part) => {
        for (const byte of part) assert.equal(byte, at++ % 251);
        return Promise.resolve();
      };
      await one.engine.send("other", BUS_CHANNEL, bytes);
      await until(() => at === bytes.length, "all bytes");
    }));

  test(`${name}: who does not deal with what comes holds the sender up, and nobody else`, () =>
    two(async (one, other) => {
      const gate = Promise.withResolvers<void>();
      let came = 0;
      other.log.received = async (_from, _channel, bytes) => {
        await gate.promise;
        came += bytes.length;
      };
      let sent = 0;
      const sending = (async () => {
        for (let index = 0; index < 64; index++) {
          await one.engine.send("other", BUS_CHANNEL, new Uint8Array(256 * 1024));
          sent++;
        }
      })();
      await settles(other.engine.send("one", BUS_CHANNEL, Uint8Array.of(7)), "the other way");
      await until(() => one.log.bytes[0].length === 1, "the byte came");
      assert.ok(sent < 64, `${sent} were sent`);
      gate.resolve();
      await sending;
      await until(() => came === 64 * 256 * 1024, "all that was sent");
    }));

  test(`${name}: a listener that fails ends the link, and there is another one`, () =>
    two(async (one, other) => {
      other.log.received = () => Promise.reject(new Error("cannot be read"));
      await one.engine.send("other", BUS_CHANNEL, Uint8Array.of(1)).catch(() => {});
      await until(
        () => one.log.has("joined other", 2) && other.log.has("joined one", 2),
        "a new link",
      );
      assert.equal(one.engine.counts.linksBroken + other.engine.counts.linksBroken, 1);
      const after: number[] = [];
      other.log.received = (_from, _channel, bytes) => {
        after.push(...bytes);
        return Promise.resolve();
      };
      await one.engine.send("other", BUS_CHANNEL, Uint8Array.of(2));
      await until(() => after.length > 0, "the byte after it");
      assert.deepEqual(after, [2]);
    }));

  test(`${name}: nothing can be sent to a node that is not there`, () =>
    two(async (one, other) => {
      await assert.rejects(one.engine.send("nobody", BUS_CHANNEL, Uint8Array.of(1)));
      await other.engine.close();
      await until(() => one.log.has("left other"), "the other is gone");
      await assert.rejects(one.engine.send("other", BUS_CHANNEL, Uint8Array.of(1)));
    }));
}

/** An engine and what its listener was told. */
export class Node {
  private constructor(readonly engine: Engine, readonly log: Recorder) {}

  static async open(world: EngineWorld, id: string): Promise<Node> {
    const node = new Node(await world.engine(infoOf(id)), new Recorder());
    node.engine.open(node.log);
    return node;
  }
}
