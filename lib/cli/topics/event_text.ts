/**
 * Shows events: for a person at a terminal, as one line for a pipe, or as JSON.
 *
 * Nothing of an event reaches the output unescaped, whichever way it goes. `eventJson` gives what
 * `parley pub --json-lines` takes.
 */
import { preciseClock } from "../../base/local_time.ts";
import { printable } from "../../base/printable.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { payloadJson, payloadText } from "../terminal/payload_text.ts";
import { PayloadTypes } from "../terminal/payload_types.ts";
import { styled } from "../terminal/terminal_text.ts";

/** What is shown of an event; the client library's ReceivedEvent is one. */
export interface ShownEvent {
  readonly topic: string;
  readonly type: string;
  readonly payload: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly messageId: string;
  readonly sender: string;
  readonly seq: bigint;
  readonly timeMicros: bigint;
  readonly group: string;
}

/** How events are shown. */
interface EventView {
  /** For a person: several lines an event. */
  readonly lines: boolean;
  readonly colors: boolean;
  /** Payloads in full length. */
  readonly full: boolean;
  /** The types that are known. Default: Parley's own. */
  readonly types?: PayloadTypes;
  /** In the place of payloads, how long they are. */
  readonly headersOnly?: boolean;
}

const NOTHING = new Uint8Array(0);

function bytesOf({ payload }: ShownEvent): string {
  return `(${payload.length} ${payload.length === 1 ? "byte" : "bytes"})`;
}

/** The event with its line feed. */
export function eventText(event: ShownEvent, view: EventView): string {
  const headers = Object.entries(event.headers);
  const { bytes, why } = view.headersOnly
    ? { bytes: NOTHING, why: "" }
    : (view.types ?? PayloadTypes.OWN).shown(event.type, event.payload);
  const payload = view.headersOnly ? bytesOf(event) : payloadText(bytes, view);
  const reason = why === "" ? [] : [`(${printable(why)})`];
  const type = printable(event.type) || "-";
  const topic = printable(event.topic);
  const sender = printable(event.sender) || "-";
  const number = event.seq === 0n ? [] : [`#${event.seq}`];
  if (!view.lines) {
    const more = headers.length === 0 ? [] : [jsonLine({ headers: event.headers }).trimEnd()];
    return [isoTime(event.timeMicros), topic, ...number, type, sender, ...more, payload, ...reason]
      .join(
        "  ",
      ) + "\n";
  }
  const style = (name: "bold" | "dim" | "cyan", text: string) => styled(name, text, view);
  const first = [
    style("dim", clockTime(event.timeMicros)),
    style("bold", topic),
    ...number.map((text) => style("dim", text)),
    style("cyan", type),
    style("dim", `from ${sender}`),
  ].join("  ");
  const details = headers.map(([name, value]) =>
    style("dim", `${printable(name)}: ${printable(value)}`)
  );
  const body = view.headersOnly
    ? [style("dim", payload)]
    : event.payload.length === 0
    ? [style("dim", "(empty)")]
    : payload.split("\n");
  const whole = [...details, ...body, ...reason.map((text) => style("dim", text))];
  return [first, ...whole.map((line) => `  ${line}`)].join("\n") + "\n";
}

/** The event as one line of JSON. */
export function eventJson(
  event: ShownEvent,
  types = PayloadTypes.OWN,
  headersOnly = false,
): string {
  return jsonLine({
    time: isoTime(event.timeMicros),
    topic: event.topic,
    ...(event.type === "" ? {} : { type: event.type }),
    sender: event.sender,
    ...(event.seq === 0n ? {} : { seq: Number(event.seq) }),
    ...(event.group === "" ? {} : { group: event.group }),
    ...(event.messageId === "" ? {} : { message_id: event.messageId }),
    ...(Object.keys(event.headers).length === 0 ? {} : { headers: event.headers }),
    ...headersOnly
      ? { payload_bytes: event.payload.length }
      : { ...payloadJson(event.payload), ...types.decoded(event.type, event.payload) },
  });
}

/** A time of the server's; `-` when there is none. */
export function isoTime(micros: bigint): string {
  const date = new Date(Number(micros / 1000n));
  if (micros === 0n || Number.isNaN(date.getTime())) return "-";
  return date.toISOString();
}

/** The time of day here, as a person at this terminal reads it. */
export function clockTime(micros: bigint): string {
  const date = new Date(Number(micros / 1000n));
  if (micros === 0n || Number.isNaN(date.getTime())) return "-";
  return preciseClock(date);
}
