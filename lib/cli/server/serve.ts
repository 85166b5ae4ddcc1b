/**
 * `parley serve`: runs a server until it is told to stop.
 *
 * SIGTERM and SIGINT stop it in order, within limits.drain_ms, with exit code 0; a second signal ends
 * the process at once; SIGHUP has the configuration read again, with all files that it names. No output waits for its reader, so a log that
 * nobody reads cannot hold the server up. The addresses go to standard output, the log to standard error, so a program that
 * starts the server reads one line (`--json`) and knows where it is.
 */
import type { Command } from "commander";
import { detached, mayFail } from "../../base/detached.ts";
import { ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import { VERSION } from "../../base/version.ts";
import type { LoadedConfig } from "../../server/config/config.ts";
import type { Server } from "../../server/server.ts";
import type { ServiceManager } from "../../server/service_manager.ts";
import type { CliContext } from "../command.ts";
import { type ConfigOptions, loadFor, sourcesFor, withConfigOptions } from "./config_flags.ts";
import type { CliIo } from "../io.ts";
import { StopSignals } from "../terminal/stop_signals.ts";
import { SurvivedSignals } from "./survived_signals.ts";
import { styled, terminalText } from "../terminal/terminal_text.ts";

interface ServeOptions extends ConfigOptions {
  readonly repair?: boolean;
  readonly json?: boolean;
}

/** Adds the command. */
export function addServe(program: Command, context: CliContext): void {
  withConfigOptions(program.command("serve"))
    .description("run the server (also without a command)")
    .option("--json", "print the addresses as one line of JSON")
    .option("--repair", "go on with what is left when the data directory has lost events")
    .allowExcessArguments()
    .action((options: ServeOptions, command: Command) => {
      if (checkUse(options, command, context)) return serve(options, context);
    });
}

/** Whether the arguments are right. For the classic chat, what is not is told as the exercise has it. */
function checkUse(
  { textClassic: classic }: ServeOptions,
  command: Command,
  { io, outcome }: CliContext,
): boolean {
  const excess = command.args.length;
  if (classic !== undefined && (excess > 0 || !isPort(classic))) {
    outcome.exitCode = 2;
    io.stderr.write("[USAGE]: parley serve --text-classic $port\n");
    return false;
  }
  if (excess === 0) return true;
  return command.error(
    `error: too many arguments for '${command.name()}'. Expected 0 arguments but got ${excess}.`,
    { code: "commander.excessArguments" },
  );
}

function isPort(option: string | boolean): boolean {
  return option === true || /^\d{1,5}$/.test(`${option}`) && Number(option) <= 65_535;
}

async function serve(options: ServeOptions, { io }: CliContext): Promise<void> {
  using signals = new StopSignals(undefined, false);
  using survived = new SurvivedSignals();
  const log = io.detachOutputs();
  const loaded = await loadFor(options, io);
  const { configureLogging } = await import("../../server/logging.ts");
  configureLogging(loaded.config.log, log);
  const { Server } = await import("../../server/server.ts");
  const { ProcessWall } = await import("../../server/process_wall.ts");
  const { usersOf } = await import("../../server/config/users_file.ts");
  const { MANAGER_VARIABLES, ServiceManager } = await import("../../server/service_manager.ts");
  using manager = ServiceManager.from(io.environment(MANAGER_VARIABLES));
  const reread = await rereader(options, loaded, io);
  const users = usersOf(loaded, reread);
  const server = await Server.start(loaded.config, {
    repair: options.repair,
    users,
    reread,
    log: (config) => configureLogging(config, log),
    stopping: () => manager?.stopping(),
  });
  using _wall = new ProcessWall();
  // What is wrong is in the log.
  survived.onHangup(() => mayFail(reloadBySignal(server, manager), "reload"));
  signals.onFirst(() => detached(server.stop(), "stop the server"));
  const permissions = await io.releasePermissions();
  logger("server").debug("from now on the process may do no more than this", { permissions });
  announce(server, options, loaded, io);
  manager?.ready(`serving at ${placesOf(server)}`);
  await server.stopped;
  // A stop that failed is a failure of the command.
  await server.stop();
}

/** Reads the configuration again, as an act of whoever may send signals to the process. */
async function reloadBySignal(server: Server, manager: ServiceManager | null): Promise<void> {
  manager?.reloading();
  const log = logger("audit");
  const act = { act: "reload", target: "", signal: "SIGHUP" };
  try {
    await server.reload();
    manager?.ready(`serving at ${placesOf(server)}`);
    log.info("{act} by {signal}: {outcome}", { ...act, outcome: "done" });
  } catch (reason) {
    const { codeName, message } = ParleyError.from(reason);
    manager?.ready(`serving with the former configuration: ${message}`);
    log.info("{act} by {signal}: {outcome}", { ...act, outcome: codeName, reason: message });
    throw reason;
  }
}

/** Where a server listens, in words. */
function placesOf({ listeners }: Server): string {
  return listeners.map(({ name, addresses }) => `${name} ${addresses.join(" ")}`).join(", ");
}

/**
 * Reads the configuration again from where it came from, by the environment of the start; nothing when there was no file.
 * The file that was found is needed again: without it, what it says would silently hold no more.
 */
async function rereader(options: ServeOptions, { file }: LoadedConfig, io: CliIo) {
  if (file === undefined) return undefined;
  const { loadConfig } = await import("../../server/config/config.ts");
  const sources = { ...await sourcesFor(options, io), file };
  return async () => (await loadConfig(sources)).config;
}

function announce(server: Server, options: ServeOptions, loaded: LoadedConfig, io: CliIo): void {
  const { devCa } = server;
  const listeners = server.listeners.map(({ kind, name, addresses, isSecure }) => ({
    kind: name,
    addresses,
    urls: addresses.flatMap((address) => clientUrl(kind, address, isSecure)),
  }));
  const out = io.stdout;
  if (options.json) {
    const line = {
      event: "listening",
      version: VERSION,
      pid: Deno.pid,
      listeners,
      ...devCa === null ? {} : { ca: devCa },
    };
    out.write(JSON.stringify(line) + "\n");
    return;
  }
  if (!out.isTerminal) {
    for (const { kind, addresses } of listeners) {
      for (const address of addresses) out.write(`listening ${kind} ${address}\n`);
    }
    if (devCa !== null) out.write(`ca ${devCa}\n`);
    out.write(classicLine(server));
    return;
  }
  const label = (text: string) => styled("dim", `  ${text.padEnd(8)}`, out);
  out.write(`\n${styled("bold", "Parley", out)} ${VERSION}\n\n`);
  for (const { kind, addresses, urls } of listeners) {
    const shown = urls.length > 0 ? urls : addresses;
    out.write(`${label(kind)}${terminalText(shown.join("  "), out)}\n`);
  }
  if (loaded.file !== undefined) out.write(`${label("config")}${terminalText(loaded.file, out)}\n`);
  if (devCa !== null) out.write(`${label("ca")}${terminalText(devCa, out)}\n`);
  out.write(classicLine(server));
  const urls = listeners.flatMap((each) => each.urls);
  const url = devCa === null
    ? urls[0]
    : urls.find((each) => each.startsWith("parleys:")) ?? urls[0];
  if (url !== undefined) {
    const trust = url.startsWith("parleys:") && devCa !== null ? ` --ca ${devCa}` : "";
    out.write(`${label("try")}parley echo hello --server ${terminalText(url + trust, out)}\n`);
  }
  out.write(`${label("stop")}Ctrl-C\n\n`);
}

/** What the listener of `--text-classic` is called. */
const CLASSIC_LISTENER = "text_classic";

/** What the classic chat exercise says of where it listens; empty without a listener for it. */
function classicLine({ listeners }: Server): string {
  const [address] = listeners.find(({ name }) => name === CLASSIC_LISTENER)?.addresses ?? [];
  return address === undefined ? "" : `Listening on the port :${address.split(":").at(-1)}\n`;
}

/** The URL under which the client library and this command line reach a listener, if they speak its dialect. */
function clientUrl(kind: string, address: string, isSecure: boolean): string[] {
  if (kind === "tcp") return [`parley://${address}`];
  if (kind === "tls") return [`parleys://${address}`];
  if (kind === "ws") return [`${isSecure ? "wss" : "ws"}://${address}/ws`];
  if (kind !== "unix") return [];
  // A URL has an absolute path.
  return [`unix://${encodeURI(address.startsWith("/") ? address : `${Deno.cwd()}/${address}`)}`];
}
