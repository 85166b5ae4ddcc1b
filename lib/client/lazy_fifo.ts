/**
 * A queue whose members may be done before their turn: they are passed over, not searched for.
 *
 * Nothing is told to the queue when a member is done. It holds at most twice as many members as are not
 * done, and a few more, because it drops the others whenever it has doubled; that makes every operation
 * constant in time on average.
 */

/** What can wait in a LazyFifo. */
export interface Waiting {
  /** Whether it need not be looked at any more. Never turns false again. */
  readonly done: boolean;
}

const SMALLEST = 64;

/** First in, first out, without those that are done. */
export class LazyFifo<T extends Waiting> {
  #members: T[] = [];
  #head = 0;
  #compactAt = SMALLEST;

  /** Puts `member` at the end. */
  push(member: T): void {
    if (this.#members.length >= this.#compactAt) this.#compact();
    this.#members.push(member);
  }

  /** The first member that is not done; undefined when there is none. */
  peek(): T | undefined {
    const members = this.#members;
    while (this.#head < members.length) {
      const member = members[this.#head];
      if (!member.done) return member;
      this.#head++;
    }
    if (this.#head > 0) this.#reset();
    return undefined;
  }

  /** Takes the first member that is not done. */
  shift(): T | undefined {
    const member = this.peek();
    if (member !== undefined) this.#head++;
    return member;
  }

  /** How many members are held, done or not; for tests of the bound. */
  get held(): number {
    return this.#members.length;
  }

  #compact(): void {
    const members = this.#members;
    let kept = 0;
    for (let index = this.#head; index < members.length; index++) {
      if (!members[index].done) members[kept++] = members[index];
    }
    members.length = kept;
    this.#head = 0;
    this.#compactAt = Math.max(SMALLEST, kept * 2);
  }

  #reset(): void {
    this.#members.length = 0;
    this.#head = 0;
    this.#compactAt = SMALLEST;
  }
}
