/**
 * What is published on topics from now on, as much of it as a person can read: the server filters, counts all of it, and gives
 * a sample.
 *
 * It is asked twice a second while it is shown, and not while the page is hidden. Bounded: `MAX_SHOWN` events are held.
 */
/// <reference lib="dom" />
import { useEffect, useRef, useState } from "preact/hooks";
import { detached } from "../../lib/base/detached.ts";
import type { TailTopicsResponse } from "../../lib/gen/parley/v1/topic_pb.ts";
import { Topics } from "../../lib/gen/parley/v1/topic_pb.ts";
import { ask, inWords } from "./ask.ts";
import { generation, phase } from "./connection.ts";

/** The most events that are held, the newest. */
export const MAX_SHOWN = 500;
/** The most events a second that the server gives. */
export const SHOWN_A_SECOND = 40;
const LOOK_MS = 500;
/** Letters are typed faster than a tail is begun. */
const TYPING_MS = 250;
/** After an error it is tried again. */
const RETRY_MS = 3_000;

/** An event, wherever it came from. */
export interface ShownEvent {
  /** What tells it apart in its list. */
  readonly id: string;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly messageId: string;
  readonly sender: string;
  readonly seq: bigint;
  readonly timeUnixMicros: bigint;
  /** How long the payload was, where only its beginning may be here. */
  readonly payloadBytes?: bigint;
}

/** An event that came. */
export interface TailedEvent extends ShownEvent {
  readonly payloadBytes: bigint;
}

/** What a tail has gathered; the counts are exact. */
export interface Gathered {
  /** The newest first. */
  readonly events: readonly TailedEvent[];
  readonly came: bigint;
  readonly fit: bigint;
  /** How many of those that fit were given. */
  readonly given: bigint;
  readonly unsearched: bigint;
  readonly dropped: bigint;
  readonly perSecond: number;
}

/** What is followed. */
export interface TailWish {
  readonly pattern: string;
  readonly type: string;
  readonly contains: string;
}

const NOTHING: Gathered = {
  events: [],
  came: 0n,
  fit: 0n,
  given: 0n,
  unsearched: 0n,
  dropped: 0n,
  perSecond: 0,
};

let lastTail = 0n;
let lastEvent = 0;

/** A tail as it is shown. */
export interface Tail {
  readonly gathered: Gathered;
  /** Why nothing comes; empty when all is well. */
  readonly error: string;
  readonly clear: () => void;
}

/** Follows topics for as long as it is shown. While it is paused, what comes is counted and not shown. */
export function useTail({ pattern, type, contains }: TailWish, paused: boolean): Tail {
  const [gathered, setGathered] = useState(NOTHING);
  const [error, setError] = useState("");
  const isPaused = useRef(paused);
  isPaused.current = paused;
  useEffect(() => {
    if (phase.value !== "connected") return;
    setGathered(NOTHING);
    setError("");
    const tail = ++lastTail;
    const request = { tail, pattern, type, contains, eventsPerSecond: SHOWN_A_SECOND };
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let hasBegun = false;
    const look = () => {
      if (document.hidden) return next(LOOK_MS);
      hasBegun = true;
      detached(
        ask(Topics.method.tail, request, { signal: abort.signal }).then((answer) => {
          if (abort.signal.aborted) return;
          setError("");
          setGathered((before) => joined(before, answer, isPaused.current));
          next(LOOK_MS);
        }, (reason) => {
          if (abort.signal.aborted) return;
          setError(inWords(reason));
          next(RETRY_MS);
        }),
        "follow topics",
      );
    };
    const next = (delayMs: number) => timer = setTimeout(look, delayMs);
    next(TYPING_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
      if (!hasBegun || phase.value !== "connected") return;
      // Whether it is told or not, a tail that nobody asks for ends.
      ask(Topics.method.tail, { ...request, end: true }).catch(() => {});
    };
  }, [pattern, type, contains, generation.value]);
  return { gathered, error, clear: () => setGathered(NOTHING) };
}

/** What was gathered, with what an answer brings. */
function joined(before: Gathered, answer: TailTopicsResponse, isPaused: boolean): Gathered {
  const { events, came, fit, unsearched, dropped, elapsedMs } = answer;
  const perSecond = elapsedMs === 0 ? 0 : Number(came) * 1000 / elapsedMs;
  if (came === 0n && before.perSecond === 0) return before;
  const shown = isPaused ? [] : events.flatMap(({ event, payloadBytes }): TailedEvent[] => {
    if (event === undefined) return [];
    const { topic, payload, type, headers, messageId, sender, seq, timeUnixMicros } = event;
    const texts = { topic, type, headers, messageId, sender };
    return [{ ...texts, id: String(++lastEvent), payload, seq, timeUnixMicros, payloadBytes }];
  });
  return {
    events: shown.length === 0
      ? before.events
      : [...shown.reverse(), ...before.events].slice(0, MAX_SHOWN),
    came: before.came + came,
    fit: before.fit + fit,
    given: before.given + BigInt(shown.length),
    unsearched: before.unsearched + unsearched,
    dropped: before.dropped + dropped,
    perSecond,
  };
}
