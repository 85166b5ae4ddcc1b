/**
 * The patterns that hold a wildcard, as a tree with one step a level: literal children, a star child, and
 * at each node the subscribers of the pattern that ends here and of the one that ends here with `>`.
 *
 * Invariants: nothing empty stays; a walk visits only nodes whose path matches the topic so far, each
 * once, never backtracking; and no topic whatever can make a walk visit more than `maxVisits` nodes.
 * That last bound needs a rule for what may be added: where literals and stars stand side by side on
 * every level, the nodes on a topic's paths double with each level. So every node knows the most visits
 * that any topic can cost below it, and a pattern that would lift the root's figure past the bound is
 * refused. With the default bound that cannot happen to patterns of up to 12 levels, whatever they are.
 */
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { collectSlot, findInSlot, putInSlot, removeFromSlot } from "./pattern_subscribers.ts";
import { quote } from "../../base/quote.ts";
import type { MatchBuilder, Subscription } from "./subscription.ts";
import { levelsOf } from "./pattern.ts";
import { WildcardNode } from "./wildcard_node.ts";

/** The subscriptions whose patterns hold a wildcard. */
export class WildcardTree<S extends Subscription> {
  readonly #root = new WildcardNode<S>("");
  readonly #maxVisits: number;
  #nodeCount = 1;

  constructor(maxVisits: number) {
    this.#maxVisits = maxVisits;
  }

  /** How many nodes there are; 1, the root, when there are no patterns. */
  get nodeCount(): number {
    return this.#nodeCount;
  }

  /** The most nodes that a walk for any topic can visit now. */
  get worstVisits(): number {
    return this.#root.visits;
  }

  find(pattern: string, owner: object, type: string, group: string): S | null {
    const { levels, isTail } = split(pattern);
    let node: WildcardNode<S> | null = this.#root;
    for (let i = 0; i < levels.length && node !== null; i++) node = node.child(levels[i]);
    return node === null ? null : findInSlot(isTail ? node.tail : node.here, owner, type, group);
  }

  /** Puts `subscription` in its place. Raises RESOURCE_EXHAUSTED, changing nothing, past `maxVisits`. */
  put(subscription: S): void {
    const { levels, isTail } = split(subscription.pattern);
    const path = this.#path(levels);
    if (path.length <= levels.length) {
      this.#admit(subscription.pattern, levels, path);
      this.#grow(levels, path);
    }
    const node = path[levels.length];
    if (isTail) node.tail = putInSlot(node.tail, subscription);
    else node.here = putInSlot(node.here, subscription);
  }

  /** Removes `subscription`, which must be here. */
  remove(subscription: S): void {
    const { levels, isTail } = split(subscription.pattern);
    const path = this.#path(levels);
    let child = path[levels.length];
    if (isTail) child.tail = removeFromSlot(child.tail, subscription);
    else child.here = removeFromSlot(child.here, subscription);
    let before = child.visits;
    for (let i = levels.length - 1; i >= 0; i--) {
      const parent = path[i];
      const parentBefore = parent.visits;
      if (child.isEmpty) {
        parent.removeChild(child);
        this.#nodeCount--;
        parent.childChanged(child.level, before, 0);
      } else if (child.visits === before) {
        return;
      } else {
        parent.childChanged(child.level, before, child.visits);
      }
      child = parent;
      before = parentBefore;
    }
  }

  /** Adds everyone whose pattern matches the topic and who wants `type`. */
  collect(topic: string, type: string, into: MatchBuilder<S>): void {
    const root = this.#root;
    if (root.star === null) {
      // Where no wildcard shares the first level, the topic need not be taken apart.
      const dot = topic.indexOf(".");
      if (root.literal(dot < 0 ? topic : topic.slice(0, dot)) === null) {
        collectSlot(root.tail, type, into);
        return;
      }
    }
    walk(root, 0, { levels: levelsOf(topic), type, into });
  }

  /** The nodes of these levels from the root on, as far as they exist. */
  #path(levels: readonly string[]): WildcardNode<S>[] {
    const path = [this.#root];
    for (const level of levels) {
      const next = path[path.length - 1].child(level);
      if (next === null) break;
      path.push(next);
    }
    return path;
  }

  /** Raises when the nodes that are missing in `path` would lift the root's figure past the bound. */
  #admit(pattern: string, levels: readonly string[], path: readonly WildcardNode<S>[]): void {
    let visits = levels.length + 1 - path.length;
    for (let i = path.length - 1; i >= 0; i--) {
      const { dearest, star } = path[i];
      visits = levels[i] === "*"
        ? 1 + dearest + visits
        : 1 + Math.max(dearest, visits) + (star?.visits ?? 0);
    }
    if (visits <= this.#maxVisits) return;
    throw new ParleyError(
      ErrorCode.RESOURCE_EXHAUSTED,
      `cannot subscribe to ${quote(pattern)}: too many patterns overlap it with "*" on many levels`,
      {
        accepted: 'patterns with fewer levels, fewer "*", or ">" for the last levels',
        limit: "wildcards",
      },
    );
  }

  /** Adds to the tree and to `path` the nodes that are missing. */
  #grow(levels: readonly string[], path: WildcardNode<S>[]): void {
    const existing = path.length;
    for (let i = existing; i <= levels.length; i++) path.push(new WildcardNode<S>(levels[i - 1]));
    this.#nodeCount += path.length - existing;
    let before = 0;
    for (let i = levels.length - 1; i >= 0; i--) {
      const parent = path[i];
      const child = path[i + 1];
      // A new node was nothing to its parent before.
      const parentBefore = i < existing ? parent.visits : 0;
      if (i + 1 >= existing) parent.addChild(child);
      else if (child.visits === before) return;
      parent.childChanged(child.level, before, child.visits);
      before = parentBefore;
    }
  }
}

/** What a walk looks for: one object for all of its steps. */
interface Walk<S extends Subscription> {
  readonly levels: readonly string[];
  readonly type: string;
  readonly into: MatchBuilder<S>;
}

function walk<S extends Subscription>(node: WildcardNode<S>, depth: number, wanted: Walk<S>): void {
  const { levels, type, into } = wanted;
  if (depth === levels.length) {
    collectSlot(node.here, type, into);
    return;
  }
  collectSlot(node.tail, type, into);
  const literal = node.literal(levels[depth]);
  if (literal !== null) walk(literal, depth + 1, wanted);
  if (node.star !== null) walk(node.star, depth + 1, wanted);
}

/** The levels of a pattern; a `>` at its end is told apart. */
function split(pattern: string): { levels: string[]; isTail: boolean } {
  const levels = levelsOf(pattern);
  const isTail = levels[levels.length - 1] === ">";
  if (isTail) levels.pop();
  return { levels, isTail };
}
