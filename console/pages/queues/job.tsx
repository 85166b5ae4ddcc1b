/**
 * One job: where it stands, what it went through, and what it holds.
 */
import type { ComponentChildren } from "preact";
import type { Job, PeekedJob } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { JobState, Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { Admin } from "../../../lib/gen/parley/v1/admin_pb.ts";
import { ask } from "../../data/ask.ts";
import { usePolled } from "../../data/polled.ts";
import { may, mayCall } from "../../data/rights.ts";
import { useDecoded } from "../../data/types.ts";
import { counted, exact } from "../../format/numbers.ts";
import { Icon } from "../../parts/icons.tsx";
import { Empty, Known } from "../../parts/states.tsx";
import { Payload } from "../../parts/payload.tsx";
import { Time } from "../../parts/time.tsx";
import { href, setQuery } from "../../router.ts";
import { REASONS, StateMark } from "./job_states.tsx";
import { DEAD_SUFFIX } from "./look.ts";
import { openMatching, type Wanted } from "./matching.tsx";

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
  const decoded = useDecoded(job.type, job.payload);
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
      {decoded.why !== "" && <p class="soft">{decoded.why}</p>}
      <Payload bytes={job.payload} decoded={decoded.text} />
      <Actions id={job.id} state={peeked.state} queue={queue} changed={changed} />
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
function Life({ peeked, job }: { peeked: PeekedJob; job: Job }) {
  const { death } = job;
  const { state, untilUnixMicros, lastError, holder } = peeked;
  return (
    <ol class="life">
      <li>
        Pushed <Time micros={job.timeUnixMicros} />
      </li>
      {death === undefined && job.attempt > 0 && (
        <li>
          Delivered {counted(job.attempt, "time")}
        </li>
      )}
      {death === undefined && lastError !== "" && (
        <li class="bad">
          What was said of it last: <pre class="payload">{lastError}</pre>
        </li>
      )}
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
              <Holder sessionId={holder} />
            </>
          )}
        </li>
      )}
    </ol>
  );
}

/** Who holds the job. */
function Holder({ sessionId }: { sessionId: string }) {
  if (sessionId === "") return <>; whoever held it is gone</>;
  return (
    <>
      ; held by {mayCall(Admin.method.connections)
        ? <a class="mono" href={href(["connections", sessionId])}>{sessionId}</a>
        : <span class="mono">{sessionId}</span>}
    </>
  );
}

/** What can be done with one job: what a consumer holds is left to it. */
function Actions(
  { id, state, queue, changed }: {
    id: bigint;
    state: JobState;
    queue: string;
    changed: () => void;
  },
) {
  const isDead = queue.endsWith(DEAD_SUFFIX);
  const target = isDead ? queue.slice(0, -DEAD_SUFFIX.length) : queue;
  const act = (act: Wanted["act"]) => () =>
    openMatching({
      act,
      queue,
      filters: [{ ids: [id] }],
      which: `with the id ${id}`,
      refresh: () => {
        setQuery({ job: "" });
        changed();
      },
    });
  const redrives = isDead && may("manage", `queue.${target}`);
  const drops = state !== JobState.LEASED && may("manage", `queue.${queue}`);
  if (!redrives && !drops) return null;
  const noun = isDead ? "dead letter" : "job";
  return (
    <div class="row">
      {redrives && (
        <button type="button" class="button main" onClick={act("redrive")}>
          Redrive this {noun}
        </button>
      )}
      {drops && (
        <button type="button" class="button danger" onClick={act("drop")}>
          Drop this {noun}
        </button>
      )}
    </div>
  );
}
