/**
 * The live tail of a pattern: what is published from now on, filtered by the server, as much of it as a person can read, and
 * how much there was in all.
 */
/// <reference lib="dom" />
import { useState } from "preact/hooks";
import {
  type Gathered,
  MAX_SHOWN,
  SHOWN_A_SECOND,
  type ShownEvent,
  useTail,
} from "../../data/tail.ts";
import { counted, exact, rate } from "../../format/numbers.ts";
import { Field } from "../../parts/fields.tsx";
import { Icon } from "../../parts/icons.tsx";
import { Empty, Note } from "../../parts/states.tsx";
import { route, setQuery } from "../../router.ts";
import { EventCard, EventTable } from "./event_view.tsx";

/** The tail; what is looked for stands in the address. */
export function LiveTail({ pattern }: { pattern: string }) {
  const { text = "", type = "" } = route.value.query;
  const [paused, setPaused] = useState(false);
  const [open, setOpen] = useState<ShownEvent | null>(null);
  const { gathered, error, clear } = useTail({ pattern, type, contains: text }, paused);
  return (
    <div class="stack">
      <div class="row fields">
        <Field
          label="Only with this text"
          value={text}
          onChange={(value) => setQuery({ text: value })}
        />
        <Field
          label="Only of this type"
          value={type}
          onChange={(value) => setQuery({ type: value })}
        />
        <button
          type="button"
          class="button"
          aria-pressed={paused}
          onClick={() => setPaused(!paused)}
        >
          <Icon name={paused ? "play" : "pause"} />
          {paused ? "Go on" : "Pause"}
        </button>
        <button type="button" class="button" onClick={clear}>Clear</button>
      </div>
      {error !== "" && <Note tone="bad">{error}</Note>}
      <p class="soft" role="status">{told(gathered, { isFiltered: text !== "", paused })}</p>
      {open !== null && <EventCard event={open} onClose={() => setOpen(null)} />}
      <EventTable
        label="Live events"
        events={gathered.events}
        onOpen={setOpen}
        empty={
          <Empty title="Nothing yet">
            <span>What is published on {pattern} from now on is shown here.</span>
          </Empty>
        }
      />
    </div>
  );
}

/** How much came, fits and is shown. */
function told(
  { events, came, fit, given, unsearched, dropped, perSecond }: Gathered,
  { isFiltered, paused }: { isFiltered: boolean; paused: boolean },
): string {
  const parts = [
    `${counted(came, "event")} came, ${rate(perSecond)}`,
    isFiltered ? `${exact(fit)} have the text` : "",
    given < fit && !paused
      ? `a sample of ${exact(given)} was given, at most ${SHOWN_A_SECOND} a second`
      : "",
    given > BigInt(events.length) ? `the newest ${MAX_SHOWN} are shown` : "",
    unsearched > 0n ? `${exact(unsearched)} were too many to look for the text in` : "",
    dropped > 0n ? `${exact(dropped)} came too fast to be looked at` : "",
    paused ? "paused" : "",
  ];
  return parts.filter((part) => part !== "").join("; ");
}
