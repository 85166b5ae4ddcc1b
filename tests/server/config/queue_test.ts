/**
 * The tables [[queue]]: every field at, below and above its bounds, what names and bindings may be, and
 * that each mistake is told with the line of its own table.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { DEFAULT_QUEUE_OPTIONS } from "../../../lib/logic/queues/policies.ts";
import {
  ConfigError,
  configFrom,
  queuePoliciesOf,
  resolveConfig,
} from "../../../lib/server/config/config.ts";
import { configKeys, fieldsOf } from "../../../lib/server/config/keys.ts";

/** The problems of a file, one text each; none when it is fine. */
function problems(
  toml: string | undefined,
  environment: Record<string, string> = {},
  flags: [path: string, text: string][] = [],
): string[] {
  try {
    const file = toml === undefined ? undefined : { name: "parley.toml", text: toml };
    const set = flags.map(([path, text]) => ({ flag: `--set ${path}`, path, text }));
    resolveConfig(file, environment, set);
    return [];
  } catch (error) {
    assert(error instanceof ConfigError, String(error));
    return error.problems.map(({ text }) => text);
  }
}

/** The policies that a file gives. */
function policies(toml: string) {
  return queuePoliciesOf(resolveConfig({ name: "parley.toml", text: toml }).config);
}

const LEVELS_15 = Array(15).fill("a").join(".");

Deno.test("a queue has the defaults but for what its table says", () => {
  assert.deepEqual(policies('[[queue]]\nname = "emails"'), [
    { ...DEFAULT_QUEUE_OPTIONS, name: "emails", bind: [] },
  ]);
  const all = [
    "[[queue]]",
    'name = "emails"',
    'bind = ["orders.>", "a.*"]',
    "lease_ms = 11",
    "max_deliveries = 12",
    "backoff_min_ms = 13",
    "backoff_max_ms = 14",
    "max_jobs = 15",
    "max_bytes = 1600",
    'when_full = "drop-oldest"',
    "ordered = true",
    "[[queue]]",
    'name = "jobs.>"',
  ];
  assert.deepEqual(policies(all.join("\n")), [
    {
      name: "emails",
      bind: ["orders.>", "a.*"],
      leaseMs: 11,
      maxDeliveries: 12,
      backoffMinMs: 13,
      backoffMaxMs: 14,
      maxJobs: 15,
      maxBytes: 1600,
      whenFull: "drop-oldest",
      ordered: true,
    },
    { ...DEFAULT_QUEUE_OPTIONS, name: "jobs.>", bind: [] },
  ]);
});

Deno.test("outside of a file, queues are names, and replace those of the file", () => {
  const file = { name: "parley.toml", text: '[[queue]]\nname = "a"\nlease_ms = 20' };
  const names = (environment: Record<string, string>, set?: string) => {
    const flags = set === undefined ? [] : [{ flag: "--set queue", path: "queue", text: set }];
    return resolveConfig(file, environment, flags).config.queue.map((queue) =>
      `${queue.name} ${queue.lease_ms}`
    );
  };
  assert.deepEqual(names({}), ["a 20"]);
  assert.deepEqual(names({ PARLEY_QUEUE: "a, jobs.>" }), ["a 30000", "jobs.> 30000"]);
  assert.deepEqual(names({ PARLEY_QUEUE: "b" }, "c"), ["c 30000"]);
  assert.deepEqual(names({ PARLEY_QUEUE: "" }), []);
  assert.deepEqual(names({}, " "), []);
});

/** The bounds of each number, written out so that no change of them goes unseen. */
const BOUNDS: Readonly<Record<string, readonly [least: number, most: number]>> = {
  lease_ms: [10, 2 ** 31 - 1],
  max_deliveries: [0, 65_535],
  backoff_min_ms: [1, 2 ** 31 - 1],
  backoff_max_ms: [1, 2 ** 31 - 1],
  max_jobs: [1, 16_000_000],
  max_bytes: [1024, Number.MAX_SAFE_INTEGER],
  deliver_at_once: [1, 64],
};

