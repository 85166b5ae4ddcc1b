/**
 * The page that opens first: what is wrong, in words and with the way to it, and what the server does.
 */
import { lookTimes, ratesOf, useFigures, valuesOf } from "../../data/figures.ts";
import { exact, rate, size } from "../../format/numbers.ts";
import { Chart } from "../../parts/chart.tsx";
import { Known } from "../../parts/states.tsx";
import type { Place } from "../../shell/places.ts";

/** The page. */
export const overview: Place = {
  id: "overview",
  title: "Overview",
  icon: "overview",
  key: "o",
  View: Overview,
};

function Overview() {
  const figures = useFigures();
  return (
    <>
      <div class="page-head">
        <h1>Overview</h1>
      </div>
      <Known of={figures}>
        {({ values }) => (
          <>
            <dl class="facts">
              <Fact title="Messages in" value={rate(newest("messages_in"))} />
              <Fact title="Messages out" value={rate(newest("messages_out"))} />
              <Fact title="Connections" value={exact(values["connections_open"] ?? 0n)} />
              <Fact title="Subscriptions" value={exact(values["subscriptions"] ?? 0n)} />
              <Fact title="Waiting to be read" value={size(values["outbox_bytes"] ?? 0n)} />
            </dl>
            <div class="grid-2">
              <section class="card">
                <div class="card-head">
                  <h2>Messages a second</h2>
                </div>
                <div class="card-body">
                  <Chart
                    title="Messages a second"
                    times={lookTimes()}
                    lines={[
                      { title: "In", values: ratesOf("messages_in") },
                      { title: "Out", values: ratesOf("messages_out") },
                    ]}
                    seconds={600}
                  />
                </div>
              </section>
              <section class="card">
                <div class="card-head">
                  <h2>Connections</h2>
                </div>
                <div class="card-body">
                  <Chart
                    title="Connections"
                    times={lookTimes()}
                    lines={[{ title: "Open", values: valuesOf("connections_open") }]}
                    format={exact}
                    seconds={600}
                    whole
                  />
                </div>
              </section>
            </div>
          </>
        )}
      </Known>
    </>
  );
}

function newest(name: string): number {
  return ratesOf(name).at(-1) ?? 0;
}

function Fact({ title, value }: { title: string; value: string }) {
  return (
    <div class="fact">
      <dt>{title}</dt>
      <dd>{value}</dd>
    </div>
  );
}
