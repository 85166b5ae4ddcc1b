/**
 * The consumer of each job of a queue: a number a slot, and the consumers that have these numbers.
 *
 * A consumer has a number as long as a slot names it, also when it was removed meanwhile: a settlement that fails has
 * to find whose job it was. Numbers that no slot names are given again.
 */
import type { Consumer } from "./consumer.ts";
import { NONE, SlotList } from "./slot_list.ts";

/** The consumers by slot. */
export class SlotConsumers<T> {
  readonly #numbers = new SlotList();
  /** The consumers by number, and how many slots name each. */
  readonly #consumers: (Consumer<T> | null)[] = [];
  readonly #slots: number[] = [];
  readonly #free: number[] = [];

  /** The number of slots that were set. */
  get length(): number {
    return this.#numbers.length;
  }

  /** The numbers that are in use; tests look at it. */
  get used(): number {
    return this.#consumers.length - this.#free.length;
  }

  /** The consumer of a slot that was set; null when it has none. */
  get(slot: number): Consumer<T> | null {
    const number = this.#numbers.get(slot);
    return number === NONE ? null : this.#consumers[number];
  }

  /** Sets the consumer of a slot, or that it has none. */
  set(slot: number, consumer: Consumer<T> | null): void {
    const former = slot < this.#numbers.length ? this.#numbers.get(slot) : NONE;
    const number = consumer === null ? NONE : this.#numberOf(consumer);
    this.#numbers.set(slot, number);
    if (number !== NONE) this.#slots[number]++;
    if (former !== NONE && --this.#slots[former] === 0) this.#give(former);
  }

  #numberOf(consumer: Consumer<T>): number {
    if (consumer.number !== NONE) return consumer.number;
    const number = this.#free.pop() ?? this.#consumers.length;
    this.#consumers[number] = consumer;
    this.#slots[number] = 0;
    return consumer.number = number;
  }

  #give(number: number): void {
    this.#consumers[number]!.number = NONE;
    this.#consumers[number] = null;
    this.#free.push(number);
  }
}
