/**
 * All queues in a table: what they hold as one bar each, who works on them, and what stands out.
 */
import { useMemo, useRef, useState } from "preact/hooks";
import { usePolled, USUAL_MS } from "../../data/polled.ts";
import { Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { mayCall } from "../../data/rights.ts";
import { about } from "../../data/server.ts";
import { counted, exact, rate, short } from "../../format/numbers.ts";
import { Choice, SearchField } from "../../parts/fields.tsx";
import { Icon } from "../../parts/icons.tsx";
import { Badge, Empty, Known, NotSeen } from "../../parts/states.tsx";
import { type Column, inOrder, Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { href, navigate, route, setQuery } from "../../router.ts";
import { StateBar } from "./bar.tsx";
import { isDeserted, jobsOf, lookAtQueues, type QueueRow, type QueuesLook } from "./look.ts";
import { ManyActions } from "./many.tsx";
import { openPolicyForm } from "./policy_form.tsx";

type Filter = "" | "dead" | "deserted" | "paused" | "busy";

const FILTERS: readonly (readonly [filter: Filter, title: string])[] = [
  ["", "All"],
  ["busy", "With jobs"],
  ["dead", "Dead letters"],
  ["deserted", "No consumers"],
  ["paused", "Paused"],
];

const PASSES: Readonly<Record<Filter, (row: QueueRow) => boolean>> = {
  "": () => true,
  busy: ({ info }) => jobsOf(info) > 0n,
  dead: ({ info }) => info.dead > 0n,
  deserted: ({ info }) => isDeserted(info),
  paused: ({ info }) => info.paused,
};

/** The longer the list, the less often it is read. */
const MS_PER_QUEUE = 3;

/** The list. */
export function QueueList() {
  const last = useRef<QueuesLook | undefined>(undefined);
  const everyMs = Math.max(USUAL_MS, (last.current?.rows.length ?? 0) * MS_PER_QUEUE);
  const look = usePolled("queues", async (signal) => {
    return last.current = await lookAtQueues(last.current, signal);
  }, everyMs);
  return (
    <>
      <div class="page-head">
        <h1>Queues</h1>
        <span class="grow" />
        {mayCall(Queues.method.set) && (
          <button
            type="button"
            class="button main"
            onClick={() => openPolicyForm(null, look.refresh)}
          >
            <Icon name="plus" />
            New queue
          </button>
        )}
      </div>
      <Known of={look}>{(data) => <Listed look={data} refresh={look.refresh} />}</Known>
    </>
  );
}

function Listed({ look, refresh }: { look: QueuesLook; refresh: () => void }) {
  const { find = "", only = "", order = "queue" } = route.value.query;
  const filter = FILTERS.some(([known]) => known === only) ? only as Filter : "";
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const shown = useMemo(() => {
    const wanted = find.toLowerCase();
    const rows = look.rows.filter((row) =>
      PASSES[filter](row) && row.info.queue.toLowerCase().includes(wanted)
    );
    return inOrder(rows, order, VALUES);
  }, [look, find, filter, order]);
  if (look.rows.length === 0) {
    // Whoever may do nothing with any queue is not told whether there are some.
    if (!mayCall(Queues.method.info)) {
      return (
        <div class="card">
          <NotSeen what="queues">
            That needs the permission to push to them, to pull from them or to manage them.
          </NotSeen>
        </div>
      );
    }
    return (
      <div class="card">
        <Empty
          title={about.value?.hasUsers === true
            ? "No queues that you may see"
            : "There are no queues yet"}
        >
          <span>A queue is made with its first job.</span>
          <code>parley queue push emails "hello"</code>
          {mayCall(Queues.method.set) && (
            <button
              type="button"
              class="button"
              onClick={() => openPolicyForm(null, refresh)}
            >
              New queue
            </button>
          )}
        </Empty>
      </div>
    );
  }
  const isNarrowed = find !== "" || filter !== "";
  const there = shown.filter(({ info }) => chosen.has(info.queue)).map(({ info }) => info);
  const isChosen = there.length > 0;
  const changed = () => {
    setChosen(new Set());
    refresh();
  };
  const jobs = shown.reduce((sum, { info }) => sum + jobsOf(info), 0n);
  const dead = shown.reduce((sum, { info }) => sum + info.dead, 0n);
  return (
    <>
      <div class="row">
        <SearchField
          label="Find queues"
          value={find}
          onChange={(text) => setQuery({ find: text })}
        />
        <Choice
          label="Only queues"
          value={filter}
          options={FILTERS}
          onChange={(chosen) => setQuery({ only: chosen })}
        />
        <span class="grow" />
        {(isChosen || isNarrowed) && (
          <ManyActions
            queues={isChosen ? there : shown.map(({ info }) => info)}
            which={isChosen
              ? counted(there.length, "chosen queue")
              : `all ${exact(shown.length)} that match`}
            changed={changed}
          />
        )}
      </div>
      <Table
        label="Queues"
        rows={shown}
        columns={COLUMNS}
        idOf={({ info }) => info.queue}
        onOpen={({ info }) => navigate(["queues", info.queue])}
        order={order}
        onOrder={(next) => setQuery({ order: next })}
        chosen={mayCall(Queues.method.purge) ? chosen : undefined}
        onChoose={setChosen}
        empty={
          <Empty title="No queue is like that">
            <button type="button" class="button" onClick={() => setQuery({ find: "", only: "" })}>
              Show all
            </button>
          </Empty>
        }
        foot={
          <>
            <span>{counted(shown.length, "queue")}</span>
            <span>{counted(jobs, "job")}</span>
            {dead > 0n && <span>{counted(dead, "dead letter")}</span>}
            {look.more && <span>There are more queues than are listed.</span>}
          </>
        }
      />
    </>
  );
}

/** What stands out at a queue. */
export function QueueBadges({ info }: { info: QueueRow["info"] }) {
  return (
    <>
      {info.paused && (
        <span class="badge warn">
          <Icon name="pause" />
          <span class="words">Paused</span>
        </span>
      )}
      {isDeserted(info) && <Badge tone="bad">No consumers</Badge>}
    </>
  );
}

const VALUES: Readonly<Record<string, (row: QueueRow) => string | number | bigint>> = {
  queue: ({ info }) => info.queue,
  jobs: ({ info }) => jobsOf(info),
  ready: ({ info }) => info.ready,
  leased: ({ info }) => info.leased,
  delayed: ({ info }) => info.delayed + info.blocked,
  dead: ({ info }) => info.dead,
  consumers: ({ info }) => info.consumers,
  in: ({ inRate }) => inRate ?? 0,
  out: ({ outRate }) => outRate ?? 0,
  // The oldest has waited longest.
  oldest: ({ info }) => info.oldestTimeUnixMicros === 0n ? 0n : -info.oldestTimeUnixMicros,
};

function Count({ value, strong = false }: { value: bigint; strong?: boolean }) {
  if (value === 0n) return <span class="soft">0</span>;
  const isLong = value >= 10_000_000n;
  return (
    <span class={strong ? "dead-count" : undefined} title={exact(value)}>
      {isLong ? short(Number(value)) : exact(value)}
    </span>
  );
}

const COLUMNS: readonly Column<QueueRow>[] = [
  {
    id: "queue",
    title: "Queue",
    width: "minmax(110px, 2.4fr)",
    sorts: true,
    cell: ({ info }) => (
      <span class="name-cell">
        <a class="cut" tabIndex={-1} href={href(["queues", info.queue])} title={info.queue}>
          {info.queue}
        </a>
        <QueueBadges info={info} />
      </span>
    ),
  },
  {
    id: "jobs",
    title: "Jobs",
    width: "minmax(70px, 1fr)",
    sorts: true,
    from: 520,
    cell: ({ info }) => <StateBar info={info} />,
  },
  {
    id: "ready",
    title: "Ready",
    width: "76px",
    end: true,
    sorts: true,
    cell: ({ info }) => <Count value={info.ready} />,
  },
  {
    id: "leased",
    title: "Leased",
    width: "70px",
    end: true,
    sorts: true,
    from: 640,
    cell: ({ info }) => <Count value={info.leased} />,
  },
  {
    id: "delayed",
    title: "Waiting",
    width: "76px",
    end: true,
    sorts: true,
    from: 860,
    cell: ({ info }) => <Count value={info.delayed + info.blocked} />,
  },
  {
    id: "dead",
    title: "Dead",
    width: "62px",
    end: true,
    sorts: true,
    cell: ({ info }) => <Count value={info.dead} strong />,
  },
  {
    id: "consumers",
    title: "Consumers",
    width: "90px",
    end: true,
    sorts: true,
    from: 720,
    cell: ({ info }) => exact(info.consumers),
  },
  {
    id: "in",
    title: "In",
    width: "72px",
    end: true,
    sorts: true,
    from: 960,
    cell: ({ inRate }) => <Rate value={inRate} />,
  },
  {
    id: "out",
    title: "Done",
    width: "72px",
    end: true,
    sorts: true,
    from: 960,
    cell: ({ outRate }) => <Rate value={outRate} />,
  },
  {
    id: "oldest",
    title: "Oldest",
    width: "92px",
    end: true,
    sorts: true,
    from: 1100,
    cell: ({ info }) => <Time micros={info.oldestTimeUnixMicros} />,
  },
];

function Rate({ value }: { value: number | null }) {
  return value === null || value === 0
    ? <span class="soft">{value === null ? "–" : "0/s"}</span>
    : <>{rate(value)}</>;
}
