/**
 * The picture of the chat: state and size in, rows out. Messages stand above a line that tells how things
 * stand, and below it is the line that is being written.
 *
 * Whatever others wrote is made printable here, and here alone. No row is wider than the terminal, as far as
 * widths are known. The same state gives the same rows. Pure.
 */
import { fnv1a, FNV1A_START } from "../../base/fnv1a.ts";
import { localClock } from "../../base/local_time.ts";
import { printable } from "../../base/printable.ts";
import type { LineEditor } from "./chat_editor.ts";
import { type ChatLine, type ChatState, TO } from "./chat_state.ts";
import {
  cutText,
  graphemes,
  graphemeWidth,
  padText,
  textWidth,
  wrapText,
} from "../terminal/text_width.ts";

/** The size of a terminal, and whether it takes colours. */
export interface Canvas {
  readonly columns: number;
  readonly rows: number;
  readonly colors: boolean;
}

/** What is to be seen. */
export interface Picture {
  /** One a row of the terminal, from the top. */
  readonly rows: readonly string[];
  /** The column of the cursor in the last row, from 0. */
  readonly cursor: number;
  /** How many rows the reader could scroll up at most. */
  readonly maxScroll: number;
}

/** The colours of names; a name has the same in every terminal. */
const NAME_COLORS = [31, 32, 33, 34, 35, 36, 91, 92, 93, 94, 95, 96];
const TIME_COLUMNS = 6;
/** A narrower terminal shows no times, so that words have room. */
const COLUMNS_FOR_TIMES = 16;
const STYLES = { dim: "2", bold: "1", reverse: "7", magenta: "35", red: "31" } as const;

/** Draws the chat. */
export function drawChat(state: ChatState, editor: LineEditor, canvas: Canvas): Picture {
  const room = Math.max(0, canvas.rows - 2);
  const all = messageRows(state, canvas, room + state.scroll);
  const maxScroll = Math.max(0, all.total - room);
  const scroll = Math.min(state.scroll, maxScroll);
  const end = all.rows.length - scroll;
  const shown = all.rows.slice(Math.max(0, end - room), end);
  const above = Array.from({ length: room - shown.length }, () => "");
  const input = inputRow(state, editor, canvas);
  const rows = [...above, ...shown, statusRow(state, canvas), input.row].slice(-canvas.rows);
  return { rows, cursor: input.cursor, maxScroll };
}

/** How many rows a line takes. */
export function heightOf(line: ChatLine, canvas: Canvas): number {
  return lineRows(line, canvas, false).length;
}

/** The rows of the messages from the end up, at least `needed` if there are so many. */
function messageRows(state: ChatState, canvas: Canvas, needed: number) {
  const blocks: string[][] = [];
  for (const text of state.unsent) {
    blocks.push(lineRows({ kind: "said", time: null, name: state.nick, text }, canvas, true));
  }
  blocks.reverse();
  const { lines, markAt } = state;
  let count = blocks.reduce((sum, block) => sum + block.length, 0);
  let total = count;
  for (let index = lines.length - 1; index >= 0; index--) {
    if (count < needed) {
      const block = lineRows(lines[index], canvas, false);
      if (index === markAt) block.unshift(ruleRow("new", canvas, "red"));
      blocks.push(block);
      count += block.length;
      total = count;
    } else {
      // Enough to know that there is more; how much more matters to nobody until it is scrolled to.
      total = count + 1;
      break;
    }
  }
  return { rows: blocks.reverse().flat(), total };
}

