/**
 * One connection, beside the table: who it is, what it does, and how far it is behind.
 */
import type { ComponentChildren } from "preact";
import { Admin } from "../../../lib/gen/parley/v1/admin_pb.ts";
import { ask } from "../../data/ask.ts";
import { welcome } from "../../data/connection.ts";
import { usePolled } from "../../data/polled.ts";
import { mayCall } from "../../data/rights.ts";
import { exact } from "../../format/numbers.ts";
import { duration } from "../../format/times.ts";
import { Icon } from "../../parts/icons.tsx";
import { RoleRules } from "../../parts/rules.tsx";
import { Empty, Known, Note } from "../../parts/states.tsx";
import { Time } from "../../parts/time.tsx";
import { navigate, route } from "../../router.ts";
import { Behind, BEHIND_BYTES } from "./behind.tsx";
import { kick } from "./kick.tsx";

/** Roles change seldom. */
const RIGHTS_MS = 10_000;

/** The connection of a session. */
export function ConnectionPanel(
  { sessionId, changed }: { sessionId: string; changed: () => void },
) {
  const look = usePolled(`connection ${sessionId}`, async (signal) => {
    const { connections } = await ask(Admin.method.connections, { sessionId }, { signal });
    return connections[0] ?? null;
  });
  const close = () => navigate(["connections"], route.value.query);
  return (
    <section class="card job-panel" aria-label="Connection">
      <div class="card-head">
        <h2 class="grow break">{sessionId}</h2>
        <button type="button" class="button bare icon small" aria-label="Close" onClick={close}>
          <Icon name="close" />
        </button>
      </div>
      <div class="card-body stack">
        <Known of={look}>
          {(connection) =>
            connection === null ? <Empty title="This connection is not there any more" /> : (
              <>
                {connection.outboxBytes > BEHIND_BYTES && (
                  <Note tone="bad">
                    It does not read what it is sent as fast as that comes. It loses events, or is
                    ended, once its outbox is full.
                  </Note>
                )}
                <dl class="pairs">
                  <Pair name="Client">{connection.clientName || "unnamed"}</Pair>
                  <Pair name="Library">{connection.library || "unknown"}</Pair>
                  <Pair name="User">{connection.user || "none"}</Pair>
                  <Pair name="From">{connection.peer} over {connection.kind}</Pair>
                  <Pair name="Connected">
                    <Time micros={connection.timeUnixMicros} />
                  </Pair>
                  <Pair name="Silent for">{duration(Number(connection.silentMs))}</Pair>
                  <Pair name="Behind">
                    <Behind bytes={connection.outboxBytes} />
                  </Pair>
                  <Pair name="Subscriptions">{exact(connection.subscriptions)}</Pair>
                  <Pair name="Consumers">{exact(connection.consumers)}</Pair>
                </dl>
                <Rights sessionId={sessionId} />
                {sessionId === welcome.value?.sessionId && (
                  <p class="soft">
                    This is the connection of this very console; it is not ended from here.
                  </p>
                )}
                {mayCall(Admin.method.kick) && sessionId !== welcome.value?.sessionId && (
                  <div>
                    <button
                      type="button"
                      class="button danger"
                      onClick={() =>
                        kick([connection], () => {
                          changed();
                          close();
                        })}
                    >
                      End this connection
                    </button>
                  </div>
                )}
              </>
            )}
        </Known>
      </div>
    </section>
  );
}

/** What the connection may do. */
function Rights({ sessionId }: { sessionId: string }) {
  const rights = usePolled(
    mayCall(Admin.method.rights) ? `rights ${sessionId}` : null,
    (signal) => ask(Admin.method.rights, { sessionId }, { signal }),
    RIGHTS_MS,
  );
  if (!mayCall(Admin.method.rights)) return null;
  return (
    <details class="rights">
      <summary>What it may do</summary>
      <Known of={rights}>
        {({ user, everything, rules, more }) => (
          <div class="stack">
            {everything
              ? <p>Everything: this server has no users.</p>
              : rules.length === 0
              ? <p>Nothing: {user === "" ? "a guest" : user} has no roles.</p>
              : rules.map((role) => (
                <section key={role.role} aria-label={`Role ${role.role}`}>
                  <h3 class="break">
                    {role.role === "" ? "As was vouched for elsewhere" : `Role ${role.role}`}
                  </h3>
                  <RoleRules role={role} />
                </section>
              ))}
            {more && <p class="soft">There are more rules than fit here.</p>}
          </div>
        )}
      </Known>
    </details>
  );
}

function Pair({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
