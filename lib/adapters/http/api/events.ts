/**
 * `GET /v1/events`: events of a pattern as server-sent events, from now on or from the history on.
 *
 * Each is one line of JSON. Events of kept topics have an id, and a client that sends the last one it got back as
 * `Last-Event-ID`, as EventSource does by itself, goes on behind it (see resume). What is no event has a name:
 * `missed`, `history-lost` and `end`. A client that does not read is held up as on every listener, and its subscription
 * says what happens then. One that has finished sending may be gone, and its stream ends. The same event is rendered
 * once for all who get it.
 */
import { Buffer } from "node:buffer";
import { create } from "@bufbuild/protobuf";
import { mayFail } from "../../../base/detached.ts";
import { durationMs } from "../../../base/duration.ts";
import { CloseReason, ErrorCode, invalidArgument, ParleyError } from "../../../base/errors.ts";
import { quote } from "../../../base/quote.ts";
import {
  type Event,
  OverflowPolicy,
  type Start,
  StartSchema,
  type Subscribe,
  SubscribeSchema,
} from "../../../gen/parley/v1/event_pb.ts";
import type { Ack } from "../../../gen/parley/v1/session_pb.ts";
import { jsonData } from "./content.ts";
import {
  checkQuery,
  type Exchange,
  finishedSending,
  type StreamAnswer,
  type WriteMore,
} from "./exchange.ts";
import type { MessageClient, Said } from "./message_client.ts";
import { readId, type Resumed, startOf, StreamPosition } from "./resume.ts";

/** The parameters of a stream. */
export const EVENTS_QUERY = ["pattern", "type", "since", "overflow"] as const;

/** A comment is sent so often, so that nobody in between takes a quiet stream for a dead one. */
const COMMENT_INTERVAL_MS = 15_000;
/** How long a browser is to wait before it connects again. */
const RETRY_MS = 1000;
/** The most events of each topic that a stream can begin with. */
const MAX_LAST = 0xffff_ffff;

const OVERFLOWS: ReadonlyMap<string, OverflowPolicy> = new Map([
  ["disconnect", OverflowPolicy.DISCONNECT],
  ["drop_oldest", OverflowPolicy.DROP_OLDEST],
  ["drop_newest", OverflowPolicy.DROP_NEWEST],
  ["catch_up", OverflowPolicy.CATCH_UP],
]);

type Since = Start["since"];

/** Opens a stream of events. */
export async function events(exchange: Exchange): Promise<StreamAnswer> {
  const { query, headers } = exchange;
  checkQuery(query, EVENTS_QUERY);
  const nowMicros = BigInt(Math.floor(exchange.wallMs())) * 1000n;
  const since = sinceOf(query.get("since"), nowMicros);
  const lastId = headers["last-event-id"] ?? "";
  const resumed = lastId === "" ? null : readId(lastId);
  const client = await exchange.client();
  const opened = await subscribe(client, requestOf(exchange), { since, resumed, nowMicros });
  return {
    status: 200,
    headers: { "Content-Type": "text/event-stream", "X-Accel-Buffering": "no" },
    run: (write) => follow(client, opened, { write, left: exchange.left }),
  };
}

/** What a stream asks for, but where it begins. */
function requestOf({ query }: Exchange): Subscribe {
  const name = query.get("overflow");
  const overflow = name === null ? OverflowPolicy.UNSPECIFIED : OVERFLOWS.get(name);
  if (overflow === undefined) {
    throw invalidArgument(`cannot take overflow=${quote(name!)}`, {
      accepted: [...OVERFLOWS.keys()].join(", "),
    });
  }
  return create(SubscribeSchema, {
    pattern: query.get("pattern") ?? "",
    type: query.get("type") ?? "",
    overflow,
    echo: true,
    tellPositions: true,
  });
}

/** A stream that was opened. */
interface Opened {
  /** Deliveries that came before there was somebody to write them. */
  readonly early: Said[];
  /** To be called when there is: until then no more are taken. */
  begin(): void;
  /** Where it stands; null when nothing of it can be kept. */
  readonly position: StreamPosition | null;
  readonly historyLost: boolean;
}

/** Subscribes, behind the last event that was received where there is one. */
async function subscribe(
  client: MessageClient,
  request: Subscribe,
  from: { since: Since; resumed: Resumed | null; nowMicros: bigint },
): Promise<Opened> {
  const { since, resumed, nowMicros } = from;
  const early: Said[] = [];
  client.deliver = (said) => void early.push(said);
  const start = resumed !== null
    ? startOf(resumed)
    : since.case === undefined
    ? undefined
    : create(StartSchema, { since });
  const ask = async (start: Start | undefined) =>
    (await client.ask({ case: "subscribe", value: { ...request, start } })).value as Ack;
  let ack: Ack;
  let isLost = false;
  try {
    ack = await ask(start);
  } catch (reason) {
    // What was kept when the stream began is not any more.
    const isNotKept = reason instanceof ParleyError &&
      reason.code === ErrorCode.FAILED_PRECONDITION;
    if (resumed === null || !isNotKept) throw reason;
    isLost = true;
    ack = await ask(undefined);
  }
  // What came with the answer is here; what follows waits for whoever writes it.
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  client.deliver = (said) => {
    early.push(said);
    return begun;
  };
  const historyLost = isLost || ack.historyLost;
  const canKeep = !isExact(request.pattern) || ack.allKept;
  const epoch = client.welcome?.historyEpoch ?? "";
  if (!canKeep || epoch === "") return { early, begin, position: null, historyLost };
  if (resumed !== null && !historyLost) {
    const position = new StreamPosition(epoch, resumed.since, resumed.seqs);
    return { early, begin, position, historyLost };
  }
  const position = new StreamPosition(epoch, restOf(since, nowMicros));
  return { early, begin, position, historyLost };
}

