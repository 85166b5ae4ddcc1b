/**
 * The page that opens first: what is wrong, in words and with the way to it, and what the server does and did.
 */
import type { ComponentChildren } from "preact";
import { now } from "../../data/clock.ts";
import { type Figures, linesOf, type Span, useHistory } from "../../data/history.ts";
import { may } from "../../data/rights.ts";
import { about } from "../../data/server.ts";
import { exact, rate, short, size } from "../../format/numbers.ts";
import { duration, exactTime, ofMicros } from "../../format/times.ts";
import { Chart } from "../../parts/chart.tsx";
import { Choice } from "../../parts/fields.tsx";
import { Empty, Known } from "../../parts/states.tsx";
import { href, route, setQuery } from "../../router.ts";
import type { Place } from "../../shell/places.ts";
import { Problems } from "./problems.tsx";

/** The page. */
export const overview: Place = {
  id: "overview",
  title: "Overview",
  icon: "overview",
  key: "o",
  View: Overview,
};

function Overview() {
  const span: Span = route.value.query.span === "hours" ? "hours" : "minutes";
  const isOffered = may("manage", "server.stats");
  const history = useHistory(span, "", isOffered);
  const started = about.value === null ? 0 : ofMicros(about.value.startedUnixMicros);
  return (
    <>
      <div class="page-head">
        <h1>Overview</h1>
        {started > 0 && (
          <span class="soft" title={exactTime(started)}>
            up for {duration(Math.max(0, now.value - started))}
          </span>
        )}
        <span class="grow" />
        {isOffered && (
          <Choice
            label="How far back"
            value={span}
            options={[["minutes", "15 minutes"], ["hours", "24 hours"]]}
            onChange={(chosen) => setQuery({ span: chosen === "minutes" ? "" : chosen })}
          />
        )}
      </div>
      <Problems />
      {isOffered
        ? <Known of={history}>{(figures) => <Shown figures={figures} />}</Known>
        : (
          <div class="card">
            <Empty title="You may not see the server's figures">
              That needs the permission manage "server.stats".
            </Empty>
          </div>
        )}
    </>
  );
}

function Shown({ figures }: { figures: Figures }) {
  const { newest } = figures;
  const value = (name: string, format: (value: number) => string) => {
    const known = newest(name);
    return known === null ? "–" : format(known);
  };
  return (
    <>
      <dl class="facts">
        <Fact title="Messages in">{value("messages_in", rate)}</Fact>
        <Fact title="Messages out">{value("messages_out", rate)}</Fact>
        <Fact title="Deliveries">{value("events_out", rate)}</Fact>
        <Fact title="Connections" place={["connections"]}>{value("connections", exact)}</Fact>
        <Fact title="Commits">{value("commits", rate)}</Fact>
        <Fact title="Fsync">{value("sync_ms", milliseconds)}</Fact>
        <Fact title="Loop delay">{value("loop_delay_ms", milliseconds)}</Fact>
        <Fact title="Memory">{value("memory_bytes", size)}</Fact>
      </dl>
      <div class="charts">
        <Drawn
          title="Messages a second"
          figures={figures}
          lines={[["In", "messages_in"], ["Out", "messages_out"]]}
        />
        <Drawn
          title="Events a second"
          figures={figures}
          lines={[["Published", "events_in"], ["Delivered", "events_out"], [
            "Dropped",
            "events_dropped",
          ]]}
        />
        <Drawn
          title="Jobs a second"
          figures={figures}
          lines={[["Pushed", "jobs_in"], ["Delivered", "jobs_out"], ["Settled", "jobs_settled"]]}
        />
        <Drawn
          title="Jobs in all queues"
          figures={figures}
          lines={[["Ready", "jobs_ready"], ["Leased", "jobs_leased"], ["Dead", "jobs_dead"]]}
          whole
        />
        <Drawn
          title="Bytes a second"
          figures={figures}
          lines={[["In", "bytes_in"], ["Out", "bytes_out"]]}
          format={size}
        />
        <Drawn
          title="Connections"
          figures={figures}
          lines={[["Connections", "connections"], ["Subscriptions", "subscriptions"]]}
          whole
        />
        <Drawn
          title="Store: how long a commit takes"
          figures={figures}
          lines={[["Commit", "commit_ms"], ["Fsync", "sync_ms"]]}
          format={milliseconds}
        />
        <Drawn
          title="Event loop"
          figures={figures}
          lines={[["Delay", "loop_delay_ms"], ["Longest turn", "longest_turn_ms"]]}
          format={milliseconds}
        />
        <Drawn
          title="Memory"
          figures={figures}
          lines={[["Resident", "memory_bytes"], ["Heap", "heap_bytes"], [
            "Outboxes",
            "outbox_bytes",
          ]]}
          format={size}
        />
      </div>
    </>
  );
}

function milliseconds(value: number): string {
  return `${short(value)}\u202fms`;
}

function Fact(
  { title, place, children }: {
    title: string;
    place?: readonly string[];
    children: ComponentChildren;
  },
) {
  return (
    <div class="fact">
      <dt>{title}</dt>
      <dd>{place === undefined ? children : <a href={href(place)}>{children}</a>}</dd>
    </div>
  );
}

function Drawn(
  { title, figures, lines, ...how }: {
    title: string;
    figures: Figures;
    lines: readonly (readonly [title: string, name: string])[];
    format?: (value: number) => string;
    whole?: boolean;
  },
) {
  return (
    <section class="card">
      <div class="card-head">
        <h2>{title}</h2>
      </div>
      <div class="card-body">
        <Chart
          title={title}
          times={figures.times}
          lines={linesOf(figures, lines)}
          seconds={figures.seconds}
          height={130}
          {...how}
        />
      </div>
    </section>
  );
}
