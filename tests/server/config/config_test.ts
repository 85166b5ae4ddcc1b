/**
 * The configuration: what wins over what, and that every mistake is told with its place.
 */
import assert from "node:assert/strict";
import { COMPANY, LIST_ITEMS, POLICY_DEFAULTS, POLICY_NAMES, TEXTS } from "./key_values.ts";
import { DEFAULT_LIMITS } from "../../../lib/base/limits.ts";
import { DEFAULT_STORE_LIMITS } from "../../../lib/base/store_limits.ts";
import {
  ConfigError,
  configFrom,
  limitsOf,
  resolveConfig,
  storeLimitsOf,
} from "../../../lib/server/config/config.ts";
import { configKeys } from "../../../lib/server/config/keys.ts";

type Environment = Record<string, string>;

/** The problems of a configuration, one text each; none when it is fine. */
function problems(
  toml: string | undefined,
  environment: Environment = {},
  flags: [flag: string, path: string, text: string][] = [],
): string[] {
  try {
    resolveConfig(
      toml === undefined ? undefined : { name: "parley.toml", text: toml },
      environment,
      flags.map(([flag, path, text]) => ({ flag, path, text })),
    );
    return [];
  } catch (error) {
    assert(error instanceof ConfigError, String(error));
    assert.equal(error.codeName, "INVALID_ARGUMENT");
    assert.equal(error.message, error.problems.map(({ text }) => text).join("\n"));
    return error.problems.map(({ text }) => text);
  }
}

Deno.test("without anything, the defaults are in force", () => {
  const { config, file, sourceOf } = resolveConfig(undefined);
  assert.deepEqual(limitsOf(config), DEFAULT_LIMITS);
  assert.deepEqual(storeLimitsOf(config), DEFAULT_STORE_LIMITS);
  assert.deepEqual(config.listen, {
    tcp: ["localhost:7311"],
    tls: [],
    raw: ["localhost:7312"],
    http: ["localhost:7380"],
    text: ["localhost:7313"],
    text_classic: [],
    unix: [],
    hosts: [],
    origins: [],
    allow_addresses: [],
    deny_addresses: [],
    proxy_protocol: [],
  });
  assert.deepEqual(config.log, { level: "info", format: "auto", levels: {} });
  assert.equal(config.data, "./parley-data");
  assert.deepEqual(config.keep, []);
  assert.deepEqual(config.queue, []);
  assert.deepEqual(config.chat, { first_room: "lobby" });
  assert.equal(config.insecure, false);
  assert.equal(file, undefined);
  assert.deepEqual(sourceOf("log.level"), { kind: "default" });
});

Deno.test("file, environment and flags win over each other in this order, key by key", () => {
  const text = [
    "[limits]",
    "drain_ms = 1001",
    "linger_ms = 1002",
    "drain_quiet_ms = 103",
    "[log]",
    'levels = { connection = "debug" }',
  ].join("\n");
  const { config, sourceOf } = resolveConfig(
    { name: "parley.toml", text },
    { PARLEY_LIMITS_DRAIN_MS: "2001", PARLEY_LIMITS_LINGER_MS: "1500", HOME: "/nowhere" },
    [
      { flag: "--set limits.drain_ms", path: "limits.drain_ms", text: "3_001" },
      { flag: "--set log.levels.server", path: "log.levels.server", text: "error" },
    ],
  );
  assert.equal(config.limits.drain_ms, 3001);
  assert.equal(config.limits.linger_ms, 1500);
  assert.equal(config.limits.drain_quiet_ms, 103);
  assert.equal(config.limits.max_subscriptions, DEFAULT_LIMITS.maxSubscriptions);
  assert.deepEqual(config.log.levels, { connection: "debug", server: "error" });
  assert.deepEqual(sourceOf("limits.drain_ms"), { kind: "flag", flag: "--set limits.drain_ms" });
  assert.deepEqual(sourceOf("limits.linger_ms"), {
    kind: "environment",
    variable: "PARLEY_LIMITS_LINGER_MS",
  });
  assert.deepEqual(sourceOf("limits.drain_quiet_ms"), {
    kind: "file",
    file: "parley.toml",
    line: 4,
  });
  assert.deepEqual(sourceOf("log.levels.connection"), {
    kind: "file",
    file: "parley.toml",
    line: 6,
  });
});

