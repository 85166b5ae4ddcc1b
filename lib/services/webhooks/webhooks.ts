/**
 * The queues of one server whose jobs are posted: a deliverer for each, and what bounds all of them together.
 *
 * Invariants: no more than `maxAtOnce` requests are under way; each queue has a share of them, and of the bytes of jobs that are
 * taken, so that slow receivers of some leave room for the others (logic/webhooks/shares). Of those that wait, who has the
 * fewest under way goes first, and of these who waits longest. A stop waits for requests under way, and gives back what is not answered in time.
 */
import type { QueueDelivery } from "../../logic/queues/policies.ts";
import { mayHold, mayPost } from "../../logic/webhooks/shares.ts";
import type { WebhookPoster } from "../../ports/webhooks.ts";
import { pauseQueue } from "../queues/care.ts";
import type { Queue } from "../queues/queue.ts";
import type { Queues } from "../queues/queues.ts";
import { Deliverer, type DelivererOwner, type WebhookCounts } from "./deliverer.ts";

/** The bytes of jobs that are being posted, of which each queue has a share. */
const MAX_HELD_BYTES = 32 * 1024 * 1024;

/** What bounds the requests of a server, and how they are sent. */
export interface WebhookMeans {
  readonly poster: WebhookPoster;
  readonly maxAtOnce: number;
}

/** All deliverers. */
export class Webhooks implements DelivererOwner {
  readonly queues: Queues;
  readonly counts: WebhookCounts = { acknowledged: 0, failed: 0, gone: 0, released: 0 };
  #means: WebhookMeans;
  readonly #deliverers = new Map<Queue, Deliverer>();
  #heldBytes = 0;
  /** Requests that are under way, and those that wait for their turn: who has waited longest comes first. */
  #requests = 0;
  readonly #waiting = new Map<Deliverer, Set<() => void>>();
  #quiet: (() => void) | null = null;
  isStopping = false;

  constructor(queues: Queues, means: WebhookMeans) {
    this.queues = queues;
    this.#means = means;
    queues.watch((queue) => this.#look(queue));
  }

  get poster(): WebhookPoster {
    return this.#means.poster;
  }

  /** Sends otherwise from the next request on. */
  follow(means: WebhookMeans): void {
    this.#means = means;
    this.#admit();
  }

  /** The number of requests that are under way. */
  get requests(): number {
    return this.#requests;
  }

  isFull(deliverer: Deliverer): boolean {
    return !mayHold(deliverer.heldBytes, this.#heldBytes, MAX_HELD_BYTES);
  }

  holds(deliverer: Deliverer, bytes: number): void {
    const before = this.#heldBytes;
    deliverer.heldBytes += bytes;
    this.#heldBytes += bytes;
    // While less than half of it is taken, everybody may take more.
    if (bytes > 0 || before < MAX_HELD_BYTES / 2) return;
    for (const one of this.#deliverers.values()) one.release();
  }

  async turn(deliverer: Deliverer, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    if (!this.#waiting.has(deliverer) && this.#mayPost(deliverer)) {
      this.#begin(deliverer);
      return true;
    }
    return await new Promise<boolean>((resolve) => {
      const waiting = this.#waiting.get(deliverer) ?? new Set();
      this.#waiting.set(deliverer, waiting);
      const admit = () => resolve(true);
      waiting.add(admit);
      signal.addEventListener("abort", () => {
        this.#forget(deliverer, admit);
        resolve(false);
      }, { once: true });
    });
  }

  turnOver(deliverer: Deliverer): void {
    this.#requests--;
    deliverer.requests--;
    this.#admit();
  }

  /** A job is not under way any more. */
  settled(): void {
    if (this.isStopping) this.#tellQuiet();
  }

  pause(queue: Queue): Promise<void> {
    return pauseQueue(this.queues, queue, true);
  }

  /** Forgets a deliverer that has come to its end. */
  gone(deliverer: Deliverer): void {
    if (this.#deliverers.get(deliverer.queue) === deliverer) {
      this.#deliverers.delete(deliverer.queue);
    }
  }

  /** Resolves when nothing is under way any more: at the latest, by giving it up, after `mostMs`. */
  async stop(mostMs: number): Promise<void> {
    this.isStopping = true;
    const quiet = new Promise<void>((resolve) => this.#quiet = resolve);
    const timer = setTimeout(() => this.abort(), mostMs);
    this.#tellQuiet();
    await quiet;
    clearTimeout(timer);
    for (const deliverer of this.#deliverers.values()) deliverer.giveUp();
  }

  /** Gives up what is under way. */
  abort(): void {
    this.isStopping = true;
    for (const deliverer of this.#deliverers.values()) deliverer.giveUp();
  }

  #tellQuiet(): void {
    for (const { underWay } of this.#deliverers.values()) if (underWay > 0) return;
    this.#quiet?.();
  }

  #mayPost({ requests }: Deliverer): boolean {
    return mayPost(requests, this.#requests, this.#means.maxAtOnce);
  }

  #begin(deliverer: Deliverer): void {
    this.#requests++;
    deliverer.requests++;
  }

  /** Lets those who wait begin, as long as there is room for them. */
  #admit(): void {
    for (let next = this.#next(); next !== null; next = this.#next()) {
      const waiting = this.#waiting.get(next)!;
      const [admit] = waiting;
      this.#forget(next, admit);
      // Behind the others, if it waits for more.
      if (this.#waiting.delete(next)) this.#waiting.set(next, waiting);
      this.#begin(next);
      admit();
    }
  }

  /** Who may begin next; null when nobody may. */
  #next(): Deliverer | null {
    let next: Deliverer | null = null;
    for (const one of this.#waiting.keys()) {
      if (next !== null && one.requests >= next.requests || !this.#mayPost(one)) continue;
      next = one;
      if (one.requests === 0) break;
    }
    return next;
  }

  #forget(deliverer: Deliverer, admit: () => void): void {
    const waiting = this.#waiting.get(deliverer);
    waiting?.delete(admit);
    if (waiting?.size === 0) this.#waiting.delete(deliverer);
  }

  #look(queue: Queue): void {
    const delivery: QueueDelivery | null = queue.isForgotten || this.isStopping
      ? null
      : this.queues.policies.deliveryOf(queue.name);
    const present = this.#deliverers.get(queue);
    if (delivery === null) present?.finish();
    else if (present !== undefined) present.configure(delivery);
    else this.#deliverers.set(queue, new Deliverer(queue, delivery, this));
  }
}
