/**
 * One queue: what it holds and how that went over the last minutes, its jobs, its dead letters, and how it is set up.
 */
import type { QueueInfo } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { ask } from "../../data/ask.ts";
import type { Span } from "../../data/history.ts";
import { usePolled } from "../../data/polled.ts";
import { may } from "../../data/rights.ts";
import { counted, exact, rate, size } from "../../format/numbers.ts";
import { Chart } from "../../parts/chart.tsx";
import { Choice } from "../../parts/fields.tsx";
import { Icon } from "../../parts/icons.tsx";
import { Badge, Known, Note } from "../../parts/states.tsx";
import { Time } from "../../parts/time.tsx";
import { href, route, setQuery } from "../../router.ts";
import { pause, purge, remove, resume } from "./actions.tsx";
import { StateBar, StateLegend } from "./bar.tsx";
import { useQueueCharts } from "./history.ts";
import { JobsTab } from "./jobs.tsx";
import { QueueBadges } from "./list.tsx";
import { DEAD_SUFFIX, isDeserted, jobsOf } from "./look.ts";
import { openPolicyForm } from "./policy_form.tsx";
import { openPushForm } from "./push_form.tsx";
import { SettingsTab } from "./settings.tsx";

/** The queue called `name`. */
export function QueueDetail({ name }: { name: string }) {
  const info = usePolled(`queue ${name}`, async (signal) => {
    const { info } = await ask(Queues.method.info, { queue: name }, { signal });
    return info!;
  });
  return (
    <>
      <nav class="crumbs" aria-label="Where this is">
        <a href={href(["queues"])}>Queues</a>
        <span aria-hidden="true">/</span>
        <span class="cut">{name}</span>
      </nav>
      <Known of={info}>
        {(data) => <Shown name={name} info={data} refresh={info.refresh} />}
      </Known>
    </>
  );
}

const TABS = [["", "Jobs"], ["dead", "Dead letters"], ["settings", "Settings"]] as const;

function Shown({ name, info, refresh }: { name: string; info: QueueInfo; refresh: () => void }) {
  const { tab = "" } = route.value.query;
  const isDead = name.endsWith(DEAD_SUFFIX);
  const tabs = isDead ? TABS.filter(([id]) => id !== "dead") : TABS;
  return (
    <>
      <div class="page-head">
        <h1 class="break">{name}</h1>
        <QueueBadges info={info} />
        {isDead && <Badge>Dead letters</Badge>}
        <span class="grow" />
        <Actions name={name} info={info} refresh={refresh} />
      </div>
      {isDeserted(info) && (
        <Note tone="bad">
          {counted(info.ready, "job waits", "jobs wait")}{" "}
          and nobody consumes this queue. The oldest was pushed{" "}
          <Time micros={info.oldestTimeUnixMicros} />.
        </Note>
      )}
      {info.paused && (
        <Note tone="warn">
          The queue is paused: it takes jobs and hands none out, until somebody resumes it.
        </Note>
      )}
      <Figures name={name} info={info} />
      <nav class="tabs" aria-label="Parts of the queue">
        {tabs.map(([id, title]) => (
          <a
            key={id}
            href={href(["queues", name], { tab: id })}
            aria-current={tab === id ? "page" : undefined}
          >
            {title}
            {id === "" && ` (${exact(jobsOf(info))})`}
            {id === "dead" && ` (${exact(info.dead)})`}
          </a>
        ))}
      </nav>
      {tab === "settings"
        ? <SettingsTab name={name} info={info} refresh={refresh} />
        : tab === "dead"
        ? <JobsTab key="dead" queue={`${name}${DEAD_SUFFIX}`} total={info.dead} changed={refresh} />
        : <JobsTab key="jobs" queue={name} total={jobsOf(info)} changed={refresh} />}
    </>
  );
}

function Actions({ name, info, refresh }: { name: string; info: QueueInfo; refresh: () => void }) {
  const manages = may("manage", `queue.${name}`);
  return (
    <div class="row">
      {manages && (info.paused
        ? (
          <button type="button" class="button main" onClick={() => resume(name, refresh)}>
            <Icon name="play" />Resume
          </button>
        )
        : (
          <button type="button" class="button" onClick={() => pause(name, refresh)}>
            <Icon name="pause" />Pause
          </button>
        ))}
      {may("push", name) && !name.endsWith(DEAD_SUFFIX) && (
        <button
          type="button"
          class="button"
          onClick={() => openPushForm(name, refresh)}
        >
          <Icon name="plus" />Push a job
        </button>
      )}
      {manages && (
        <>
          <button
            type="button"
            class="button"
            onClick={() => openPolicyForm(name, refresh)}
          >
            Change
          </button>
          <button type="button" class="button danger" onClick={() => purge(name, info, refresh)}>
            Purge
          </button>
          <button type="button" class="button danger" onClick={() => remove(name, info)}>
            Remove
          </button>
        </>
      )}
    </div>
  );
}

function Figures({ name, info }: { name: string; info: QueueInfo }) {
  const span: Span = route.value.query.span === "hours" ? "hours" : "minutes";
  const history = useQueueCharts(name, info, span);
  return (
    <>
      <section class="card">
        <div class="card-body stack">
          <StateBar info={info} />
          <StateLegend info={info} />
        </div>
      </section>
      <dl class="facts">
        <Fact title="Consumers" value={exact(info.consumers)} />
        <Fact
          title="Pushed"
          value={rate(history.inRate)}
          more={`${exact(info.pushed)} since the start`}
        />
        <Fact
          title="Done"
          value={rate(history.outRate)}
          more={`${exact(info.done)} since the start`}
        />
        <Fact title="Tried again" value={exact(info.redelivered)} more="since the start" />
        <Fact title="Size" value={size(info.bytes)} />
        <div class="fact">
          <dt>Oldest job</dt>
          <dd>
            <Time micros={info.oldestTimeUnixMicros} />
          </dd>
        </div>
      </dl>
      <div class="grid-2">
        <section class="card">
          <div class="card-head">
            <h2 class="grow">Jobs over time</h2>
            <Choice
              label="How far back"
              value={span}
              options={[["minutes", "15 minutes"], ["hours", "24 hours"]]}
              onChange={(chosen) => setQuery({ span: chosen === "minutes" ? "" : chosen })}
            />
          </div>
          <div class="card-body">
            <Chart
              title="Jobs"
              times={history.times}
              lines={history.depth}
              seconds={history.seconds}
              whole
            />
          </div>
        </section>
        <section class="card">
          <div class="card-head">
            <h2>Jobs a second</h2>
          </div>
          <div class="card-body">
            <Chart
              title="Jobs a second"
              times={history.times}
              lines={history.rates}
              seconds={history.seconds}
            />
          </div>
        </section>
      </div>
    </>
  );
}

function Fact({ title, value, more }: { title: string; value: string; more?: string }) {
  return (
    <div class="fact">
      <dt>{title}</dt>
      <dd>{value}</dd>
      {more !== undefined && <dd class="more">{more}</dd>}
    </div>
  );
}
