/**
 * Which connections answer which methods, and which of them gets the next call.
 *
 * Invariants: a responder stands at most once at a method; registering, unregistering and removing cost the
 * same however many others there are; a pick looks at a bounded number of responders, gives the least
 * loaded of them, and takes equals in turn. The load is the calls that a responder has in hand, over all
 * its methods; request_table counts them. Non-goals: who may register (access), and the calls themselves.
 */
import { assert, ErrorCode, ParleyError } from "../../base/errors.ts";
import { leastLoaded } from "../topics/group_balance.ts";
import { NameMap } from "../topics/name_map.ts";
import { quote } from "../../base/quote.ts";
import { nameFault, refusal } from "../topics/pattern.ts";

/** The longest method name. */
const MAX_METHOD_BYTES = 256;

/** Who answers calls; compared by identity. `CallEndpoint` of request_table is one. */
export interface Responder {
  /** The calls that it has in hand now. */
  readonly answeringCount: number;
  /** Whether it is another node: it is chosen only when nobody is here. */
  readonly isNode?: boolean;
}

/** The bounds of a method table, which are looked at whenever they matter. */
interface MethodTableOptions {
  /** Methods that one responder may offer. Default: 1,000. */
  readonly maxMethodsPerResponder?: number;
}

/** Raises INVALID_ARGUMENT when `method` is no method name; `action` begins the message. */
export function checkMethod(method: string, action = "call"): void {
  const fault = nameFault("a method name", method, MAX_METHOD_BYTES);
  if (fault !== null) throw refusal(action, method, fault, 'a name like "acme.Weather/Now"');
}

/** The responders of one method that are here, or those that are nodes. */
class Responders<R> {
  readonly list: R[] = [];
  readonly #places = new Map<R, number>();
  turn = 0;

  add(responder: R): void {
    this.#places.set(responder, this.list.length);
    this.list.push(responder);
  }

  /** The last one takes the place of the one that leaves, so that leaving costs the same for all. */
  remove(responder: R): void {
    const place = this.#places.get(responder);
    const last = this.list.pop();
    assert(place !== undefined && last !== undefined, "a responder leaves a method that it offers");
    this.#places.delete(responder);
    if (last === responder) return;
    this.list[place] = last;
    this.#places.set(last, place);
  }
}

/** A method that is offered, and its responders. */
export class OfferedMethod<R extends Responder> {
  readonly name: string;
  /** What somebody else counts of the method, for as long as it is offered; null until the first count. */
  counts: object | null = null;
  readonly here = new Responders<R>();
  readonly nodes = new Responders<R>();

  constructor(name: string) {
    this.name = name;
  }

  get isEmpty(): boolean {
    return this.here.list.length + this.nodes.list.length === 0;
  }

  /** Those among which `responder` stands. */
  among(responder: R): Responders<R> {
    return responder.isNode === true ? this.nodes : this.here;
  }
}

/** The methods that are offered now. */
export class MethodTable<R extends Responder> {
  readonly #byMethod = new NameMap<OfferedMethod<R>>();
  readonly #byResponder = new Map<R, Set<string>>();
  readonly #options: MethodTableOptions;
  /** Told of each method that somebody here begins or ceases to answer; null while nobody wants to know. */
  offered: ((method: string, isOffered: boolean) => void) | null = null;

  constructor(options: MethodTableOptions = {}) {
    this.#options = options;
  }

  /** How many methods have a responder. */
  get size(): number {
    return this.#byMethod.size;
  }

  /** The methods that `responder` offers. */
  methodsOf(responder: R): string[] {
    return [...this.#byResponder.get(responder) ?? []];
  }

  /**
   * Offers a method; gives false when `responder` offers it already. Raises INVALID_ARGUMENT for a bad
   * name and RESOURCE_EXHAUSTED when the responder has as many methods as it may.
   */
  register(method: string, responder: R): boolean {
    checkMethod(method, "register");
    const offered = this.#byResponder.get(responder);
    const { maxMethodsPerResponder: most = 1000 } = this.#options;
    if (offered?.has(method)) return false;
    if (responder.isNode !== true && (offered?.size ?? 0) >= most) {
      throw new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `cannot register ${quote(method)}: this connection offers ${offered?.size ?? 0} methods`,
        { accepted: `at most ${most} methods a connection`, limit: "methods" },
      );
    }
    if (offered === undefined) this.#byResponder.set(responder, new Set([method]));
    else offered.add(method);
    const responders = this.#byMethod.get(method) ?? new OfferedMethod<R>(method);
    this.#byMethod.set(method, responders);
    const among = responders.among(responder);
    among.add(responder);
    if (among === responders.here && among.list.length === 1) this.offered?.(method, true);
    return true;
  }

  /** Takes an offer back; gives false when there is none. */
  unregister(method: string, responder: R): boolean {
    const offered = this.#byResponder.get(responder);
    if (offered === undefined || !offered.delete(method)) return false;
    if (offered.size === 0) this.#byResponder.delete(responder);
    this.#leave(method, responder);
    return true;
  }

  /** Takes all offers of a responder back, and gives how many there were. */
  removeResponder(responder: R): number {
    const offered = this.#byResponder.get(responder);
    if (offered === undefined) return 0;
    this.#byResponder.delete(responder);
    for (const method of offered) this.#leave(method, responder);
    return offered.size;
  }

  /** The methods that somebody here offers. */
  *offeredHere(): Iterable<string> {
    for (const [responder, methods] of this.#byResponder) {
      if (responder.isNode !== true) yield* methods;
    }
  }

  /** Gives the responder that gets the next call of `method`, no node if `here`, or null when nobody offers it. */
  pick(method: string, here = false): R | null {
    const both = this.#byMethod.get(method);
    if (both === undefined) return null;
    const responders = here || both.here.list.length > 0 ? both.here : both.nodes;
    const index = leastLoaded(responders.list, responders.turn, loadOf);
    if (index < 0) return null;
    responders.turn = index + 1;
    return responders.list[index];
  }

  /** The method of that name, or null when nobody offers it. */
  find(method: string): OfferedMethod<R> | null {
    return this.#byMethod.get(method) ?? null;
  }

  /** The names of the methods that are offered, in no order; what changes meanwhile may be among them or not. */
  names(): Iterable<string> {
    return this.#byMethod.names();
  }

  #leave(method: string, responder: R): void {
    const responders = this.#byMethod.get(method);
    assert(responders !== undefined, "an offered method is kept");
    const among = responders.among(responder);
    among.remove(responder);
    if (responders.isEmpty) this.#byMethod.delete(method);
    if (among === responders.here && among.list.length === 0) this.offered?.(method, false);
  }
}

function loadOf(responder: Responder): number {
  return responder.answeringCount;
}
