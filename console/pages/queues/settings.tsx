/**
 * How a queue is set up, and which policies say so.
 */
import type { QueueInfo, QueuePolicy } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { PolicyOrigin } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { ask } from "../../data/ask.ts";
import { usePolled } from "../../data/polled.ts";
import { may } from "../../data/rights.ts";
import { exact, size } from "../../format/numbers.ts";
import { duration } from "../../format/times.ts";
import { confirm } from "../../parts/dialog.tsx";
import { Badge, Known } from "../../parts/states.tsx";
import { Time } from "../../parts/time.tsx";
import { done } from "../../parts/toasts.tsx";

const ORIGINS: Readonly<Record<PolicyOrigin, string>> = {
  [PolicyOrigin.UNSPECIFIED]: "unknown",
  [PolicyOrigin.CONFIGURATION]: "configuration",
  [PolicyOrigin.RUNTIME]: "set at run time",
  [PolicyOrigin.BUILT_IN]: "built in",
};

/** The settings of a queue. */
export function SettingsTab(
  { name, info, refresh }: { name: string; info: QueueInfo; refresh: () => void },
) {
  const policies = usePolled(
    "queue policies",
    async (signal) => (await ask(Queues.method.policies, {}, { signal })).policies,
    10_000,
  );
  const settings = info.settings;
  if (settings === undefined) return null;
  const none = <span class="soft">no limit</span>;
  return (
    <div class="grid-2">
      <section class="card">
        <div class="card-head">
          <h2>In force</h2>
        </div>
        <div class="card-body">
          <dl class="pairs">
            <dt>Lease</dt>
            <dd>{duration(settings.leaseMs)}</dd>
            <dt>Deliveries at most</dt>
            <dd>{settings.maxDeliveries === 0 ? none : exact(settings.maxDeliveries)}</dd>
            <dt>Retries</dt>
            <dd>
              after {duration(settings.backoffMinMs)}, then twice as long each time, up to{" "}
              {duration(settings.backoffMaxMs)}
            </dd>
            <dt>Jobs at most</dt>
            <dd>{settings.maxJobs === 0n ? none : exact(settings.maxJobs)}</dd>
            <dt>Bytes at most</dt>
            <dd>{settings.maxBytes === 0n ? none : size(settings.maxBytes)}</dd>
            <dt>When it is full</dt>
            <dd>{settings.dropsOldest ? "the oldest job is dropped" : "a push is refused"}</dd>
            <dt>Order</dt>
            <dd>{settings.ordered ? "one after the other, by key" : "as they come"}</dd>
            <dt>Topics</dt>
            <dd>
              {settings.bind.length === 0
                ? <span class="soft">none</span>
                : settings.bind.join(", ")}
            </dd>
          </dl>
        </div>
      </section>
      <section class="card">
        <div class="card-head">
          <h2>Policies of all queues</h2>
        </div>
        <div class="card-body">
          <Known of={policies}>
            {(list) =>
              list.length === 0
                ? <p class="soft">There are none: queues have the defaults.</p>
                : (
                  <ul class="stack">
                    {list.map((policy) => (
                      <Policy
                        key={policy.name}
                        policy={policy}
                        isOwn={policy.name === name}
                        refresh={() => {
                          policies.refresh();
                          refresh();
                        }}
                      />
                    ))}
                  </ul>
                )}
          </Known>
        </div>
      </section>
    </div>
  );
}

function Policy(
  { policy, isOwn, refresh }: { policy: QueuePolicy; isOwn: boolean; refresh: () => void },
) {
  const { name, origin, setBy, setTimeUnixMicros } = policy;
  const unset = () =>
    confirm({
      title: `Take back what was set for ${name}?`,
      body: <p>Then the configuration decides, or the defaults.</p>,
      action: "Take it back",
      danger: true,
      run: async () => {
        await ask(Queues.method.unset, { name });
        done(`What was set for ${name} is taken back.`);
        refresh();
      },
    });
  return (
    <li class="row">
      <strong class="break">{name}</strong>
      <Badge tone={origin === PolicyOrigin.RUNTIME ? "info" : undefined}>{ORIGINS[origin]}</Badge>
      {isOwn && <span class="soft">this queue</span>}
      {origin === PolicyOrigin.RUNTIME && (
        <>
          <span class="soft">
            {setBy !== "" && `by ${setBy} `}
            <Time micros={setTimeUnixMicros} />
          </span>
          {may("manage", `queue.${name}`) &&
            <button type="button" class="button small danger" onClick={unset}>Take back</button>}
        </>
      )}
    </li>
  );
}
