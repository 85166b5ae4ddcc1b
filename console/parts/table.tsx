/**
 * A table whose rows are made only where they are seen, so that a hundred thousand of them scroll like ten.
 *
 * All rows are of one height. Arrow keys, Page Up and Down, Home and End move through rows, Enter opens one, Space chooses
 * it. Columns can be left out on narrow screens (`from`, in pixels). What the cells hold is text to the browser.
 */
/// <reference lib="dom" />
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icons.tsx";

/** The height of a row, in pixels. */
export const ROW_PX = 36;
/** Rows that are made above and below what is seen. */
const BEYOND = 8;

/** One column. */
export interface Column<T> {
  readonly id: string;
  readonly title: string;
  /** Its part of the width, as in a grid: `minmax(120px, 2fr)`, `90px`. */
  readonly width: string;
  readonly cell: (row: T) => ComponentChildren;
  /** Numbers stand at the end. */
  readonly end?: boolean;
  /** Whether rows can be put in its order. */
  readonly sorts?: boolean;
  /** It is left out where the table is narrower. */
  readonly from?: number;
}

/** The order of rows: a column's id, with `-` before it for the greatest first. */
export type Order = string;

interface TableProps<T> {
  readonly label: string;
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly idOf: (row: T) => string;
  /** Where a row leads; also by Enter and by a click anywhere in it. */
  readonly onOpen?: (row: T) => void;
  readonly order?: Order;
  readonly onOrder?: (order: Order) => void;
  /** The ids of the rows that are chosen, where rows can be. */
  readonly chosen?: ReadonlySet<string>;
  readonly onChoose?: (chosen: ReadonlySet<string>) => void;
  /** Says of a row why it cannot be chosen; empty when it can. */
  readonly fixed?: (row: T) => string;
  /** Told which rows are seen, from one number to another. */
  readonly onSeen?: (from: number, to: number) => void;
  /** The most height, in rows. */
  readonly most?: number;
  /** What stands below: how many there are. */
  readonly foot?: ComponentChildren;
  /** What is shown when there are no rows. */
  readonly empty: ComponentChildren;
}