/** Where topics begin, when a stream goes on, of which no event has come yet. */
function restOf(since: Since, nowMicros: bigint): Since {
  const isFromNow = since.case === undefined || since.case === "last";
  return isFromNow ? { case: "timeUnixMicros", value: nowMicros } : since;
}

/** Writes what comes until the client has gone or finished sending, or the session is over. */
async function follow(
  client: MessageClient,
  opened: Opened,
  { write, left }: { write: WriteMore; left: AbortSignal },
): Promise<void> {
  try {
    await writeAll(client, opened, { write, left });
  } finally {
    opened.begin();
    client.finish();
  }
}

async function writeAll(
  client: MessageClient,
  { early, begin, position, historyLost }: Opened,
  { write, left }: { write: WriteMore; left: AbortSignal },
): Promise<void> {
  const first = position?.first ?? null;
  await write(`retry: ${RETRY_MS}\n${first === null ? "" : `id: ${first}\n`}\n`);
  if (historyLost) await write("event: history-lost\ndata: {}\n\n");
  const deliver = (said: Said) => {
    if (said.case !== "event") return said.case === "missed" ? write(missedText(said)) : undefined;
    const { topic, seq } = said.value;
    const id = seq === 0n ? null : position?.passed(topic, Number(seq)) ?? null;
    const bytes = eventBytes(said.value);
    return write(id === null ? bytes : Buffer.concat([Buffer.from(`id: ${id}\n`), bytes]));
  };
  for (const said of early) await deliver(said);
  const comment = async () => await write(":\n\n");
  const comments = setInterval(
    () => mayFail(comment(), "keep a stream alive"),
    COMMENT_INTERVAL_MS,
  );
  try {
    await new Promise<void>((resolve) => {
      client.deliver = deliver;
      begin();
      client.onEnd = () => resolve();
      left.addEventListener("abort", () => resolve());
      if (client.end !== null || left.aborted) resolve();
    });
    const end = client.end ?? finishedSending("go on with a stream");
    if (left.aborted) {
      // Nothing is kept for a reader that may be gone, however long it takes to know.
      client.deliver = () => {};
      client.finish();
    }
    await write(endText(end));
  } finally {
    clearInterval(comments);
  }
}

/** The words for events that were left out. */
function missedText({ value: { topic, count } }: Extract<Said, { case: "missed" }>): string {
  return `event: missed\ndata: ${JSON.stringify({ topic, count: Number(count) })}\n\n`;
}

function endText(reason: ParleyError): string {
  const { codeName: code, message: detail, closeReason } = reason;
  const data = { code, detail, close_reason: CloseReason[closeReason] };
  return `event: end\ndata: ${JSON.stringify(data)}\n\n`;
}

const rendered = new WeakMap<Event, Uint8Array>();

/** An event as JSON, in the bytes that every stream writes, but for its id. */
function eventBytes(event: Event): Uint8Array {
  const known = rendered.get(event);
  if (known !== undefined) return known;
  const { topic, seq, timeUnixMicros, sender, type, messageId, headers, payload } = event;
  const text = JSON.stringify({
    topic,
    ...seq === 0n ? {} : { seq: Number(seq) },
    time: new Date(Number(timeUnixMicros / 1000n)).toISOString(),
    sender,
    ...type === "" ? {} : { type },
    ...messageId === "" ? {} : { message_id: messageId },
    ...Object.keys(headers).length === 0 ? {} : { headers },
    ...jsonData(payload, headers),
  });
  const bytes = Buffer.from(`data: ${text}\n\n`);
  rendered.set(event, bytes);
  return bytes;
}

/** Reads where a stream is to begin: `new`, `all`, `last`, `last:N`, a seq, an age or a moment. */
function sinceOf(text: string | null, nowMicros: bigint): Since {
  if (text === null || text === "new") return { case: undefined };
  if (text === "all") return { case: "all", value: true };
  const last = /^last(?::(\d{1,10}))?$/.exec(text);
  if (last !== null) {
    const count = Number(last[1] ?? 1);
    if (count >= 1 && count <= MAX_LAST) return { case: "last", value: count };
  }
  if (/^\d{1,15}$/.test(text)) return { case: "seq", value: BigInt(text) };
  const ageMs = durationMs(text);
  if (ageMs !== null) {
    const micros = nowMicros - BigInt(Math.floor(ageMs)) * 1000n;
    return { case: "timeUnixMicros", value: micros > 0n ? micros : 0n };
  }
  const momentMs = /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) ? Date.parse(text) : NaN;
  if (momentMs >= 0) return { case: "timeUnixMicros", value: BigInt(Math.floor(momentMs)) * 1000n };
  throw invalidArgument(`cannot begin at since=${quote(text)}`, {
    accepted:
      "new, all, last, last:N, a seq, an age like 90s, 2h or 7d, or a moment like 2026-01-20T15:00:00Z",
  });
}

function isExact(pattern: string): boolean {
  return pattern !== "" && !/(^|\.)[*>](\.|$)/.test(pattern);
}
