/**
 * What is done to several queues at once, those that are chosen or all that match: each act says first how many queues and jobs
 * that is about.
 */
import { useState } from "preact/hooks";
import type { DescMethodUnary } from "../../../lib/client/browser.ts";
import { Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import type { QueueInfo } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { ask, inWords } from "../../data/ask.ts";
import { mayCall } from "../../data/rights.ts";
import { counted, exact } from "../../format/numbers.ts";
import { Dialog, DialogFoot, openDialog, TypedWord, useSubmit } from "../../parts/dialog.tsx";
import { Note } from "../../parts/states.tsx";
import { done } from "../../parts/toasts.tsx";
import { jobsOf, MANY } from "./look.ts";

/** The most queues that are named in the question. */
const MAX_NAMED = 5;
/** The most failures that are told one by one. */
const MAX_FAILURES = 3;
const TIMEOUT_MS = 120_000;

/** One act. */
interface Act {
  readonly verb: string;
  readonly past: string;
  readonly method: DescMethodUnary;
  readonly isDanger: boolean;
  /** What happens to the jobs of these queues. */
  readonly says: (queues: readonly QueueInfo[]) => string;
  /** How many jobs are lost by it. */
  readonly lost: (queue: QueueInfo) => bigint;
  readonly run: (queue: string) => Promise<unknown>;
}

const options = { timeoutMs: TIMEOUT_MS };
const NOTHING = () => 0n;
const total = (queues: readonly QueueInfo[], of: (queue: QueueInfo) => bigint) =>
  queues.reduce((sum, queue) => sum + of(queue), 0n);
const unheld = (queue: QueueInfo) => jobsOf(queue) - queue.leased;
const everything = (queue: QueueInfo) => jobsOf(queue) + queue.dead;

const ACTS: readonly Act[] = [
  {
    verb: "Pause",
    past: "paused",
    method: Queues.method.pause,
    isDanger: false,
    says: () => "They go on taking jobs and hand none out, until somebody resumes them.",
    lost: NOTHING,
    run: (queue) => ask(Queues.method.pause, { queue }),
  },
  {
    verb: "Resume",
    past: "resumed",
    method: Queues.method.resume,
    isDanger: false,
    says: (queues) =>
      `They hand out jobs again; ${
        counted(BigInt(queues.filter(({ paused }) => paused).length), "is", "are")
      } paused now.`,
    lost: NOTHING,
    run: (queue) => ask(Queues.method.resume, { queue }),
  },
  {
    verb: "Redrive",
    past: "redriven",
    method: Queues.method.redrive,
    isDanger: false,
    says: (queues) =>
      `${
        counted(total(queues, ({ dead }) => dead), "dead letter")
      } will become new jobs, with all their attempts.`,
    lost: NOTHING,
    run: (queue) => ask(Queues.method.redrive, { queue }, options),
  },
  {
    verb: "Purge",
    past: "purged",
    method: Queues.method.purge,
    isDanger: true,
    says: (queues) =>
      `${counted(total(queues, unheld), "job")} will be dropped and cannot be brought back; ${
        exact(total(queues, ({ leased }) => leased))
      } that consumers hold will stay.`,
    lost: unheld,
    run: (queue) => ask(Queues.method.purge, { queue }, options),
  },
  {
    verb: "Remove",
    past: "removed",
    method: Queues.method.remove,
    isDanger: true,
    says: (queues) =>
      `The queues and their names go away, with ${
        counted(total(queues, everything), "job")
      }, dead letters among them. This cannot be undone.`,
    lost: everything,
    run: (queue) => ask(Queues.method.remove, { queue, force: true }, options),
  },
];

/** The buttons; `which` says of which queues: `3 chosen queues`. */
export function ManyActions(
  { queues, which, changed }: {
    queues: readonly QueueInfo[];
    which: string;
    changed: () => void;
  },
) {
  const offered = ACTS.filter(({ method }) => mayCall(method));
  if (queues.length === 0 || offered.length === 0) return null;
  return (
    <div class="row" role="group" aria-label={`With ${which}`}>
      <span class="soft">With {which}:</span>
      {offered.map((act) => (
        <button
          key={act.verb}
          type="button"
          class={act.isDanger ? "button small danger" : "button small"}
          onClick={() => openDialog(() => <ManyDialog {...{ act, queues, changed }} />)}
        >
          {act.verb}
        </button>
      ))}
    </div>
  );
}

function ManyDialog(
  { act, queues, changed }: { act: Act; queues: readonly QueueInfo[]; changed: () => void },
) {
  const [progress, setProgress] = useState(0);
  const [typed, setTyped] = useState("");
  const count = counted(queues.length, "queue");
  const word = total(queues, act.lost) > MANY ? act.verb.toLowerCase() : undefined;
  const isReady = word === undefined || typed === word;
  const submit = useSubmit(async () => {
    const failures: string[] = [];
    for (const [index, { queue }] of queues.entries()) {
      await act.run(queue).catch((reason) => failures.push(`${queue}: ${inWords(reason)}`));
      setProgress(index + 1);
    }
    const all = queues.length - failures.length;
    if (all > 0) done(`${counted(all, "queue")} ${act.past}.`);
    changed();
    if (failures.length === 0) return;
    const told = failures.slice(0, MAX_FAILURES).join("; ");
    throw new Error(`${counted(failures.length, "queue")} not ${act.past}: ${told}`);
  });
  const beyond = queues.length - MAX_NAMED;
  return (
    <Dialog title={`${act.verb} ${count}?`}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady) submit.go();
        }}
      >
        <div class="dialog-body">
          <ul>
            {queues.slice(0, MAX_NAMED).map(({ queue }) => (
              <li key={queue} class="break">{queue}</li>
            ))}
            {beyond > 0 && <li>and {counted(beyond, "more", "more")}</li>}
          </ul>
          <p>{act.says(queues)}</p>
          {word !== undefined && <TypedWord word={word} value={typed} onChange={setTyped} />}
          {submit.busy && <p class="waits" role="status">{exact(progress)} of {count}…</p>}
          {submit.error !== null && <Note tone="bad">{inWords(submit.error)}</Note>}
        </div>
        <DialogFoot
          action={`${act.verb} ${count}`}
          danger={act.isDanger}
          busy={submit.busy}
          disabled={!isReady}
        />
      </form>
    </Dialog>
  );
}
