/**
 * How long a publisher is held up for those who read: counted in the timers that are set, not measured.
 */
import assert from "node:assert/strict";
import { MAX_PUBLISHER_PAUSE_MS } from "../../../lib/base/limits.ts";
import type { BusSubscription } from "../../../lib/services/topics/bus_subscription.ts";
import { waitForReaders } from "../../../lib/services/connection/publisher_pause.ts";
import { HeldTimers } from "../../support/held_timers.ts";

/** A subscriber with so much in its outbox, of which it takes `stepBytes` at each look. */
function subscriber(bytes: number, stepBytes: number, options: { hidden?: boolean } = {}) {
  const state = { size: bytes, written: 0, takesDeliveries: true, looks: 0 };
  const subscription = {
    outbox: {
      get size() {
        return state.size;
      },
    },
    owner: {
      get takesDeliveries() {
        return state.takesDeliveries;
      },
      link: {
        get bytesWritten() {
          // The first look is the one that begins the wait.
          if (state.looks++ > 0) {
            state.written += stepBytes;
            if (!options.hidden) state.size = Math.max(0, state.size - stepBytes);
          }
          return state.written;
        },
      },
    },
  } as unknown as BusSubscription;
  return { state, subscription };
}

async function pauseMs(...behind: { subscription: BusSubscription }[]): Promise<number> {
  using timers = new HeldTimers();
  await timers.through(waitForReaders(behind.map(({ subscription }) => subscription)));
  return timers.totalMs;
}

Deno.test("a publisher waits for a reader that is behind, at most as long as README.md promises", async () => {
  // It reads all the time, and would take for ever.
  assert.equal(await pauseMs(subscriber(1e9, 1)), MAX_PUBLISHER_PAUSE_MS);
  const many = Array.from({ length: 1000 }, () => subscriber(1e9, 1));
  assert.equal(await pauseMs(...many), MAX_PUBLISHER_PAUSE_MS, "for all of them together");
  const readme = await Deno.readTextFile(new URL("../../../README.md", import.meta.url));
  assert(readme.includes(`held up at most ${MAX_PUBLISHER_PAUSE_MS} ms a turn`));
});

Deno.test("a publisher waits until half is read, and for nobody who reads nothing or has gone", async () => {
  assert.equal(await pauseMs(), 0);
  // Half of it is read at the fifth look, which the sixth wait sees.
  assert.equal(await pauseMs(subscriber(1000, 100)), 6);
  assert.equal(await pauseMs(subscriber(1000, 0)), 3, "no progress at three looks");
  const gone = subscriber(1000, 1);
  gone.state.takesDeliveries = false;
  assert.equal(await pauseMs(gone), 1);
  // One that is stuck does not hide one that reads.
  assert.equal(await pauseMs(subscriber(1000, 0), subscriber(1e9, 1)), MAX_PUBLISHER_PAUSE_MS);
});
