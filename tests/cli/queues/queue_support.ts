/**
 * What the tests of the commands of queues share: commands against a real server in this process.
 */
import assert from "node:assert/strict";
import { type Client, connect } from "../../../lib/client/mod.ts";
import type { TestServer } from "../../support/server.ts";
import { begin, type Begun, type FakeOptions, run } from "../fake_io.ts";

/** Where the server listens. */
export function urlOf(server: TestServer): string {
  return `parley://127.0.0.1:${server.port("tcp")}`;
}

/** Runs `queue ...` to its end. */
export function ask(server: TestServer, args: readonly string[], options: FakeOptions = {}) {
  return run(["queue", ...args], { environment: { PARLEY_SERVER: urlOf(server) }, ...options });
}

/** What `queue ...` prints; fails unless it ends with 0 and says nothing else. */
export async function output(server: TestServer, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await ask(server, args);
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout;
}

/** Begins `queue pull ...`, and waits until it pulls. */
export async function pulling(
  server: TestServer,
  args: readonly string[],
  options: FakeOptions = {},
): Promise<Begun> {
  const environment = { PARLEY_SERVER: urlOf(server) };
  const begun = begin(["queue", "pull", ...args], { environment, ...options });
  await begun.says("parley: pulling ");
  return begun;
}

/** A client, for what is not under test. */
export function clientOf(server: TestServer): Promise<Client> {
  return connect(urlOf(server));
}

/** Lines of JSON. */
// deno-lint-ignore no-explicit-any
export function jsonLines(text: string): any[] {
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}
