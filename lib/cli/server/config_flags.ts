/**
 * The options that set the configuration, for `serve` and for the commands that show or check what
 * `serve` would take.
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { ConfigSources, FlagValue, LoadedConfig } from "../../server/config/config.ts";
import { UsageError } from "../command.ts";
import type { CliIo } from "../io.ts";

/** The values of these options. */
export interface ConfigOptions {
  readonly config?: string;
  readonly tcp?: string;
  readonly tls?: string;
  readonly tlsDev?: boolean;
  readonly raw?: string;
  readonly http?: string;
  readonly text?: string;
  readonly textClassic?: string | boolean;
  readonly data?: string;
  readonly unix?: string;
  readonly cluster?: string;
  readonly drainTo?: readonly string[];
  readonly insecure?: boolean;
  readonly logLevel?: string;
  readonly logFormat?: string;
  readonly set?: readonly string[];
}

/** The port of the classic chat exercise. */
const CLASSIC_PORT = 8989;

/** Adds the options. */
export function withConfigOptions(command: Command): Command {
  return command
    .option(
      "--config <file>",
      "the configuration (PARLEY_CONFIG; default: parley.toml if there is one)",
    )
    .option("--tcp <address>", 'where clients connect, as in localhost:7311; "" is nowhere')
    .option("--tls <address>", "where clients connect under TLS, as in localhost:7314")
    .option("--tls-dev", "make a certificate for localhost, for a first try of TLS")
    .option("--raw <address>", 'where clients without framing connect; "" is nowhere')
    .option("--http <address>", 'where browsers connect, with WebSockets; "" is nowhere')
    .option("--text <address>", 'where people chat by nc and telnet; "" is nowhere')
    .option(
      "--text-classic [port]",
      `where at most 10 people chat by nc with the greeting of the classic exercise (default: ${CLASSIC_PORT})`,
    )
    .option("--data <dir>", 'where kept topics, rooms and queues are stored; "" is in memory only')
    .option("--unix <path>", "a unix socket to listen on")
    .option(
      "--cluster <urls>",
      "act as one with other servers, over these servers of NATS, as in nats://a:4222,nats://b:4222",
    )
    .option(
      "--drain-to <url>",
      "a server that clients are pointed to when this one stops; may be repeated",
      (url: string, before: readonly string[] = []) => [...before, url],
    )
    .option("--insecure", "allow addresses that other machines can reach")
    .addOption(
      new Option("--log-level <level>", "the least level that is logged")
        .choices(["debug", "info", "warn", "warning", "error"]),
    )
    .addOption(
      new Option("--log-format <format>", "how log lines look").choices(["auto", "json", "pretty"]),
    )
    .option("--set <key=value>", "any key of the configuration; may be repeated", gather);
}

function gather(text: string, before: readonly string[] = []): readonly string[] {
  if (!/^[^=]+=/.test(text)) {
    throw new InvalidArgumentError("It must be KEY=VALUE, like limits.max_connections=1000.");
  }
  return [...before, text];
}

/**
 * Puts the configuration together from file, environment and these options. Raises ConfigError, or
 * UsageError when it is the options that are wrong.
 */
export async function loadFor(options: ConfigOptions, io: CliIo): Promise<LoadedConfig> {
  const { ConfigError, loadConfig } = await import("../../server/config/config.ts");
  try {
    return await loadConfig(await sourcesFor(options, io));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (error.problems.every(({ source }) => source.kind !== "flag")) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

/** Where the configuration comes from with these options; the environment is read now. */
export async function sourcesFor(options: ConfigOptions, io: CliIo): Promise<ConfigSources> {
  const { configVariables } = await import("../../server/config/config.ts");
  return {
    file: options.config,
    environment: io.environment(configVariables()),
    flags: flagValues(options),
  };
}

/** The address that `--text-classic` stands for: a port of loopback. */
function classicAddress(option: string | boolean | undefined): string | undefined {
  if (option === undefined || option === false) return undefined;
  return `localhost:${option === true ? CLASSIC_PORT : option}`;
}

/** The options as values of the configuration; `--set` is the strongest. */
function flagValues(options: ConfigOptions): FlagValue[] {
  const named: [string, string, string | undefined][] = [
    ["--tcp", "listen.tcp", options.tcp],
    ["--tls", "listen.tls", options.tls],
    ["--tls-dev", "tls.dev", options.tlsDev ? "true" : undefined],
    ["--raw", "listen.raw", options.raw],
    ["--http", "listen.http", options.http],
    ["--text", "listen.text", options.text],
    ["--text-classic", "listen.text_classic", classicAddress(options.textClassic)],
    ["--data", "data", options.data],
    ["--unix", "listen.unix", options.unix],
    ["--cluster", "cluster.servers", options.cluster],
    ["--drain-to", "drain.hint", options.drainTo?.join(",")],
    ["--insecure", "insecure", options.insecure ? "true" : undefined],
    ["--log-level", "log.level", options.logLevel],
    ["--log-format", "log.format", options.logFormat],
  ];
  const values = named.flatMap(([flag, path, text]) =>
    text === undefined ? [] : [{ flag, path, text }]
  );
  for (const setting of options.set ?? []) {
    const at = setting.indexOf("=");
    const path = setting.slice(0, at).trim();
    values.push({ flag: `--set ${path}`, path, text: setting.slice(at + 1) });
  }
  return values;
}
