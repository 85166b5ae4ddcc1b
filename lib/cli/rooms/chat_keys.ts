/**
 * What a person does at a terminal, read from the bytes that it sends: text, keys, what is pasted, and whether
 * the terminal has the focus.
 *
 * Bytes may be cut anywhere, in the middle of a character or of a sequence too. Unknown sequences are passed
 * over whole. Bounded: what is pasted is cut at 64 KiB, and no sequence is longer than 64 characters. Pure.
 */

/** Something that a person did. */
export type ChatInput =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "paste"; readonly text: string }
  | { readonly kind: "focus"; readonly focused: boolean }
  | { readonly kind: "key"; readonly key: KeyName };

/** A key that is no text. */
export type KeyName =
  | "left"
  | "right"
  | "up"
  | "down"
  | "home"
  | "end"
  | "page_up"
  | "page_down"
  | "word_left"
  | "word_right"
  | "backspace"
  | "delete"
  | "delete_word"
  | "delete_before"
  | "delete_behind"
  | "enter"
  | "tab"
  | "interrupt"
  | "end_of_input"
  | "redraw";

const ESCAPE = "\x1b";
const PASTE_BEGIN = "\x1b[200~";
const PASTE_END = "\x1b[201~";
const MAX_PASTE_CHARACTERS = 64 * 1024;
const MAX_SEQUENCE_CHARACTERS = 64;

/** Control characters, as every shell knows them. */
const CONTROLS: Readonly<Record<string, KeyName>> = {
  "\x01": "home",
  "\x02": "left",
  "\x03": "interrupt",
  "\x04": "end_of_input",
  "\x05": "end",
  "\x06": "right",
  "\x08": "backspace",
  "\x09": "tab",
  "\x0a": "enter",
  "\x0b": "delete_behind",
  "\x0c": "redraw",
  "\x0d": "enter",
  "\x0e": "down",
  "\x10": "up",
  "\x15": "delete_before",
  "\x17": "delete_word",
  "\x7f": "backspace",
};

/** What follows ESC, up to the end of the sequence. */
const SEQUENCES: Readonly<Record<string, KeyName>> = {
  "[A": "up",
  "[B": "down",
  "[C": "right",
  "[D": "left",
  "[H": "home",
  "[F": "end",
  "OA": "up",
  "OB": "down",
  "OC": "right",
  "OD": "left",
  "OH": "home",
  "OF": "end",
  "OM": "enter",
  "[1~": "home",
  "[3~": "delete",
  "[4~": "end",
  "[5~": "page_up",
  "[6~": "page_down",
  "[7~": "home",
  "[8~": "end",
  "[1;5C": "word_right",
  "[1;5D": "word_left",
  "[1;3C": "word_right",
  "[1;3D": "word_left",
  "b": "word_left",
  "f": "word_right",
  "\x7f": "delete_word",
};

/** Reads what a terminal sends. */
export class KeyReader {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** What could be the beginning of a sequence. */
  #rest = "";
  /** What was pasted so far; null outside of a paste. */
  #pasted: string | null = null;

  /** What these bytes say. */
  read(bytes: Uint8Array): ChatInput[] {
    let text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    const inputs: ChatInput[] = [];
    while (text !== "") {
      const before = text.length;
      text = this.#pasted === null ? this.#next(text, inputs) : this.#paste(text, inputs);
      if (text.length === before) break;
    }
    this.#rest = text;
    return inputs;
  }

  /** Takes one thing from the front of `text` and gives the rest: all of it when more has to come. */
  #next(text: string, inputs: ChatInput[]): string {
    if (text.startsWith(ESCAPE)) return this.#sequence(text, inputs);
    const key = CONTROLS[text[0]];
    if (key !== undefined) {
      inputs.push({ kind: "key", key });
      return text.slice(1);
    }
    // deno-lint-ignore no-control-regex
    const plain = /^[^\x00-\x1f\x7f]+/.exec(text)?.[0] ?? "";
    if (plain !== "") inputs.push({ kind: "text", text: plain });
    // A control character that means nothing here is passed over.
    return text.slice(plain.length || 1);
  }

  #sequence(text: string, inputs: ChatInput[]): string {
    // ESC alone may be the key, or the beginning of what comes next; nothing here is bound to the key.
    if (text.length === 1) return text;
    if (text.startsWith(PASTE_BEGIN)) {
      this.#pasted = "";
      return text.slice(PASTE_BEGIN.length);
    }
    const whole = wholeSequence(text);
    if (whole === null) return text.length > MAX_SEQUENCE_CHARACTERS ? "" : text;
    const name = whole.slice(1);
    const key = SEQUENCES[name];
    if (key !== undefined) inputs.push({ kind: "key", key });
    else if (name === "[I" || name === "[O") {
      inputs.push({ kind: "focus", focused: name === "[I" });
    }
    return text.slice(whole.length);
  }

  #paste(text: string, inputs: ChatInput[]): string {
    const end = text.indexOf(PASTE_END);
    // The end may be cut: as much as could be its beginning is left for the next time.
    const upTo = end >= 0 ? end : Math.max(0, text.length - PASTE_END.length + 1);
    const room = MAX_PASTE_CHARACTERS - (this.#pasted?.length ?? 0);
    this.#pasted += text.slice(0, Math.min(upTo, Math.max(0, room)));
    if (end < 0) return text.slice(upTo);
    inputs.push({ kind: "paste", text: this.#pasted ?? "" });
    this.#pasted = null;
    return text.slice(end + PASTE_END.length);
  }
}

/** The sequence that `text` begins with; null when more of it has to come. */
function wholeSequence(text: string): string | null {
  const second = text[1];
  if (second === "[") {
    // deno-lint-ignore no-control-regex
    return /^\x1b\[[\x20-\x3f]*[\x40-\x7e]/.exec(text)?.[0] ??
      // Something that cannot go on as a sequence is none: the two characters are passed over.
      // deno-lint-ignore no-control-regex
      (/^\x1b\[[\x20-\x3f]*[^\x20-\x7e]/.test(text) ? text.slice(0, 2) : null);
  }
  if (second === "O") return text.length > 2 ? text.slice(0, 3) : null;
  if (second === ESCAPE) return ESCAPE;
  return text.slice(0, 2);
}
