/**
 * What keys do to `parley top`: which table, sorted by what, filtered by what. Pure.
 */
import type { ChatInput } from "../rooms/chat_keys.ts";
import { columnsOf, TABLES, type TopState } from "./view.ts";

/** How it begins. */
export const FIRST_STATE: TopState = {
  table: "connections",
  sort: 0,
  filter: "",
  typing: false,
  paused: false,
  scroll: 0,
};

/** The most characters of a filter. */
const MAX_FILTER = 100;
const PAGE_ROWS = 10;

/** The state after an input; null when it is to end. */
export function control(state: TopState, input: ChatInput): TopState | null {
  if (input.kind === "focus") return state;
  if (input.kind === "key" && (input.key === "interrupt" || input.key === "end_of_input")) {
    return null;
  }
  return state.typing ? typed(state, input) : chosen(state, input);
}

/** While a filter is typed, everything is part of it. */
function typed(state: TopState, input: Exclude<ChatInput, { kind: "focus" }>): TopState {
  if (input.kind !== "key") {
    const text = (state.filter + input.text).replace(/\p{Cc}/gu, "");
    return { ...state, filter: [...text].slice(0, MAX_FILTER).join(""), scroll: 0 };
  }
  switch (input.key) {
    case "enter":
      return { ...state, typing: false };
    case "backspace":
      if (state.filter === "") return { ...state, typing: false };
      return { ...state, filter: [...state.filter].slice(0, -1).join(""), scroll: 0 };
    case "delete_before":
      return { ...state, filter: "", scroll: 0 };
    default:
      return state;
  }
}

function chosen(
  state: TopState,
  input: Exclude<ChatInput, { kind: "focus" }>,
): TopState | null {
  if (input.kind === "key") return moved(state, input.key);
  let next: TopState | null = state;
  for (const character of input.text) {
    if (next === null) return null;
    next = next.typing ? typed(next, { kind: "text", text: character }) : pressed(next, character);
  }
  return next;
}

function pressed(state: TopState, character: string): TopState | null {
  switch (character) {
    case "q":
      return null;
    case "p":
    case " ":
      return { ...state, paused: !state.paused };
    case "s":
      return { ...state, sort: (state.sort + 1) % columnsOf(state.table), scroll: 0 };
    case "/":
      return { ...state, typing: true };
    default: {
      const table = TABLES[Number(character) - 1];
      return table === undefined ? state : { ...state, table, sort: 0, scroll: 0 };
    }
  }
}

function moved(state: TopState, key: string): TopState {
  const scrolled = (rows: number) => ({ ...state, scroll: Math.max(0, state.scroll + rows) });
  switch (key) {
    case "tab": {
      const table = TABLES[(TABLES.indexOf(state.table) + 1) % TABLES.length];
      return { ...state, table, sort: 0, scroll: 0 };
    }
    case "up":
      return scrolled(-1);
    case "down":
      return scrolled(1);
    case "page_up":
      return scrolled(-PAGE_ROWS);
    case "page_down":
      return scrolled(PAGE_ROWS);
    case "home":
      return { ...state, scroll: 0 };
    default:
      return state;
  }
}
