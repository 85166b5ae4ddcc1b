/**
 * `parley health`: whether a server answers. Exit code 0 when it does, 1 when not, for scripts and for
 * the health checks of containers.
 */
import { splitUserPart } from "../../client/connection/credentials.ts";
import type { Command } from "commander";
import type { Client } from "../../client/mod.ts";
import {
  type CliContext,
  errorJson,
  type ServerOptions,
  serverUrl,
  withClient,
  withServerOptions,
} from "../command.ts";
import { styled, terminalText } from "../terminal/terminal_text.ts";

/** Adds the command. */
export function addHealth(program: Command, context: CliContext): void {
  withServerOptions(program.command("health"))
    .description("ask whether a server answers")
    .action((options: ServerOptions) => health(options, context));
}

async function health(options: ServerOptions, { io, outcome }: CliContext): Promise<void> {
  const { url } = splitUserPart(serverUrl(options, io));
  let answer;
  try {
    answer = await withClient(options, io, ask);
  } catch (error) {
    if (!options.json) throw error;
    io.stdout.write(JSON.stringify({ ok: false, url, error: errorJson(error) }) + "\n");
    outcome.exitCode = 1;
    return;
  }
  if (options.json) {
    io.stdout.write(JSON.stringify({ ok: true, url, ...answer }) + "\n");
    return;
  }
  const version = terminalText(answer.server_version, io.stdout);
  const latency = `${answer.latency_ms.toFixed(2)} ms`;
  io.stdout.write(`${styled("green", "ok", io.stdout)}  ${latency}  parley ${version}  ${url}\n`);
}

async function ask(client: Client) {
  const latency = await client.ping();
  const { serverVersion, serverId } = client.welcome;
  return {
    latency_ms: Math.round(latency * 1000) / 1000,
    server_version: serverVersion,
    server_id: serverId,
  };
}
