/**
 * The live tail of a pattern: what is published from now on, as much of it as a person can read.
 *
 * Of many events some are shown: at most `SHOWN_A_SECOND`, and how many came is told. The server drops what the page does not
 * take, so that nobody waits for it. Bounded: `MAX_SHOWN` events are held.
 */
/// <reference lib="dom" />
import { useEffect, useRef, useState } from "preact/hooks";
import { detached } from "../../../lib/base/detached.ts";
import { connected, inWords } from "../../data/ask.ts";
import { generation, phase } from "../../data/connection.ts";
import { exact, rate } from "../../format/numbers.ts";
import { Field } from "../../parts/fields.tsx";
import { Icon } from "../../parts/icons.tsx";
import { Empty, Note } from "../../parts/states.tsx";
import { EventCard, EventTable, type ShownEvent } from "./event_view.tsx";

const MAX_SHOWN = 500;
const SHOWN_A_SECOND = 40;
const LOOK_MS = 500;

/** What a tail has gathered. */
interface Gathered {
  readonly events: readonly ShownEvent[];
  readonly came: number;
  readonly missed: number;
  readonly perSecond: number;
}

const NOTHING: Gathered = { events: [], came: 0, missed: 0, perSecond: 0 };

/** The tail. */
export function LiveTail({ pattern }: { pattern: string }) {
  const [text, setText] = useState("");
  const [type, setType] = useState("");
  const [paused, setPaused] = useState(false);
  const [open, setOpen] = useState<ShownEvent | null>(null);
  const { gathered, error, clear } = useTail(pattern, { text, type, paused });
  return (
    <div class="stack">
      <div class="row fields">
        <Field label="Only with this text" value={text} onChange={setText} />
        <Field label="Only of this type" value={type} onChange={setType} />
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
      <p class="soft" role="status">
        {`${exact(gathered.came)} came, ${rate(gathered.perSecond)}`}
        {gathered.came > gathered.events.length && `; ${exact(gathered.events.length)} are shown`}
        {gathered.missed > 0 && `; ${exact(gathered.missed)} more were not sent here`}
        {paused && "; paused"}
      </p>
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

function useTail(
  pattern: string,
  filter: { text: string; type: string; paused: boolean },
) {
  const [gathered, setGathered] = useState(NOTHING);
  const [error, setError] = useState("");
  const wanted = useRef(filter);
  wanted.current = filter;
  const clear = useRef(() => {});
  const { type } = filter;
  useEffect(() => {
    if (phase.value !== "connected") return;
    const tail = new Tail(() => wanted.current);
    const abort = new AbortController();
    const timer = setInterval(() => {
      const now = tail.take();
      if (now !== null) setGathered(now);
    }, LOOK_MS);
    clear.current = () => setGathered(tail.clear());
    setGathered(NOTHING);
    setError("");
    detached(
      connected().subscribe(pattern, {
        type: type === "" ? undefined : type,
        echo: true,
        overflow: "drop_newest",
        signal: abort.signal,
        onGap: (gap) => tail.miss(gap.kind === "missed" ? Number(gap.count) : 0),
      }, (event) => tail.add(event)).then(undefined, (reason) => {
        if (!abort.signal.aborted) setError(inWords(reason));
      }),
      "follow a topic",
    );
    return () => {
      clearInterval(timer);
      abort.abort();
    };
  }, [pattern, type, generation.value]);
  return { gathered, error, clear: () => clear.current() };
}

/** Events on their way to the page. */
class Tail {
  readonly #filter: () => { readonly text: string; readonly paused: boolean };
  #events: ShownEvent[] = [];
  #came = 0;
  #missed = 0;
  #next = 0;
  #shownSinceMs = 0;
  #shown = 0;
  #lookedMs = performance.now();
  #lookedCame = 0;
  #isChanged = false;

  constructor(filter: () => { readonly text: string; readonly paused: boolean }) {
    this.#filter = filter;
  }

  add(event: {
    readonly topic: string;
    readonly payload: Uint8Array;
    readonly type: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly messageId: string;
    readonly sender: string;
    readonly seq: bigint;
    readonly timeMicros: bigint;
  }): void {
    const { text, paused } = this.#filter();
    if (paused) return;
    if (text !== "" && !holds(event, text)) return;
    this.#came++;
    this.#isChanged = true;
    const nowMs = performance.now();
    if (nowMs - this.#shownSinceMs > 1000) {
      this.#shownSinceMs = nowMs;
      this.#shown = 0;
    }
    if (this.#shown++ >= SHOWN_A_SECOND) return;
    const { topic, payload, type, headers, messageId, sender, seq } = event;
    const shown = { topic, payload, type, headers, messageId, sender, seq };
    this.#events.unshift({
      ...shown,
      id: String(this.#next++),
      timeUnixMicros: event.timeMicros,
    });
    if (this.#events.length > MAX_SHOWN) this.#events.length = MAX_SHOWN;
  }

  miss(count: number): void {
    this.#missed += count;
    this.#isChanged = true;
  }

  clear(): Gathered {
    this.#events = [];
    this.#came = this.#missed = this.#lookedCame = 0;
    return NOTHING;
  }

  /** What has gathered; null when that is nothing new. */
  take(): Gathered | null {
    const nowMs = performance.now();
    const seconds = (nowMs - this.#lookedMs) / 1000;
    const perSecond = (this.#came - this.#lookedCame) / seconds;
    if (!this.#isChanged && perSecond === 0 && this.#lookedCame === this.#came) {
      if (this.#wasQuiet) return null;
      this.#wasQuiet = true;
    } else this.#wasQuiet = false;
    this.#lookedMs = nowMs;
    this.#lookedCame = this.#came;
    this.#isChanged = false;
    return { events: [...this.#events], came: this.#came, missed: this.#missed, perSecond };
  }

  #wasQuiet = false;
}

function holds(
  { payload, headers, messageId, topic, type }: {
    readonly payload: Uint8Array;
    readonly headers: Readonly<Record<string, string>>;
    readonly messageId: string;
    readonly topic: string;
    readonly type: string;
  },
  text: string,
): boolean {
  return topic.includes(text) || type.includes(text) || messageId.includes(text) ||
    Object.values(headers).some((value) => value.includes(text)) ||
    new TextDecoder().decode(payload).includes(text);
}
