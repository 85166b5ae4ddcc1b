/**
 * The jobs of a queue, or its dead letters: looked at without taking them, found by what they hold and where they stand, and
 * put back or dropped: those that are chosen, or all that match.
 */
import { useState } from "preact/hooks";
import type { PeekedJob } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { DeathReason, JobState, Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { ask } from "../../data/ask.ts";
import type { FetchPage } from "../../data/page_reading.ts";
import { type List, type Paged, usePages } from "../../data/pages.ts";
import { USUAL_MS } from "../../data/polled.ts";
import { answerTo, may } from "../../data/rights.ts";
import { useSettled } from "../../data/settled.ts";
import { asLine } from "../../format/bytes.ts";
import { counted, exact, size } from "../../format/numbers.ts";
import { Field, SearchField } from "../../parts/fields.tsx";
import { Empty, Known, Waiting } from "../../parts/states.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { route, setQuery } from "../../router.ts";
import { JobPanel } from "./job.tsx";
import { REASONS, StateMark } from "./job_states.tsx";
import { DEAD_SUFFIX } from "./look.ts";
import { type Filter, filtersOf, openMatching } from "./matching.tsx";

/** What is looked for is read again less often: the server looks at many jobs for it. */
const SEARCH_MS = 10_000;
/** The most requests for one page of what is looked for; each looks at 20,000 jobs at most. */
const MAX_ROUNDS = 5;

const STATES: readonly (readonly [value: string, title: string])[] = [
  ["", "In any state"],
  [String(JobState.READY), "Ready"],
  [String(JobState.DELAYED), "Delayed"],
  [String(JobState.LEASED), "Leased"],
  [String(JobState.BLOCKED), "Blocked"],
];
const DEATHS: readonly (readonly [value: string, title: string])[] = [
  ["", "For any reason"],
  [String(DeathReason.MAX_DELIVERIES), "Tried too often"],
  [String(DeathReason.REJECTED), "Rejected"],
];

/** What is looked for; undefined for all jobs. */
function filterOf(text: string, only: string, isDead: boolean): Filter | undefined {
  const number = /^[1-9]$/.test(only) ? Number(only) : 0;
  if (text === "" && number === 0) return undefined;
  return { contains: text, ...isDead ? { reason: number } : { state: number } };
}

/** Reads jobs that fit, page by page. */
function reader(queue: string, filter: Filter | undefined): FetchPage<PeekedJob> {
  return async (before, limit, signal) => {
    const rows: PeekedJob[] = [];
    let next = BigInt(before?.next ?? 0n);
    let looked = 0n;
    let more = true;
    for (let round = 0; round < MAX_ROUNDS && more && rows.length < limit; round++) {
      const request = { queue, after: next, limit: limit - rows.length, filter };
      const page = await ask(Queues.method.peek, request, { signal, timeoutMs: 30_000 });
      rows.push(...page.jobs);
      more = page.more && page.next > next;
      next = page.next;
      looked += page.looked;
    }
    return { rows, more, next, looked };
  };
}

/** The jobs of `queue`; `total` is how many there are. */
export function JobsTab(
  { queue, total, changed }: { queue: string; total: bigint; changed: () => void },
) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const { text: typed = "", only = "" } = route.value.query;
  const text = useSettled(typed);
  const isDead = queue.endsWith(DEAD_SUFFIX);
  const filter = filterOf(text, only, isDead);
  const jobs = usePages<PeekedJob>(
    `jobs ${queue} ${JSON.stringify(filter ?? null)}`,
    reader(queue, filter),
    filter === undefined ? USUAL_MS : SEARCH_MS,
  );
  const refresh = () => {
    setChosen(new Set());
    jobs.refresh();
    changed();
  };
  const maySee = answerTo("pull", queue);
  if (maySee === undefined) return <Waiting />;
  if (!maySee) {
    return (
      <div class="card">
        <Empty title="You may not look into this queue">
          Looking at jobs needs the permission to pull from it.
        </Empty>
      </div>
    );
  }
  return (
    <>
      <div class="row">
        <SearchField
          label="Find by content"
          value={typed}
          onChange={(value) => setQuery({ text: value })}
        />
        <Field
          label={isDead ? "Only given up" : "Only jobs"}
          isCompact
          value={only}
          onChange={(value) => setQuery({ only: value })}
          options={isDead ? DEATHS : STATES}
        />
        <span class="grow" />
        <Actions
          queue={queue}
          chosen={[...chosen].map(BigInt)}
          filter={filter}
          total={total}
          refresh={refresh}
        />
      </div>
      <Known of={jobs}>
        {(list) => (
          <Listed
            list={list}
            paged={jobs}
            queue={queue}
            total={total}
            isSearch={filter !== undefined}
            chosen={mayChange(queue) ? chosen : undefined}
            onChoose={setChosen}
            refresh={refresh}
          />
        )}
      </Known>
    </>
  );
}

