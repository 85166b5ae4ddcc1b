/**
 * What the commands of queues read and show, without a server: options, lines of JSON, jobs, figures, and what
 * programs print.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { AckLevel } from "../../../lib/client/mod.ts";
import type { Output } from "../../../lib/cli/io.ts";
import { ProgramOutput } from "../../../lib/cli/programs/output.ts";
import { ageText, durationText, infoJson, infoRows } from "../../../lib/cli/queues/info_text.ts";
import { jobJson, jobText, type ShownJob } from "../../../lib/cli/queues/job_text.ts";
import { duration } from "../../../lib/cli/command.ts";
import {
  MAX_DELAY_MS,
  moment,
  parseJob,
  type PushedJob,
} from "../../../lib/cli/queues/push_input.ts";
import { PushSummary } from "../../../lib/cli/queues/push_summary.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** What no terminal may get: everything it could obey. Line feeds end lines, and nothing else. */
// deno-lint-ignore no-control-regex
const OBEYED = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

const nothing: PushedJob = {
  queue: "",
  payload: "",
  type: "",
  headers: {},
  messageId: "",
  priority: 0,
  key: "",
};

const job: ShownJob = {
  queue: "emails",
  id: 12n,
  type: "acme.v1.Email",
  payload: bytes("hello"),
  headers: {},
  messageId: "",
  priority: 0,
  key: "",
  pushedAt: new Date("2026-01-20T15:48:41.123Z"),
  attempt: 1,
  redelivered: false,
  topic: "",
  death: null,
};

const death = {
  reason: "max_deliveries",
  attempts: 10,
  lastError: "exit code 3: boom",
  time: new Date("2026-01-20T16:00:00Z"),
  queue: "emails",
  id: 7n,
} as const;

Deno.test("a delay and a moment are read as they are meant, or refused", () => {
  const delays: [string, number][] = [
    ["0", 0],
    ["500ms", 500],
    ["1.5s", 1500],
    ["2m", 120_000],
    ["3h", 10_800_000],
    ["366d", 366 * 86_400_000],
  ];
  const delay = duration(0, MAX_DELAY_MS);
  for (const [text, expected] of delays) assert.equal(delay(text), expected, text);
  for (const text of ["", "250", "-1s", "5 s", "367d", "soon", "1e9"]) {
    assert.throws(() => delay(text), /must be a duration with its unit/, text);
  }
  assert.deepEqual(moment("2026-01-20T15:48:41Z"), new Date("2026-01-20T15:48:41Z"));
  assert.deepEqual(moment("2026-01-20T15:48+02:00"), new Date("2026-01-20T13:48:00Z"));
  assert.deepEqual(moment("2026-01-20T15:48"), new Date(2026, 0, 20, 15, 48));
  assert.deepEqual(moment("2026-01-20"), new Date(2026, 0, 20), "midnight of the wall's clock");
  for (const text of ["", "tomorrow", "2026-13-01", "2026-01-20 15:00", "15:00", "1700000000"]) {
    assert.throws(() => moment(text), /must be a day or moment of the calendar/, text);
  }
});

Deno.test("a line of JSON is a job, and what it does not say comes from the arguments", () => {
  const full = parseJob(
    bytes(
      '{"queue":"q","payload_json":{"n":12345678901234567890},"type":"T","headers":{"h":"2"},' +
        '"message_id":"m","priority":9,"key":"k","delay_ms":5000}',
    ),
    { ...nothing, headers: { a: "1", h: "1" } },
  );
  assert.deepEqual(full, {
    queue: "q",
    payload: '{"n":12345678901234567890}',
    type: "T",
    headers: { a: "1", h: "2" },
    messageId: "m",
    priority: 9,
    key: "k",
    delayMs: 5000,
  });
  const defaults = { ...nothing, queue: "d", type: "D", priority: 3, key: "c", delayMs: 7 };
  const { payload, queue, type, priority, key, delayMs } = parseJob(bytes("{}"), defaults);
  assert.deepEqual([payload, queue, type, priority, key, delayMs], ["", "d", "D", 3, "c", 7]);
  const timed = parseJob(bytes('{"queue":"x","run_at":"2026-01-20T15:48:41Z"}'), defaults);
  assert.equal(timed.queue, "d", "a queue that was named is where all go");
  assert.deepEqual([timed.delayMs, timed.runAt], [undefined, new Date("2026-01-20T15:48:41Z")]);
});

