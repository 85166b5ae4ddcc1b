/**
 * One topic: what is kept of it, its live tail, its history, and what can be done with it.
 */
/// <reference lib="dom" />
import { useState } from "preact/hooks";
import { ErrorCode, ParleyError } from "../../../lib/client/browser.ts";
import { type TopicInfo, Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { ask } from "../../data/ask.ts";
import { usePolled } from "../../data/polled.ts";
import { may } from "../../data/rights.ts";
import { counted, exact, size } from "../../format/numbers.ts";
import { confirm } from "../../parts/dialog.tsx";
import { Choice, Field } from "../../parts/fields.tsx";
import { Icon } from "../../parts/icons.tsx";
import { Badge, Known, Note } from "../../parts/states.tsx";
import { Time } from "../../parts/time.tsx";
import { done } from "../../parts/toasts.tsx";
import { href, navigate, route, setQuery } from "../../router.ts";
import { TopicHistory } from "./history.tsx";
import { boundsOf } from "./keep.tsx";
import { LiveTail } from "./live_tail.tsx";
import { publish } from "./publish.tsx";

/** Above so many events the name of the topic has to be typed. */
const MANY = 1000n;

/** The page of a topic. */
export function TopicView({ topic }: { topic: string }) {
  const info = usePolled(`topic ${topic}`, async (signal) => {
    const { info } = await ask(Topics.method.info, { topic }, { signal });
    return info!;
  });
  const manages = may("manage", `topic.${topic}`);
  const known = info.data;
  const isKept = known === undefined
    ? !(info.error instanceof ParleyError && info.error.code === ErrorCode.NOT_FOUND)
    : known.policy !== undefined || known.lastSeq > 0n;
  const tab = !isKept || route.value.query.tab === "live" ? "live" : "history";
  return (
    <>
      <div class="page-head">
        <a class="button icon bare" href={href(["topics"])} aria-label="All topics">
          <Icon name="back" />
        </a>
        <h1 class="break">{topic}</h1>
        <span class="grow" />
        {may("publish", topic) && (
          <button
            type="button"
            class="button main"
            onClick={() => publish(topic)}
          >
            Publish
          </button>
        )}
        {manages && info.data !== undefined && (
          <>
            <button
              type="button"
              class="button"
              onClick={() => trim(topic, info.data!, info.refresh)}
            >
              Trim
            </button>
            <button type="button" class="button danger" onClick={() => remove(topic, info.data!)}>
              Remove
            </button>
          </>
        )}
      </div>
      {isKept
        ? (
          <Known of={info}>
            {(known) => (
              <dl class="facts">
                <Fact title="Subscribers" value={exact(known.subscribers)} />
                <Fact title="Events" value={exact(known.events)} />
                <Fact title="First seq" value={exact(known.firstSeq)} />
                <Fact title="Last seq" value={exact(known.lastSeq)} />
                <Fact title="Size" value={size(known.bytes)} />
                <div class="fact">
                  <dt>Newest</dt>
                  <dd>
                    <Time micros={known.lastTimeUnixMicros} />
                  </dd>
                </div>
              </dl>
            )}
          </Known>
        )
        : (
          <Note>
            Nothing is kept of this topic: what is published on it is seen live.
            {known !== undefined && ` It has ${counted(known.subscribers, "subscriber")}.`}
          </Note>
        )}
      {isKept && info.data !== undefined && (
        <p class="soft">
          {info.data.policy === undefined
            ? "No policy keeps it any more; what is there stays. "
            : (
              <>
                Kept by <Badge>{info.data.policy.pattern}</Badge>: {boundsOf(info.data.policy)}.
              </>
            )}
        </p>
      )}
      {may("subscribe", topic) && (
        <>
          {isKept && (
            <div class="row">
              <Choice
                label="What is shown"
                value={tab}
                options={[["history", "History"], ["live", "Live"]]}
                onChange={(chosen) => setQuery({ tab: chosen === "history" ? "" : chosen }, false)}
              />
            </div>
          )}
          {tab === "live" ? <LiveTail pattern={topic} /> : <TopicHistory topic={topic} />}
        </>
      )}
    </>
  );
}

function Fact({ title, value }: { title: string; value: string }) {
  return (
    <div class="fact">
      <dt>{title}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** Drops the oldest events of a topic. */
function trim(topic: string, info: TopicInfo, refresh: () => void): void {
  const state = { before: String(info.lastSeq + 1n) };
  confirm({
    title: `Trim ${topic}?`,
    body: <TrimBody info={info} onChange={(before) => state.before = before} />,
    action: "Trim",
    danger: true,
    run: async () => {
      const beforeSeq = /^\d{1,16}$/.test(state.before) ? BigInt(state.before) : 0n;
      const { dropped } = await ask(Topics.method.trim, { topic, beforeSeq });
      done(`${counted(dropped, "event")} of ${topic} dropped.`);
      refresh();
    },
  });
}

function TrimBody({ info, onChange }: { info: TopicInfo; onChange: (before: string) => void }) {
  const [before, setBefore] = useState(String(info.lastSeq + 1n));
  return (
    <>
      <p>The events before a seq are dropped and cannot be brought back.</p>
      <Field
        label="Before seq"
        value={before}
        onChange={(value) => {
          setBefore(value);
          onChange(value);
        }}
        hint={`It holds ${exact(info.firstSeq)} to ${exact(info.lastSeq)}.`}
        wrong={/^\d{1,16}$/.test(before) ? "" : "A whole number."}
      />
    </>
  );
}

/** Removes a topic with its events and its name. */
function remove(topic: string, { events }: TopicInfo): void {
  confirm({
    title: `Remove ${topic}?`,
    body: (
      <p>
        {counted(events, "event")}{" "}
        and the name go away and cannot be brought back. Whoever publishes on it again makes it
        anew.
      </p>
    ),
    action: `Remove with ${counted(events, "event")}`,
    danger: true,
    typed: events > MANY ? topic : undefined,
    run: async () => {
      const { kept } = await ask(Topics.method.remove, { pattern: topic }, { timeoutMs: 120_000 });
      if (kept.includes(topic)) {
        throw new Error("it is in use: somebody reads its history, or people are in its room");
      }
      done(`${topic} is removed.`);
      navigate(["topics"]);
    },
  });
}
