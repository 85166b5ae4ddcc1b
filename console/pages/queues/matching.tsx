/**
 * Drops or puts back all jobs that fit a filter: counts them first, says how many there are and how many a consumer holds, and
 * does it to those that were counted and no others.
 *
 * The server looks at some of the jobs at a time, so both go on step by step, and end when the dialog is closed.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type { MessageInitShape } from "../../../lib/client/browser.ts";
import { type JobFilterSchema, Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { detached } from "../../../lib/base/detached.ts";
import { ask, inWords } from "../../data/ask.ts";
import { counted, exact } from "../../format/numbers.ts";
import { Dialog, DialogFoot, openDialog, TypedWord, useSubmit } from "../../parts/dialog.tsx";
import { Note } from "../../parts/states.tsx";
import { done } from "../../parts/toasts.tsx";
import { DEAD_SUFFIX, MANY } from "./look.ts";

/** Which jobs are meant. */
export type Filter = MessageInitShape<typeof JobFilterSchema>;

/** What is to be done, to which jobs. */
export interface Wanted {
  readonly act: "drop" | "redrive";
  readonly queue: string;
  /** Several where one filter cannot name so many ids. */
  readonly filters: readonly Filter[];
  /** Which ones in words: `that hold "abc"`. */
  readonly which: string;
  readonly refresh: () => void;
}

/** The most ids of one filter. */
const MAX_IDS = 1000;
const TIMEOUT_MS = 120_000;

/** Asks, and does it. */
export function openMatching(wanted: Wanted): void {
  openDialog(() => <MatchingDialog {...wanted} />);
}

/** Filters that name jobs by their ids. */
export function filtersOf(ids: readonly bigint[]): Filter[] {
  const filters: Filter[] = [];
  for (let start = 0; start < ids.length; start += MAX_IDS) {
    filters.push({ ids: ids.slice(start, start + MAX_IDS) });
  }
  return filters;
}

/** What was counted so far. */
interface Count {
  readonly matched: bigint;
  readonly held: bigint;
  readonly looked: bigint;
  /** The newest job that was there: those that come later are left alone. */
  readonly upTo: bigint;
  readonly isWhole: boolean;
}

const NOTHING: Count = { matched: 0n, held: 0n, looked: 0n, upTo: 0n, isWhole: false };

function MatchingDialog({ act, queue, filters, which, refresh }: Wanted) {
  const [count, setCount] = useState(NOTHING);
  const [error, setError] = useState<unknown>(null);
  const [progress, setProgress] = useState(0n);
  const [typed, setTyped] = useState("");
  const abort = useRef(new AbortController());
  useEffect(() => {
    detached(
      countAll(queue, filters, setCount, abort.current.signal).then(undefined, (reason) => {
        if (!abort.current.signal.aborted) setError(reason);
      }),
      "count jobs",
    );
    return () => abort.current.abort();
  }, []);
  const isDead = queue.endsWith(DEAD_SUFFIX);
  const noun = (number: bigint) => counted(number, isDead ? "dead letter" : "job");
  const target = isDead ? queue.slice(0, -DEAD_SUFFIX.length) : queue;
  const verb = act === "drop" ? "Drop" : "Redrive";
  const submit = useSubmit(async () => {
    const all = await doAll(act, { queue, target, filters, upTo: count.upTo }, {
      progress: setProgress,
      signal: abort.current.signal,
    });
    done(
      act === "drop"
        ? `${noun(all)} of ${target} dropped.`
        : `${counted(all, "job")} put back into ${target}.`,
    );
    refresh();
  });
  const word = act === "drop" && count.matched > MANY ? target : undefined;
  const isReady = count.isWhole && count.matched > 0n && (word === undefined || typed === word);
  const action = count.isWhole ? `${verb} ${noun(count.matched)}` : verb;
  return (
    <Dialog title={`${verb} ${isDead ? "dead letters" : "jobs"} ${which}?`}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady) submit.go();
        }}
      >
        <div class="dialog-body">
          {error === null && !count.isWhole && (
            <p class="waits" role="status">
              Counting: {exact(count.matched)} of {exact(count.looked)} looked at…
            </p>
          )}
          {count.isWhole && (
            <p role="status">
              {count.matched === 0n
                ? "There are none that nobody holds."
                : act === "drop"
                ? `${noun(count.matched)} will be dropped and cannot be brought back.`
                : `${
                  noun(count.matched)
                } will become new jobs of ${target}, with all their attempts.`}
              {count.held > 0n &&
                ` ${
                  counted(count.held, "more that a consumer holds", "more that consumers hold")
                } will stay.`}
            </p>
          )}
          {word !== undefined && count.isWhole && (
            <TypedWord word={word} value={typed} onChange={setTyped} />
          )}
          {submit.busy && <p class="waits" role="status">{exact(progress)} so far…</p>}
          {error !== null && <Note tone="bad">{inWords(error)}</Note>}
          {submit.error !== null && <Note tone="bad">{inWords(submit.error)}</Note>}
        </div>
        <DialogFoot
          action={action}
          danger={act === "drop"}
          busy={submit.busy}
          disabled={!isReady}
        />
      </form>
    </Dialog>
  );
}

async function countAll(
  queue: string,
  filters: readonly Filter[],
  tell: (count: Count) => void,
  signal: AbortSignal,
): Promise<void> {
  let count = NOTHING;
  for (const filter of filters) {
    let after = 0n;
    for (let more = true; more;) {
      const known = count.upTo === 0n ? {} : { upTo: count.upTo };
      const request = { queue, filter: { ...filter, ...known }, after };
      const answer = await ask(Queues.method.countMatching, request, {
        signal,
        timeoutMs: TIMEOUT_MS,
      });
      count = {
        matched: count.matched + answer.matched,
        held: count.held + answer.held,
        looked: count.looked + answer.looked,
        upTo: count.upTo === 0n ? answer.newest : count.upTo,
        isWhole: false,
      };
      more = answer.more && answer.next > after;
      after = answer.next;
      tell(count);
    }
  }
  tell({ ...count, isWhole: true });
}

async function doAll(
  act: Wanted["act"],
  { queue, target, filters, upTo }: {
    queue: string;
    target: string;
    filters: readonly Filter[];
    upTo: bigint;
  },
  { progress, signal }: { progress: (all: bigint) => void; signal: AbortSignal },
): Promise<bigint> {
  let all = 0n;
  const options = { signal, timeoutMs: TIMEOUT_MS };
  for (const each of filters) {
    const filter = { ...each, upTo };
    let after = 0n;
    for (let more = true; more;) {
      const answer = act === "drop"
        ? await ask(Queues.method.dropMatching, { queue, filter, after }, options)
        : await ask(Queues.method.redriveMatching, { queue: target, filter, after }, options);
      all += "dropped" in answer ? answer.dropped : answer.redriven;
      more = answer.more && answer.next > after;
      after = answer.next;
      progress(all);
    }
  }
  return all;
}