Deno.test("each number is taken at its bounds and refused beyond them", () => {
  const numbers = fieldsOf(configKeys().find(({ path }) => path === "queue")!)
    .filter(({ kind }) => kind === "integer").map(({ parts }) => parts[1]);
  assert.deepEqual(numbers, Object.keys(BOUNDS));
  for (const [name, [least, most]] of Object.entries(BOUNDS)) {
    // The other end of the backoff is moved out of the way.
    const rest = name === "backoff_min_ms"
      ? "backoff_max_ms = 2147483647"
      : name === "backoff_max_ms"
      ? "backoff_min_ms = 1"
      : "";
    const table = (value: unknown) => `[[queue]]\nname = "a"\n${name} = ${value}\n${rest}`;
    assert.deepEqual(problems(table(least)), [], name);
    assert.deepEqual(problems(table(most)), [], name);
    const accepted = `a whole number from ${least} to ${most}`;
    const wrong = [least - 1, least + 0.5, '"1"'];
    // What is above the greatest whole number is no number for the parser of the file either.
    if (most < Number.MAX_SAFE_INTEGER) wrong.push(most + 1);
    for (const value of wrong) {
      assert.deepEqual(problems(table(value)), [
        `parley.toml:3: queue[0].${name}: must be ${accepted}, not ${value}`,
      ]);
    }
  }
  assert.match(
    problems('[[queue]]\nname = "a"\nmax_bytes = 9007199254740992')[0],
    /^parley\.toml:3:/,
  );
});

const LINES: [toml: string, problems: string[]][] = [
  ["[[queue]]", ["1: queue[0].name: is missing; it must be a string"]],
  ["\n[[queue]]\nname = 3", ["3: queue[0].name: must be a string, not 3"]],
  [
    '[[queue]]\nname = "a"\n\n[[queue]]\nname = "b"\nleese_ms = 5',
    ["6: queue[1].leese_ms: unknown key; did you mean queue.lease_ms?"],
  ],
  [
    '[[queue]]\nname = "a"\nmax_job = 5\nbinds = "b"\nordred = true\nzebra = 1',
    [
      "3: queue[0].max_job: unknown key; did you mean queue.max_jobs?",
      "4: queue[0].binds: unknown key; did you mean queue.bind?",
      "5: queue[0].ordred: unknown key; did you mean queue.ordered?",
      "6: queue[0].zebra: unknown key",
    ],
  ],
  [
    '[[keep]]\npattern = "a"\nmax_event = 1',
    ["3: keep[0].max_event: unknown key; did you mean keep.max_events?"],
  ],
  ["[[queues]]", ["1: queues: unknown key; did you mean queue?"]],
  ["lease_ms = 5", ["1: lease_ms: unknown key; did you mean queue.lease_ms?"]],
  [
    '[[queue]]\nname = "a"\n[queue.limits]\nmax_jobs = 1',
    ["3: queue[0].limits: unknown key"],
  ],
  [
    '[queue]\nname = "a"',
    [
      "1: queue: must be tables with a name each; outside of a file, names separated by commas, " +
      'not {"name":"a"}',
    ],
  ],
  ['queue = [\n{ name = "a" },\n"b"]', ['3: queue[1]: must be a table, not "b"']],
  [
    '[[queue]]\nname = "a"\nwhen_full = "drop"',
    ['3: queue[0].when_full: must be one of refuse, drop-oldest, not "drop"'],
  ],
  [
    '[[queue]]\nname = "a"\nordered = 1',
    ["3: queue[0].ordered: must be true or false, not 1"],
  ],
  [
    '[[queue]]\nname = "a"\nbind = [1]',
    ['3: queue[0].bind: must be a string or a list of strings ("" or [] is none), not [1]'],
  ],
  [
    'queue = [\n  { name = "a" },\n  { name = "b", lease_ms = 9 },\n]',
    ["3: queue[1].lease_ms: must be a whole number from 10 to 2147483647, not 9"],
  ],
  [
    '[[queue]]\nname = "a"\nbackoff_min_ms = 10\nbackoff_max_ms = 9',
    ["3: queue[0].backoff_min_ms: backoff_min_ms (10) must not be more than backoff_max_ms (9)"],
  ],
  [
    '[[queue]]\nname = "a"\nbackoff_min_ms = 0\nbackoff_max_ms = -1',
    [
      "3: queue[0].backoff_min_ms: must be a whole number from 1 to 2147483647, not 0",
      "4: queue[0].backoff_max_ms: must be a whole number from 1 to 2147483647, not -1",
    ],
  ],
  [
    '[[queue]]\nname = "a"\nlease_ms = 9\n[[queue]]\nname = "b..c"\n[log]\nlevel = "loud"',
    [
      "3: queue[0].lease_ms: must be a whole number from 10 to 2147483647, not 9",
      '5: queue[1].name: "b..c" is no queue: a pattern has no empty level',
      '7: log.level: must be one of debug, info, warning, error, not "loud"',
    ],
  ],
];

for (const [toml, expected] of LINES) {
  Deno.test(`the line of a queue is told: ${JSON.stringify(toml.slice(0, 60))}`, () => {
    assert.deepEqual(problems(toml), expected.map((text) => `parley.toml:${text}`));
  });
}

