/**
 * What a stream gathered leaves in as few writes as there can be, whole and in order.
 */
import assert from "node:assert/strict";
import { TrackedConnection } from "../../../lib/adapters/socket/tracked_connection.ts";

/** A connection that takes at most so many bytes a write, and keeps them. */
class Recorder {
  readonly writes: Uint8Array[] = [];
  readonly mostBytes: number;

  constructor(mostBytes = Infinity) {
    this.mostBytes = mostBytes;
  }

  write(bytes: Uint8Array): Promise<number> {
    const taken = bytes.subarray(0, this.mostBytes);
    this.writes.push(taken);
    return Promise.resolve(taken.length);
  }

  read(): Promise<number | null> {
    return Promise.resolve(null);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

const chunksOf = (...parts: Uint8Array[]) => parts.map((chunk) => ({ chunk }));
const NOTHING = new Uint8Array(0);

Deno.test("chunks that are small together leave in one write", async () => {
  const recorder = new Recorder();
  const connection = new TrackedConnection(recorder);
  await connection.writeChunks(chunksOf(Uint8Array.of(1, 2), NOTHING, Uint8Array.of(3)));
  assert.deepEqual(recorder.writes.map((each) => [...each]), [[1, 2, 3]]);
  assert.equal(connection.sentBytes, 3);
});

Deno.test("a chunk with nothing beside it leaves as it is, without a copy", async () => {
  const recorder = new Recorder();
  const connection = new TrackedConnection(recorder);
  const chunk = Uint8Array.of(1, 2, 3);
  await connection.writeChunks(chunksOf(NOTHING, chunk, NOTHING));
  assert.equal(recorder.writes.length, 1);
  assert.equal(recorder.writes[0].buffer, chunk.buffer);
});

Deno.test("chunks that are large together leave one after the other, whole though the system takes them in parts", async () => {
  const recorder = new Recorder(100_000);
  const connection = new TrackedConnection(recorder);
  const [first, second] = [1, 2].map((byte) => new Uint8Array(150_000).fill(byte));
  await connection.writeChunks(chunksOf(first, second));
  assert.deepEqual(recorder.writes.map(({ length, 0: byte }) => [length, byte]), [
    [100_000, 1],
    [50_000, 1],
    [100_000, 2],
    [50_000, 2],
  ]);
  assert.equal(connection.sentBytes, 300_000);
});
