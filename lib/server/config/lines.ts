/**
 * Finds the line of every key and table in a TOML text, because the parser tells lines for errors of
 * syntax only.
 *
 * The text has been parsed before, so this scan may trust it: it follows tables, dotted and quoted
 * keys, strings of all four kinds, lists over several lines and inline tables, and judges nothing. On a
 * text that is no TOML it ends early, with what it found until then.
 */

/**
 * Gives for each dotted path (as in `limits.max_frame_bytes`) the line, from 1, where it is first written.
 * Items of lists have numbers from 0: the second `[[queue]]` is `queue.1`, and its name `queue.1.name`.
 */
export function tomlLines(text: string): ReadonlyMap<string, number> {
  return new TomlScan(text).run();
}

class TomlScan {
  readonly #text: string;
  readonly #lines = new Map<string, number>();
  /** How many tables each list of `[[tables]]` has so far. */
  readonly #tables = new Map<string, number>();
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  run(): ReadonlyMap<string, number> {
    let table: string[] = [];
    while (true) {
      this.#skipBlank();
      if (this.#at >= this.#text.length) return this.#lines;
      const before = this.#at;
      if (this.#peek() === "[") {
        const before = this.#at;
        while (this.#peek() === "[") this.#step();
        table = this.#header(this.#at - before > 1);
        while (this.#peek() === "]") this.#step();
      } else {
        this.#pair(table);
      }
      if (this.#at === before) return this.#lines;
    }
  }

  /** Reads the key of a `[table]` or `[[table]]`; gives its path, with the numbers of `[[tables]]` in it. */
  #header(ofList: boolean): string[] {
    const path: string[] = [];
    const parts = this.#key();
    for (const [index, part] of parts.entries()) {
      path.push(part);
      const name = path.join(".");
      if (ofList && index === parts.length - 1) {
        this.#note(path);
        this.#tables.set(name, (this.#tables.get(name) ?? 0) + 1);
      }
      const count = this.#tables.get(name);
      if (count !== undefined) path.push(String(count - 1));
    }
    this.#note(path);
    return path;
  }

  #pair(prefix: readonly string[]): void {
    const line = this.#line;
    const path = [...prefix, ...this.#key()];
    this.#note(path, line);
    if (this.#peek() === "=") this.#step();
    this.#value(path);
  }

  /** Reads `a . "b" . 'c'` and the blanks behind it. */
  #key(): string[] {
    const parts: string[] = [];
    while (true) {
      this.#skipSpaces();
      const quote = this.#peek();
      if (quote === '"' || quote === "'") {
        parts.push(this.#string());
      } else {
        const match = /[A-Za-z0-9_-]+/y;
        match.lastIndex = this.#at;
        const bare = match.exec(this.#text)?.[0];
        if (bare === undefined) return parts;
        this.#at += bare.length;
        parts.push(bare);
      }
      this.#skipSpaces();
      if (this.#peek() !== ".") return parts;
      this.#step();
    }
  }

  #value(path: readonly string[]): void {
    this.#skipSpaces();
    const first = this.#peek();
    if (first === '"' || first === "'") {
      this.#string();
    } else if (first === "[") {
      let index = 0;
      this.#items("]", () => {
        const item = [...path, String(index++)];
        this.#note(item);
        this.#value(item);
      });
    } else if (first === "{") {
      this.#items("}", () => this.#pair(path));
    } else {
      while (this.#at < this.#text.length && !",]}#\n".includes(this.#peek())) this.#step();
    }
  }

  #items(end: string, item: () => void): void {
    this.#step();
    while (this.#at < this.#text.length) {
      this.#skipBlank();
      const next = this.#peek();
      if (next === end) return this.#step();
      const before = this.#at;
      if (next === ",") this.#step();
      else item();
      if (this.#at === before) return;
    }
  }

  /** Reads a string of any kind; gives its text, with the escapes as they stand. */
  #string(): string {
    const quote = this.#peek();
    const delimiter = this.#text.startsWith(quote.repeat(3), this.#at) ? quote.repeat(3) : quote;
    this.#at += delimiter.length;
    const start = this.#at;
    while (this.#at < this.#text.length && !this.#text.startsWith(delimiter, this.#at)) {
      if (quote === '"' && this.#peek() === "\\") this.#step();
      this.#step();
    }
    const content = this.#text.slice(start, this.#at);
    this.#at += delimiter.length;
    // Up to two quotes may stand right before the closing three.
    while (delimiter.length === 3 && this.#peek() === quote) this.#step();
    return content;
  }

  #skipSpaces(): void {
    while (this.#peek() === " " || this.#peek() === "\t") this.#step();
  }

  /** Skips white space, line ends and comments. */
  #skipBlank(): void {
    while (this.#at < this.#text.length) {
      if (this.#peek() === "#") {
        while (this.#at < this.#text.length && this.#peek() !== "\n") this.#step();
      } else if (" \t\r\n".includes(this.#peek())) {
        this.#step();
      } else {
        return;
      }
    }
  }

  #peek(): string {
    return this.#text[this.#at] ?? "";
  }

  #step(): void {
    if (this.#text[this.#at] === "\n") this.#line++;
    this.#at++;
  }

  #note(path: readonly string[], line = this.#line): void {
    const name = path.join(".");
    if (!this.#lines.has(name)) this.#lines.set(name, line);
  }
}