Deno.test("a listener takes one value, a list, or nothing", () => {
  const listen = (value: unknown) => configFrom({ listen: { tcp: value as string } }).listen.tcp;
  assert.deepEqual(listen("127.0.0.1:1"), ["127.0.0.1:1"]);
  assert.deepEqual(listen(["127.0.0.1:1", "[::1]:2"]), ["127.0.0.1:1", "[::1]:2"]);
  assert.deepEqual(listen(""), []);
  assert.deepEqual(listen([]), []);
  const fromText = (PARLEY_LISTEN_TCP: string) =>
    resolveConfig(undefined, { PARLEY_LISTEN_TCP }).config.listen.tcp;
  assert.deepEqual(fromText("localhost:1, [::1]:2"), ["localhost:1", "[::1]:2"]);
  assert.deepEqual(fromText(""), []);
});

Deno.test("every key can be set by its variable and by a flag", () => {
  for (const { path, parts, kind, schema, variable } of configKeys()) {
    if (kind === "tables") continue;
    const text = kind === "text"
      ? TEXTS[path] ?? "somewhere"
      : kind === "policies"
      ? path === "types" ? "acme.v1.Order" : "orders.>"
      : kind === "boolean"
      ? "true"
      : kind === "choice"
      ? schema.enum!.at(-1)!
      : kind === "list"
      ? LIST_ITEMS[path] ?? "localhost:1"
      : String(schema.default);
    const value = (config: unknown) =>
      parts.reduce((inner, part) => (inner as Record<string, unknown>)[part], config);
    const expected = kind === "text"
      ? text
      : kind === "policies"
      ? [{ ...POLICY_DEFAULTS[path], [POLICY_NAMES[path] ?? "name"]: text }]
      : kind === "list"
      ? [text]
      : kind === "boolean"
      ? true
      : kind === "choice"
      ? text
      : Number(text);
    const file = COMPANY[path] === undefined ? undefined : { name: "x", text: COMPANY[path] };
    const flags = [{ flag: `--set ${path}`, path, text }];
    assert.deepEqual(value(resolveConfig(file, {}, flags).config), expected, path);
    assert.deepEqual(value(resolveConfig(file, { [variable]: text }).config), expected, path);
  }
});

const LINES: [toml: string, problem: RegExp][] = [
  [
    "\n\n[limits]\nmax_frame_bites = 4096",
    /^parley\.toml:4: limits\.max_frame_bites: unknown key; did you mean limits\.max_frame_bytes\?$/,
  ],
  ["[limts]\ndrain_ms = 4", /^parley\.toml:1: limts: unknown key; did you mean limits\?$/],
  [
    "max_frame_bytes = 4096",
    /^parley\.toml:1: max_frame_bytes: unknown key; did you mean limits\.max_frame_bytes\?$/,
  ],
  ["max_frame = 4", /: max_frame: unknown key; did you mean limits\.max_frame_bytes\?$/],
  ["[limit]\nmax_frame = 4", /: limit: unknown key; did you mean limits\?$/],
  ["zebra = 1", /^parley\.toml:1: zebra: unknown key$/],
  [
    '[limits]\n# note\nmax_frame_bytes = "big"',
    /^parley\.toml:3: limits\.max_frame_bytes: must be a whole number from 1024 to 67108864, not "big"$/,
  ],
  [
    "limits.drain_ms = 1.5",
    /^parley\.toml:1: limits\.drain_ms: must be a whole number from 1 to 2147483647, not 1\.5$/,
  ],
  ["[limits]\ndrain_ms = 0", /^parley\.toml:2: limits\.drain_ms: must be .*, not 0$/],
  ["limits = 3", /^parley\.toml:1: limits: must be a table, not 3$/],
  [
    "[log]\nlevel = 1979-05-27",
    /^parley\.toml:2: log\.level: must be one of debug, info, warning, error, not "?1979-05-27/,
  ],
  [
    '[log]\nlevels = {\n server = "loud" }',
    /^parley\.toml:\d: log\.levels\.server: must be one of debug/,
  ],
  [
    '[log.levels]\nconection = "info"',
    /^parley\.toml:2: log\.levels\.conection: unknown key; did you mean log\.levels\.connection\?$/,
  ],
  ["insecure = 1", /^parley\.toml:1: insecure: must be true or false, not 1$/],
  [
    "[listen]\ntcp = 7311",
    /^parley\.toml:2: listen\.tcp: must be a string or a list of strings .*, not 7311$/,
  ],
  [
    '[listen]\ntcp = ["localhost:1", "x"]',
    /^parley\.toml:2: listen\.tcp: "x" is not an address; write "HOST:PORT"/,
  ],
  [
    '[listen]\ntcp = "localhost:65536"',
    /^parley\.toml:2: listen\.tcp: "localhost:65536" has a port above 65535/,
  ],
  [
    `[listen]\nunix = "/${"a".repeat(200)}"`,
    /^parley\.toml:2: listen\.unix: .* has 201 bytes, but the path of a socket has at most 103$/,
  ],
  ["a = 1\nb = ", /^parley\.toml:2: not valid TOML: /],
  [
    "[limits]\nmax_frame_bytes = 60_000_000",
    /^parley\.toml:2: limits\.max_frame_bytes: max_outbox_bytes \(8388608\) must be at least twice max_frame_bytes \(60000000\), so 120000000$/,
  ],
  [
    "[limits]\nlinger_ms = 20000",
    /^parley\.toml:2: limits\.linger_ms: linger_ms \(20000\) must not be more than drain_ms \(10000\)$/,
  ],
  [
    "[limits]\nping_timeout_ms = 20000",
    /^parley\.toml:2: limits\.ping_timeout_ms: ping_interval_ms \(20000\) must be less than/,
  ],
  [
    "[limits]\nrate_bytes_burst = 5",
    /^parley\.toml:2: limits\.rate_bytes_burst: .* \(5\) has no effect without rate_bytes_per_second; set both/,
  ],
  [
    "[store]\nmax_batch_bytes = 134217728",
    /^parley\.toml:2: store\.max_batch_bytes: max_batch_bytes \(134217728\) must be less than max_pending_bytes \(134217728\)$/,
  ],
  [
    "[limits]\nmax_frame_bytes = 1024\n[store]\nmax_batch_bytes = 1024\nmax_pending_bytes = 2047",
    /^parley\.toml:5: store\.max_pending_bytes: must be a whole number from 2048 /,
  ],
  [
    "[store]\nmax_batch_bytes = 1024\nmax_pending_bytes = 1048576",
    /^parley\.toml:3: store\.max_pending_bytes: max_pending_bytes \(1048576\) must be at least twice limits\.max_frame_bytes \(1048576\), so 2097152$/,
  ],
  [
    "[store]\nmax_records_bytes = 65536",
    /^parley\.toml:2: store\.max_records_bytes: max_records_bytes \(65536\) must be at least max_record_key_bytes \(512\) and max_record_value_bytes \(65536\) together, so 66048$/,
  ],
  [
    "[store]\nmax_kept_topic = 5",
    /^parley\.toml:2: store\.max_kept_topic: unknown key; did you mean store\.max_kept_topics\?$/,
  ],
  [
    "[store]\nmax_kept_topics = 1048576",
    /^parley\.toml:2: store\.max_kept_topics: must be a whole number from 1 to 1048575, not 1048576$/,
  ],
  ["__proto__ = 3", /^parley\.toml:1: __proto__: unknown key/],
];

