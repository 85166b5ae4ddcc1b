/**
 * How a case of the job log's contract is run: in a place of its own, with a store that is open, a listener
 * that remembers, and a way to start again.
 */
import { ManualClock } from "../support/manual_clock.ts";
import type { Store } from "../../lib/ports/store.ts";
import { JobRecorder } from "./job_log_support.ts";
import type { OpenOptions, StoreSubject } from "./store_contract.ts";

/** What a case is given. */
export interface JobCase {
  readonly store: Store;
  readonly recorder: JobRecorder;
  readonly clock: ManualClock;
  /** Closes the store and opens it again. */
  reopen(options?: OpenOptions): Promise<Store>;
}

/** Registers cases of one adapter. */
export interface JobCases {
  test(text: string, run: (given: JobCase) => Promise<void>, options?: OpenOptions): void;
}

export const bytes = (text: string) => new TextEncoder().encode(text);

/** The cases of one adapter. */
export function jobCases(subject: StoreSubject): JobCases {
  return {
    test: (text, run, options = {}) =>
      Deno.test(`${subject.name} jobs: ${text}`, async () => {
        await using place = await subject.place();
        const clock = new ManualClock();
        let open = await place.open({ clock, ...options });
        const store = open;
        const recorder = new JobRecorder();
        store.listen(recorder);
        const reopen = async (more: OpenOptions = {}) => {
          await open.close();
          return open = await place.open({ clock, ...options, ...more });
        };
        try {
          await run({ store, recorder, clock, reopen });
        } finally {
          await open.close();
        }
      }),
  };
}