/** Whether anything can be done with jobs of a queue. */
function mayChange(queue: string): boolean {
  return may("manage", `queue.${queue}`) ||
    queue.endsWith(DEAD_SUFFIX) && may("manage", `queue.${queue.slice(0, -DEAD_SUFFIX.length)}`);
}

interface ListedProps {
  readonly list: List<PeekedJob>;
  readonly paged: Paged<PeekedJob>;
  readonly queue: string;
  readonly total: bigint;
  readonly isSearch: boolean;
  readonly chosen: ReadonlySet<string> | undefined;
  readonly onChoose: (chosen: ReadonlySet<string>) => void;
  readonly refresh: () => void;
}

function Listed(props: ListedProps) {
  const { list: { rows, more, looked }, paged, queue, total, isSearch } = props;
  const { job = "" } = route.value.query;
  const isDead = queue.endsWith(DEAD_SUFFIX);
  return (
    <div class={job === "" ? "" : "with-panel"}>
      <Table
        label={isDead ? "Dead letters" : "Jobs"}
        rows={rows}
        columns={isDead ? DEAD_COLUMNS : COLUMNS}
        idOf={(row) => String(row.job?.id)}
        onOpen={(row) => setQuery({ job: String(row.job?.id) }, false)}
        chosen={props.chosen}
        onChoose={props.onChoose}
        onSeen={paged.seen}
        most={12}
        empty={isSearch
          ? (
            <Empty title="No job holds that">
              <span>{exact(looked)} looked at.</span>
              {more && (
                <button type="button" class="button" onClick={paged.further}>Look further</button>
              )}
            </Empty>
          )
          : isDead
          ? (
            <Empty title="No dead letters">
              Jobs that are given up come here, with the reason.
            </Empty>
          )
          : (
            <Empty title="The queue is empty">
              <code>parley queue push {queue} "hello"</code>
            </Empty>
          )}
        foot={isSearch
          ? (
            <>
              <span>
                {counted(rows.length, "match", "matches")} among {counted(looked, "job")}{" "}
                {more ? "looked at" : ""}
              </span>
              {more && (
                <button type="button" class="button small" onClick={paged.further}>
                  Look further
                </button>
              )}
            </>
          )
          : (
            <span>
              {counted(rows.length, "job")}{" "}
              read{more ? `, of ${exact(total)}; scroll for more` : ""}
            </span>
          )}
      />
      {job !== "" && <JobPanel queue={queue} id={job} changed={props.refresh} />}
    </div>
  );
}