for (const [toml, expected] of LINES) {
  Deno.test(`the file's line is told: ${JSON.stringify(toml.slice(0, 50))}`, () => {
    const found = problems(toml);
    assert.equal(found.length, 1, found.join("\n"));
    assert.match(found[0], expected);
  });
}

Deno.test("a variable at fault is told by its name", () => {
  assert.deepEqual(problems(undefined, { PARLEY_LOG_LEVEL: "loud" }), [
    'PARLEY_LOG_LEVEL: must be one of debug, info, warning, error, not "loud"',
  ]);
  assert.deepEqual(problems(undefined, { PARLEY_LIMITS_DRAIN_MS: "10s" }), [
    'PARLEY_LIMITS_DRAIN_MS: must be a whole number from 1 to 2147483647, not "10s"',
  ]);
  assert.deepEqual(problems(undefined, { PARLEY_INSECURE: "maybe" }), [
    'PARLEY_INSECURE: must be true or false, not "maybe"',
  ]);
  assert.deepEqual(problems(undefined, { PARLEY_LOG_LEVL: "info" }), [
    "PARLEY_LOG_LEVL: unknown variable; did you mean PARLEY_LOG_LEVEL?",
  ]);
  assert.deepEqual(problems(undefined, { PARLEY_SERVER: "x", OTHER_LOG_LEVEL: "loud" }), []);
});

Deno.test("a flag at fault is told by its name", () => {
  assert.match(
    problems(undefined, {}, [["--tcp", "listen.tcp", "here"]])[0],
    /^--tcp: "here" is not/,
  );
  assert.deepEqual(problems(undefined, {}, [["--set limits.drains", "limits.drains", "1"]]), [
    "--set limits.drains: unknown key; did you mean limits.drain_ms?",
  ]);
  const set = (path: string) => problems(undefined, {}, [[`--set ${path}`, path, "1"]]);
  assert.deepEqual(set("limit.max_frame"), [
    "--set limit.max_frame: unknown key; did you mean limits.max_frame_bytes?",
  ]);
  assert.match(
    set("drain")[0],
    /^--set drain: it is a table; set one of its keys, like drain\.\w+$/,
  );
});

