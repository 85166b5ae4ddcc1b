/**
 * A store in memory whose commits wait, or fail, when a test says so.
 */
import { MemoryBackend } from "../../../lib/adapters/memory/store.ts";
import type { BackendSink } from "../../../lib/adapters/store/backend.ts";
import { StoreFront } from "../../../lib/adapters/store/front.ts";
import type { ParleyError } from "../../../lib/base/errors.ts";
import { DEFAULT_STORE_LIMITS, type StoreLimits } from "../../../lib/base/store_limits.ts";

/** The backend; the commits that it does carry out are those of memory. */
export class ScriptedBackend extends MemoryBackend {
  /** What the next commits fail with; null while they succeed. */
  failure: ParleyError | null = null;
  #sink: BackendSink | null = null;
  #holding = false;
  #held: (() => void)[] = [];

  constructor() {
    super(DEFAULT_STORE_LIMITS.maxMemoryStoreBytes);
  }

  override start(sink: BackendSink): void {
    this.#sink = sink;
    super.start(sink);
  }

  override commit(buffer: ArrayBuffer, length: number, nowMs: number): void {
    const carryOut = () => {
      const { failure } = this;
      if (failure === null) super.commit(buffer, length, nowMs);
      else queueMicrotask(() => this.#sink!.failed(buffer, failure));
    };
    if (this.#holding) this.#held.push(carryOut);
    else carryOut();
  }

  /** Lets every commit from now on wait. */
  hold(): void {
    this.#holding = true;
  }

  /** Lets them go. */
  release(): void {
    this.#holding = false;
    for (const carryOut of this.#held.splice(0)) carryOut();
  }

  /** How many commits wait. */
  get held(): number {
    return this.#held.length;
  }
}

/** A store over such a backend. */
export function scriptedStore(limits: Partial<StoreLimits> = {}) {
  const backend = new ScriptedBackend();
  const snapshot = {
    epoch: "scripted",
    topics: [],
    chunks: [],
    records: [],
    lastRevision: 0,
    position: 0,
    forgottenSeq: 0,
    seen: [],
    warnings: [],
  };
  const store = new StoreFront(backend, snapshot, { ...DEFAULT_STORE_LIMITS, ...limits });
  return { backend, store };
}
