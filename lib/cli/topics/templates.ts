/**
 * What stands in double braces in the DATA of `pub` and `queue push`: {{Count}}, {{Time}} and {{Random N M}}.
 *
 * Pure. Anything else in braces is left as it is: payloads may be templates of others.
 */
import { invalidArgument } from "../../base/errors.ts";

const TEMPLATE = /\{\{\s*(Count|Time|Random(?:\s+-?\d+\s+-?\d+)?)\s*\}\}/g;

/** What templates are filled with; `number` counts from 1. */
export interface TemplateValues {
  readonly number: number;
  readonly now: Date;
  /** From 0 (inclusive) to 1 (exclusive). */
  random(): number;
}

/** Whether there is anything to fill in. */
export function hasTemplates(text: string): boolean {
  return text.search(TEMPLATE) >= 0;
}

/** The text with its templates filled in. Raises INVALID_ARGUMENT for bounds that are none. */
export function filled(text: string, { number, now, random }: TemplateValues): string {
  return text.replaceAll(TEMPLATE, (written, name: string) => {
    if (name === "Count") return String(number);
    if (name === "Time") return now.toISOString();
    const [, least, most] = name.split(/\s+/).map(Number);
    if (!Number.isSafeInteger(least) || !Number.isSafeInteger(most) || least > most) {
      throw invalidArgument(`cannot fill in ${written}`, {
        accepted: "{{Random N M}} with two whole numbers, the smaller one first",
      });
    }
    return String(least + Math.floor(random() * (most - least + 1)));
  });
}
