/**
 * Events as they are listed, and one of them with all that it has.
 */
/// <reference lib="dom" />
import type { ShownEvent } from "../../data/tail.ts";
import { useDecoded } from "../../data/types.ts";
import { asLine } from "../../format/bytes.ts";
import { exact, size } from "../../format/numbers.ts";
import { Payload } from "../../parts/payload.tsx";
import { Badge } from "../../parts/states.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";

/** Whether only the beginning of an event's payload is here. */
function isCut({ payload, payloadBytes = 0n }: ShownEvent): boolean {
  return payloadBytes > BigInt(payload.length);
}

/** A payload on one line: as its type makes it, or as it is, and why. */
function PayloadLine({ event }: { event: ShownEvent }) {
  const { text, why } = useDecoded(isCut(event) ? "" : event.type, event.payload);
  const line = text === undefined ? asLine(event.payload) : text.replace(/\s+/g, " ").slice(0, 200);
  return <span class="mono cut" title={why === "" ? undefined : why}>{line}</span>;
}

const COLUMNS: readonly Column<ShownEvent>[] = [
  {
    id: "seq",
    title: "Seq",
    width: "90px",
    end: true,
    cell: ({ seq }) => <span class="mono">{seq === 0n ? "–" : exact(seq)}</span>,
  },
  {
    id: "time",
    title: "Time",
    width: "90px",
    from: 520,
    cell: ({ timeUnixMicros }) => <Time micros={timeUnixMicros} />,
  },
  {
    id: "topic",
    title: "Topic",
    width: "minmax(110px, 1fr)",
    from: 720,
    cell: ({ topic }) => <span class="mono cut">{topic}</span>,
  },
  {
    id: "type",
    title: "Type",
    width: "minmax(90px, 1fr)",
    from: 900,
    cell: ({ type }) => <span class="mono cut">{type === "" ? "–" : type}</span>,
  },
  {
    id: "payload",
    title: "Payload",
    width: "minmax(120px, 3fr)",
    cell: (event) => <PayloadLine event={event} />,
  },
];

/** A list of events; one that is opened is told of. */
export function EventTable(
  { label, events, onOpen, empty }: {
    label: string;
    events: readonly ShownEvent[];
    onOpen: (event: ShownEvent) => void;
    empty: preact.ComponentChildren;
  },
) {
  return (
    <Table
      label={label}
      rows={events}
      columns={COLUMNS}
      idOf={({ id }) => id}
      onOpen={onOpen}
      most={12}
      empty={empty}
    />
  );
}

/** One event. */
export function EventCard({ event, onClose }: { event: ShownEvent; onClose: () => void }) {
  const cut = isCut(event);
  const decoded = useDecoded(cut ? "" : event.type, event.payload);
  const headers = Object.entries(event.headers);
  return (
    <section class="card" aria-label="Event">
      <div class="card-head">
        <h2>{event.seq === 0n ? "Event" : `Event ${exact(event.seq)}`}</h2>
        {event.type !== "" && <Badge>{event.type}</Badge>}
        <span class="grow" />
        <button type="button" class="button small" onClick={onClose}>Close</button>
      </div>
      <div class="card-body stack">
        <dl class="pairs">
          <dt>Topic</dt>
          <dd class="mono">{event.topic}</dd>
          <dt>Time</dt>
          <dd>
            <Time micros={event.timeUnixMicros} />
          </dd>
          <dt>Sender</dt>
          <dd class="mono">{event.sender}</dd>
          {event.messageId !== "" && (
            <>
              <dt>Message id</dt>
              <dd class="mono">{event.messageId}</dd>
            </>
          )}
          {headers.map(([name, value]) => (
            <>
              <dt key={name}>{name}</dt>
              <dd class="mono">{value}</dd>
            </>
          ))}
        </dl>
        {decoded.why !== "" && <p class="soft">{decoded.why}</p>}
        {cut && (
          <p class="soft">
            The payload has {size(event.payloadBytes ?? 0n)}
            ; this is its beginning, which no type can be read of.
          </p>
        )}
        <Payload bytes={event.payload} decoded={decoded.text} />
      </div>
    </section>
  );
}