Deno.test("of a backoff that ends before it begins, the time that was set is told", () => {
  const rule = "backoff_min_ms (1000) must not be more than backoff_max_ms (999)";
  assert.deepEqual(problems('[[queue]]\nname = "a"\nbackoff_max_ms = 999'), [
    `parley.toml:3: queue[0].backoff_max_ms: ${rule}`,
  ]);
  assert.deepEqual(problems('[[queue]]\nname = "a"\nbackoff_max_ms = 1000'), []);
  assert.deepEqual(problems('[[queue]]\nname = "a"\nbackoff_min_ms = 300001'), [
    "parley.toml:3: queue[0].backoff_min_ms: backoff_min_ms (300001) must not be more than " +
    "backoff_max_ms (300000)",
  ]);
  assert.throws(() => configFrom({ queue: [{ name: "a" }, { name: "b", backoff_max_ms: 999 }] }), {
    message: `queue[1].backoff_max_ms: ${rule}`,
  });
});

Deno.test("a name is a queue or a pattern of queues, and none of dead letters", () => {
  const fault = (name: string) => problems(`[[queue]]\nname = ${JSON.stringify(name)}`);
  for (const name of ["a", "a.b", "a.*", "*.b", ">", "a.>", "dead", "a.deadly", "a.dead.b"]) {
    assert.deepEqual(fault(name), [], name);
  }
  const at = "parley.toml:2: queue[0].name: ";
  assert.deepEqual(fault(""), [`${at}"" is no queue: a pattern is not empty`]);
  assert.deepEqual(fault("a."), [`${at}"a." is no queue: a pattern has no empty level`]);
  assert.deepEqual(fault("a.>.b"), [
    `${at}"a.>.b" is no queue: in a pattern ">" is the whole last level`,
  ]);
  assert.deepEqual(fault("a*"), [`${at}"a*" is no queue: in a pattern "*" is a whole level`]);
  assert.match(fault("a b")[0], /"a b" is no queue: a pattern has no white space/);
  for (const name of ["a.dead", "*.dead"]) {
    assert.deepEqual(fault(name), [
      `${at}"${name}" are dead letters, which are set up with the queue that they come from`,
    ]);
  }
  assert.match(fault("\u001b[31m.\u202e")[0], /^parley\.toml:2: queue\[0\]\.name: [\x20-\x7e]*$/);
});

Deno.test("a name leaves room for its dead letters within the limits of topics", () => {
  const table = (name: string) => `[[queue]]\nname = "${name}"`;
  assert.deepEqual(problems(table("a".repeat(251))), []);
  assert.match(
    problems(table("a".repeat(252)))[0],
    /^parley\.toml:2: queue\[0\]\.name: "a+…", for its dead letters, cannot be a queue: a topic has at most 256 bytes/,
  );
  assert.deepEqual(problems(table(LEVELS_15)), []);
  assert.deepEqual(problems(table(`${LEVELS_15}.b`)), [
    `parley.toml:2: queue[0].name: "${LEVELS_15}.b.dead", for its dead letters, cannot be a queue: ` +
    "a topic has at most 16 levels, this one has 17",
  ]);
  assert.deepEqual(problems(table(`${LEVELS_15}.>`)), []);
  assert.deepEqual(problems(table(`${LEVELS_15}.b.>`)), [
    `parley.toml:2: queue[0].name: "${LEVELS_15}.b.>" cannot be a queue: ` +
    "a pattern has at most 16 levels, this one has 17",
  ]);
  assert.deepEqual(problems(table(`${LEVELS_15}.b`), { PARLEY_LIMITS_MAX_TOPIC_LEVELS: "17" }), []);
});

Deno.test("limits that are too narrow for a queue are told where they were set", () => {
  const narrow = { PARLEY_LIMITS_MAX_TOPIC_LEVELS: "2" };
  assert.deepEqual(problems('[[queue]]\nname = "a"\nbind = "b.c"', narrow), []);
  assert.deepEqual(problems('[[queue]]\nname = "a.b"', narrow), [
    'PARLEY_LIMITS_MAX_TOPIC_LEVELS: "a.b.dead", for its dead letters, cannot be a queue: ' +
    "a topic has at most 2 levels, this one has 3",
  ]);
  assert.deepEqual(problems('[[queue]]\nname = "a"\nbind = "b.c.d"', narrow), [
    'PARLEY_LIMITS_MAX_TOPIC_LEVELS: "b.c.d" cannot match a topic: ' +
    "a pattern has at most 2 levels, this one has 3",
  ]);
  // A limit that is wrong by itself is told alone.
  assert.deepEqual(problems('[[queue]]\nname = "a.b"', { PARLEY_LIMITS_MAX_TOPIC_LEVELS: "0" }), [
    "PARLEY_LIMITS_MAX_TOPIC_LEVELS: must be a whole number from 1 to 128, not 0",
  ]);
});

