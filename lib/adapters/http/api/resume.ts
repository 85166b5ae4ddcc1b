/**
 * Where in the history a stream of events stands, as the id of its last event: what a browser's EventSource sends back
 * when it connects again.
 *
 * An id names the history (its epoch), the time at which the stream began, and the seq of the last event of each topic
 * that came. With the same pattern that is enough to go on without a gap or a duplicate: those topics go on behind
 * their seq, and all others begin where the stream began. An id has room for so many topics; past that events have none,
 * and the stream goes on, after a break, behind the last one that had. Pure.
 */
import { create } from "@bufbuild/protobuf";
import { invalidArgument } from "../../../base/errors.ts";
import { quote } from "../../../base/quote.ts";
import { type Start, StartSchema } from "../../../gen/parley/v1/event_pb.ts";

/** The longest id: heads of requests must have room for it. */
export const MAX_ID_CHARACTERS = 6000;
/** The most topics that a start names. */
const MAX_POSITIONS = 1000;

/** Where topics begin that no event came of: a time in microseconds, the last so many, a seq, or all. */
type Since = Start["since"];

/** The state of one stream. */
export class StreamPosition {
  readonly #epoch: string;
  readonly #since: string;
  readonly #seqs: Map<string, number>;
  #characters = 0;

  /** `since` is where topics begin that have no position. */
  constructor(epoch: string, since: Since, seqs: ReadonlyMap<string, number> = new Map()) {
    this.#epoch = epoch;
    this.#since = sinceText(since);
    this.#seqs = new Map(seqs);
    for (const [topic] of seqs) this.#characters += encodeURIComponent(topic).length + 20;
  }

  /** The id of the stream before its first event. */
  get first(): string {
    return this.#id();
  }

  /** Takes note of an event of a kept topic; gives the id of it, or null when there is no room for one. */
  passed(topic: string, seq: number): string | null {
    if (!this.#seqs.has(topic)) this.#characters += encodeURIComponent(topic).length + 20;
    this.#seqs.set(topic, seq);
    if (this.#characters > MAX_ID_CHARACTERS || this.#seqs.size > MAX_POSITIONS) return null;
    return this.#id();
  }

  #id(): string {
    let id = `${this.#epoch} ${this.#since}`;
    for (const [topic, seq] of this.#seqs) id += ` ${encodeURIComponent(topic)}=${seq}`;
    return id;
  }
}

/** What an id says. */
export interface Resumed {
  readonly epoch: string;
  readonly since: Since;
  readonly seqs: ReadonlyMap<string, number>;
}

/** Reads an id. Raises INVALID_ARGUMENT for what is none. */
export function readId(id: string): Resumed {
  const [epoch, since, ...parts] = id.split(" ");
  const seqs = new Map<string, number>();
  const wrong = () =>
    invalidArgument(`cannot go on behind the Last-Event-ID ${quote(id.slice(0, 100))}`, {
      accepted: "the id of an event that came on a stream of the same pattern, or no such header",
    });
  if (id.length > 2 * MAX_ID_CHARACTERS || parts.length > MAX_POSITIONS) throw wrong();
  for (const part of parts) {
    const match = /^([^=]+)=(\d{1,16})$/.exec(part);
    if (match === null || !Number.isSafeInteger(Number(match[2]))) throw wrong();
    try {
      seqs.set(decodeURIComponent(match[1]), Number(match[2]));
    } catch {
      throw wrong();
    }
  }
  const start = readSince(since ?? "");
  if (!/^[\w-]{1,64}$/.test(epoch) || start === null) throw wrong();
  return { epoch, since: start, seqs };
}

/** The start that goes on with a stream. */
export function startOf({ epoch, since, seqs }: Resumed): Start {
  return create(StartSchema, {
    since,
    positions: [...seqs].map(([topic, seq]) => ({ topic, seq: BigInt(seq) })),
    historyEpoch: epoch,
  });
}

/** A start as one word. */
function sinceText(since: Since): string {
  switch (since.case) {
    case "seq":
      return `s${since.value}`;
    case "timeUnixMicros":
      return `t${since.value}`;
    case "last":
      return `l${since.value}`;
    default:
      return "a";
  }
}

/** Reads such a word; null for none. */
function readSince(text: string): Since | null {
  if (text === "a") return { case: "all", value: true };
  const match = /^([slt])(\d{1,16})$/.exec(text);
  if (match === null) return null;
  const [, kind, value] = match;
  if (kind === "s") return { case: "seq", value: BigInt(value) };
  if (kind === "t") return { case: "timeUnixMicros", value: BigInt(value) };
  return Number(value) < 2 ** 32 ? { case: "last", value: Number(value) } : null;
}
