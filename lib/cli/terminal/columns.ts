/**
 * Rows of cells as aligned columns, for people; what others chose is escaped before it comes here.
 *
 * On a terminal no row is wider than that: the widest column is cut. Into a pipe goes everything.
 */
import { cutText, padText, textWidth } from "./text_width.ts";

/** One column. */
export interface Column {
  readonly title: string;
  /** Numbers stand at the right. */
  readonly side?: "left" | "right";
}

const GAP = "  ";

/** The lines of a table with its heading. `width` is that of the terminal, or Infinity. */
export function columnLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): string[] {
  const all = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, index) => Math.max(...all.map((row) => textWidth(row[index]))));
  const taken = widths.reduce((sum, each) => sum + each, GAP.length * (widths.length - 1));
  if (taken > width) {
    const widest = widths.indexOf(Math.max(...widths));
    widths[widest] = Math.max(8, widths[widest] - (taken - width));
  }
  return all.map((row) =>
    row.map((cell, index) =>
      padText(cutText(cell, widths[index]), widths[index], columns[index].side)
    )
      .join(GAP).trimEnd()
  );
}
