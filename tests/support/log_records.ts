/**
 * What is logged while a test runs. Logging is one for a test file, so use it in one test at a time.
 */
import { configureSync, type LogRecord, resetSync } from "@logtape/logtape";

/** Collects log records until it is disposed of. */
export class LogRecords implements Disposable {
  readonly records: LogRecord[] = [];

  constructor() {
    configureSync({
      reset: true,
      sinks: { memory: (record) => this.records.push(record) },
      loggers: [
        { category: "parley", sinks: ["memory"], lowestLevel: "debug" },
        { category: ["logtape", "meta"], sinks: [], lowestLevel: "error" },
      ],
    });
  }

  /** The records of a level, as the raw text of their messages. */
  templates(level: LogRecord["level"]): string[] {
    return this.records.filter((record) => record.level === level).map((record) =>
      String(record.rawMessage)
    );
  }

  [Symbol.dispose](): void {
    resetSync();
  }
}
