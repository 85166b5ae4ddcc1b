/**
 * The jobs of a queue, or its dead letters: looked at without taking them, found by what they hold, and put back or dropped.
 */
import { useState } from "preact/hooks";
import type { PeekedJob } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { ask } from "../../data/ask.ts";
import { usePages } from "../../data/pages.ts";
import { answerTo, may } from "../../data/rights.ts";
import { asLine } from "../../format/bytes.ts";
import { counted, exact, size } from "../../format/numbers.ts";
import { confirm } from "../../parts/dialog.tsx";
import { SearchField } from "../../parts/fields.tsx";
import { Empty, Known, Waiting } from "../../parts/states.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { done } from "../../parts/toasts.tsx";
import { route, setQuery } from "../../router.ts";
import { JobPanel } from "./job.tsx";
import { REASONS, StateMark } from "./job_states.tsx";
import { DEAD_SUFFIX } from "./look.ts";

/** The most dead letters that are put back by one request. */
const MAX_IDS = 1000;

/** The jobs of `queue`; `total` is how many there are. */
export function JobsTab(
  { queue, total, changed }: { queue: string; total: bigint; changed: () => void },
) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const { job = "", text = "" } = route.value.query;
  const isDead = queue.endsWith(DEAD_SUFFIX);
  const jobs = usePages<PeekedJob>(`jobs ${queue}`, async (after, limit, signal) => {
    const request = { queue, after: after?.job?.id ?? 0n, limit };
    const { jobs, more } = await ask(Queues.method.peek, request, { signal });
    return { rows: jobs, more };
  });
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
    <Known of={jobs}>
      {({ rows, more }) => {
        const wanted = text.toLowerCase();
        const shown = wanted === "" ? rows : rows.filter((row) => holds(row, wanted));
        const isChoosing = isDead && may("manage", `queue.${queue.slice(0, -DEAD_SUFFIX.length)}`);
        return (
          <>
            <div class="row">
              <SearchField
                label="Find in these jobs"
                value={text}
                onChange={(value) => setQuery({ text: value })}
              />
              {wanted !== "" && (
                <span class="soft">
                  {counted(shown.length, "match", "matches")} in the {counted(rows.length, "job")}
                  {" "}
                  that were read
                </span>
              )}
              <span class="grow" />
              {isChoosing && (
                <Redrive queue={queue} chosen={chosen} total={total} refresh={refresh} />
              )}
            </div>
            <div class={job === "" ? "" : "with-panel"}>
              <Table
                label={isDead ? "Dead letters" : "Jobs"}
                rows={shown}
                columns={isDead ? DEAD_COLUMNS : COLUMNS}
                idOf={(row) => String(row.job?.id)}
                onOpen={(row) =>
                  setQuery({ job: String(row.job?.id) }, false)}
                chosen={isChoosing ? chosen : undefined}
                onChoose={setChosen}
                onSeen={jobs.seen}
                most={12}
                empty={wanted !== ""
                  ? <Empty title="No job holds that" />
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
                foot={
                  <span>
                    {counted(rows.length, "job")}{" "}
                    read{more ? `, of ${exact(total)}; scroll for more` : ""}
                  </span>
                }
              />
              {job !== "" && <JobPanel queue={queue} id={job} changed={refresh} />}
            </div>
          </>
        );
      }}
    </Known>
  );
}

function Redrive(
  { queue, chosen, total, refresh }: {
    queue: string;
    chosen: ReadonlySet<string>;
    total: bigint;
    refresh: () => void;
  },
) {
  const target = queue.slice(0, -DEAD_SUFFIX.length);
  const put = (ids: readonly bigint[], count: bigint) =>
    confirm({
      title: `Put ${counted(count, "dead letter")} back?`,
      body: (
        <p>
          They become new jobs of <strong class="break">{target}</strong>, with all their attempts.
        </p>
      ),
      action: `Redrive ${counted(count, "job")}`,
      run: async () => {
        let redriven = 0n;
        for (let start = 0; start === 0 || start < ids.length; start += MAX_IDS) {
          const part = ids.slice(start, start + MAX_IDS);
          const request = { queue: target, ids: part };
          redriven += (await ask(Queues.method.redrive, request, { timeoutMs: 120_000 })).redriven;
        }
        done(`${counted(redriven, "job")} put back into ${target}.`);
        refresh();
      },
    });
  const drop = () =>
    confirm({
      title: `Drop all ${counted(total, "dead letter")}?`,
      body: <p>They are dropped, and cannot be brought back.</p>,
      action: `Drop ${counted(total, "dead letter")}`,
      danger: true,
      run: async () => {
        const { dropped } = await ask(Queues.method.purge, { queue }, { timeoutMs: 120_000 });
        done(`${counted(dropped, "dead letter")} dropped.`);
        refresh();
      },
    });
  const ids = [...chosen].map(BigInt);
  return (
    <>
      {ids.length > 0 && (
        <button
          type="button"
          class="button main"
          onClick={() => put(ids, BigInt(ids.length))}
        >
          Redrive {counted(ids.length, "chosen job")}
        </button>
      )}
      {total > 0n && (
        <>
          <button type="button" class="button" onClick={() => put([], total)}>
            Redrive all {exact(total)}
          </button>
          {may("manage", `queue.${queue}`) &&
            (
              <button type="button" class="button danger" onClick={drop}>
                Drop all {exact(total)}
              </button>
            )}
        </>
      )}
    </>
  );
}

/** Whether a job holds a text: in its payload, type, key, headers or last error. */
function holds({ job }: PeekedJob, wanted: string): boolean {
  if (job === undefined) return false;
  const { payload, type, key, headers, death, messageId, id } = job;
  const texts = [
    String(id),
    type,
    key,
    messageId,
    death?.lastError ?? "",
    ...Object.entries(headers).flat(),
  ];
  return texts.some((text) => text.toLowerCase().includes(wanted)) ||
    new TextDecoder("utf-8", { ignoreBOM: true }).decode(payload).toLowerCase().includes(wanted);
}

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
