/**
 * A process that keeps events and says each acknowledgement on its standard output, to be killed.
 *
 *   deno run -A tests/sim/store_child.ts DIRECTORY IN_FLIGHT [COUNT]
 *
 * It says `open`, then for each acknowledged event `TOPIC SEQ`, for each failed one `failed CODE`. The
 * payload of an event is its topic and seq, so whoever reads it knows what must be there. It appends until
 * it is killed, or until COUNT events are acknowledged or failed. Lines are written at once, whole.
 */
import { openSqliteStore } from "../../lib/adapters/sqlite/store.ts";
import type { Store, StoreBatch, StoreTopic } from "../../lib/ports/store.ts";
import { append } from "../contract/store_support.ts";

const [directory, inFlight, count] = Deno.args;
const encoder = new TextEncoder();
const names = ["a", "b.c", "room.lobby"];

function say(text: string): void {
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

class Child {
  readonly #store: Store;
  readonly #topics: StoreTopic[];
  readonly #next: number[];
  #sent = 0;
  #ended = 0;

  constructor(store: Store) {
    this.#store = store;
    this.#topics = names.map((name) => store.openTopic(name));
    this.#next = this.#topics.map((topic) => topic.lastSeq + 1);
    store.listen({
      committed: (batch) => {
        let said = "";
        while (batch.next()) said += `${batch.topic!.name} ${batch.seq}\n`;
        say(said);
        this.#end(batch);
      },
      failed: (batch, error) => {
        say(`failed ${error.codeName}\n`.repeat(batch.count));
        for (const [index, topic] of this.#topics.entries()) this.#next[index] = topic.lastSeq + 1;
        this.#end(batch);
      },
    });
  }

  send(events: number): void {
    for (; events > 0 && this.#sent < Number(count ?? Infinity); events--, this.#sent++) {
      const index = this.#sent % names.length;
      const topic = this.#topics[index];
      append(this.#store, topic, `${topic.name} ${this.#next[index]++}`, { timeMs: Date.now() });
    }
  }

  #end(batch: StoreBatch): void {
    this.#ended += batch.count;
    if (this.#ended === Number(count)) this.#store.close();
    else queueMicrotask(() => this.send(batch.count));
  }
}

const store = await openSqliteStore({ directory });
say("open\n");
new Child(store).send(Number(inFlight));