/** The table. */
export function Table<T>(props: TableProps<T>) {
  const { rows, columns, idOf, chosen, onChoose, most = 18 } = props;
  const scroll = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [width, setWidth] = useState(1200);
  const [active, setActive] = useState(0);
  /** The same, known before the focus follows: keys may come faster than that. */
  const at = useRef(0);
  useLayoutEffect(() => {
    const element = scroll.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, [rows.length === 0]);
  const height = Math.max(1, Math.min(rows.length, most)) * ROW_PX;
  const first = Math.max(0, Math.floor(top / ROW_PX) - BEYOND);
  const end = Math.min(rows.length, Math.ceil((top + height) / ROW_PX) + BEYOND);
  useEffect(() => props.onSeen?.(first, end), [first, end, rows.length]);
  const current = Math.min(active, Math.max(0, rows.length - 1));
  const shown = columns.filter(({ from = 0 }) => width >= from);
  const template = [
    ...chosen === undefined ? [] : ["18px"],
    ...shown.map((column) => column.width),
  ].join(" ");
  const focusOn = (index: number) => {
    const next = at.current = Math.max(0, Math.min(rows.length - 1, index));
    setActive(next);
    const element = scroll.current;
    if (element === null) return;
    if (next * ROW_PX < element.scrollTop) element.scrollTop = next * ROW_PX;
    if ((next + 1) * ROW_PX > element.scrollTop + height) {
      element.scrollTop = (next + 1) * ROW_PX - height;
    }
    requestAnimationFrame(() =>
      element.querySelector<HTMLElement>(`[data-index="${next}"]`)?.focus({ preventScroll: true })
    );
  };
  const fixed = (row: T) => props.fixed?.(row) ?? "";
  const toggle = (row: T) => {
    if (chosen === undefined || fixed(row) !== "") return;
    const next = new Set(chosen);
    const id = idOf(row);
    if (!next.delete(id)) next.add(id);
    onChoose?.(next);
  };
  const choosable = props.fixed === undefined ? rows : rows.filter((row) => fixed(row) === "");
  const isAll = chosen !== undefined && choosable.length > 0 &&
    chosen.size >= choosable.length && choosable.every((row) => chosen.has(idOf(row)));
  const onKey = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    const step = STEPS[event.key];
    const now = Math.min(at.current, rows.length - 1);
    const row = rows[now];
    if (step !== undefined) focusOn(step(now, rows.length, Math.floor(height / ROW_PX)));
    else if (event.key === "Enter" && props.onOpen !== undefined) props.onOpen(row);
    else if (event.key === " " && chosen !== undefined) toggle(row);
    else return;
    event.preventDefault();
  };
  if (rows.length === 0) return <div class="card">{props.empty}</div>;
  return (
    <div
      class={rows.length > most ? "card table scrolls" : "card table"}
      style={{ "--columns": template }}
    >
      <div
        role="grid"
        aria-label={props.label}
        aria-rowcount={rows.length + 1}
        aria-multiselectable={chosen === undefined ? undefined : true}
      >
        <div class="table-head" role="row" aria-rowindex={1}>
          {chosen !== undefined && (
            <div role="columnheader">
              <input
                type="checkbox"
                aria-label="Choose all that are listed"
                checked={isAll}
                ref={(input) => {
                  if (input !== null) input.indeterminate = chosen.size > 0 && !isAll;
                }}
                onChange={(event) =>
                  onChoose?.(new Set(event.currentTarget.checked ? choosable.map(idOf) : []))}
              />
            </div>
          )}
          {shown.map((column) => (
            <Head key={column.id} column={column} order={props.order} onOrder={props.onOrder} />
          ))}
        </div>
        <div
          class="table-scroll"
          role="rowgroup"
          ref={scroll}
          style={{ height: `${height}px` }}
          onScroll={(event) => setTop(event.currentTarget.scrollTop)}
        >
          <div
            class="table-space"
            role="presentation"
            style={{ height: `${rows.length * ROW_PX}px` }}
          >
            {rows.slice(first, end).map((row, offset) => {
              const index = first + offset;
              const id = idOf(row);
              return (
                <div
                  key={id}
                  class={props.onOpen === undefined ? "table-row" : "table-row opens"}
                  role="row"
                  data-index={index}
                  aria-rowindex={index + 2}
                  aria-selected={chosen === undefined ? undefined : chosen.has(id)}
                  tabIndex={index === current ? 0 : -1}
                  style={{ top: `${index * ROW_PX}px` }}
                  onFocus={() => {
                    at.current = index;
                    setActive(index);
                  }}
                  onKeyDown={onKey}
                  onClick={(event) => {
                    if (isControl(event.target)) return;
                    if (props.onOpen !== undefined) props.onOpen(row);
                    else if (chosen !== undefined) toggle(row);
                  }}
                >
                  {chosen !== undefined && (
                    <div role="gridcell">
                      <input
                        type="checkbox"
                        tabIndex={-1}
                        aria-label={`Choose ${id}`}
                        checked={chosen.has(id)}
                        disabled={fixed(row) !== ""}
                        title={fixed(row) || undefined}
                        onChange={() => toggle(row)}
                      />
                    </div>
                  )}
                  {shown.map((column) => (
                    <div
                      key={column.id}
                      role="gridcell"
                      class={column.end === true ? "end" : undefined}
                    >
                      {column.cell(row)}
                    </div>
                  ))}
                </div>
              );
            })}
          </div>
        </div>
      </div>
      {props.foot !== undefined && <div class="table-foot">{props.foot}</div>}
    </div>
  );
}

const STEPS: Readonly<Record<string, (at: number, count: number, page: number) => number>> = {
  ArrowDown: (at) => at + 1,
  ArrowUp: (at) => at - 1,
  PageDown: (at, _, page) => at + page,
  PageUp: (at, _, page) => at - page,
  Home: () => 0,
  End: (_, count) => count - 1,
};

/** Whether a click is for something in a row, and not for the row. */
function isControl(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("a, button, input, label, select") !== null;
}

function Head<T>(
  { column, order = "", onOrder }: {
    column: Column<T>;
    order?: Order;
    onOrder?: (order: Order) => void;
  },
) {
  const { id, title, end } = column;
  const isDown = order === `-${id}`;
  const isUp = order === id;
  const sorts = column.sorts === true && onOrder !== undefined;
  return (
    <div
      role="columnheader"
      class={end === true ? "end cut" : "cut"}
      aria-sort={!sorts ? undefined : isDown ? "descending" : isUp ? "ascending" : "none"}
    >
      {sorts
        ? (
          <button
            type="button"
            onClick={() => onOrder(isDown ? id : isUp ? `-${id}` : end === true ? `-${id}` : id)}
          >
            {title}
            {(isDown || isUp) && <Icon name={isDown ? "down" : "up"} />}
          </button>
        )
        : title}
    </div>
  );
}

/** Rows in an order: `values` gives what a column's rows are compared by. */
export function inOrder<T>(
  rows: readonly T[],
  order: Order,
  values: Readonly<Record<string, (row: T) => string | number | bigint>>,
): readonly T[] {
  const isDown = order.startsWith("-");
  const value = values[isDown ? order.slice(1) : order];
  if (value === undefined) return rows;
  const sign = isDown ? -1 : 1;
  return rows.map((row) => ({ row, by: value(row) }))
    .sort(({ by: a }, { by: b }) => a === b ? 0 : (a < b ? -sign : sign))
    .map(({ row }) => row);
}
