/**
 * Payloads that are held to the type of their topic, queue or method, by the rules of the configuration.
 *
 * What no rule is about costs nothing. A payload that does not fit is refused, or noted in the log: one line now and then, with
 * how many there were.
 */
import { ErrorCode, invalidArgument, ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { quote } from "../../base/quote.ts";
import { decodeTextLeniently } from "../../base/utf8_text.ts";
import { type RuleKind, type TypeRule, TypeRules } from "../../logic/types/type_rules.ts";
import type { PayloadScan } from "../../wire/payload_scan.ts";
import type { ServerContext } from "../connection/server_context.ts";
import type { KnownTypes } from "./known_types.ts";
import { PayloadWalk } from "./payload_walk.ts";

/** The time between two lines of the log about payloads that do not fit, in milliseconds. */
const WARN_INTERVAL_MS = 10_000;
/** So many bytes cost as much as a small message, as a power of two. */
const UNIT_BYTES_LOG2 = 8;

const log = logger("server");

/** What is done with a payload, by what it is for. */
const ACTION: Readonly<Record<RuleKind, string>> = {
  topic: "publish to",
  queue: "push to",
  method: "call",
};

/** The checks of one server. */
export class TypeChecks {
  readonly context: ServerContext;
  readonly walk = new PayloadWalk();
  /** The payloads that did not fit, refused or not, since the server started. */
  faults = 0;
  #rules = new TypeRules([]);
  #known: KnownTypes | null = null;
  /** The checks of queues and methods that were looked up. */
  readonly #looked = new Map<string, TypeCheck | null>();
  #warnedMs = -Infinity;
  #untold = 0;

  constructor(context: ServerContext) {
    this.context = context;
  }

  /** Goes by the types of `known`. */
  goBy(known: KnownTypes): void {
    this.#known = known;
  }

  /** Goes by these rules from now on. Publishers must look up anew what they remember of topics. */
  follow(rules: TypeRules): void {
    this.#rules = rules;
    this.#looked.clear();
  }

  /** The types that are known; null without a store. */
  get types() {
    return this.#known?.types ?? null;
  }

  /** The check of a topic; null for none. To be remembered by who publishes. */
  ofTopic(name: string): TypeCheck | null {
    return this.#find("topic", name);
  }

  /** The rule that payloads of a topic are held to; null for none. */
  ruleOfTopic(name: string): TypeRule | null {
    return this.#rules.ruleOf("topic", name);
  }

  /** The check of a queue or a method; null for none. It is remembered here, for names that are there. */
  of(kind: "queue" | "method", name: string): TypeCheck | null {
    if (!this.#rules.has(kind)) return null;
    const key = `${kind} ${name}`;
    let check = this.#looked.get(key);
    if (check === undefined) {
      if (this.#looked.size >= MAX_LOOKED) this.#looked.clear();
      this.#looked.set(key, check = this.#find(kind, name));
    }
    return check;
  }

  /** Notes a payload that does not fit and is taken all the same. */
  warn(message: string): void {
    this.#untold++;
    const { nowMs } = this.context;
    if (nowMs - this.#warnedMs < WARN_INTERVAL_MS) return;
    this.#warnedMs = nowMs;
    log.warning("{message}; it was taken all the same ({count} since the last such line)", {
      message,
      count: this.#untold,
    });
    this.#untold = 0;
  }

  #find(kind: RuleKind, name: string): TypeCheck | null {
    const rule = this.#rules.ruleOf(kind, name);
    return rule === null ? null : new TypeCheck(this, rule, name);
  }
}

/** The most names of queues and methods that are remembered. */
const MAX_LOOKED = 4096;

/** The check of one topic, queue or method. */
export class TypeCheck {
  readonly #checks: TypeChecks;
  readonly #rule: TypeRule;
  readonly #name: string;

  constructor(checks: TypeChecks, rule: TypeRule, name: string) {
    this.#checks = checks;
    this.#rule = rule;
    this.#name = name;
  }

  /**
   * Looks at the payload that `found` found in `bytes`. Raises INVALID_ARGUMENT when the rule says so and it is no message of the
   * type, or says that it is another; FAILED_PRECONDITION when the server does not know the type.
   */
  look(bytes: Uint8Array, found: PayloadScan): void {
    const checks = this.#checks;
    const { type, check, kind } = this.#rule;
    const { typeStart, typeEnd, payloadStart, payloadEnd } = found;
    const said = decodeTextLeniently(bytes.subarray(typeStart, typeEnd));
    const schema = checks.types?.message(type);
    checks.context.turns.spend((payloadEnd - payloadStart) >>> UNIT_BYTES_LOG2);
    const why = said !== "" && said !== type
      ? `it takes ${type}, and this says to be ${quote(said)}`
      : schema === undefined
      ? `it takes ${type}, which this server does not know`
      : this.#faultOf(checks.walk.faultOf(schema, bytes, payloadStart, payloadEnd));
    if (why === "") return;
    checks.faults++;
    const message = `cannot ${ACTION[kind]} ${quote(this.#name)}: ${why}`;
    if (check === "warn") return checks.warn(message);
    if (schema !== undefined) {
      throw invalidArgument(message, { accepted: `a message of the type ${type}` });
    }
    throw new ParleyError(ErrorCode.FAILED_PRECONDITION, message, {
      accepted: "a type that was added to the server (parley schema add)",
    });
  }

  #faultOf(fault: string | null): string {
    return fault === null ? "" : `the payload is no ${this.#rule.type}: ${fault}`;
  }
}
