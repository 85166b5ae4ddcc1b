/**
 * Tables: the same rows aligned for people and scripts, or in Markdown for the documents.
 */
import { type Case, type Outcome, outcomesOf, summaryOf } from "./result.ts";
import type { Summary } from "./statistics.ts";

const RATIO_DIGITS = 2;

/** The rows of a case: a head, one row a server, one row a comparison. */
export function rowsOf(one: Case): string[][] {
  const head = ["", ...one.metrics.map(({ label }) => label)];
  const servers = [...one.samples.keys()].map((subject) => [
    subject,
    ...one.metrics.map((metric) => measured(summaryOf(one, subject, metric.key), metric.digits)),
  ]);
  const outcomes = outcomesOf(one);
  const titles = [...new Set(outcomes.map(titleOf))];
  const comparisons = titles.map((title) => [
    title,
    ...one.metrics.map(({ key }) =>
      outcomes.filter((each) => titleOf(each) === title && each.check.metric === key)
        .map(compared).join(" ")
    ),
  ]);
  return [head, ...servers, ...comparisons];
}

/** Rows as columns of the same width. */
export function alignedTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd()
  ).join("\n");
}

/** Rows as a table of Markdown. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head, ...body] = rows;
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...body.map(line)].join("\n");
}

function titleOf({ check }: Outcome): string {
  return check.against === undefined
    ? `${check.subject}, target`
    : `${check.subject} / ${check.against}`;
}

function measured(summary: Summary, digits: number): string {
  const [median, least, most] = [summary.median, summary.least, summary.most]
    .map((value) => grouped(value, digits));
  return `${median} (${least}–${most})`;
}

function compared({ check, summary, met }: Outcome): string {
  const bound = check.atLeast !== undefined
    ? `≥ ${check.atLeast}`
    : check.atMost !== undefined
    ? `≤ ${check.atMost}`
    : "";
  const verdict = met === undefined ? "" : `${bound}: ${met ? "met" : "missed"}`;
  if (check.against === undefined) return verdict;
  const ratio = measured(summary, RATIO_DIGITS);
  return verdict === "" ? ratio : `${ratio}, ${verdict}`;
}

function grouped(value: number, digits: number): string {
  if (!Number.isFinite(value)) return "–";
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}
