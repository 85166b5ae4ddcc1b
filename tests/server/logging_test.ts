/**
 * Logging: levels by category, both formats, and that no text of a peer gets out of its line.
 */
import assert from "node:assert/strict";
import { type LogRecord, resetSync } from "@logtape/logtape";
import fc from "fast-check";
import { invalidArgument } from "../../lib/base/errors.ts";
import { logger } from "../../lib/base/log.ts";
import { configFrom, type ConfigInput } from "../../lib/server/config/config.ts";
import {
  configureLogging,
  jsonLine,
  type LogTarget,
  prettyLine,
} from "../../lib/server/logging.ts";

/** Logs while `use` runs, and gives the lines. */
function logged(
  log: ConfigInput["log"],
  use: () => void,
  target: Partial<LogTarget> = {},
): string[] {
  let text = "";
  configureLogging(configFrom({ log }).log, {
    isTerminal: false,
    colors: false,
    write: (lines) => void (text += lines),
    ...target,
  });
  try {
    use();
  } finally {
    resetSync();
  }
  assert(text === "" || text.endsWith("\n"));
  return text.split("\n").slice(0, -1);
}

function record(properties: Record<string, unknown>, message: unknown[] = ["opened"]): LogRecord {
  return {
    category: ["parley", "connection"],
    level: "info",
    message,
    rawMessage: "opened",
    timestamp: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    properties,
  };
}

/** What a terminal could obey, or what turns the direction of writing. */
// deno-lint-ignore no-control-regex
const OBEYED = /[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

const HOSTILE = "a\x1b]52;c;aGk=\x07\x1b[2J\r\nfake line \u202e\u2066\x9b31m\u2028\x00\u061c\ufeff";

Deno.test("a line of JSON has the time, level, category, message and each property", () => {
  const [line, ...more] = logged({}, () => {
    logger("connection").with({ connection: 7, peer: "127.0.0.1:5000" }).info("opened by {name}", {
      name: "x",
      bytes: 12n,
    });
  });
  assert.deepEqual(more, []);
  const { time, ...rest } = JSON.parse(line);
  assert.equal(new Date(time).toISOString(), time);
  assert.deepEqual(rest, {
    level: "info",
    category: "connection",
    message: "opened by x",
    connection: 7,
    peer: "127.0.0.1:5000",
    name: "x",
    bytes: "12",
  });
});

Deno.test("what is the whole message is said once", () => {
  const warning = "the disk is slow";
  const [line] = logged({}, () => logger("server").warning("{warning}", { warning }));
  assert.equal(line.split(warning).length, 2, line);
});

Deno.test("a property cannot take the place of a field", () => {
  const line = JSON.parse(jsonLine(record({ level: "error", message: "forged", peer: "p" })));
  assert.equal(line.level, "info");
  assert.equal(line.message, "opened");
  assert.equal(line.property_level, "error");
  assert.equal(line.property_message, "forged");
});

Deno.test("the level holds overall, and by category above it or below it", () => {
  const everything = () => {
    for (const category of ["server", "connection", "listener"] as const) {
      logger(category).debug("debug");
      logger(category).info("info");
      logger(category).error("error");
    }
  };
  const seen = (log: ConfigInput["log"]) =>
    logged(log, everything).map((line) => JSON.parse(line))
      .map(({ category, level }) => `${category} ${level}`);
  assert.deepEqual(seen({ level: "error" }), [
    "server error",
    "connection error",
    "listener error",
  ]);
  assert.deepEqual(seen({ level: "info", levels: { connection: "debug", listener: "error" } }), [
    "server info",
    "server error",
    "connection debug",
    "connection info",
    "connection error",
    "listener error",
  ]);
});

Deno.test("auto is pretty on a terminal and JSON elsewhere; colours are the terminal's", () => {
  const once = () => logger("server").info("hello");
  const [json] = logged({ format: "auto" }, once);
  assert.equal(JSON.parse(json).message, "hello");
  const [pretty] = logged({ format: "auto" }, once, { isTerminal: true });
  assert.match(pretty, /^\d\d:\d\d:\d\d\.\d{3} INFO {4}server {5}hello$/);
  const [coloured] = logged({ format: "auto" }, once, { isTerminal: true, colors: true });
  assert(coloured.includes("\x1b[32mINFO"));
  assert.equal(JSON.parse(logged({ format: "json" }, once, { isTerminal: true })[0]).level, "info");
  assert.match(logged({ format: "pretty" }, once)[0], /INFO/);
});

Deno.test("hostile text stays inside of one line, in messages, names and values", () => {
  const hostile = record({ peer: HOSTILE, [HOSTILE]: { deep: [HOSTILE] } }, ["by ", HOSTILE, ""]);
  const pretty = prettyLine(hostile, false);
  assert.doesNotMatch(pretty, OBEYED);
  assert.match(pretty, /\\x1b\]52;c;aGk=\\x07/, "it is shown, not swallowed");
  const json = jsonLine(hostile);
  assert.doesNotMatch(json, OBEYED);
  const line = JSON.parse(json);
  assert.equal(line.peer, HOSTILE, "the JSON still means the same");
  assert.equal(line.message, `by ${HOSTILE}`);
});

Deno.test("whatever is logged, a line is one line that a terminal does not obey", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.anything(), (text, value) => {
      const any = record({ text, value, nested: { text } }, [text, value, text]);
      assert.doesNotMatch(jsonLine(any), OBEYED);
      JSON.parse(jsonLine(any));
      assert.doesNotMatch(prettyLine(any, false), OBEYED);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("an error is logged with its code, its stack and its causes", () => {
  const cause = new Error("the disk\x1b[2J is gone");
  const error = invalidArgument("cannot write", { cause });
  const line = JSON.parse(jsonLine(record({ error })));
  assert.equal(line.error.code, "INVALID_ARGUMENT");
  assert.equal(line.error.message, "cannot write");
  assert.match(line.error.stack, /logging_test/);
  assert.equal(line.error.cause.message, cause.message);
  const [first, ...stack] = prettyLine(record({ error }), false).split("\n");
  assert.match(first, /error=INVALID_ARGUMENT: cannot write$/);
  assert(stack.some((each) => each.includes("logging_test")));
  assert(stack.some((each) => each.includes("the disk\\x1b[2J is gone")));
});

Deno.test("what leads back to itself ends", () => {
  const circle: Record<string, unknown> = { name: "circle", twice: [{ a: 1 }] };
  circle.self = circle;
  const error = new Error("again");
  error.cause = error;
  const any = record({ circle, error });
  assert.equal(JSON.parse(jsonLine(any)).circle.name, "circle");
  assert.match(prettyLine(any, false), /again/);
  const shared = { a: 1 };
  assert.deepEqual(JSON.parse(jsonLine(record({ pair: [shared, shared] }))).pair, [shared, shared]);
});

Deno.test("a log that cannot be written ends nothing", () => {
  logged({}, () => logger("server").error("lost"), {
    write() {
      throw new Deno.errors.BrokenPipe("gone");
    },
  });
});
