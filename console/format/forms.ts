/**
 * What people type into forms, read: headers a line each, and whole numbers. Pure.
 */

/** The headers of lines `name: value`, and what is wrong with them; empty when nothing is. */
export function headersOf(text: string): { headers: Record<string, string>; wrong: string } {
  const headers: Record<string, string> = {};
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const [, name, value] = /^\s*([^:]+?)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined) {
      return { headers, wrong: `"${line.trim()}" is no header; write name: value` };
    }
    headers[name] = value;
  }
  return { headers, wrong: "" };
}

/** A whole number from 0 to `most`; undefined for an empty text. */
export function wholeOf(text: string, most: number): { value: number | undefined; wrong: string } {
  const trimmed = text.trim();
  if (trimmed === "") return { value: undefined, wrong: "" };
  if (/^\d{1,16}$/.test(trimmed) && Number(trimmed) <= most) {
    return { value: Number(trimmed), wrong: "" };
  }
  return { value: undefined, wrong: `a whole number from 0 to ${most}` };
}