Deno.test("of values that collide, the strongest source is told", () => {
  const rule = "outbox_high_water_bytes (9000000) must be less than max_outbox_bytes (8388608)";
  const high = ["--set limits.outbox_high_water_bytes", "limits.outbox_high_water_bytes"] as const;
  assert.deepEqual(
    problems("[limits]\nmax_outbox_bytes = 8388608", {}, [[...high, "9000000"]]),
    [`--set limits.outbox_high_water_bytes: ${rule}`],
  );
  assert.deepEqual(
    problems("[limits]\noutbox_high_water_bytes = 9000000", {
      PARLEY_LIMITS_MAX_OUTBOX_BYTES: "8388608",
    }),
    [`PARLEY_LIMITS_MAX_OUTBOX_BYTES: ${rule}`],
  );
});

Deno.test("all problems are told at once, and nothing that they hold reaches a terminal", () => {
  const found = problems('a\u0301 = 1\n"b\\u001b[31m" = 2\n[limits]\ndrain_ms = "\u202e\\u001b"', {
    PARLEY_LOG_LEVEL: "\x1b]0;x\x07",
  });
  assert(found.length >= 1);
  const all = problems('"b\\u001b[31m" = 2\n[limits]\ndrain_ms = "\u202e\\u001b\u009b"', {
    PARLEY_LOG_LEVEL: "\x1b]0;x\x07",
  });
  assert.equal(all.length, 3, all.join("\n"));
  // deno-lint-ignore no-control-regex
  for (const text of [...found, ...all]) assert.doesNotMatch(text, /[\x00-\x1f\x7f-\x9f\u202e]/);
});

Deno.test("a public address is refused unless it is said to be insecure", () => {
  const open = ["0.0.0.0", "[::]", "192.0.2.1", "128.0.0.1", "127.0.0.1.example.com", "127.1"];
  for (
    const address of [...open, "example.com", "localhost.example.com"].map((host) => `${host}:7311`)
  ) {
    const [text, ...more] = problems(undefined, {}, [["--tcp", "listen.tcp", address]]);
    assert.deepEqual(more, []);
    assert.match(text, /^--tcp: .*other machines.*--insecure.*loopback address.*localhost:7311/);
    assert.deepEqual(
      problems("insecure = true", {}, [["--tcp", "listen.tcp", address]]),
      [],
    );
  }
  for (const address of ["localhost:1", "LOCALHOST:1", "127.0.0.1:1", "127.9.9.9:0", "[::1]:1"]) {
    assert.deepEqual(problems(undefined, { PARLEY_LISTEN_RAW: address }), []);
  }
  assert.match(problems('[listen]\nraw = "[::]:1"')[0], /^parley\.toml:2: listen\.raw: /);
});

Deno.test("a server with nothing to listen on is refused", () => {
  assert.deepEqual(problems('[listen]\ntcp = ""\nraw = []\nhttp = ""\ntext = ""'), [
    "parley.toml:2: listen.tcp: there is no address to listen on; set tcp, tls, raw, http, text or unix",
  ]);
});

Deno.test("origins and hosts are what browsers send, and every origin only with insecure", () => {
  const origins = (text: string) => problems(undefined, { PARLEY_LISTEN_ORIGINS: text });
  const hosts = (text: string) => problems(undefined, { PARLEY_LISTEN_HOSTS: text });
  for (
    const text of ["https://a.example.com", "http://localhost:8080", "http://[::1]:1", "app://x"]
  ) {
    assert.deepEqual(origins(text), [], text);
  }
  for (
    const text of ["a.example.com", "https://a.example.com/", "null", "https://", "a b", "*.b"]
  ) {
    assert.match(origins(text)[0], /PARLEY_LISTEN_ORIGINS.*is not an origin; write "https:/, text);
  }
  assert.match(origins("*")[0], /every page on the web.*--insecure/);
  assert.deepEqual(problems('insecure = true\n[listen]\norigins = "*"'), []);
  for (const text of ["parley.example.com", "[2001:db8::1]", "192.0.2.1", "HOST"]) {
    assert.deepEqual(hosts(text), [], text);
  }
  for (const text of ["parley.example.com:80", "http://a", "a/b", "a b"]) {
    assert.match(hosts(text)[0], /PARLEY_LISTEN_HOSTS.*is not a host name/, text);
  }
  assert.match(problems('[listen]\nhttp = "0.0.0.0:1"')[0], /listen\.http: .*--insecure/);
});
