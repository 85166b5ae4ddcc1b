/**
 * The front of every store: the part that callers use, on the thread of the event loop.
 *
 * The front numbers events, finds duplicates, counts revisions, and puts operations into the batch that gathers.
 * Nothing here waits, and an append allocates nothing unless it has a message_id.
 * Non-goals: when batches leave (pipeline); durability, reading and trimming (the backend).
 */
import { type Clock, systemClock } from "../../base/clock.ts";
import { guard } from "../../base/defects.ts";
import { settled } from "../../base/detached.ts";
import { assert, ErrorCode, ParleyError } from "../../base/errors.ts";
import { assertStoreLimits, type StoreLimits } from "../../base/store_limits.ts";
import type { CommitLog } from "../../ports/commit_log.ts";
import type { Entry } from "../../ports/entry.ts";
import type {
  ReadRequest,
  Retention,
  Store,
  StoreFigures,
  StoreHealth,
  StoreLastPage,
  StoreListener,
  StoreRecord,
  StoreRecordPage,
  StoreStats,
  StoreTimings,
  StoreTopic,
} from "../../ports/store.ts";
import type { StorePage } from "../../ports/store_page.ts";
import { DedupWindow } from "./dedup_window.ts";
import { RecordTable } from "./record_table.ts";
import { Appender } from "./append.ts";
import type { Snapshot, StoreBackend } from "./backend.ts";
import { GroupLog } from "./group.ts";
import { LogStage } from "./shared/log_stage.ts";
import { Chunking, Operation } from "./operations.ts";
import { StoreJobs } from "./jobs.ts";
import { StorePipeline } from "./pipeline.ts";
import { StoreNames } from "./names.ts";
import { StoreReads } from "./reads.ts";
import { receivedBatch } from "./shared/received.ts";
import { type FrontState, sinkOf, takeBack } from "./sink.ts";
import { own, type StoredLog } from "./stored_log.ts";
import { unavailable } from "./values.ts";

const encoder = new TextEncoder();

/** The surroundings of a front. */
export interface FrontOptions {
  /** Absent: the machine's clock. */
  readonly clock?: Clock;
  /** The log that the store shares with other nodes; absent: none. */
  readonly log?: CommitLog | null;
}

/** A store in front of a backend. */
export class StoreFront implements Store {
  readonly epoch: string;
  readonly warnings: readonly string[];
  readonly jobs: StoreJobs;
  readonly replica: Store["replica"];
  readonly holders: Store["holders"];

  readonly #backend: StoreBackend;
  readonly #log: CommitLog | null;
  readonly #limits: StoreLimits;
  readonly #clock: Clock;
  readonly #pipeline: StorePipeline;
  readonly #reads: StoreReads;
  readonly #records: RecordTable;
  readonly #window: DedupWindow;
  readonly #names: StoreNames;
  readonly #retentionTimer: ReturnType<typeof setInterval>;
  readonly #appender: Appender;
  #committedEvents = 0;
  readonly #stage: LogStage | null;
  readonly #state: FrontState = { ended: null, away: null, trimmedEvents: 0 };
  #closed: Promise<void> | null = null;

