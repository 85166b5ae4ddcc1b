/**
 * Measures the store alone: acknowledged events a second, replay, and the loop's pauses while it trims.
 *
 *   deno run -A bench/store_bench.ts [--events 1000000] [--store sqlite|memory] [--keep DIRECTORY]
 *
 * Publishers are imitated by a number of events in flight: each acknowledgement makes room for the next
 * event. All work that was put off is counted: a figure ends when the last acknowledgement is there.
 */
import { Entry } from "../lib/ports/entry.ts";
import { parseArgs } from "node:util";
import { openMemoryStore } from "../lib/adapters/memory/store.ts";
import { openSqliteStore } from "../lib/adapters/sqlite/store.ts";
import { DEFAULT_STORE_LIMITS } from "../lib/base/store_limits.ts";
import type { Store, StoreTopic } from "../lib/ports/store.ts";
import { SenderStamps } from "../lib/wire/stamp.ts";

const { values: options } = parseArgs({
  options: {
    events: { type: "string", default: "1000000" },
    store: { type: "string", default: "sqlite" },
    keep: { type: "string" },
  },
});
const total = Number(options.events);
const directory = options.keep ?? await Deno.makeTempDir({ prefix: "parley-bench-" });

const open = (): Promise<Store> =>
  options.store === "memory"
    ? Promise.resolve(openMemoryStore({ limits: { maxMemoryStoreBytes: 2 ** 33 } }))
    : openSqliteStore({ directory });

/** An Event with this topic and a payload of `size` bytes. */
function eventOf(topic: string, size: number): Uint8Array {
  const name = new TextEncoder().encode(topic);
  const length = size < 128 ? [size] : [size & 0x7f | 0x80, size >> 7];
  const head = [0x0a, name.length, ...name, 0x12, ...length];
  const bytes = new Uint8Array(head.length + size);
  bytes.set(head);
  return bytes;
}

/** Called with the number of events that were acknowledged. */
let acknowledged: (count: number) => void = () => {};

function listen(store: Store): void {
  store.listen({
    committed(batch) {
      let count = 0;
      while (batch.next()) count++;
      acknowledged(count);
    },
    failed(_batch, error) {
      throw error;
    },
  });
}

/** Appends `count` events with at most `inFlight` not acknowledged; gives events a second. */
async function publish(
  store: Store,
  topics: readonly StoreTopic[],
  count: number,
  inFlight: number,
): Promise<number> {
  const events = topics.map((topic) => eventOf(topic.name, 128));
  const stamps = new SenderStamps("0123456789abcdef");
  const entry = new Entry();
  const begun = performance.now();
  let sent = 0;
  let done = 0;
  await new Promise<void>((resolve) => {
    const send = (more: number) => {
      const now = Date.now();
      stamps.setTime(now);
      for (; more > 0 && sent < count; more--, sent++) {
        const index = sent % topics.length;
        const bytes = events[index];
        const { length } = bytes;
        entry.setBody(bytes, 0, length).setStamps(stamps).timeMs = now;
        store.append(topics[index], entry, null);
      }
    };
    acknowledged = (more) => {
      done += more;
      send(more);
      if (done === count) resolve();
    };
    send(inFlight);
  });
  return count / (performance.now() - begun) * 1000;
}

/** Reads all events of a topic; gives events a second. */
async function replay(store: Store, topic: StoreTopic): Promise<number> {
  const begun = performance.now();
  const { maxStorePageEvents: maxEvents } = DEFAULT_STORE_LIMITS;
  let count = 0;
  for (let from = topic.firstSeq; from <= topic.lastSeq;) {
    const page = await store.read(topic, {
      from,
      direction: "forward",
      maxEvents,
      maxBytes: 1 << 20,
    });
    count += page.count;
    from = page.seqs[page.count - 1] + 1;
  }
  return count / (performance.now() - begun) * 1000;
}

/** The longest pause of this thread's loop until `work` is done, in milliseconds. */
async function longestPause(work: Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last - 1);
    last = now;
  }, 1);
  await work;
  clearInterval(timer);
  return longest;
}

const show = (name: string, value: number, unit: string) =>
  console.log(`${name.padEnd(58)} ${Math.round(value).toLocaleString("en").padStart(12)} ${unit}`);

let store = await open();
listen(store);
for (const inFlight of [1, 1024, 8192, 65_536]) {
  for (const count of [1, 16]) {
    const topics = Array.from(
      { length: count },
      (_, index) => store.openTopic(`b.${count}.${index}`),
    );
    const events = inFlight === 1 ? total / 500 : total / 4;
    const rate = await publish(store, topics, events, inFlight);
    show(`append 128 B, ${inFlight} in flight, ${count} topics`, rate, "events/s");
  }
}
const long = store.openTopic("long");
show(
  `append 128 B, 1024 in flight, ${total} events`,
  await publish(store, [long], total, 1024),
  "events/s",
);
show("replay of all of them", await replay(store, long), "events/s");
if (options.store !== "memory") {
  await store.close();
  const begun = performance.now();
  store = await open();
  show(`start with ${store.stats().events} events`, performance.now() - begun, "ms");
  listen(store);
}
const again = store.openTopic("long");
const trimming = store.trim(again, again.lastSeq + 1);
const appending = publish(store, [store.openTopic("other")], total / 4, 1024);
show("longest pause of the loop while they are trimmed", await longestPause(trimming), "ms");
show("append meanwhile", await appending, "events/s");
await store.close();
if (options.keep === undefined) await Deno.remove(directory, { recursive: true });