/** What can be done with those that are chosen; with all that match, or all there are, where none is. */
function Actions(
  { queue, chosen, filter, total, refresh }: {
    queue: string;
    chosen: readonly bigint[];
    filter: Filter | undefined;
    total: bigint;
    refresh: () => void;
  },
) {
  const isDead = queue.endsWith(DEAD_SUFFIX);
  const redrives = isDead && may("manage", `queue.${queue.slice(0, -DEAD_SUFFIX.length)}`);
  const drops = may("manage", `queue.${queue}`);
  const isAll = chosen.length === 0;
  // Without a filter all jobs of a queue are purged, which its head offers.
  if (isAll && (filter === undefined && !isDead || total === 0n)) return null;
  const filters = isAll ? [filter ?? { upTo: MAX_ID }] : filtersOf(chosen);
  const [which, name] = !isAll
    ? ["that are chosen", counted(chosen.length, "chosen job")]
    : filter === undefined
    ? ["of this queue", `all ${exact(total)}`]
    : ["that match", "all that match"];
  const act = (act: "drop" | "redrive") => () =>
    openMatching({ act, queue, filters, which, refresh });
  return (
    <>
      {redrives && (
        <button type="button" class={isAll ? "button" : "button main"} onClick={act("redrive")}>
          Redrive {name}
        </button>
      )}
      {drops && (
        <button type="button" class="button danger" onClick={act("drop")}>Drop {name}</button>
      )}
    </>
  );
}

/** A filter that says this says all, and has to say something. */
const MAX_ID = BigInt(Number.MAX_SAFE_INTEGER);

const ID: Column<PeekedJob> = {
  id: "id",
  title: "Id",
  width: "76px",
  cell: ({ job }) => <span class="mono">{String(job?.id)}</span>,
};
const PAYLOAD: Column<PeekedJob> = {
  id: "payload",
  title: "Payload",
  width: "minmax(100px, 3fr)",
  cell: ({ job }) => {
    const line = asLine(job?.payload ?? new Uint8Array());
    return line === ""
      ? <span class="soft">empty</span>
      : <span class="mono" title={size(job?.payload.length ?? 0)}>{line}</span>;
  },
};
const TYPE: Column<PeekedJob> = {
  id: "type",
  title: "Type",
  width: "minmax(80px, 1fr)",
  from: 760,
  cell: ({ job }) => job?.type || <span class="soft">–</span>,
};
const ATTEMPT: Column<PeekedJob> = {
  id: "attempt",
  title: "Tried",
  width: "52px",
  end: true,
  from: 480,
  cell: ({ job }) => exact(job?.death?.attempts || job?.attempt || 0),
};
const PUSHED: Column<PeekedJob> = {
  id: "pushed",
  title: "Pushed",
  width: "82px",
  end: true,
  from: 560,
  cell: ({ job }) => <Time micros={job?.timeUnixMicros} />,
};

const COLUMNS: readonly Column<PeekedJob>[] = [
  ID,
  { id: "state", title: "State", width: "88px", cell: ({ state }) => <StateMark state={state} /> },
  PAYLOAD,
  TYPE,
  {
    id: "key",
    title: "Key",
    width: "minmax(60px, 1fr)",
    from: 860,
    cell: ({ job }) => job?.key || <span class="soft">–</span>,
  },
  ATTEMPT,
  PUSHED,
  {
    id: "until",
    title: "Until",
    width: "82px",
    end: true,
    from: 860,
    cell: ({ untilUnixMicros }) => <Time micros={untilUnixMicros} />,
  },
];

const DEAD_COLUMNS: readonly Column<PeekedJob>[] = [
  ID,
  {
    id: "reason",
    title: "Reason",
    width: "112px",
    from: 420,
    cell: ({ job }) => REASONS[job?.death?.reason ?? 0],
  },
  {
    id: "error",
    title: "Last error",
    width: "minmax(90px, 2fr)",
    cell: ({ job }) => (
      <span title={job?.death?.lastError}>
        {job?.death?.lastError || <span class="soft">none given</span>}
      </span>
    ),
  },
  { ...PAYLOAD, width: "minmax(90px, 2fr)", from: 560 },
  TYPE,
  ATTEMPT,
  {
    id: "died",
    title: "Given up",
    width: "82px",
    end: true,
    from: 620,
    cell: ({ job }) => <Time micros={job?.death?.timeUnixMicros} />,
  },
];
