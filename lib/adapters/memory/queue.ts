/**
 * The jobs of one queue in memory: bodies and times by chunk, dropped by chunk from anywhere.
 *
 * Invariant: a chunk holds successive jobs, in the order of their ids, and a chunk that was dropped takes no
 * memory, however long chunks before it stay. Non-goal: the states of jobs, which are never read again.
 */

/** A chunk of jobs. */
export interface MemoryChunk {
  /** The id of its first job. */
  readonly first: number;
  readonly bodies: Uint8Array[];
  readonly times: number[];
}

/** The jobs of one queue. */
export class MemoryQueue {
  readonly #chunks = new Map<number, MemoryChunk>();
  /** The chunk that the next job goes into unless it begins one. */
  #last: MemoryChunk | null = null;

  /** Adds a job; the first job, and one behind a chunk that was dropped, begins a chunk in any case. */
  add(id: number, body: Uint8Array, timeMs: number, begins: boolean): void {
    let chunk = this.#last;
    if (chunk === null || begins) {
      chunk = this.#last = { first: id, bodies: [], times: [] };
      this.#chunks.set(id, chunk);
    }
    chunk.bodies.push(body);
    chunk.times.push(timeMs);
  }

  /** The chunk that begins with job `first`, or null when there is none. */
  chunk(first: number): MemoryChunk | null {
    return this.#chunks.get(first) ?? null;
  }

  /** The bytes of the chunk that begins with job `first`; 0 when there is none. */
  bytesOf(first: number): number {
    const bodies = this.chunk(first)?.bodies ?? [];
    return bodies.reduce((sum, body) => sum + body.length, 0);
  }

  /** Drops the chunk that begins with job `first`; gives its bytes. */
  drop(first: number): number {
    const bytes = this.bytesOf(first);
    if (this.#last?.first === first) this.#last = null;
    this.#chunks.delete(first);
    return bytes;
  }
}