Deno.test("a queue is bound to topics and patterns, a pattern of queues to none", () => {
  const bind = (value: string, name = "a") => `[[queue]]\nname = "${name}"\nbind = ${value}`;
  const bound = (value: string) => policies(bind(value))[0].bind;
  assert.deepEqual(bound('"orders.>"'), ["orders.>"]);
  assert.deepEqual(bound('["orders.>", "a", "*.b"]'), ["orders.>", "a", "*.b"]);
  assert.deepEqual(bound('""'), []);
  assert.deepEqual(bound("[]"), []);
  assert.deepEqual(problems(bind('["a", "b..c", ">.d"]')), [
    'parley.toml:3: queue[0].bind: "b..c" is no topic or pattern: a pattern has no empty level',
    'parley.toml:3: queue[0].bind: ">.d" is no topic or pattern: in a pattern ">" is the whole last level',
  ]);
  for (const name of ["jobs.>", "jobs.*", ">"]) {
    assert.deepEqual(problems(bind('"orders.>"', name)), [
      `parley.toml:3: queue[0].bind: only one queue can be bound to topics, and "${name}" is a ` +
      "pattern of queues",
    ]);
    assert.deepEqual(problems(bind("[]", name)), [], name);
  }
  assert.deepEqual(problems(bind(`"${LEVELS_15}.b"`)), []);
  assert.match(
    problems(bind(`"${LEVELS_15}.b.c"`))[0],
    /^parley\.toml:3: queue\[0\]\.bind: .* 17$/,
  );
});

Deno.test("a variable or a flag at fault is told by its name", () => {
  assert.deepEqual(problems(undefined, { PARLEY_QUEUE: "a,b..c" }), [
    'PARLEY_QUEUE: "b..c" is no queue: a pattern has no empty level',
  ]);
  assert.deepEqual(problems(undefined, {}, [["queue", "a,,b"]]), [
    '--set queue: "" is no queue: a pattern is not empty',
  ]);
  // The file's table is replaced, and so its line is not at fault.
  assert.deepEqual(problems('[[queue]]\nname = "a"', { PARLEY_QUEUE: "b.dead" }), [
    'PARLEY_QUEUE: "b.dead" are dead letters, which are set up with the queue that they come from',
  ]);
  assert.deepEqual(problems(undefined, { PARLEY_QUEUES: "a" }), [
    "PARLEY_QUEUES: unknown variable; did you mean PARLEY_QUEUE?",
  ]);
  const onlyInFile =
    "only a file can set this; queue takes tables with a name each; outside of a " +
    "file, names separated by commas";
  assert.deepEqual(problems(undefined, { PARLEY_QUEUE_LEASE_MS: "5" }), [
    `PARLEY_QUEUE_LEASE_MS: ${onlyInFile}`,
  ]);
  assert.deepEqual(problems(undefined, {}, [["queue.lease_ms", "5"]]), [
    `--set queue.lease_ms: ${onlyInFile}`,
  ]);
  assert.deepEqual(problems(undefined, {}, [["queu", "a"]]), [
    "--set queu: unknown key; did you mean queue?",
  ]);
});

Deno.test("whatever tables there are, each problem has the line that it is on", () => {
  const field = fc.constantFrom<[text: string, fine: boolean]>(
    ["lease_ms = 10", true],
    ["lease_ms = 9", false],
    ["max_jobs = 0", false],
    ['bind = "a"', true],
    ['when_full = "never"', false],
    ["# note", true],
    ["", true],
    ["unknown = { a = 1 }", false],
  );
  const tables = fc.array(fc.uniqueArray(field, { selector: ([text]) => text.split(" ")[0] }), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(tables, (queues) => {
      const lines = ["insecure = false"];
      const wrong: number[] = [];
      for (const [index, fields] of queues.entries()) {
        lines.push("[[queue]]", `name = "q${index}"`);
        for (const [text, fine] of fields) if (lines.push(text) && !fine) wrong.push(lines.length);
      }
      const told = problems(lines.join("\n")).map((text) => Number(text.split(":")[1]));
      assert.deepEqual(told, wrong);
    }),
    { numRuns: 300 },
  );
});

Deno.test("a binding behind a table that decides for its queue is told, not ignored", () => {
  const wide = '[[queue]]\nname = "mail.>"\n';
  const bound = '[[queue]]\nname = "mail.out"\nbind = "orders.>"\n';
  assert.deepEqual(problems(bound + wide), []);
  assert.deepEqual(problems(wide + '[[queue]]\nname = "mail.out"\n'), []);
  const [problem, ...others] = problems(wide + bound);
  assert.deepEqual(others, []);
  assert.match(
    problem,
    /queue\[1\]\.bind: "mail\.out" is set up by the table before it for "mail\.>"/,
  );
});
