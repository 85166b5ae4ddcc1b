/**
 * The queues of one server whose jobs are posted: a deliverer for each, and what bounds all of them together.
 *
 * Invariants: no more than `maxAtOnce` requests are under way, in the order in which they were asked for; past a number of
 * bytes no further jobs are taken. A stop waits for requests under way, and gives back what is not answered in time.
 */
import type { QueueDelivery } from "../../logic/queues/policies.ts";
import type { WebhookPoster } from "../../ports/webhooks.ts";
import { pauseQueue } from "../queues/care.ts";
import type { Queue } from "../queues/queue.ts";
import type { Queues } from "../queues/queues.ts";
import { Deliverer, type DelivererOwner, type WebhookCounts } from "./deliverer.ts";

/** The bytes of jobs that are being posted past which no further ones are taken. */
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
  /** Requests that are under way, and those that wait for their turn. */
  #requests = 0;
  readonly #waiting = new Set<() => void>();
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

  /** Whether so many bytes are being posted that no more jobs are taken. */
  get isFull(): boolean {
    return this.#heldBytes > MAX_HELD_BYTES;
  }

  /** Notes that so many bytes more, or less, are being posted. */
  holds(bytes: number): void {
    const { isFull } = this;
    this.#heldBytes += bytes;
    if (!isFull || this.isFull) return;
    for (const deliverer of this.#deliverers.values()) deliverer.release();
  }

  /** Waits until one more request may be sent; false when `signal` is aborted before. To be ended by `turnOver`. */
  async turn(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    if (this.#requests < this.#means.maxAtOnce) {
      this.#requests++;
      return true;
    }
    return await new Promise<boolean>((resolve) => {
      const admit = () => {
        this.#requests++;
        resolve(true);
      };
      this.#waiting.add(admit);
      signal.addEventListener("abort", () => {
        this.#waiting.delete(admit);
        resolve(false);
      }, { once: true });
    });
  }

  /** One request less is under way. */
  turnOver(): void {
    this.#requests--;
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

  #admit(): void {
    for (const admit of this.#waiting) {
      if (this.#requests >= this.#means.maxAtOnce) return;
      this.#waiting.delete(admit);
      admit();
    }
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