Deno.test("a line that is wrong says what would be accepted", () => {
  const wrong: [line: string, message: RegExp][] = [
    ["{}", /it has no "queue", and none was given as an argument/],
    ["[]", /it is no JSON object; accepted: \{"queue": /],
    ["{", /it is no JSON: /],
    ['{"queu":"a"}', /unknown key "queu"; did you mean queue\?/],
    ['{"queue":"a","priority":10}', /"priority" must be a whole number from 0 to 9/],
    ['{"queue":"a","priority":"1"}', /"priority" must be a whole number/],
    ['{"queue":"a","priority":0.5}', /"priority" must be a whole number/],
    ['{"queue":"a","delay_ms":-1}', /"delay_ms" must be a whole number from 0 to /],
    ['{"queue":"a","delay_ms":1,"run_at":"2026-01-20"}', /both delay_ms and run_at/],
    ['{"queue":"a","run_at":"soon"}', /"run_at" must be a moment like /],
    ['{"queue":"a","payload":"x","payload_base64":"eA=="}', /both payload and payload_base64/],
    ['{"queue":"a","payload":1}', /"payload" must be a text; payload_json takes any JSON/],
  ];
  for (const [line, message] of wrong) {
    assert.throws(() => parseJob(bytes(line), nothing), { message }, line);
  }
});

Deno.test("what a pull or a peek prints as JSON can be pushed again", () => {
  const text = fc.string({ unit: "binary" });
  fc.assert(fc.property(
    fc.record({
      type: text,
      key: text,
      messageId: text,
      priority: fc.integer({ min: 0, max: 9 }),
      headers: fc.dictionary(text, text),
      payload: fc.uint8Array({ maxLength: 50 }),
      attempt: fc.nat(20),
      redelivered: fc.boolean(),
      death: fc.constantFrom(null, death),
    }),
    fc.constantFrom(null, { state: "leased", until: death.time }, { state: "ready", until: null }),
    (some, place) => {
      const shown = jobJson({ ...job, ...some }, place);
      assert(!OBEYED.test(shown), shown);
      const again = parseJob(bytes(shown), nothing);
      const { queue, type, key, messageId, priority, headers } = again;
      assert.deepEqual(
        { queue, type, key, messageId, priority, headers: { ...headers } },
        {
          queue: "emails",
          type: some.type,
          key: some.key,
          messageId: some.messageId,
          priority: some.priority,
          headers: { ...some.headers },
        },
      );
      const { payload } = again;
      assert.deepEqual(
        [...(typeof payload === "string" ? bytes(payload) : payload)],
        [...some.payload],
      );
    },
  ));
});

Deno.test("a job is one line in a pipe and several on a terminal", () => {
  const pipe = { lines: false, colors: false, full: false };
  assert.equal(
    jobText(job, pipe),
    "2026-01-20T15:48:41.123Z  #12  acme.v1.Email  attempt 1  hello\n",
  );
  const rich = { ...job, key: "k", priority: 3, headers: { h: "\x1b[2J" }, redelivered: true };
  assert.equal(
    jobText({ ...rich, type: "", attempt: 2 }, pipe),
    "2026-01-20T15:48:41.123Z  #12  -  attempt 2, redelivered  " +
      '{"priority":3,"key":"k","headers":{"h":"\\u001b[2J"}}  hello\n',
  );
  const shown = jobText({ ...rich, death }, { ...pipe, lines: true });
  const [first, ...rest] = shown.split("\n");
  assert.match(first, /^\d\d:\d\d:41\.123 {2}#12 {2}acme\.v1\.Email {2}attempt 1, redelivered$/);
  assert.deepEqual(rest, [
    "  died: given up after 10 deliveries at 2026-01-20T16:00:00.000Z, was #7 of emails: " +
    "exit code 3: boom",
    "  priority: 3",
    "  key: k",
    "  h: \\x1b[2J",
    "  hello",
    "",
  ]);
  const peeked = jobText({ ...job, attempt: 0 }, pipe, { state: "delayed", until: death.time });
  assert.match(
    peeked,
    /#12 {2}delayed until 2026-01-20T16:00:00\.000Z .* never delivered {2}hello/,
  );
});

Deno.test("nothing of a job reaches a terminal that it would obey", () => {
  const text = fc.string({ unit: "binary" });
  fc.assert(fc.property(
    fc.record({
      type: text,
      key: text,
      messageId: text,
      topic: text,
      queue: text,
      headers: fc.dictionary(text, text),
      payload: fc.uint8Array({ maxLength: 50 }),
      death: fc.record({
        reason: fc.constant("rejected" as const),
        attempts: fc.nat(),
        lastError: text,
        time: fc.constant(death.time),
        queue: text,
        id: fc.constant(1n),
      }),
    }),
    fc.boolean(),
    (some, lines) => {
      const shown = jobText({ ...job, ...some }, { lines, colors: false, full: true });
      // Text on lines of its own may have tabs, which do no harm.
      const judged = lines ? shown.replaceAll("\t", "") : shown;
      assert(!OBEYED.test(judged), JSON.stringify(shown));
      assert(lines || shown.indexOf("\n") === shown.length - 1, "one line for a pipe");
    },
  ));
});

Deno.test("pushes are summed up with their numbers and how safe they are", () => {
  const { FSYNCED, ROUTED } = AckLevel;
  const text = (...answers: [string, bigint, AckLevel, boolean?][]) => {
    const summary = new PushSummary();
    for (const [queue, id, level, duplicate = false] of answers) {
      summary.add(queue, { id, level, duplicate });
    }
    return [summary.text(), summary.json()] as const;
  };
  assert.equal(text()[0], "pushed 0 jobs\n");
  assert.equal(text(["q", 12n, FSYNCED])[0], "pushed 1 job into q as 12, on disk\n");
  assert.equal(text(["q\n", 12n, ROUTED])[0], "pushed 1 job into q\\n as 12, in memory only\n");
  assert.equal(text(["q", 12n, FSYNCED, true])[0], "not pushed again: q has this job as 12\n");
  const [several, json] = text(["q", 7n, FSYNCED], ["q", 3n, FSYNCED, true], ["q", 8n, ROUTED]);
  assert.equal(
    several,
    "pushed 2 jobs into q as 3 to 8, in memory only, 1 duplicate not pushed again\n",
  );
  assert.deepEqual(json, {
    pushed: 2,
    duplicates: 1,
    queue: "q",
    first_id: 3,
    last_id: 8,
    level: "ROUTED",
  });
  const [spread, spreadJson] = text(["q", 7n, FSYNCED], ["r", 7n, FSYNCED]);
  assert.equal(spread, "pushed 2 jobs into 2 queues, on disk\n");
  assert.deepEqual(spreadJson, { pushed: 2, duplicates: 0, queues: 2, level: "FSYNCED" });
});

Deno.test("ages and durations are told in units that people use", () => {
  const at = new Date("2026-01-20T15:48:41Z");
  const age = (seconds: number) => ageText(at, at.getTime() + seconds * 1000);
  const ages = [-5, 0, 59.9, 60, 3599, 3600, 172_799, 172_800].map(age);
  assert.deepEqual(ages, ["0 s", "0 s", "59 s", "1 min", "59 min", "1 h", "47 h", "2 days"]);
  assert.equal(ageText(null, 0), "-");
  const durations = [0, 1, 1500, 30_000, 300_000, 7_200_000, 86_400_000].map(durationText);
  assert.deepEqual(durations, ["0 ms", "1 ms", "1500 ms", "30 s", "5 min", "2 h", "1 d"]);
});

Deno.test("what is known of a queue is told in rows and as JSON", () => {
  const info = {
    name: "emails",
    ready: 1234,
    delayed: 3,
    leased: 2,
    blocked: 0,
    dead: 1,
    bytes: 12_345,
    oldest: new Date("2026-01-20T15:48:41Z"),
    consumers: 2,
    paused: true,
    pushed: 100,
    done: 80,
    redelivered: 3,
    settings: {
      leaseMs: 30_000,
      maxDeliveries: 10,
      maxJobs: 5_000_000,
      maxBytes: 8e9,
      whenFull: "drop_oldest" as const,
      ordered: false,
      bind: ["orders.*.created", "\x1b"],
      backoffMinMs: 1000,
      backoffMaxMs: 300_000,
    },
  };
  const rows = Object.fromEntries(infoRows(info, info.oldest.getTime() + 35_000));
  assert.equal(rows.ready, "1,234");
  assert.equal(rows.oldest, "35 s ago, 2026-01-20T15:48:41.000Z");
  assert.equal(rows.delivers, "at most 10 times, again after 1 s, doubling to 5 min");
  assert.equal(rows.holds, "at most 5,000,000 jobs and 8.00 GB, then drops the oldest");
  assert.equal(rows["bound to"], "orders.*.created \\x1b");
  assert.match(rows.state, /^paused/);
  const dead = { ...info, name: "emails.dead", oldest: null };
  const settings = { ...info.settings, maxDeliveries: 0, bind: [] };
  const others = Object.fromEntries(infoRows({ ...dead, settings }, 0));
  assert.deepEqual([others.dead, others.oldest, others["bound to"]], [undefined, "-", undefined]);
  assert.match(others.delivers, /^without a limit/);
  const json = infoJson(info);
  assert.deepEqual([json.queue, json.oldest], ["emails", "2026-01-20T15:48:41.000Z"]);
  assert.deepEqual([json.settings.when_full, json.settings.max_deliveries], ["drop-oldest", 10]);
});

/** Passes `input`, cut where `cuts` say, and gives what was written, and the last line. */
async function passed(
  input: Uint8Array,
  cuts: readonly number[],
  prefix: string,
  isTerminal = false,
): Promise<[written: Uint8Array, last: string]> {
  const written: number[] = [];
  const output: Output = {
    isTerminal,
    colors: false,
    columns: 80,
    rows: 24,
    write: (data) => void written.push(...(typeof data === "string" ? bytes(data) : data)),
  };
  const pieces = [...cuts, 0, input.length].sort((one, other) => one - other);
  const stream = ReadableStream.from(
    pieces.slice(1).map((end, index) => input.slice(pieces[index], end)),
  );
  const passing = new ProgramOutput(output, prefix);
  await passing.pass(stream, () => assert.fail("it can be written"));
  return [new Uint8Array(written), passing.lastLine];
}

Deno.test("what a program prints is passed on the same wherever it is cut", async () => {
  const piece = fc.constantFrom("a", "\n", "\r\n", " ", "ä", "\x1b[2J", "🦀");
  await fc.assert(fc.asyncProperty(
    fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join("")),
    fc.array(fc.nat(40), { maxLength: 5 }),
    async (text, cuts) => {
      const input = bytes(text);
      const within = cuts.map((cut) => Math.min(cut, input.length));
      const [exact, last] = await passed(input, within, "");
      assert.deepEqual(exact, input);
      const lines = text.split("\n").map((line) => line.replace(/\r$/, ""));
      if (lines.at(-1) === "") lines.pop();
      const expected = lines.map((line) => line.trim()).findLast((line) => line !== "") ?? "";
      assert.equal(last, expected);
      const [prefixed] = await passed(input, within, "7: ");
      assert.equal(
        new TextDecoder().decode(prefixed),
        lines.map((line) => `7: ${line}\n`).join(""),
      );
      const [shown] = await passed(input, within, "", true);
      assert(!OBEYED.test(new TextDecoder().decode(shown)));
    },
  ));
});

Deno.test("a line without an end is passed on in pieces, and its beginning is kept", async () => {
  const [written, last] = await passed(bytes("x".repeat(200_000)), [70_000, 140_000], "1: ");
  const lines = new TextDecoder().decode(written).trimEnd().split("\n");
  assert.deepEqual(lines.map((line) => line.length - 3), [70_000, 70_000, 60_000]);
  assert.equal(last, "x".repeat(1024));
});

Deno.test("a program whose output nobody reads is ended, and read to its end", async () => {
  const output: Output = {
    isTerminal: false,
    colors: false,
    columns: 80,
    rows: 24,
    write: () => {
      throw new Deno.errors.BrokenPipe("gone");
    },
  };
  const stream = ReadableStream.from([bytes("a"), bytes("b")]);
  const passing = new ProgramOutput(output, "");
  let ends = 0;
  await passing.pass(stream, () => ends++);
  assert.equal(ends, 1);
  assert.throws(() => passing.throwIfFailed(), Deno.errors.BrokenPipe);
});
