/**
 * The spans of one queue's traced jobs that consumers hold: one for each delivery until its end, and one for its
 * settlement until that is committed. Only where tracing is on.
 *
 * There are no more spans than jobs that are leased.
 */
import type { Span, TraceContext, Tracing } from "../../ports/tracing.ts";
import type { WorkQueue } from "../../logic/queues/work_queue.ts";
import { traceParentOf } from "../tracing/trace_parent.ts";
import type { OutgoingJob } from "./consumer.ts";

/** One delivery that is traced. */
interface Attempt {
  readonly behind: TraceContext;
  readonly span: Span;
  readonly generation: number;
}

/** The traced deliveries of one queue. */
export class JobAttempts {
  readonly #tracing: Tracing;
  readonly #queue: string;
  readonly #machine: WorkQueue<unknown>;
  readonly #attempts = new Map<number, Attempt>();
  /** The settlements that gather, and those that have left with each batch. */
  #settling: Span[] = [];
  #sealed: Span[][] = [];

  constructor(tracing: Tracing, queue: string, machine: WorkQueue<unknown>) {
    this.#tracing = tracing;
    this.#queue = queue;
    this.#machine = machine;
  }

  /** A job was sent to a consumer. */
  begin({ bytes, start, end, slot, generation, attempt }: Readonly<OutgoingJob>): void {
    this.#end(slot, "the job was handed out again");
    const behind = traceParentOf(bytes, start, end);
    if (behind === null) return;
    const span = this.#tracing.begin(behind, "attempt", {
      ...this.#attributes,
      "messaging.message.id": String(this.#machine.views.id(slot)),
      "parley.attempt": attempt,
    });
    this.#attempts.set(slot, { behind, span, generation });
  }

  /** The consumer of a job has said what became of it. */
  settled(slot: number, verdict: string): void {
    const attempt = this.#attempts.get(slot);
    if (attempt === undefined) return;
    this.#attempts.delete(slot);
    attempt.span.note({ "parley.outcome": verdict });
    attempt.span.end();
    const attributes = { ...this.#attributes, "parley.verdict": verdict };
    this.#settling.push(this.#tracing.begin(attempt.behind, "settle", attributes));
  }

  /** Ends the spans of jobs that are no longer held, though nobody settled them. */
  endLost(why: string): void {
    for (const [slot, { generation }] of this.#attempts) {
      if (!this.#machine.views.isLeased(slot, generation)) this.#end(slot, why);
    }
  }

  /** The settlements that gather leave with a batch. */
  seal(): void {
    this.#sealed.push(this.#settling);
    this.#settling = [];
  }

  /** The oldest batch that left is committed. */
  committed(): void {
    for (const span of this.#sealed.shift() ?? []) span.end();
  }

  /** No batch that left, and none that gathers, will be committed. */
  failed(): void {
    for (const span of [...this.#sealed.flat(), ...this.#settling]) span.end("it was not stored");
    this.#sealed = [];
    this.#settling = [];
  }

  get #attributes() {
    return { "messaging.system": "parley", "messaging.destination.name": this.#queue };
  }

  #end(slot: number, why: string): void {
    const attempt = this.#attempts.get(slot);
    if (attempt === undefined) return;
    this.#attempts.delete(slot);
    attempt.span.end(why);
  }
}