  constructor(
    backend: StoreBackend,
    snapshot: Snapshot,
    limits: StoreLimits,
    { clock = systemClock, log = null }: FrontOptions = {},
  ) {
    assertStoreLimits(limits);
    this.#backend = backend;
    this.#limits = limits;
    this.#clock = clock;
    this.#log = log;
    this.epoch = snapshot.epoch;
    this.warnings = snapshot.warnings;
    this.#records = new RecordTable(limits, snapshot.records, snapshot.lastRevision);
    this.#window = new DedupWindow(limits.dedupWindowMs, limits.maxDedupEntries);
    const nowMs = clock.monotonicMs();
    const seen = new Set<number>();
    for (const { topic, messageId, seq, ageMs } of snapshot.seen) {
      this.#window.add(topic, messageId, seq, nowMs - Math.max(ageMs, 0));
      seen.add(topic);
    }
    const released = ({ id }: StoredLog) => backend.setRetention(id, {});
    this.#names = new StoreNames(snapshot, { seen, limits, clock, released });
    this.holders = this.#names.holders;
    this.#reads = new StoreReads(backend, limits);
    this.#stage = log === null ? null : this.#stageOf(log, backend, snapshot.position);
    this.replica = this.#stage;
    this.#pipeline = new StorePipeline(
      {
        logOf: (number) => this.#names.of(number),
        sink: {
          record: (key, value, revision) => this.#records.commit(key, value, revision),
          forgot: (log) => {
            if (log.kind === "topic") this.#state.trimmedEvents += log.events;
            this.#names.forgot(log);
          },
        },
        told: (batch) => {
          this.#committedEvents += batch.committedEvents;
          if (batch.isReceived) this.#records.fallBack();
        },
        fallBack: (batches) => takeBack(batches, { window: this.#window, records: this.#records }),
      },
      this.#stage ?? backend,
      limits,
      clock,
    );
    if (this.#stage !== null) this.#stage.pipeline = this.#pipeline;
    this.#appender = new Appender(this.#pipeline, this.#window, clock, () => this.#whyNot());
    this.jobs = new StoreJobs({
      appender: this.#appender,
      pipeline: this.#pipeline,
      reads: this.#reads,
      names: this.#names,
      chunks: () => backend.chunks(),
      checkOpen: (action) => this.#checkOpen(action),
      forget: (queue, completion) => this.#forget(queue, completion),
    }, snapshot.chunks);
    const [state, pipeline, names] = [this.#state, this.#pipeline, this.#names];
    backend.start(sinkOf({ state, pipeline, names, stage: this.#stage }));
    const look = () => {
      if (this.#state.ended !== null) return;
      guard("look at the age of what is stored", () => backend.retain(clock.wallMs()));
    };
    this.#retentionTimer = setInterval(look, limits.retentionIntervalMs);
  }

  get level(): Store["level"] {
    return (this.#log ?? this.#backend).level;
  }

  listen(listener: StoreListener): void {
    assert(this.#pipeline.listener === null, "a store has one listener");
    this.#pipeline.listener = listener;
  }

  get overloaded(): boolean {
    return this.#pipeline.overloaded;
  }

  whenReady(): Promise<void> {
    return this.#pipeline.whenReady();
  }

  topic(name: string): StoreTopic | null {
    return this.#names.topics.get(name) ?? null;
  }

  openTopic(name: string, percent = 100, owner = ""): StoreTopic {
    const present = this.#names.topics.get(name);
    if (present !== undefined) return present;
    this.#checkWrites("open a topic");
    return this.#names.openTopic(name, percent, owner);
  }

  get forgottenSeq(): number {
    return this.#names.forgottenSeq;
  }

  forget(topic: StoreTopic, completion: unknown, onlyEmpty = false): void {
    const state = own(topic);
    if (onlyEmpty && state.tentativeSeq >= state.firstSeq) {
      throw new ParleyError(
        ErrorCode.FAILED_PRECONDITION,
        `cannot forget topic ${JSON.stringify(topic.name)}: it is not empty`,
        { accepted: "a topic without events, and without any on their way" },
      );
    }
    this.#forget(state, completion);
  }

  /** Hands over that a topic or a queue is forgotten. */
  #forget(log: StoredLog, completion: unknown): void {
    this.#checkWrites("forget a name");
    assert(this.#appender.group === null, "nothing is forgotten within a group");
    const batch = this.#pipeline.gathering;
    batch.operations.add(Operation.FORGET, log.id, log.tentativeSeq);
    log.named = false;
    this.#pipeline.handOver(completion);
  }

  topics(): Iterable<StoreTopic> {
    return this.#names.topics.values();
  }

  get newestOrder(): number {
    return this.#names.newestOrder;
  }

  setRetention(topic: StoreTopic, retention: Retention): void {
    const state = own(topic);
    state.retention = retention;
    if (state.id > 0) this.#backend.setRetention(state.id, retention);
  }

  append(topic: StoreTopic, entry: Entry, completion: unknown): number {
    return this.#appender.append(own(topic), entry, Chunking.FREE, completion);
  }

  duplicateOf(topic: StoreTopic, messageId: string): number {
    return this.#appender.duplicateOf(own(topic), messageId);
  }

  put(key: string, value: Uint8Array, expected: number, completion: unknown): number {
    return this.#change(key, value.slice(), expected, completion);
  }

  remove(key: string, expected: number, completion: unknown): void {
    this.#change(key, null, expected, completion);
  }

  revision(key: string): number {
    return this.#records.revision(key);
  }

  group<T>(run: () => T): T {
    assert(this.#appender.group === null, "groups do not nest");
    const log = this.#appender.group = new GroupLog(this.#pipeline.gathering);
    try {
      return run();
    } catch (error) {
      log.undo(this.#records, this.#window);
      throw error;
    } finally {
      this.#appender.group = null;
    }
  }

  flush(): Promise<void> {
    return this.#pipeline.flush();
  }

  async read(topic: StoreTopic, request: ReadRequest): Promise<StorePage> {
    this.#checkOpen("read a topic");
    return await this.#reads.read(own(topic), request);
  }

  async readLast(topics: readonly StoreTopic[]): Promise<StoreLastPage> {
    this.#checkOpen("read the last events");
    return await this.#reads.readLast(topics);
  }

  async seqAt(topic: StoreTopic, timeMs: number): Promise<number> {
    this.#checkOpen("find a time");
    return await this.#reads.seqAt(own(topic), timeMs);
  }

  get(key: string): Promise<StoreRecord | null> {
    return Promise.resolve(this.#records.get(key));
  }

  list(prefix: string, after: string, maxRecords: number): Promise<StoreRecordPage> {
    const most = Math.max(1, Math.min(maxRecords, this.#limits.maxStorePageEvents));
    return Promise.resolve(this.#records.list(prefix, after, most));
  }

  async trim(topic: StoreTopic, beforeSeq: number): Promise<number> {
    const state = own(topic);
    this.#checkOpen("trim a topic");
    const first = state.firstSeq;
    await this.#backend.trim(state.id, Math.min(beforeSeq, state.lastSeq + 1));
    // The new figures may be told only after a batch that the listener is being told of.
    await new Promise<void>((resolve) => this.#pipeline.inTurn(resolve));
    return state.firstSeq - first;
  }

  async applyRetention(): Promise<void> {
    this.#checkOpen("apply the retention");
    await this.#backend.applyRetention(this.#clock.wallMs());
  }

  async backup(path: string): Promise<void> {
    this.#checkOpen("back up the store");
    await this.#backend.backup(path);
  }

  get timings(): StoreTimings {
    return this.#pipeline.timings;
  }

  health(): StoreHealth {
    const { failure, failedAgoMs, underWayMs } = this.#pipeline;
    const { ended, away } = this.#state;
    if (away !== null) return { ended, failure: away, failedAgoMs: 0, underWayMs };
    return { ended, failure, failedAgoMs, underWayMs };
  }

  diskBytes(): number {
    return this.#backend.diskBytes();
  }

  figures(): StoreFigures {
    return {
      topics: this.#names.topics.size,
      records: this.#records.committed,
      committedBatches: this.#pipeline.committedBatches,
      committedEvents: this.#committedEvents,
      failedBatches: this.#pipeline.failedBatches,
      workerRestarts: this.#backend.restarts,
      duplicates: this.#appender.duplicates,
      trimmedEvents: this.#state.trimmedEvents,
      pendingEntries: this.#pipeline.pendingEntries,
    };
  }

  stats(): StoreStats {
    let events = 0;
    let bytes = 0;
    for (const topic of this.#names.topics.values()) {
      events += topic.events;
      bytes += topic.bytes;
    }
    return { ...this.figures(), events, bytes, diskBytes: this.diskBytes() };
  }

  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#retentionTimer);
    if (this.#state.ended === null) this.#pipeline.leaveLast();
    this.#state.ended ??= unavailable("use the store", "it is closed");
    await settled(this.flush(), "commit the last batch");
    this.#pipeline.refuse(this.#state.ended);
    await this.#backend.close();
  }

  #change(key: string, value: Uint8Array | null, expected: number, completion: unknown): number {
    this.#checkWrites("change a record");
    this.#pipeline.checkRoom(value?.length ?? 0);
    const batch = this.#pipeline.gathering;
    const revision = this.#records.change(
      key,
      value,
      expected,
      this.#appender.group?.records ?? null,
    );
    batch.operations.record(encoder.encode(key), value, revision);
    batch.records.push({ key, value, revision });
    this.#pipeline.handOver(completion);
    return revision;
  }

  #checkOpen(action: string): void {
    if (this.#state.ended !== null) {
      throw unavailable(action, this.#state.ended.message, this.#state.ended);
    }
  }

  #checkWrites(action: string): void {
    const why = this.#whyNot();
    if (why !== null) throw unavailable(action, why.message, why);
  }

  /** Why nothing can be written; null while it can. */
  #whyNot(): ParleyError | null {
    return this.#state.ended ?? this.#state.away ?? this.#stage?.whyNot ?? null;
  }

  #stageOf(log: CommitLog, backend: StoreBackend, position: number): LogStage {
    const numbered = (topic: StoredLog) => {
      if (topic.kind !== "topic") return;
      backend.setRetention(topic.id, topic.retention);
      this.#pipeline.listener?.received?.(topic);
    };
    const receive = (buffer: ArrayBuffer, nowMs: number) => {
      const ageMs = Math.max(0, this.#clock.wallMs() - nowMs);
      const [names, window] = [this.#names, this.#window];
      const seenMs = this.#clock.monotonicMs() - ageMs;
      return receivedBatch(buffer, seenMs, { names, window, numbered });
    };
    const numbering = (isOwn: boolean) => {
      if (isOwn) this.#names.takeUpNumbers();
      else this.#names.giveUpNumbers();
    };
    return new LogStage({ log, clock: this.#clock, backend, receive, numbering }, position);
  }
}
