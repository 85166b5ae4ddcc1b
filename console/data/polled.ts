/**
 * What is read from the server again and again while it is shown.
 *
 * Nothing is asked while the page is hidden or the connection is lost; at once when it is back. After an error the time to
 * the next look doubles. What was read last is remembered for a while by its key, so that going back shows it at once.
 */
/// <reference lib="dom" />
import { type Signal, signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { generation, phase } from "./connection.ts";

/** How often what is shown is read again. */
export const USUAL_MS = 2_000;
const MAX_DELAY_MS = 30_000;
/** The number of results that are remembered. */
const MAX_REMEMBERED = 60;

/** What is known of something that is read again and again. */
export interface Polled<T> {
  /** What was read last; undefined before the first answer. */
  readonly data: T | undefined;
  /** Why the last look failed; null when it did not. */
  readonly error: unknown;
  /** Reads it again, now. */
  readonly refresh: () => void;
}

const remembered = new Map<string, unknown>();

/**
 * Reads `fetch` now and every `everyMs`; another `key` is another thing. A null key reads nothing.
 */
export function usePolled<T>(
  key: string | null,
  fetch: (signal: AbortSignal) => Promise<T>,
  everyMs: number = USUAL_MS,
): Polled<T> {
  const [state] = useState(() => new Poll<T>());
  state.fetch = fetch;
  state.everyMs = everyMs;
  // What belongs to another key is not shown for a moment either.
  if (state.key !== key) state.turnTo(key);
  useEffect(() => state.run(), [key, state]);
  const { data, error } = state.result.value;
  return { data, error, refresh: state.refresh };
}

class Poll<T> {
  key: string | null = null;
  fetch!: (signal: AbortSignal) => Promise<T>;
  everyMs = USUAL_MS;
  readonly result: Signal<{ data: T | undefined; error: unknown }> = signal({
    data: undefined as T | undefined,
    error: null as unknown,
  });
  #timer: ReturnType<typeof setTimeout> | undefined;
  #abort: AbortController | null = null;
  #failures = 0;

  readonly refresh = (): void => {
    if (this.#abort === null) this.#look();
    else this.#again = true;
  };
  /** Whether somebody asked for another look while one is under way. */
  #again = false;

  turnTo(key: string | null): void {
    this.key = key;
    const data = key === null ? undefined : remembered.get(key) as T | undefined;
    this.result.value = { data, error: null };
  }

  run(): () => void {
    const visible = () => this.#wake();
    document.addEventListener("visibilitychange", visible);
    const stopHearing = generation.subscribe(() => this.#wake());
    return () => {
      document.removeEventListener("visibilitychange", visible);
      stopHearing();
      this.#stop();
    };
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#abort = null;
    this.#again = false;
  }

  #wake(): void {
    if (document.hidden || this.key === null) return;
    this.#failures = 0;
    this.#stop();
    this.#look();
  }

  #look(): void {
    clearTimeout(this.#timer);
    if (document.hidden || phase.value !== "connected" || this.key === null) return;
    const abort = this.#abort = new AbortController();
    const key = this.key;
    const isOver = () => abort.signal.aborted || this.key !== key;
    this.fetch(abort.signal).then((data) => {
      if (isOver()) return;
      this.#failures = 0;
      remember(key, data);
      this.result.value = { data, error: null };
      this.#next(abort);
    }, (error) => {
      if (isOver()) return;
      this.#failures++;
      this.result.value = { data: this.result.value.data, error };
      this.#next(abort);
    });
  }

  #next(abort: AbortController): void {
    if (this.#abort === abort) this.#abort = null;
    if (this.#again) {
      this.#again = false;
      this.#look();
      return;
    }
    const delayMs = Math.min(
      this.everyMs * 2 ** this.#failures,
      Math.max(MAX_DELAY_MS, this.everyMs),
    );
    this.#timer = setTimeout(() => this.#look(), delayMs);
  }
}

function remember(key: string, data: unknown): void {
  remembered.delete(key);
  remembered.set(key, data);
  if (remembered.size > MAX_REMEMBERED) {
    const [oldest] = remembered.keys();
    remembered.delete(oldest);
  }
}
