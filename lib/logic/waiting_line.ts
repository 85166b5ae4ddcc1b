/**
 * Those who wait for their turn, fair between the keys that they come with: the keys take turns, and of one key
 * the first to come goes first.
 *
 * Bounded: when the line is full, whoever is last of the key that has most in it has to go, which may be the one
 * who comes. So a key that floods the line has only its own pushed out, and one that comes for the first time
 * waits for no more than one of each other key.
 */

/** A line of `Item`s. */
export class WaitingLine<Item> {
  readonly #most: number;
  /** By key, in the order of their turns; no list is empty. */
  readonly #lists = new Map<string, Item[]>();
  #size = 0;

  /** `most` is how many may wait, 1 or more. */
  constructor(most: number) {
    this.#most = most;
  }

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** Puts `item` into the line; gives the one that has to go for it, which may be `item`, or null. */
  push(key: string, item: Item): Item | null {
    let pushedOut: Item | null = null;
    if (this.#size >= this.#most) {
      const list = this.#fullest();
      if ((this.#lists.get(key)?.length ?? 0) + 1 >= list.length) return item;
      pushedOut = list.pop()!;
      this.#size--;
    }
    const list = this.#lists.get(key);
    if (list === undefined) this.#lists.set(key, [item]);
    else list.push(item);
    this.#size++;
    return pushedOut;
  }

  /** Takes out whose turn it is; null when nobody waits. */
  shift(): Item | null {
    for (const [key, list] of this.#lists) {
      const item = list.shift()!;
      // Its next has a turn when all other keys have had one.
      this.#lists.delete(key);
      if (list.length > 0) this.#lists.set(key, list);
      this.#size--;
      return item;
    }
    return null;
  }

  #fullest(): Item[] {
    let fullest: Item[] = [];
    for (const list of this.#lists.values()) if (list.length > fullest.length) fullest = list;
    return fullest;
  }
}