/** One entry, wrapped. */
function lineRows(line: ChatLine, canvas: Canvas, unsent: boolean): string[] {
  const { kind, time, name, text } = line;
  const { columns } = canvas;
  if (kind === "rule") return [ruleRow(text, canvas)];
  const timeColumns = columns < COLUMNS_FOR_TIMES ? 0 : TIME_COLUMNS;
  const clock = (time === null ? "" : localClock(time)).slice(0, Math.max(0, timeColumns - 1))
    .padEnd(timeColumns);
  const indent = " ".repeat(timeColumns);
  const width = columns - timeColumns;
  const style = (name: keyof typeof STYLES, shown: string) => styled(STYLES[name], shown, canvas);
  if (kind === "said" || kind === "direct") {
    const who = cutText(printable(name), Math.max(2, width - 4));
    const [first, ...more] = wrapText(printable(text), width, width - textWidth(who) - 2);
    const said = (words: string) =>
      unsent ? style("dim", words) : kind === "direct" ? style("magenta", words) : words;
    const speaker = styled(`1;${nameColor(name)}`, who, canvas);
    const start = unsent
      ? style("dim", "…".slice(0, timeColumns).padEnd(timeColumns))
      : style("dim", clock);
    return [`${start}${speaker}: ${said(first)}`, ...more.map((row) => indent + said(row))];
  }
  const mark = kind === "error" ? "! " : kind === "happening" ? "* " : "";
  const look = kind === "error" ? "red" : "dim";
  return text.split("\n").flatMap((each) => wrapText(mark + printable(each), width))
    .map((row, index) => style("dim", index === 0 ? clock : indent) + style(look, row));
}

function ruleRow(title: string, canvas: Canvas, look: "dim" | "red" = "dim"): string {
  const text = cutText(`── ${printable(title)} `, canvas.columns);
  const rest = Math.max(0, canvas.columns - textWidth(text));
  return styled(STYLES[look], text + "─".repeat(rest), canvas);
}

/** How things stand. */
function statusRow(state: ChatState, canvas: Canvas): string {
  const { room, topicLine, online, unread, link, nick, scroll } = state;
  const where = room === ""
    ? "no room"
    : `${printable(room)} · ${online} online${
      topicLine === "" ? "" : ` · ${printable(topicLine)}`
    }`;
  const alerts = [
    ...(unread > 0 && scroll > 0 ? [`↓ ${unread} new`] : scroll > 0 ? ["↓ more"] : []),
    ...(link === "connected" ? [] : [link === "closed" ? "not connected" : "connecting again…"]),
    printable(nick),
  ].join(" · ");
  const right = cutText(` ${alerts} `, canvas.columns);
  const left = cutText(` ${where}`, Math.max(0, canvas.columns - textWidth(right)));
  const bar = padText(left, canvas.columns - textWidth(right)) + right;
  return styled(STYLES.reverse, bar, canvas);
}

/** The line that is being written, scrolled so that the cursor is seen. */
function inputRow(state: ChatState, editor: LineEditor, canvas: Canvas) {
  const prompt = `${cutText(printable(state.nick), Math.max(1, canvas.columns >> 2))}> `;
  const room = Math.max(0, canvas.columns - textWidth(prompt) - 1);
  let before = printable(editor.before);
  const cut = textWidth(before) > room;
  // The cursor moves in the right half while there is more on both sides.
  if (cut) before = endOf(before, room >> 1);
  const behind = startOf(printable(editor.behind), room - textWidth(before));
  const lead = cut ? styled(STYLES.dim, prompt, canvas) : styled(STYLES.bold, prompt, canvas);
  return {
    row: lead + before + behind,
    cursor: Math.min(textWidth(prompt) + textWidth(before), Math.max(0, canvas.columns - 1)),
  };
}

/** The last characters of `text` that fit. */
function endOf(text: string, columns: number): string {
  const characters = graphemes(text);
  let left = columns;
  let at = characters.length;
  while (at > 0 && graphemeWidth(characters[at - 1]) <= left) {
    left -= graphemeWidth(characters[--at]);
  }
  return characters.slice(at).join("");
}

/** The first characters of `text` that fit. */
function startOf(text: string, columns: number): string {
  let left = columns;
  let shown = "";
  for (const character of graphemes(text)) {
    left -= graphemeWidth(character);
    if (left < 0) break;
    shown += character;
  }
  return shown;
}

/** The colour of a name: FNV-1a of its lower case. */
function nameColor(name: string): number {
  let hash = FNV1A_START;
  for (const character of name.split(TO)[0].toLowerCase()) {
    hash = fnv1a(hash, character.codePointAt(0)!) >>> 0;
  }
  return NAME_COLORS[hash % NAME_COLORS.length];
}

function styled(codes: string, text: string, { colors }: Canvas): string {
  return colors && text !== "" ? `\x1b[${codes}m${text}\x1b[0m` : text;
}
