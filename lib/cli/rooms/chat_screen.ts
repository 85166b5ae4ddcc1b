/**
 * Brings a picture onto a terminal, writing only the rows that changed. Pure: it gives what to write.
 *
 * It uses the terminal's second screen, so that the first is as it was when the chat ends. While rows are
 * written the terminal does not wrap: one that is wider than we think does no harm to the next.
 */
import type { Picture } from "./chat_view.ts";

/** Second screen, bracketed paste, news of the focus; wheels do not pretend to be arrow keys. */
export const BEGIN_SCREEN = "\x1b[?1049h\x1b[?2004h\x1b[?1004h\x1b[?1007l\x1b[2J";
/** Everything as it was. */
export const END_SCREEN = "\x1b[?7h\x1b[?25h\x1b[0m\x1b[?1004l\x1b[?2004l\x1b[?1049l";

/** What a terminal shows. */
export class ChatScreen {
  #rows: readonly string[] = [];
  #columns = 0;

  /** Everything is to be written anew: the terminal shows something else. */
  forget(): void {
    this.#rows = [];
    this.#columns = 0;
  }

  /** What to write so that the terminal shows `picture`. */
  show(picture: Picture, columns: number): string {
    const { rows, cursor } = picture;
    let output = "\x1b[?25l\x1b[?7l";
    if (this.#columns !== columns || this.#rows.length !== rows.length) {
      this.#rows = [];
      output += "\x1b[2J";
    }
    this.#columns = columns;
    for (const [index, row] of rows.entries()) {
      if (this.#rows[index] === row) continue;
      // Cleared first: behind a row that is as wide as the terminal, the last column would be.
      output += `\x1b[${index + 1};1H\x1b[2K${row}`;
    }
    this.#rows = rows;
    return `${output}\x1b[?7h\x1b[${rows.length};${cursor + 1}H\x1b[?25h`;
  }
}
