/**
 * Clients that do nothing wrong, measured while others attack a server: how long their echoes take at rest, and during
 * the attack. They run in threads of their own, so that an attack from the process of the test does not delay them.
 *
 * A test prints the figures. It fails only when an innocent was disconnected, or waited beyond any doubt: how fast a
 * machine is at the moment is not for a test to say.
 */
import assert from "node:assert/strict";
import type { InnocentTarget } from "./innocent_worker.ts";
import { settles } from "./until.ts";

/** Beyond this an innocent was not served. */
const MOST_MS = 5000;
/** So many echoes tell how long they take at rest. */
const ENOUGH = 200;
const LOOK_EVERY_MS = 50;

/** How long innocents wait. */
export interface Waits {
  readonly p99Ms: number;
  readonly mostMs: number;
  readonly count: number;
}

/** Several of them. */
export class Innocents implements Disposable {
  readonly #workers: Worker[];
  #fault: Error | null = null;
  #tell: (fault: Error) => void = () => {};

  /** They begin to ask at once. */
  constructor(targets: readonly InnocentTarget[]) {
    this.#workers = targets.map((target) => {
      const worker = new Worker(new URL("innocent_worker.ts", import.meta.url), { type: "module" });
      worker.onerror = (event) => {
        event.preventDefault();
        this.#fault ??= new Error(event.message);
        this.#tell(this.#fault);
      };
      worker.postMessage(target);
      return worker;
    });
  }

  /** How long they waited since this was last asked. Rejects when one was disconnected. */
  async waits(): Promise<Waits> {
    const tookMs = await this.#took();
    const sorted = tookMs.sort((one, other) => one - other);
    const count = sorted.length;
    return {
      p99Ms: sorted[Math.floor(count * 0.99)] ?? NaN,
      mostMs: sorted[count - 1] ?? NaN,
      count,
    };
  }

  /** How long they wait at rest, of enough echoes. */
  async quiet(): Promise<Waits> {
    await this.#took();
    const all: number[] = [];
    while (all.length < ENOUGH) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      all.push(...await this.#took());
    }
    all.sort((one, other) => one - other);
    return { p99Ms: all[Math.floor(all.length * 0.99)], mostMs: all.at(-1)!, count: all.length };
  }

  /**
   * Measures them at rest, then while `attack` goes on, and prints both behind what `attack` says of itself. Fails
   * when one of them was disconnected or not served.
   */
  async during(what: string, attack: () => Promise<string>): Promise<void> {
    const quiet = await this.quiet();
    const said = await attack();
    const during = await this.waits();
    const times = (during.p99Ms / quiet.p99Ms).toFixed(1);
    console.log(
      `# ${what}: ${said}; innocents' p99 ${quiet.p99Ms.toFixed(1)} ms quiet, ` +
        `${during.p99Ms.toFixed(1)} ms during (${times} times), ` +
        `longest ${during.mostMs.toFixed(0)} ms of ${during.count}`,
    );
    assert(during.count > 0, "the innocents were served meanwhile");
    assert(during.mostMs < MOST_MS, `${what}: an innocent waited ${during.mostMs} ms`);
  }

  [Symbol.dispose](): void {
    for (const worker of this.#workers) worker.terminate();
  }

  async #took(): Promise<number[]> {
    const answers = this.#workers.map((worker) =>
      new Promise<number[]>((resolve) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.postMessage(null);
      })
    );
    const failed = new Promise<never>((_, reject) => this.#tell = reject);
    failed.catch(() => {});
    if (this.#fault !== null) throw this.#fault;
    return (await settles(Promise.race([Promise.all(answers), failed]), "the innocents' figures"))
      .flat();
  }
}
