/**
 * Who waits until the other nodes know what is wanted here, so that a subscription that is acknowledged gets what is
 * published anywhere from then on.
 *
 * Nobody waits for longer than MAX_WAIT_MS: a node that is slow delays nobody's work. All who wait for the same share one promise.
 */

/** The longest wait. */
const MAX_WAIT_MS = 1000;

/** A node, as far as this goes: the numbers of the last message that it was sent, and of the last that it has taken. */
export interface ToldNode {
  readonly sent: number;
  readonly known: number;
}

/** Those who wait for the same numbers. */
class Waiting {
  readonly promise: Promise<void>;
  readonly #resolve: () => void;
  readonly #timer: ReturnType<typeof setTimeout>;

  /** `numbers` are what each node that is waited for has to have taken. */
  constructor(readonly numbers: Map<ToldNode, number>, over: () => void) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#timer = setTimeout(over, MAX_WAIT_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#resolve();
  }
}

/** The waits of one node. */
export class KnownInterest {
  readonly #waiting = new Set<Waiting>();
  #last: Waiting | null = null;

  /** Resolves when all nodes have taken what they were sent by now; null when they have. */
  whenKnown(nodes: Iterable<ToldNode>): Promise<void> | null {
    const numbers = new Map<ToldNode, number>();
    for (const node of nodes) if (node.known < node.sent) numbers.set(node, node.sent);
    if (numbers.size === 0) return null;
    const last = this.#last;
    if (last !== null && this.#waiting.has(last) && isSame(last.numbers, numbers)) {
      return last.promise;
    }
    const waiting: Waiting = new Waiting(numbers, () => this.#end(waiting));
    this.#waiting.add(waiting);
    this.#last = waiting;
    return waiting.promise;
  }

  /** A node has taken more. */
  confirmed(node: ToldNode): void {
    for (const waiting of this.#waiting) {
      const number = waiting.numbers.get(node);
      if (number === undefined || number > node.known) continue;
      waiting.numbers.delete(node);
      if (waiting.numbers.size === 0) this.#end(waiting);
    }
  }

  /** A node is gone. */
  forget(node: ToldNode): void {
    for (const waiting of this.#waiting) {
      waiting.numbers.delete(node);
      if (waiting.numbers.size === 0) this.#end(waiting);
    }
  }

  /** Lets everybody go on. */
  close(): void {
    for (const waiting of this.#waiting) this.#end(waiting);
  }

  #end(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    waiting.end();
  }
}

function isSame(one: Map<ToldNode, number>, other: Map<ToldNode, number>): boolean {
  if (one.size !== other.size) return false;
  for (const [node, number] of one) if (other.get(node) !== number) return false;
  return true;
}
