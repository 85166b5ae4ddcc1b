/**
 * The line that a person is writing: its text, the place in it, and the lines before it.
 *
 * It moves and deletes by what a reader sees as single characters. Bounded: a line has at most so many bytes
 * of UTF-8, whatever is pasted, and the last 200 lines are remembered. Pure.
 */
import { graphemes } from "../terminal/text_width.ts";

const MAX_REMEMBERED = 200;
const encoder = new TextEncoder();

/** A line being written. */
export class LineEditor {
  readonly #maxBytes: number;
  #characters: string[] = [];
  #at = 0;
  readonly #lines: string[] = [];
  /** Which of the lines before is shown; their number when none is. */
  #shown = 0;
  /** What was being written before a line of before was shown. */
  #draft = "";

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What is written. */
  get text(): string {
    return this.#characters.join("");
  }

  /** What stands before the cursor. */
  get before(): string {
    return this.#characters.slice(0, this.#at).join("");
  }

  /** What stands behind the cursor. */
  get behind(): string {
    return this.#characters.slice(this.#at).join("");
  }

  /** Writes `text`, as much as there is room for; gives whether that was all. */
  insert(text: string): boolean {
    // Tabs and line ends have no place in one line.
    const line = text.replace(/\r\n?|\n/g, " ").replaceAll("\t", " ")
      // deno-lint-ignore no-control-regex
      .replace(/[\x00-\x1f\x7f-\x9f]/g, "");
    let room = this.#maxBytes - encoder.encode(this.text).length;
    let fitting = "";
    for (const grapheme of graphemes(line)) {
      room -= encoder.encode(grapheme).length;
      if (room < 0) break;
      fitting += grapheme;
    }
    // A mark can join what stands before it.
    const before = graphemes(this.before + fitting);
    this.#characters = [...before, ...this.#characters.slice(this.#at)];
    this.#at = before.length;
    return fitting === line;
  }

  /** Replaces everything; the cursor stands behind it. */
  set(text: string): void {
    this.#characters = [];
    this.#at = 0;
    this.insert(text);
  }

  /** Replaces what stands before the cursor. */
  setBefore(text: string): void {
    const behind = this.#characters.slice(this.#at);
    this.#characters = [];
    this.#at = 0;
    this.insert(text);
    this.#characters.push(...behind);
  }

  /** Moves by so many characters. */
  move(by: number): void {
    this.#at = Math.min(Math.max(this.#at + by, 0), this.#characters.length);
  }

  /** Moves to the beginning. */
  toStart(): void {
    this.#at = 0;
  }

  /** Moves to the end. */
  toEnd(): void {
    this.#at = this.#characters.length;
  }

  /** Moves to the beginning of the word before the cursor. */
  wordLeft(): void {
    this.#at = this.#wordStart();
  }

  /** Moves behind the word that follows. */
  wordRight(): void {
    let at = this.#at;
    while (at < this.#characters.length && this.#characters[at] === " ") at++;
    while (at < this.#characters.length && this.#characters[at] !== " ") at++;
    this.#at = at;
  }

  /** Deletes the character before the cursor. */
  backspace(): void {
    this.#deleteFrom(this.#at - 1);
  }

  /** Deletes the character behind the cursor. */
  delete(): void {
    this.#characters.splice(this.#at, 1);
  }

  /** Deletes the word before the cursor. */
  deleteWord(): void {
    this.#deleteFrom(this.#wordStart());
  }

  /** Deletes everything before the cursor. */
  deleteBefore(): void {
    this.#deleteFrom(0);
  }

  /** Deletes everything behind the cursor. */
  deleteBehind(): void {
    this.#characters.splice(this.#at);
  }

  /** Shows the line before, or (`by` 1) the line after. */
  recall(by: -1 | 1): void {
    const next = this.#shown + by;
    if (next < 0 || next > this.#lines.length) return;
    if (this.#shown === this.#lines.length) this.#draft = this.text;
    this.#shown = next;
    this.set(next === this.#lines.length ? this.#draft : this.#lines[next]);
  }

  /** Takes the line away, remembers it, and gives it. */
  take(): string {
    const { text } = this;
    if (text.trim() !== "" && text !== this.#lines.at(-1)) this.#lines.push(text);
    if (this.#lines.length > MAX_REMEMBERED) this.#lines.shift();
    this.#shown = this.#lines.length;
    this.#draft = "";
    this.set("");
    return text;
  }

  #wordStart(): number {
    let at = this.#at;
    while (at > 0 && this.#characters[at - 1] === " ") at--;
    while (at > 0 && this.#characters[at - 1] !== " ") at--;
    return at;
  }

  #deleteFrom(start: number): void {
    if (start < 0) return;
    this.#characters.splice(start, this.#at - start);
    this.#at = start;
  }
}
