/**
 * JSON that passes through: laid out anew, or handed on, with every number and string as it was written.
 *
 * `JSON.parse` and `JSON.stringify` alone would change numbers of more than 15 digits, which ids often
 * have. Non-goals: comments, and JSON that is too large or too deep to be worth laying out.
 */
import { printableJson } from "../../base/printable.ts";

/** Text that is longer is not looked into. */
const MAX_LAID_OUT_CHARACTERS = 64 * 1024;
/** Deeper nesting would be more indentation than content. */
const MAX_LAID_OUT_DEPTH = 32;

/** What `JSON.parse` tells of a value besides the value. */
interface Source {
  readonly source?: string;
}
type Reviver = (key: string, value: unknown, context: Source) => unknown;
const { parse, rawJSON } = JSON as unknown as {
  parse(text: string, reviver: Reviver): unknown;
  rawJSON(text: string): unknown;
};

/** Parses JSON so that `JSON.stringify` writes its numbers as they were. Raises SyntaxError. */
export function parseExactly(text: string): unknown {
  return parse(
    text,
    (_key, value, { source }) =>
      typeof value === "number" && source !== undefined ? rawJSON(source) : value,
  );
}

/** Serializes for a line of output: nothing in it that a terminal obeys. */
export function jsonLine(value: unknown): string {
  return printableJson(JSON.stringify(value)) + "\n";
}

/** Whether `text` is a JSON object or array of a size that is worth laying out. */
export function isJsonStructure(text: string): boolean {
  if (text.length > MAX_LAID_OUT_CHARACTERS || !/^\s*[{[]/.test(text)) return false;
  try {
    JSON.parse(text);
    return depthOf(text) <= MAX_LAID_OUT_DEPTH;
  } catch {
    return false;
  }
}

/**
 * Lays out `text`, which is valid JSON: on one line without white space, or with `indent` before each
 * level. Escape sequences inside of strings stay as they are.
 */
export function layOutJson(text: string, indent: string | null): string {
  let result = "";
  let level = 0;
  const lineBreak = () => indent === null ? "" : "\n" + indent.repeat(level);
  const tokens = tokensOf(text);
  for (const [index, token] of tokens.entries()) {
    if (token === "{" || token === "[") {
      level++;
      const empty = tokens[index + 1] === "}" || tokens[index + 1] === "]";
      result += token + (empty ? "" : lineBreak());
    } else if (token === "}" || token === "]") {
      level--;
      const empty = tokens[index - 1] === "{" || tokens[index - 1] === "[";
      result += (empty ? "" : lineBreak()) + token;
    } else if (token === ",") result += token + lineBreak();
    else if (token === ":") result += indent === null ? ":" : ": ";
    else result += token;
  }
  return result;
}

function tokensOf(text: string): string[] {
  return text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const token of tokensOf(text)) {
    if (token === "{" || token === "[") deepest = Math.max(deepest, ++depth);
    else if (token === "}" || token === "]") depth--;
  }
  return deepest;
}
