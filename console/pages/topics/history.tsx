/**
 * The history of a kept topic: by seq, by time and by a text that the server looks for, page by page.
 */
/// <reference lib="dom" />
import { useState } from "preact/hooks";
import { Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { ask } from "../../data/ask.ts";
import { usePolled } from "../../data/polled.ts";
import { useSettled } from "../../data/settled.ts";
import { counted, exact } from "../../format/numbers.ts";
import { Field } from "../../parts/fields.tsx";
import { Empty, Known, Note } from "../../parts/states.tsx";
import { route, setQuery } from "../../router.ts";
import type { ShownEvent } from "../../data/tail.ts";
import { EventCard, EventTable } from "./event_view.tsx";

const PAGE_EVENTS = 100;
/** What is kept does not change, but more may come: seldom enough to read in peace. */
const LOOK_MS = 10_000;
const SEQ = /^\d{1,16}$/;

/** The history; what is looked for stands in the address. */
export function TopicHistory({ topic }: { topic: string }) {
  const { seq = "", since = "", text = "", type = "", way = "back" } = route.value.query;
  const [open, setOpen] = useState<ShownEvent | null>(null);
  const contains = useSettled(text);
  const timeMs = since === "" ? NaN : new Date(since).getTime();
  const isBad = seq !== "" && !SEQ.test(seq);
  const backward = way === "back";
  const request = {
    topic,
    seq: seq === "" || isBad ? 0n : BigInt(seq),
    timeUnixMicros: seq === "" && !Number.isNaN(timeMs) ? BigInt(timeMs) * 1000n : 0n,
    backward: backward && (seq !== "" || Number.isNaN(timeMs)),
    limit: PAGE_EVENTS,
    contains,
    type,
  };
  const key = isBad ? null : `history ${JSON.stringify([topic, seq, since, contains, type, way])}`;
  const page = usePolled(
    key,
    (signal) => ask(Topics.method.read, request, { signal, timeoutMs: 30_000 }),
    LOOK_MS,
  );
  const goTo = (to: bigint, direction: string) => setQuery({ seq: String(to), way: direction });
  return (
    <div class="stack">
      <div class="row fields">
        <Field
          label="From seq"
          value={seq}
          onChange={(value) => setQuery({ seq: value, since: "" })}
          wrong={isBad ? "A whole number." : ""}
        />
        <Field
          label="Or since"
          value={since}
          placeholder="2026-01-31 12:00"
          onChange={(value) => setQuery({ since: value, seq: "", way: "on" })}
          wrong={since !== "" && Number.isNaN(timeMs) ? "A date, perhaps with a time." : ""}
        />
        <Field
          label="With this text"
          value={text}
          onChange={(value) => setQuery({ text: value })}
        />
        <Field label="Of this type" value={type} onChange={(value) => setQuery({ type: value })} />
      </div>
      {open !== null && <EventCard event={open} onClose={() => setOpen(null)} />}
      {key === null ? <Note tone="warn">Say a seq that is a whole number.</Note> : (
        <Known of={page}>
          {({ events, next, more, looked }) => {
            const shown = events.map((event): ShownEvent => ({ ...event, id: String(event.seq) }));
            const ordered = request.backward ? shown.toReversed() : shown;
            const [older, newer] = request.backward
              ? [more ? next : 0n, ordered[0]?.seq]
              : [ordered[0]?.seq, more ? next : 0n];
            return (
              <>
                <EventTable
                  label="History"
                  events={ordered}
                  onOpen={setOpen}
                  empty={
                    <Empty title="No events">
                      <span>
                        {looked > 0n
                          ? `None of the ${counted(looked, "event")} that were looked at fits.`
                          : "There is nothing here."}
                      </span>
                    </Empty>
                  }
                />
                <div class="row">
                  <button
                    type="button"
                    class="button"
                    disabled={older === undefined || older <= 0n}
                    onClick={() => goTo(request.backward ? older! : older! - 1n, "back")}
                  >
                    Older
                  </button>
                  <button
                    type="button"
                    class="button"
                    disabled={newer === undefined || newer <= 0n}
                    onClick={() => goTo(request.backward ? newer! + 1n : newer!, "on")}
                  >
                    Newer
                  </button>
                  <button
                    type="button"
                    class="button"
                    onClick={() => setQuery({ seq: "", since: "", way: "back" })}
                  >
                    Newest
                  </button>
                  <span class="soft">{`${exact(looked)} looked at`}</span>
                </div>
              </>
            );
          }}
        </Known>
      )}
    </div>
  );
}
