/**
 * The nodes of a cluster as the answering one sees them: who writes, how far each has come, what the log is like and what is
 * wrong with it; and having the node that writes give it up.
 */
import {
  Cluster,
  type ClusterLog,
  type ClusterNode,
  ClusterRole,
  type InfoClusterResponse,
} from "../../../lib/gen/parley/v1/cluster_pb.ts";
import { AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { ask } from "../../data/ask.ts";
import { usePolled } from "../../data/polled.ts";
import { mayCall } from "../../data/rights.ts";
import { about } from "../../data/server.ts";
import { counted, exact, percent, size } from "../../format/numbers.ts";
import { confirm } from "../../parts/dialog.tsx";
import { Badge, Empty, Known, Note } from "../../parts/states.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { done } from "../../parts/toasts.tsx";
import type { Place } from "../../shell/places.ts";

/** The page; a server alone has none. */
export const nodes: Place = {
  id: "nodes",
  title: "Nodes",
  icon: "nodes",
  key: "n",
  offered: () => about.value?.clustered === true && mayCall(Cluster.method.info),
  View: NodesPage,
};

function NodesPage() {
  const look = usePolled("nodes", (signal) => ask(Cluster.method.info, {}, { signal }));
  const info = look.data;
  const writes = info?.log !== undefined && info.log.writer === info.node;
  return (
    <>
      <div class="page-head">
        <h1>Nodes</h1>
        <span class="grow" />
        {writes && mayCall(Cluster.method.stepDown) && (
          <button
            type="button"
            class="button"
            onClick={() => stepDown(info, look.refresh)}
          >
            Step down
          </button>
        )}
      </div>
      <Known of={look}>{(found) => <Found found={found} />}</Known>
    </>
  );
}

function stepDown({ log, nodes }: InfoClusterResponse, changed: () => void): void {
  const name = log!.writerName;
  const others = nodes.length - 1;
  confirm({
    title: `Have ${name} give up writing?`,
    body: others === 0
      ? <Note tone="warn">There is no other node: it may take up writing again after a while.</Note>
      : (
        <p>
          Another node takes over. Until it has, what is to be kept is refused everywhere, for
          clients to try again; jobs that are out come back marked as redelivered.
        </p>
      ),
    action: "Step down",
    danger: true,
    run: async () => {
      await ask(Cluster.method.stepDown, {});
      done(`${name} gives up writing.`);
      changed();
    },
  });
}

function Found({ found }: { found: InfoClusterResponse }) {
  const { cluster, node, nodes, servers, reachable, whyUnreachable, log } = found;
  return (
    <>
      {!reachable && <Note tone="bad">NATS cannot be reached: {whyUnreachable}</Note>}
      {reachable && log !== undefined && log.fault !== "" && <Note tone="bad">{log.fault}</Note>}
      {log?.writer === "" && (
        <Note tone="warn">No node writes: what is to be kept is refused for now.</Note>
      )}
      <Table
        label="Nodes"
        rows={nodes}
        columns={columnsOf(node)}
        idOf={({ id }) => id}
        empty={<Empty title="No nodes" />}
        foot={<span>{counted(nodes.length, "node")}, as this one sees them</span>}
      />
      <div class="grid-2">
        <section class="card" aria-label="Log">
          <div class="card-head">
            <h2>Log</h2>
            {reachable && log !== undefined && <Level log={log} />}
          </div>
          <div class="card-body">
            {log === undefined
              ? (
                <p class="soft">
                  Nothing that is kept is shared: the nodes have no data directories.
                </p>
              )
              : <LogFacts log={log} />}
          </div>
        </section>
        <section class="card" aria-label="NATS">
          <div class="card-head">
            <h2>NATS</h2>
            <Badge tone={reachable ? "good" : "bad"}>{reachable ? "reached" : "not reached"}</Badge>
          </div>
          <div class="card-body">
            <dl class="pairs">
              <dt>Cluster</dt>
              <dd>{cluster}</dd>
              <dt>Servers</dt>
              <dd>
                {servers.map((url) => <div key={url} class="mono break">{url}</div>)}
              </dd>
            </dl>
          </div>
        </section>
      </div>
    </>
  );
}

function Level({ log: { level, replicas } }: { log: ClusterLog }) {
  if (replicas === 0) return <Badge tone="warn">not reached yet</Badge>;
  return <Badge tone={level === AckLevel.REPLICATED ? "good" : "warn"}>{AckLevel[level]}</Badge>;
}

function LogFacts({ log }: { log: ClusterLog }) {
  const { writer, writerName, firstSequence, lastSequence, fullness, replicas, snapshot } = log;
  return (
    <dl class="pairs">
      <dt>Written by</dt>
      <dd>{writer === "" ? "nobody" : writerName || writer}</dd>
      <dt>Held by</dt>
      <dd>
        {counted(replicas, "server")} of NATS
        {replicas === 1 && ": whoever loses it loses what no other node has applied"}
      </dd>
      <dt>Sequences</dt>
      <dd>
        {exact(firstSequence)} to {exact(lastSequence)}
      </dd>
      <dt>Full</dt>
      <dd>{percent(fullness, 1)}</dd>
      <dt>Snapshot</dt>
      <dd>
        {snapshot === undefined ? "none is known" : (
          <>
            at {exact(snapshot.sequence)}, {size(snapshot.bytes)},{" "}
            <Time micros={snapshot.timeUnixMicros} />
          </>
        )}
      </dd>
    </dl>
  );
}

/** Words, not badges, which have none on narrow screens. */
const ROLES = {
  [ClusterRole.WRITER]: <strong>writes</strong>,
  [ClusterRole.FOLLOWER]: "follows",
  [ClusterRole.LOST]: <strong title="It has to be started again">lost</strong>,
  [ClusterRole.UNSPECIFIED]: <span class="soft">–</span>,
};

const columnsOf = (answering: string): readonly Column<ClusterNode>[] => [
  {
    id: "name",
    title: "Node",
    width: "minmax(110px, 2fr)",
    cell: ({ id, name }) => (
      <span class="name-cell">
        <span class="cut" title={`${name} (${id})`}>{name}</span>
        {id === answering && <Badge tone="info">this one</Badge>}
      </span>
    ),
  },
  { id: "role", title: "Role", width: "90px", cell: ({ role }) => ROLES[role] },
  {
    id: "address",
    title: "Address",
    width: "minmax(120px, 2fr)",
    from: 760,
    cell: ({ address }) => address || <span class="soft">–</span>,
  },
  {
    id: "version",
    title: "Version",
    width: "80px",
    from: 640,
    cell: ({ serverVersion }) => serverVersion,
  },
  {
    id: "applied",
    title: "Applied",
    width: "minmax(80px, 1fr)",
    end: true,
    from: 480,
    cell: ({ appliedSequence }) => exact(appliedSequence),
  },
  {
    id: "lag",
    title: "Behind",
    width: "80px",
    end: true,
    cell: ({ lag }) => exact(lag),
  },
  {
    id: "started",
    title: "Started",
    width: "90px",
    end: true,
    from: 420,
    cell: ({ startedUnixMicros }) => <Time micros={startedUnixMicros} />,
  },
];
