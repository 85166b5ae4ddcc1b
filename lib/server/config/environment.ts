/**
 * Whose an environment variable is that begins with PARLEY_: the configuration's, the command line's, one that a
 * job or a call finds, one that Kubernetes or Docker sets for a service that is named parley, or nobody's.
 *
 * Invariant: only the last kind is refused, so that a misspelt variable is never without effect and without a word,
 * and a server starts beside a Service of its own name. What a platform sets is known by its name and its value
 * both.
 */
import { ConfigError, type ConfigProblem, onlyInFile, problem, type Source } from "./errors.ts";
import { configKeys } from "./keys.ts";
import { nearest } from "./suggest.ts";

/** Those of the command line. */
const COMMAND_VARIABLES = [
  "PARLEY_CONFIG",
  "PARLEY_URL",
  "PARLEY_CONTEXT",
  "PARLEY_SERVER",
  "PARLEY_CA",
  "PARLEY_CERT",
  "PARLEY_CERT_KEY",
  "PARLEY_USER",
  "PARLEY_PASSWORD",
  "PARLEY_TOKEN",
  "PARLEY_TOKEN_FILE",
  "PARLEY_NEW_PASSWORD",
];

/** What `queue pull --exec` and `respond --exec` give to their programs, which may well call Parley. */
const PROGRAM_VARIABLES = new Set([
  "PARLEY_QUEUE",
  "PARLEY_JOB_ID",
  "PARLEY_ATTEMPT",
  "PARLEY_REDELIVERED",
  "PARLEY_TYPE",
  "PARLEY_KEY",
  "PARLEY_PRIORITY",
  "PARLEY_MESSAGE_ID",
  "PARLEY_TOPIC",
  "PARLEY_PUSHED_AT",
  "PARLEY_HEADERS",
  "PARLEY_METHOD",
  "PARLEY_SENDER",
]);

/** The name of a service in a variable: PARLEY, or what begins with it, as PARLEY_WEB for parley-web. */
const SERVICE = "PARLEY(?:_[A-Z0-9]+)*?";
const HOST = String.raw`(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]+)`;
const ADDRESS = String
  .raw`(?:tcp|udp|sctp)://(?:\d{1,3}(?:\.\d{1,3}){3}|\[?[0-9a-fA-F]*:[0-9a-fA-F:.]+?\]?):\d{1,5}`;
const PORT = String.raw`\d{1,5}`;

/** Names and values that a platform sets for each service. */
const SERVICE_FORMS: readonly (readonly [name: RegExp, value: RegExp])[] = [
  [whole(`${SERVICE}_SERVICE_HOST`), whole(HOST)],
  [whole(`${SERVICE}_SERVICE_PORT(?:_[A-Z0-9_]+)?`), whole(PORT)],
  [whole(`${SERVICE}_PORT`), whole(ADDRESS)],
  [whole(String.raw`${SERVICE}_PORT_\d{1,5}_(?:TCP|UDP|SCTP)`), whole(ADDRESS)],
  [whole(String.raw`${SERVICE}_PORT_\d{1,5}_(?:TCP|UDP|SCTP)_PROTO`), whole("tcp|udp|sctp")],
  [whole(String.raw`${SERVICE}_PORT_\d{1,5}_(?:TCP|UDP|SCTP)_PORT`), whole(PORT)],
  [whole(String.raw`${SERVICE}_PORT_\d{1,5}_(?:TCP|UDP|SCTP)_ADDR`), whole(HOST)],
];

function whole(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`);
}

/** The names of all variables that configure the server or the command line. */
export function configVariables(): string[] {
  return [...configKeys().map((key) => key.variable), ...COMMAND_VARIABLES];
}

/** Whether a variable may be there without being a key of the configuration. */
export function isOthers(variable: string, value: string): boolean {
  return !variable.startsWith("PARLEY_") || COMMAND_VARIABLES.includes(variable) ||
    PROGRAM_VARIABLES.has(variable) ||
    SERVICE_FORMS.some(([name, form]) => name.test(variable) && form.test(value));
}

/** What is wrong with a variable that is neither a key of the configuration nor somebody else's. */
export function unknownVariable(variable: string): ConfigProblem {
  const source: Source = { kind: "environment", variable };
  const list = configKeys().find((key) =>
    key.kind === "policies" && variable.startsWith(`${key.variable}_`)
  );
  if (list !== undefined) return problem(source, "", onlyInFile(list));
  const guess = nearest(variable, configVariables());
  const hint = guess === undefined ? "" : `; did you mean ${guess}?`;
  return problem(source, "", `unknown variable${hint}`);
}

/** Raises a ConfigError for variables that nobody knows, for commands that need no configuration. */
export function checkVariables(environment: Readonly<Record<string, string>>): void {
  const known = new Set(configVariables());
  const problems = Object.entries(environment)
    .filter(([variable, value]) => !known.has(variable) && !isOthers(variable, value))
    .map(([variable]) => unknownVariable(variable));
  if (problems.length > 0) throw new ConfigError(problems);
}
