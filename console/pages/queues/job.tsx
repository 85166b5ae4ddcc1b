/**
 * One job: where it stands, what it went through, and what it holds.
 */
import type { ComponentChildren } from "preact";
import type { Job, PeekedJob } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { JobState, Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { ask } from "../../data/ask.ts";
import { usePolled } from "../../data/polled.ts";
import { may } from "../../data/rights.ts";
import { counted, exact } from "../../format/numbers.ts";
import { confirm } from "../../parts/dialog.tsx";
import { Icon } from "../../parts/icons.tsx";
import { Empty, Known } from "../../parts/states.tsx";
import { Payload } from "../../parts/payload.tsx";
import { Time } from "../../parts/time.tsx";
import { done } from "../../parts/toasts.tsx";
import { setQuery } from "../../router.ts";
import { REASONS, StateMark } from "./job_states.tsx";
import { DEAD_SUFFIX } from "./look.ts";

/** The job of an id, beside the table. */
export function JobPanel(
  { queue, id, changed }: { queue: string; id: string; changed: () => void },
) {
  const wanted = /^\d{1,19}$/.test(id) ? BigInt(id) : 0n;
  const job = usePolled<PeekedJob | null>(`job ${queue} ${id}`, async (signal) => {
    if (wanted === 0n) return null;
    const request = { queue, after: wanted - 1n, limit: 1 };
    const { jobs: [found] } = await ask(Queues.method.peek, request, { signal });
    return found?.job?.id === wanted ? found : null;
  });
  return (
    <section class="card job-panel" aria-label={`Job ${id}`}>
      <div class="card-head">
        <h2>Job {id}</h2>
        <span class="grow" />
        <button
          type="button"
          class="button bare icon small"
          aria-label="Close the job"
          onClick={() => setQuery({ job: "" })}
        >
          <Icon name="close" />
        </button>
      </div>
      <div class="card-body stack">
        <Known of={job}>
          {(peeked) =>
            peeked?.job === undefined
              ? (
                <Empty title="This job is not here any more">
                  It was done, given up or dropped.
                </Empty>
              )
              : <Shown peeked={peeked} job={peeked.job} queue={queue} changed={changed} />}
        </Known>
      </div>
    </section>
  );
}

function Shown(
  { peeked, job, queue, changed }: {
    peeked: PeekedJob;
    job: Job;
    queue: string;
    changed: () => void;
  },
) {
  const headers = Object.entries(job.headers);
  return (
    <>
      <Life peeked={peeked} job={job} />
      <dl class="pairs">
        <Pair name="Type">{job.type}</Pair>
        <Pair name="Key">{job.key}</Pair>
        <Pair name="Priority">{job.priority === 0 ? "" : exact(job.priority)}</Pair>
        <Pair name="Message id">{job.messageId}</Pair>
        <Pair name="Topic">{job.topic}</Pair>
        <Pair name="Pushed by">{job.sender}</Pair>
        {headers.map(([name, value]) => <Pair key={name} name={name}>{value}</Pair>)}
      </dl>
      <Payload bytes={job.payload} />
      <Redrive job={job} queue={queue} changed={changed} />
    </>
  );
}

function Pair({ name, children }: { name: string; children: ComponentChildren }) {
  if (children === "" || children === undefined) return null;
  return (
    <>
      <dt class="break">{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** What the job went through, as far as its queue knows. */
function Life({ peeked: { state, untilUnixMicros }, job }: { peeked: PeekedJob; job: Job }) {
  const { death } = job;
  return (
    <ol class="life">
      <li>
        Pushed <Time micros={job.timeUnixMicros} />
      </li>
      {death === undefined && job.attempt > 0 &&
        <li>Delivered {counted(job.attempt, "time")}</li>}
      {death !== undefined && (
        <li class="bad">
          Given up <Time micros={death.timeUnixMicros} /> after{" "}
          {counted(death.attempts, "delivery", "deliveries")}: {REASONS[death.reason]}
          {death.lastError !== "" && <pre class="payload">{death.lastError}</pre>}
          <span class="soft">It was job {String(death.id)} of {death.queue}.</span>
        </li>
      )}
      {death === undefined && (
        <li>
          <StateMark state={state} />
          {state === JobState.DELAYED && (
            <>
              : handed out <Time micros={untilUnixMicros} />
            </>
          )}
          {state === JobState.LEASED && (
            <>
              : the lease ends <Time micros={untilUnixMicros} />
            </>
          )}
        </li>
      )}
    </ol>
  );
}

function Redrive({ job, queue, changed }: { job: Job; queue: string; changed: () => void }) {
  if (!queue.endsWith(DEAD_SUFFIX)) return null;
  const target = queue.slice(0, -DEAD_SUFFIX.length);
  if (!may("manage", `queue.${target}`)) return null;
  const redrive = () =>
    confirm({
      title: "Put this dead letter back?",
      body: (
        <p>
          It becomes a new job of <strong class="break">{target}</strong>, with all its attempts.
        </p>
      ),
      action: "Redrive 1 job",
      run: async () => {
        const { redriven } = await ask(Queues.method.redrive, { queue: target, ids: [job.id] });
        done(`${counted(redriven, "job")} put back into ${target}.`);
        setQuery({ job: "" });
        changed();
      },
    });
  return (
    <div>
      <button type="button" class="button main" onClick={redrive}>Redrive this job</button>
    </div>
  );
}
