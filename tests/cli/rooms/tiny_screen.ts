/**
 * A terminal that understands what the chat sends, and nothing else: what is on it can be read. Anything that
 * it does not know raises, so that nothing else is ever sent unseen.
 */
import { terminalCells } from "../../support/terminal_width.ts";

/** A terminal of so many columns and rows. */
export class TinyScreen {
  columns: number;
  rows: number;
  /** The modes that are set, by their numbers. */
  readonly modes = new Set<string>(["7", "25"]);
  row = 0;
  column = 0;
  /** How often its bell rang. */
  bells = 0;
  #cells: string[][];
  /** The beginning of a sequence whose end has not come. */
  #rest = "";

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
    this.#cells = this.#blank();
  }

  /** What is to be read, without the spaces at the ends of rows. */
  get lines(): string[] {
    return this.#cells.map((row) => row.join("").trimEnd());
  }

  /** Everything on one string, for looking for something. */
  get text(): string {
    return this.lines.join("\n");
  }

  /** Grows to another size; what is there stays. */
  grow(columns: number, rows: number): void {
    const former = this.#cells;
    this.columns = columns;
    this.rows = rows;
    this.#cells = this.#blank();
    for (const [index, row] of former.entries()) this.#cells[index].splice(0, row.length, ...row);
  }

  /** Shows what was written. */
  write(output: string): void {
    let rest = this.#rest + output;
    this.#rest = "";
    while (rest !== "") {
      // deno-lint-ignore no-control-regex
      if (/^\x1b(\[[?\d;]*)?$/.test(rest)) {
        this.#rest = rest;
        return;
      }
      if (rest[0] === "\r") this.column = 0;
      if (rest[0] === "\x07") {
        this.bells++;
        rest = rest.slice(1);
        continue;
      }
      if (rest[0] === "\n") this.#lineFeed();
      if (rest[0] === "\r" || rest[0] === "\n") {
        rest = rest.slice(1);
        continue;
      }
      // deno-lint-ignore no-control-regex
      const [sequence, parameters, final] = /^\x1b\[([?\d;]*)([A-Za-z])/.exec(rest) ?? [];
      if (sequence !== undefined) {
        this.#obey(parameters, final);
        rest = rest.slice(sequence.length);
        continue;
      }
      // deno-lint-ignore no-control-regex
      const plain = /^[^\x00-\x1f\x7f-\x9f]+/.exec(rest)?.[0];
      if (plain === undefined) {
        throw new Error(`the terminal got ${JSON.stringify(rest.slice(0, 20))}`);
      }
      for (const { grapheme, width } of terminalCells(plain)) this.#put(grapheme, width);
      rest = rest.slice(plain.length);
    }
  }

  #obey(parameters: string, final: string): void {
    const numbers = parameters.split(";").map(Number);
    if (final === "H") {
      this.row = numbers[0] - 1;
      this.column = (numbers[1] ?? 1) - 1;
    } else if (final === "K" && parameters === "2") this.#cells[this.row].fill(" ");
    else if (final === "J" && parameters === "2") this.#cells = this.#blank();
    else if (final === "h") this.modes.add(parameters.slice(1));
    else if (final === "l") this.modes.delete(parameters.slice(1));
    else if (final !== "m") throw new Error(`the terminal got CSI ${parameters}${final}`);
  }

  #lineFeed(): void {
    if (this.row < this.rows - 1) this.row++;
    else this.#cells = [...this.#cells.slice(1), this.#blank()[0]];
  }

  #put(grapheme: string, width: number): void {
    if (this.column + width > this.columns) {
      if (!this.modes.has("7")) throw new Error(`row ${this.row} is too wide`);
      this.column = 0;
      this.#lineFeed();
    }
    this.#cells[this.row][this.column] = grapheme;
    // The second half of a wide one is no cell of its own.
    for (let more = 1; more < width; more++) this.#cells[this.row][this.column + more] = "";
    this.column += width;
  }

  #blank(): string[][] {
    return Array.from({ length: this.rows }, () => Array.from({ length: this.columns }, () => " "));
  }
}
