/**
 * A long list that the server gives in pages: those that were asked for are there, and those that are seen are read again.
 *
 * Bounded: at most `MAX_ROWS` rows are held; whoever looks for more narrows the search, which the server does.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Polled, usePolled, USUAL_MS } from "./polled.ts";

/** The rows of one page. */
export const PAGE_ROWS = 200;
/** The most rows of one list. */
export const MAX_ROWS = 200_000;

/** One page of a list. */
export interface ListPage<T> {
  readonly rows: readonly T[];
  /** Whether there are more behind them. */
  readonly more: boolean;
}

/** A list, as far as it was read. */
export interface Paged<T> extends Polled<ListPage<T>> {
  /** Has the rows that are seen, from one number to another, read again, and the next page once the end is near. */
  readonly seen: (from: number, to: number) => void;
}

/**
 * Reads a list of `key`: `fetch` gives the page behind the row `after` (undefined: the first). `idOf` tells rows apart.
 */
export function usePages<T>(
  key: string,
  fetch: (after: T | undefined, limit: number, signal: AbortSignal) => Promise<ListPage<T>>,
  everyMs: number = USUAL_MS,
): Paged<T> {
  const window = useRef({ from: 0, to: 0 });
  const pages = useRef<ListPage<T>[]>([]);
  const [wanted, setWanted] = useState(1);
  useEffect(() => {
    pages.current = [];
    window.current = { from: 0, to: 0 };
    setWanted(1);
  }, [key]);
  const polled = usePolled<ListPage<T>>(key, async (signal) => {
    const held = pages.current.slice();
    for (let index = 0; index < wanted; index++) {
      const start = index * PAGE_ROWS;
      const isSeen = start <= window.current.to && start + PAGE_ROWS >= window.current.from;
      if (held[index] !== undefined && !isSeen) continue;
      const before = held[index - 1];
      if (before !== undefined && !before.more) {
        held.length = index;
        break;
      }
      held[index] = await fetch(before?.rows.at(-1), PAGE_ROWS, signal);
    }
    pages.current = held;
    return { rows: held.flatMap(({ rows }) => rows), more: held.at(-1)?.more ?? false };
  }, everyMs);
  const asked = useRef(wanted);
  useEffect(() => {
    if (asked.current !== wanted) polled.refresh();
    asked.current = wanted;
  }, [wanted]);
  const seen = (from: number, to: number) => {
    window.current = { from, to };
    const held = pages.current.length;
    const isNearEnd = to + PAGE_ROWS / 4 >= held * PAGE_ROWS;
    if (held > 0 && pages.current[held - 1].more && isNearEnd && held * PAGE_ROWS < MAX_ROWS) {
      setWanted(held + 1);
    }
  };
  return { ...polled, seen };
}
