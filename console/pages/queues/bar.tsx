/**
 * The states of a queue's jobs as one bar, and as a legend with exact numbers.
 */
import type { QueueInfo } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { counted, exact } from "../../format/numbers.ts";

const STATES = [
  ["ready", "Ready", "can be handed out now"],
  ["leased", "Leased", "consumers work on them"],
  ["delayed", "Delayed", "wait for a time"],
  ["blocked", "Blocked", "wait for another job of their key"],
  ["dead", "Dead", "were given up"],
] as const;

/** The bar; its text says the same. */
export function StateBar({ info }: { info: QueueInfo }) {
  const there = STATES.filter(([state]) => info[state] > 0n);
  const text = there.map(([state]) => `${exact(info[state])} ${state}`).join(", ");
  return (
    <div
      class="bar"
      role="img"
      aria-label={text === "" ? "no jobs" : text}
      title={text === "" ? "No jobs" : text}
    >
      {there.map(([state]) => (
        <span key={state} class={state} style={{ flexGrow: Number(info[state]), flexBasis: 0 }} />
      ))}
    </div>
  );
}

/** The legend. */
export function StateLegend({ info }: { info: QueueInfo }) {
  return (
    <div class="legend">
      {STATES.map(([state, title, meaning]) => (
        <span key={state} title={`${counted(info[state], "job")} ${meaning}`}>
          <span class={`mark ${state}`} />
          {title} <span class="value">{exact(info[state])}</span>
        </span>
      ))}
    </div>
  );
}
