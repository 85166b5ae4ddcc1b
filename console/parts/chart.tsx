/**
 * Lines over time, drawn by uPlot, with the values under the pointer in words below; the newest ones without a pointer.
 *
 * Times are in seconds since 1970. A value of null is a gap. Whoever cannot see it reads the newest and the greatest
 * values.
 */
/// <reference lib="dom" />
import { effect, signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { short, size } from "../format/numbers.ts";
import { theme } from "../shell/theme.ts";

/** One line. */
export interface Line {
  readonly title: string;
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format?: (value: number) => string;
  readonly height?: number;
  /** How much time is shown, in seconds, also where nothing is known of the beginning. */
  readonly seconds?: number;
  /** Whether values are whole numbers of something. */
  readonly whole?: boolean;
}

const DASHES: readonly (number[] | undefined)[] = [undefined, [6, 3], [2, 3], undefined, [
  8,
  3,
  2,
  3,
]];
/** The colours have changed: what was drawn is drawn anew. */
const darkness = signal(0);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => darkness.value++);

/** The chart. */
export function Chart(props: ChartProps) {
  const { title, times, lines, format = short, height = 150, seconds = 0, whole = false } = props;
  const root = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const data = [times, ...lines.map(({ values }) => values)] as unknown as uPlot.AlignedData;
  const newest = useRef(data);
  newest.current = data;
  const names = lines.map((line) => line.title).join("\n");
  useLayoutEffect(() => {
    const element = root.current!;
    const draw = () => {
      plot.current?.destroy();
      const options = optionsFor(element, {
        lines,
        height,
        seconds,
        whole,
        format,
        pointed: setAt,
      });
      plot.current = new uPlot(options, newest.current, element);
    };
    const stopWatching = effect(() => {
      theme.value;
      darkness.value;
      draw();
    });
    const observer = new ResizeObserver(() =>
      plot.current?.setSize({ width: Math.max(50, element.clientWidth), height })
    );
    observer.observe(element);
    return () => {
      stopWatching();
      observer.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [names, height, seconds, whole, format]);
  useEffect(() => plot.current?.setData(newest.current), [times, lines]);
  const index = at ?? times.length - 1;
  return (
    <figure class="chart">
      <div
        ref={root}
        role="img"
        aria-label={inWords(title, lines, format)}
        style={{ height: `${height}px` }}
      />
      <figcaption class="chart-legend">
        {lines.map((line, number) => {
          const value = line.values[index];
          return (
            <span key={line.title}>
              <span class={`line c${number % 5 + 1}`} />
              {line.title}
              <span class="value">
                {value === null || value === undefined ? "–" : format(value)}
              </span>
            </span>
          );
        })}
        {at !== null && <span>{new Date(times[at] * 1000).toLocaleTimeString()}</span>}
      </figcaption>
    </figure>
  );
}

function inWords(title: string, lines: readonly Line[], format: (value: number) => string): string {
  const parts = lines.map((line) => {
    const known = line.values.filter((value) => value !== null);
    if (known.length === 0) return `${line.title}: nothing yet`;
    const most = known.reduce((one, other) => Math.max(one, other), -Infinity);
    return `${line.title}: now ${format(known[known.length - 1])}, highest ${format(most)}`;
  });
  return `${title}. ${parts.join("; ")}.`;
}

interface Drawn {
  readonly lines: readonly Line[];
  readonly height: number;
  readonly seconds: number;
  readonly whole: boolean;
  readonly format: (value: number) => string;
  readonly pointed: (index: number | null) => void;
}

function optionsFor(
  element: HTMLElement,
  { lines, height, seconds, whole, format, pointed }: Drawn,
): uPlot.Options {
  const colour = (name: string) => colourOf(element, name);
  const grid = { stroke: colour("--line"), width: 1 };
  const axis = {
    stroke: colour("--soft"),
    font: "11px system-ui, sans-serif",
    grid,
    ticks: { show: false },
  };
  return {
    width: Math.max(50, element.clientWidth),
    height,
    padding: [6, 4, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    hooks: { setCursor: [(self) => pointed(self.cursor.idx ?? null)] },
    scales: {
      x: { time: true, range: (_self, least, most) => windowOf(least, most, seconds) },
      y: { range: (_self, _least, most) => [0, roomy(most)] },
    },
    axes: [
      { ...axis, size: 24, space: 70, ...clock() },
      {
        ...axis,
        size: 56,
        space: 34,
        values: (_self, ticks) => ticks.map((tick) => format(tick)),
        ...format === size ? { incrs: BYTE_STEPS } : whole ? { incrs: WHOLE_STEPS } : {},
      },
    ],
    series: [
      {},
      ...lines.map(({ title }, number): uPlot.Series => ({
        label: title,
        stroke: colour(`--chart-${number % 5 + 1}`),
        width: 1.6,
        dash: DASHES[number % 5],
        points: { show: false },
        spanGaps: false,
      })),
    ],
  };
}

/** From when to when a chart goes: at least so many seconds, up to what is newest. */
function windowOf(least: number | null, most: number | null, seconds: number): [number, number] {
  const end = most ?? Date.now() / 1000;
  return [Math.min(least ?? end, end - Math.max(1, seconds)), end];
}

/** The steps of an axis of whole numbers. */
const WHOLE_STEPS: number[] = Array.from(
  { length: 16 },
  (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power),
).flat();

/** The steps of an axis of bytes. */
const BYTE_STEPS: number[] = Array.from({ length: 50 }, (_, power) => 2 ** power);

/** The times below a chart: hours and minutes, seconds where the window is short. */
function clock(): Pick<uPlot.Axis, "values"> {
  return {
    values: (self, ticks) => {
      const { min = 0, max = 0 } = self.scales.x;
      const isShort = (max ?? 0) - (min ?? 0) < 300;
      const options: Intl.DateTimeFormatOptions = {
        hour: "2-digit",
        minute: "2-digit",
        hour12: false,
        ...isShort ? { second: "2-digit" as const } : {},
      };
      return ticks.map((tick) => new Date(tick * 1000).toLocaleTimeString([], options));
    },
  };
}

/** The end of the axis: a little above what was greatest, and never nothing. */
function roomy(most: number | null): number {
  return most === null || most <= 0 ? 1 : most * 1.08;
}

/** A colour as the canvas takes it: what the browser makes of a variable at this place. */
function colourOf(element: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  element.appendChild(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
