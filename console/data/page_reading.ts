/**
 * Reads the pages of a long list: those that are missing, and again those that are seen. Pure: whoever calls it says how a page is
 * fetched.
 *
 * Each page begins where the one before it ends. When that has moved, the pages behind it are read anew as far as they are
 * seen, so that no row is there twice or not at all.
 */

/** The rows of one page. */
export const PAGE_ROWS = 200;
/** The next page is read when so few rows are left below. */
export const NEAR_ROWS = PAGE_ROWS / 4;

/** One page of a list. */
export interface ListPage<T> {
  readonly rows: readonly T[];
  /** Whether there are more behind them. */
  readonly more: boolean;
  /** Where the next page begins. */
  readonly next: string | bigint;
  /** How many were looked at for it, where that is more than were found. */
  readonly looked?: bigint;
}

/** Gives the page behind `before`, which is undefined for the first one. */
export type FetchPage<T> = (
  before: ListPage<T> | undefined,
  limit: number,
  signal: AbortSignal,
) => Promise<ListPage<T>>;

/** The number of rows of all pages. */
export function rowsOf(pages: readonly ListPage<unknown>[]): number {
  return pages.reduce((sum, { rows }) => sum + rows.length, 0);
}

/** What is read, and of which pages. */
export interface Reading<T> {
  readonly fetch: FetchPage<T>;
  readonly signal: AbortSignal;
  readonly wanted: number;
  readonly seen: { readonly from: number; readonly to: number };
}

/** The pages of `held` with those that are seen read again, and those that are missing of the wanted ones. */
export async function readAgain<T>(
  held: readonly ListPage<T>[],
  { fetch, signal, wanted, seen: { from, to } }: Reading<T>,
): Promise<ListPage<T>[]> {
  const read: ListPage<T>[] = [];
  let start = 0;
  let hasMoved = false;
  for (let index = 0; index < wanted; index++) {
    const before = read[index - 1];
    if (before !== undefined && !before.more) break;
    if (hasMoved && start > to + NEAR_ROWS) break;
    const known = hasMoved ? undefined : held[index];
    const isSeen = known !== undefined && start <= to && start + known.rows.length >= from;
    const page = known === undefined || isSeen ? await fetch(before, PAGE_ROWS, signal) : known;
    if (known !== undefined && known.next !== page.next) hasMoved = true;
    read.push(page);
    start += page.rows.length;
  }
  return read;
}
