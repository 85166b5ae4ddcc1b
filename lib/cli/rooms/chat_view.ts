/**
 * The picture of the chat: state and size in, rows out. Messages stand above a line that tells how things
 * stand, and below it is the line that is being written.
 *
 * Whatever others wrote is made printable here, and here alone. No row is wider than the terminal, as far as
 * widths are known. The same state gives the same rows. Pure.
 */
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

/** How the own name looks: like no other's. */
const OWN_STYLE = "1;4";
/** So many of the lines that were pasted are shown before they are said. */
const SHOWN_PASTED = 10;
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
  return lineRows(line, canvas, UNCOLORED).length;
}

/** The rows of the messages from the end up, at least `needed` if there are so many. */
function messageRows(state: ChatState, canvas: Canvas, needed: number) {
  const blocks: string[][] = [];
  const look = lookOf(state);
  for (const { text, action } of state.unsent) {
    const kind = action ? "action" : "said";
    blocks.push(lineRows({ kind, time: null, name: state.nick, text }, canvas, look, "…"));
  }
  for (const text of shownOf(state.pasted ?? [])) {
    blocks.push(lineRows({ kind: "said", time: null, name: state.nick, text }, canvas, look, "?"));
  }
  blocks.reverse();
  const { lines, markAt } = state;
  let count = blocks.reduce((sum, block) => sum + block.length, 0);
  let total = count;
  for (let index = lines.length - 1; index >= 0; index--) {
    if (count < needed) {
      const block = lineRows(lines[index], canvas, look);
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

/** The first of the lines that were pasted, and how many more there are. */
function shownOf(pasted: readonly string[]): readonly string[] {
  if (pasted.length <= SHOWN_PASTED) return pasted;
  return [...pasted.slice(0, SHOWN_PASTED - 1), `… and ${pasted.length - SHOWN_PASTED + 1} more`];
}

/** How a name looks, as codes of SGR. */
type Look = (name: string) => string;

const UNCOLORED: Look = () => "1";

function lookOf({ nick, colors }: ChatState): Look {
  return (name) => {
    const [speaker] = name.split(TO);
    return speaker === nick ? OWN_STYLE : `1;${colors.of(speaker)}`;
  };
}

/** One entry, wrapped. `mark` stands instead of the time in front of what is not said yet; empty for all others. */
function lineRows(line: ChatLine, canvas: Canvas, look: Look, mark = ""): string[] {
  const unsent = mark !== "";
  const { kind, time, name, text } = line;
  const { columns } = canvas;
  if (kind === "rule") return [ruleRow(text, canvas)];
  const timeColumns = columns < COLUMNS_FOR_TIMES ? 0 : TIME_COLUMNS;
  const clock = (time === null ? "" : localClock(time)).slice(0, Math.max(0, timeColumns - 1))
    .padEnd(timeColumns);
  const indent = " ".repeat(timeColumns);
  const width = columns - timeColumns;
  const style = (name: keyof typeof STYLES, shown: string) => styled(STYLES[name], shown, canvas);
  if (kind === "said" || kind === "action" || kind === "direct") {
    const [lead, end] = kind === "action" ? ["* ", " "] : ["", ": "];
    const who = cutText(printable(name), Math.max(2, width - 4 - lead.length));
    const room = width - textWidth(who) - lead.length - end.length;
    const [first, ...more] = wrapText(printable(text), width, room);
    const said = (words: string) =>
      unsent
        ? style("dim", words)
        : kind === "direct"
        ? style("magenta", words)
        : line.mention
        ? style("bold", words)
        : words;
    const speaker = styled(look(name) + (line.mention ? ";7" : ""), who, canvas);
    const start = unsent
      ? style("dim", mark.slice(0, timeColumns).padEnd(timeColumns))
      : style("dim", clock);
    return [
      `${start}${lead}${speaker}${end}${said(first)}`,
      ...more.map((row) => indent + said(row)),
    ];
  }
  const sign = kind === "error" ? "! " : kind === "happening" ? "* " : "";
  const tone = kind === "error" ? "red" : "dim";
  return text.split("\n").flatMap((each) => wrapText(sign + printable(each), width))
    .map((row, index) => style("dim", index === 0 ? clock : indent) + style(tone, row));
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

/** The line that is being written, scrolled so that the cursor is seen; or what to do with what was pasted. */
function inputRow(state: ChatState, editor: LineEditor, canvas: Canvas) {
  if (state.pasted !== null) {
    const question = `${state.pasted.length} lines: Enter says them, n or Ctrl-C does not `;
    const row = cutText(question, Math.max(0, canvas.columns - 1));
    return { row: styled(STYLES.bold, row, canvas), cursor: textWidth(row) };
  }
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

function styled(codes: string, text: string, { colors }: Canvas): string {
  return colors && text !== "" ? `\x1b[${codes}m${text}\x1b[0m` : text;
}
