/**
 * A long list that the server gives in pages: those that were asked for are there, and those that are seen are read again.
 *
 * Bounded: at most `MAX_ROWS` rows are held; whoever looks for more narrows the search, which the server does.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { type FetchPage, type ListPage, NEAR_ROWS, readAgain, rowsOf } from "./page_reading.ts";
import { type Polled, usePolled, USUAL_MS } from "./polled.ts";

/** The most rows of one list. */
export const MAX_ROWS = 200_000;

/** A list, as far as it was read. */
export interface List<T> {
  readonly rows: readonly T[];
  readonly more: boolean;
  /** How many were looked at. */
  readonly looked: bigint;
}

/** How a list is read. */
export interface Paged<T> extends Polled<List<T>> {
  /** Has the rows that are seen, from one number to another, read again, and the next page once the end is near. */
  readonly seen: (from: number, to: number) => void;
  /** Reads the next page, also when the last ones had no rows. */
  readonly further: () => void;
}

/** Reads a list of `key`, as far as it is seen. */
export function usePages<T>(
  key: string,
  fetch: FetchPage<T>,
  everyMs: number = USUAL_MS,
): Paged<T> {
  const window = useRef({ from: 0, to: 0 });
  const pages = useRef<readonly ListPage<T>[]>([]);
  const [wanted, setWanted] = useState(1);
  useEffect(() => {
    pages.current = [];
    window.current = { from: 0, to: 0 };
    setWanted(1);
  }, [key]);
  const polled = usePolled<List<T>>(key, async (signal) => {
    const read = await readAgain(pages.current, { fetch, signal, wanted, seen: window.current });
    if (signal.aborted) throw signal.reason;
    pages.current = read;
    if (read.length < wanted) setWanted(Math.max(1, read.length));
    return {
      rows: read.flatMap(({ rows }) => rows),
      more: read.at(-1)?.more ?? false,
      looked: read.reduce((sum, { looked, rows }) => sum + (looked ?? BigInt(rows.length)), 0n),
    };
  }, everyMs);
  const asked = useRef(wanted);
  useEffect(() => {
    if (asked.current < wanted) polled.refresh();
    asked.current = wanted;
  }, [wanted]);
  const further = () => {
    const held = pages.current;
    if (held.at(-1)?.more === true && rowsOf(held) < MAX_ROWS) setWanted(held.length + 1);
  };
  const seen = (from: number, to: number) => {
    window.current = { from, to };
    if (to + NEAR_ROWS >= rowsOf(pages.current)) further();
  };
  return { ...polled, seen, further };
}
