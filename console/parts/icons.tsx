/**
 * Signs as lines in a square of 24: drawn here, fetched from nowhere. They say nothing by themselves: a text stands beside
 * each, or the button that holds it has a label.
 */

const PATHS = {
  overview: "M4 13h5v7H4zM10 4h5v16h-5zM16 9h4v11h-4z",
  connections: "M8 12h8M9 7H7a5 5 0 0 0 0 10h2M15 7h2a5 5 0 0 1 0 10h-2",
  topics: "M4 6h16M4 12h10M4 18h6M18 14v6M15 17h6",
  queues: "M4 5h16v4H4zM4 11h16v4H4zM4 17h10v3H4z",
  rooms: "M5 5h14v10h-8l-4 4v-4H5z",
  services: "M12 3v4M12 17v4M3 12h4M17 12h4M9 9h6v6H9z",
  types:
    "M8 4c-3 0-3 2-3 4s0 4-2 4c2 0 2 2 2 4s0 4 3 4M16 4c3 0 3 2 3 4s0 4 2 4c-2 0-2 2-2 4s0 4-3 4",
  nodes: "M4 4h16v6H4zM4 14h16v6H4zM8 7v.5M8 17v.5",
  users: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 20c1-4 4-6 8-6s7 2 8 6",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l5 5",
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6L6 18",
  sun:
    "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M5 19l2-2M17 7l2-2",
  moon: "M20 14a8 8 0 1 1-9-10 6.5 6.5 0 0 0 9 10z",
  auto: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
  warning: "M12 4l9 16H3zM12 10v4M12 17v.5",
  good: "M5 12.5l4.5 4.5L19 7.5",
  bad: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9 9l6 6M15 9l-6 6",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5M12 7.5v.5",
  pause: "M8 5v14M16 5v14",
  play: "M8 5l11 7-11 7z",
  down: "M6 9l6 6 6-6",
  up: "M6 15l6-6 6 6",
  plus: "M12 5v14M5 12h14",
  next: "M9 5l7 7-7 7",
  back: "M15 5l-7 7 7 7",
} as const;

/** The name of a sign. */
export type IconName = keyof typeof PATHS;

/** A sign. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
