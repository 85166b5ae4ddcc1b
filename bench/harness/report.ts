/**
 * The report: as text with a table a case, as JSON with every value, and as blocks of docs/performance.md.
 */
import { describeMachine, type Machine } from "./machine.ts";
import { type BenchmarkName, type BenchOptions, commandLine } from "./options.ts";
import { type Case, outcomesOf, summaryOf } from "./result.ts";
import { alignedTable, markdownTable, rowsOf } from "./table.ts";

/** What stands above all tables. */
export function textHead(options: BenchOptions, machine: Machine): string {
  return `${commandLine(options)}\n${describeMachine(machine)}\nmedian (least–most) of the runs; ` +
    "ratios are taken within each run\n";
}

/** A case for people. */
export function textOf(one: Case): string {
  const notes = one.notes.map((note) => `${note}\n`).join("");
  return `\n${one.benchmark}: ${one.name}\n${alignedTable(rowsOf(one))}\n${notes}`;
}

/** Everything for programs. */
export function jsonOf(
  options: BenchOptions,
  machine: Machine,
  cases: readonly Case[],
  failures: readonly string[],
) {
  return {
    command: commandLine(options),
    machine,
    cases: cases.map((one) => ({
      benchmark: one.benchmark,
      name: one.name,
      subjects: [...one.samples].map(([subject, samples]) => ({
        subject,
        samples,
        summary: Object.fromEntries(
          one.metrics.map(({ key }) => [key, summaryOf(one, subject, key)]),
        ),
      })),
      checks: outcomesOf(one).map(({ check, summary, met }) => ({ ...check, ...summary, met })),
      notes: one.notes,
    })),
    failures,
  };
}

/** What stands in the block of one benchmark. */
export function markdownOf(
  benchmark: BenchmarkName,
  options: BenchOptions,
  machine: Machine,
  cases: readonly Case[],
): string {
  const head = `\`${commandLine(options, benchmark)}\` on ${describeMachine(machine)}.`;
  const parts = cases.map((one) =>
    [`**${one.name}**`, markdownTable(rowsOf(one)), ...one.notes].join("\n\n")
  );
  return [head, ...parts].join("\n\n");
}

/** Gives the document with the block of one benchmark replaced. Raises when there is no such block. */
export function withBlock(document: string, benchmark: BenchmarkName, content: string): string {
  const [begin, end] = [`<!-- figures: ${benchmark} -->`, `<!-- end: ${benchmark} -->`];
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) {
    throw new Error(
      `cannot write the figures of ${benchmark}: ${begin} and ${end} must stand there`,
    );
  }
  return `${document.slice(0, from + begin.length)}\n\n${content}\n\n${document.slice(to)}`;
}
