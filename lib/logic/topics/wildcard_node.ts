/**
 * One node of the wildcard tree: one level of the patterns that pass through it.
 *
 * Invariants: `visits` is the most nodes that any topic can make a walk visit from here on, and follows
 * from the children's at a cost that does not depend on how many they are; a node with one literal child
 * holds it bare, because most have no more and maps cost ten times as much.
 */
import { NameMap } from "./name_map.ts";
import type { Slot } from "./pattern_subscribers.ts";
import type { Subscription } from "./subscription.ts";

/** One level of some patterns. */
export class WildcardNode<S extends Subscription> {
  #literals: LiteralChildren<S> | WildcardNode<S> | null = null;
  /** The child of patterns that go on with `*`. */
  star: WildcardNode<S> | null = null;
  /** The subscribers of the pattern that ends at this level. */
  here: Slot<S> = null;
  /** The subscribers of the pattern that goes on with `>` from this level. */
  tail: Slot<S> = null;
  /** The most visits that any topic can cost from this node on, itself included. */
  visits = 1;

  constructor(readonly level: string) {}

  /** Whether nothing keeps it in the tree. */
  get isEmpty(): boolean {
    return this.here === null && this.tail === null && this.star === null &&
      this.#literals === null;
  }

  /** The most visits from any one of the literal children on. */
  get dearest(): number {
    const literals = this.#literals;
    if (literals === null) return 0;
    return literals instanceof LiteralChildren ? literals.dearest : literals.visits;
  }

  /** The child for a pattern's level. */
  child(level: string): WildcardNode<S> | null {
    return level === "*" ? this.star : this.literal(level);
  }

  /** The child for a topic's level. */
  literal(level: string): WildcardNode<S> | null {
    const literals = this.#literals;
    if (literals === null) return null;
    if (literals instanceof LiteralChildren) return literals.byLevel.get(level) ?? null;
    return literals.level === level ? literals : null;
  }

  /** Adds a child; `childChanged` must follow. */
  addChild(node: WildcardNode<S>): void {
    const literals = this.#literals;
    if (node.level === "*") this.star = node;
    else if (literals === null) this.#literals = node;
    else if (literals instanceof LiteralChildren) literals.byLevel.set(node.level, node);
    else this.#literals = new LiteralChildren(literals, node);
  }

  /** Removes a child; `childChanged` must follow. */
  removeChild(node: WildcardNode<S>): void {
    if (node.level === "*") this.star = null;
    else if (!(this.#literals instanceof LiteralChildren)) this.#literals = null;
    else this.#literals.byLevel.delete(node.level);
  }

  /** Takes note that the visits of the child at `level` went from `before` to `after`; 0 is no child. */
  childChanged(level: string, before: number, after: number): void {
    const literals = this.#literals;
    if (level !== "*" && literals instanceof LiteralChildren) {
      literals.changed(before, after);
      if (literals.byLevel.size === 0) this.#literals = null;
    }
    this.visits = 1 + this.dearest + (this.star?.visits ?? 0);
  }
}

/** The literal children of a node that has had two or more. */
class LiteralChildren<S extends Subscription> {
  readonly byLevel = new NameMap<WildcardNode<S>>();
  /** How many children have as many visits as the index; the last one is never zero. */
  readonly #counts: number[] = [1];

  /** `second` is counted by the `changed` that follows. */
  constructor(first: WildcardNode<S>, second: WildcardNode<S>) {
    this.byLevel.set(first.level, first);
    this.byLevel.set(second.level, second);
    this.changed(0, first.visits);
  }

  get dearest(): number {
    return this.#counts.length - 1;
  }

  changed(before: number, after: number): void {
    const counts = this.#counts;
    if (after > 0) {
      while (counts.length <= after) counts.push(0);
      counts[after]++;
    }
    if (before > 0) counts[before]--;
    while (counts[counts.length - 1] === 0) counts.pop();
  }
}
