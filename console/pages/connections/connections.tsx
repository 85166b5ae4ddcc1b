/**
 * Who is connected: found by name, user or address, the slow ones first where that is wanted, and ended.
 */
import { useMemo, useRef, useState } from "preact/hooks";
import type { ConnectionSummary } from "../../../lib/gen/parley/v1/admin_pb.ts";
import { Admin } from "../../../lib/gen/parley/v1/admin_pb.ts";
import { ask } from "../../data/ask.ts";
import { welcome } from "../../data/connection.ts";
import { usePolled, USUAL_MS } from "../../data/polled.ts";
import { mayCall } from "../../data/rights.ts";
import { counted, exact } from "../../format/numbers.ts";
import { duration } from "../../format/times.ts";
import { Choice, SearchField } from "../../parts/fields.tsx";
import { Badge, Empty, Known } from "../../parts/states.tsx";
import { type Column, inOrder, Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { href, navigate, route, setQuery } from "../../router.ts";
import type { Command, Place } from "../../shell/places.ts";
import { ConnectionPanel } from "./panel.tsx";
import { Behind } from "./behind.tsx";
import { kick } from "./kick.tsx";

/** The most connections that are listed. */
const MAX_CONNECTIONS = 20_000;
const PAGE = 1000;
/** The more there are, the less often they are read. */
const MS_PER_CONNECTION = 3;
const MAX_OFFERED = 10;

/** The page. */
export const connections: Place = {
  id: "connections",
  title: "Connections",
  icon: "connections",
  key: "c",
  offered: () => mayCall(Admin.method.connections),
  View: ConnectionsPage,
  commands: async (text, signal): Promise<readonly Command[]> => {
    const { connections } = await ask(Admin.method.connections, { limit: PAGE }, { signal });
    const wanted = text.trim().toLowerCase();
    return connections.filter((connection) => matches(connection, wanted)).slice(0, MAX_OFFERED)
      .map(({ sessionId, clientName, peer }) => ({
        title: `${clientName || "unnamed"} · ${peer} · ${sessionId}`,
        kind: "Connection",
        run: () => navigate(["connections", sessionId]),
      }));
  },
};

/** All connections at one moment. */
interface ConnectionsLook {
  readonly rows: readonly ConnectionSummary[];
  readonly more: boolean;
}

async function lookAtConnections(signal: AbortSignal): Promise<ConnectionsLook> {
  const rows: ConnectionSummary[] = [];
  let more = true;
  while (more && rows.length < MAX_CONNECTIONS) {
    const request = { after: rows.at(-1)?.sessionId ?? "", limit: PAGE };
    const page = await ask(Admin.method.connections, request, { signal });
    rows.push(...page.connections);
    more = page.more && page.connections.length > 0;
  }
  return { rows, more };
}

type Filter = "" | "behind" | "consumers" | "silent";

const FILTERS: readonly (readonly [filter: Filter, title: string])[] = [
  ["", "All"],
  ["behind", "Behind"],
  ["consumers", "Consumers"],
  ["silent", "Silent"],
];

const SILENT_MS = 60_000n;

const PASSES: Readonly<Record<Filter, (connection: ConnectionSummary) => boolean>> = {
  "": () => true,
  behind: ({ outboxBytes }) => outboxBytes > 0n,
  consumers: ({ consumers }) => consumers > 0,
  silent: ({ silentMs }) => silentMs > SILENT_MS,
};

function matches(connection: ConnectionSummary, wanted: string): boolean {
  const { sessionId, clientName, user, peer, kind, library } = connection;
  return [sessionId, clientName, user, peer, kind, library]
    .some((text) => text.toLowerCase().includes(wanted));
}

function ConnectionsPage({ path }: { path: readonly string[] }) {
  const count = useRef(0);
  const everyMs = Math.max(USUAL_MS, count.current * MS_PER_CONNECTION);
  const look = usePolled("connections", async (signal) => {
    const found = await lookAtConnections(signal);
    count.current = found.rows.length;
    return found;
  }, everyMs);
  return (
    <>
      <div class="page-head">
        <h1>Connections</h1>
      </div>
      <Known of={look}>
        {(data) => <Listed look={data} opened={path[0] ?? ""} refresh={look.refresh} />}
      </Known>
    </>
  );
}

function Listed(
  { look, opened, refresh }: { look: ConnectionsLook; opened: string; refresh: () => void },
) {
  const { query } = route.value;
  const { find = "", only = "", order = "-time" } = query;
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const filter = FILTERS.some(([known]) => known === only) ? only as Filter : "";
  const shown = useMemo(() => {
    const wanted = find.toLowerCase();
    const rows = look.rows.filter((row) => PASSES[filter](row) && matches(row, wanted));
    return inOrder(rows, order, VALUES);
  }, [look, find, filter, order]);
  const kicks = mayCall(Admin.method.kick);
  const own = welcome.value?.sessionId;
  const others = shown.filter(({ sessionId }) => sessionId !== own);
  const there = others.filter(({ sessionId }) => chosen.has(sessionId));
  const done = () => {
    setChosen(new Set());
    refresh();
  };
  const isNarrowed = find !== "" || filter !== "";
  return (
    <>
      <div class="row">
        <SearchField
          label="Find connections"
          value={find}
          onChange={(text) => setQuery({ find: text })}
        />
        <Choice
          label="Only connections"
          value={filter}
          options={FILTERS}
          onChange={(value) => setQuery({ only: value })}
        />
        <span class="grow" />
        {kicks && there.length > 0 && (
          <button
            type="button"
            class="button danger"
            onClick={() => kick(there, done)}
          >
            End {counted(there.length, "chosen connection")}
          </button>
        )}
        {kicks && there.length === 0 && isNarrowed && others.length > 0 && (
          <button
            type="button"
            class="button danger"
            onClick={() => kick(others, done)}
          >
            End all {exact(others.length)} that match
          </button>
        )}
      </div>
      <div class={opened === "" ? "" : "with-panel"}>
        <Table
          label="Connections"
          rows={shown}
          columns={COLUMNS}
          idOf={({ sessionId }) => sessionId}
          onOpen={({ sessionId }) => navigate(["connections", sessionId], query)}
          order={order}
          onOrder={(next) => setQuery({ order: next })}
          chosen={kicks ? chosen : undefined}
          fixed={({ sessionId }) => sessionId === own ? "This is you: the console itself." : ""}
          onChoose={setChosen}
          empty={
            <Empty title="No connection is like that">
              <button type="button" class="button" onClick={() => setQuery({ find: "", only: "" })}>
                Show all
              </button>
            </Empty>
          }
          foot={
            <>
              <span>{counted(shown.length, "connection")}</span>
              {look.more && <span>There are more than are listed.</span>}
            </>
          }
        />
        {opened !== "" && <ConnectionPanel key={opened} sessionId={opened} changed={refresh} />}
      </div>
    </>
  );
}

const VALUES: Readonly<
  Record<string, (connection: ConnectionSummary) => string | number | bigint>
> = {
  name: ({ clientName }) => clientName.toLowerCase(),
  user: ({ user }) => user,
  kind: ({ kind }) => kind,
  peer: ({ peer }) => peer,
  behind: ({ outboxBytes }) => outboxBytes,
  subscriptions: ({ subscriptions }) => subscriptions,
  consumers: ({ consumers }) => consumers,
  silent: ({ silentMs }) => silentMs,
  time: ({ timeUnixMicros }) => timeUnixMicros,
};

const COLUMNS: readonly Column<ConnectionSummary>[] = [
  {
    id: "name",
    title: "Client",
    width: "minmax(110px, 2fr)",
    sorts: true,
    cell: ({ sessionId, clientName }) => (
      <span class="name-cell">
        <a
          class="cut"
          tabIndex={-1}
          href={href(["connections", sessionId], route.value.query)}
          title={clientName}
        >
          {clientName || <span class="soft">unnamed</span>}
        </a>
        {sessionId === welcome.value?.sessionId && <Badge tone="info">you</Badge>}
      </span>
    ),
  },
  {
    id: "user",
    title: "User",
    width: "minmax(70px, 1fr)",
    sorts: true,
    from: 560,
    cell: ({ user }) => user || <span class="soft">–</span>,
  },
  { id: "kind", title: "Over", width: "54px", sorts: true, from: 640, cell: ({ kind }) => kind },
  {
    id: "peer",
    title: "From",
    width: "minmax(120px, 1.4fr)",
    sorts: true,
    from: 480,
    cell: ({ peer }) => <span title={peer}>{peer}</span>,
  },
  {
    id: "behind",
    title: "Behind",
    width: "92px",
    end: true,
    sorts: true,
    cell: ({ outboxBytes }) => <Behind bytes={outboxBytes} />,
  },
  {
    id: "subscriptions",
    title: "Subscriptions",
    width: "104px",
    end: true,
    sorts: true,
    from: 860,
    cell: ({ subscriptions }) => exact(subscriptions),
  },
  {
    id: "consumers",
    title: "Consumers",
    width: "90px",
    end: true,
    sorts: true,
    from: 760,
    cell: ({ consumers }) => exact(consumers),
  },
  {
    id: "silent",
    title: "Silent for",
    width: "96px",
    end: true,
    sorts: true,
    from: 960,
    cell: ({ silentMs }) => duration(Number(silentMs)),
  },
  {
    id: "time",
    title: "Since",
    width: "82px",
    end: true,
    sorts: true,
    from: 420,
    cell: ({ timeUnixMicros }) => <Time micros={timeUnixMicros} />,
  },
];
