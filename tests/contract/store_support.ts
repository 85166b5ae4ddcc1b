/**
 * What the tests of the store share: events as bytes, a listener that remembers, and short forms of the
 * calls. Bodies are decoded with the generated classes, so that what is read back is a real Event.
 */
import { Entry } from "../../lib/ports/entry.ts";
import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ParleyError } from "../../lib/base/errors.ts";
import { type Event, EventSchema } from "../../lib/gen/parley/v1/event_pb.ts";
import type {
  Store,
  StoreBatch,
  StoreEntryKind,
  StoreListener,
  StoreTopic,
} from "../../lib/ports/store.ts";
import type { StorePage } from "../../lib/ports/store_page.ts";
import { SenderStamps } from "../../lib/wire/stamp.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const stamps = new SenderStamps("s1");

/** One entry of a batch, copied. */
export interface SeenEntry {
  readonly kind: StoreEntryKind;
  readonly topic: string;
  readonly seq: number;
  readonly timeMs: number;
  readonly duplicate: boolean;
  /** Null for duplicates and records. */
  readonly event: Event | null;
  /** The bytes of the body. */
  readonly size: number;
  readonly completion: unknown;
}

/** Remembers what it is told. */
export class Recorder implements StoreListener {
  readonly committedEntries: SeenEntry[] = [];
  readonly failedEntries: SeenEntry[] = [];
  readonly errors: ParleyError[] = [];
  batches = 0;
  /** What it waits for behind each committed entry; null while it takes batches at once. */
  between: ((entry: SeenEntry) => Promise<void>) | null = null;

  committed(batch: StoreBatch): void | Promise<void> {
    this.batches++;
    if (this.between !== null) return this.#slowly(batch, this.between);
    this.committedEntries.push(...entriesOf(batch));
  }

  async #slowly(batch: StoreBatch, between: (entry: SeenEntry) => Promise<void>): Promise<void> {
    while (batch.next()) {
      const entry = entryOf(batch);
      this.committedEntries.push(entry);
      await between(entry);
    }
  }

  failed(batch: StoreBatch, error: ParleyError): void {
    this.errors.push(error);
    this.failedEntries.push(...entriesOf(batch));
  }
}

function entriesOf(batch: StoreBatch): SeenEntry[] {
  const entries: SeenEntry[] = [];
  while (batch.next()) entries.push(entryOf(batch));
  assert.equal(entries.length, batch.count, "a batch has as many entries as it says");
  return entries;
}

/** The entry that the walk over a batch stands at. */
function entryOf(batch: StoreBatch): SeenEntry {
  const { kind, seq, timeMs, duplicate, completion } = batch;
  const hasBody = kind === "event" && !duplicate && batch.topic !== null;
  const event = hasBody ? fromBinary(EventSchema, batch.bytes.slice(batch.start, batch.end)) : null;
  const topic = batch.topic?.name ?? "";
  const size = batch.end - batch.start;
  return { kind, topic, seq, timeMs, duplicate, event, size, completion };
}

/** What an event is appended with beside its payload. */
export interface AppendInit {
  /** 1 unless given. */
  readonly timeMs?: number;
  /** Empty for none, which it is unless given. */
  readonly messageId?: string;
  /** Its payload unless given. */
  readonly completion?: unknown;
}

/** Appends an event with a text payload. */
export function append(
  store: Store,
  topic: StoreTopic,
  payload: string,
  { timeMs = 1, messageId = "", completion = payload }: AppendInit = {},
): number {
  const event = create(EventSchema, { topic: topic.name, payload: encoder.encode(payload) });
  const plain = toBinary(EventSchema, event);
  const id = encoder.encode(messageId);
  // Bytes around the event, so that offsets matter; the id is the last field.
  const bytes = new Uint8Array(3 + plain.length + (id.length ? 2 + id.length : 0) + 3).fill(0xee);
  bytes.set(plain, 3);
  let end = 3 + plain.length;
  let idStart = 0;
  if (id.length > 0) {
    bytes.set([0x2a, id.length], end);
    bytes.set(id, idStart = end + 2);
    end = idStart + id.length;
  }
  stamps.setTime(timeMs);
  const idEnd = idStart + id.length;
  const entry = new Entry().setBody(bytes, 3, end).setStamps(stamps).setId(idStart, idEnd);
  entry.timeMs = timeMs;
  return store.append(topic, entry, completion);
}

/** One event of a page. */
export interface PageEvent {
  readonly seq: number;
  readonly timeMs: number;
  readonly payload: string;
  readonly event: Event;
}

/** The events of a page, decoded; fails unless each body says the seq that the page says. */
export function eventsOf(page: StorePage): PageEvent[] {
  return Array.from({ length: page.count }, (_, index) => {
    const body = page.bytes.subarray(page.ranges[2 * index], page.ranges[2 * index + 1]);
    const event = fromBinary(EventSchema, body);
    const seq = page.seqs[index];
    assert.equal(Number(event.seq), seq, "the body is stamped with its seq");
    assert.equal(event.sender, "s1");
    return { seq, timeMs: page.times[index], payload: decoder.decode(event.payload), event };
  });
}

/** All events of a topic, page by page, forward. */
export async function readAll(
  store: Store,
  topic: StoreTopic,
  maxEvents = 7,
): Promise<PageEvent[]> {
  const events: PageEvent[] = [];
  for (let from = 1;;) {
    const page = await store.read(topic, { from, direction: "forward", maxEvents, maxBytes: 1e6 });
    if (page.count === 0) return events;
    events.push(...eventsOf(page));
    from = events.at(-1)!.seq + 1;
  }
}
