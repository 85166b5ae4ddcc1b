/**
 * Pastes every example for a shell that the documents have into bash or zsh: in the order of its document, in one folder, against
 * one server. Each shell has a test file of its own, so that both can run at a time.
 *
 * The comment on the line before an example says what is special about it: `goes on` is a command that runs until Ctrl-C,
 * in a terminal of its own, until its document is done; `shown: REASON` is an example that does not run here, and why. What
 * an example writes, and what the configuration of its server is, stands in the document, too.
 */
import { parse } from "smol-toml";
import type { ConfigInput } from "../../lib/server/config/config.ts";
import { documents } from "../../tools/include_code.ts";
import { COMMAND } from "../cli/processes.ts";
import { root } from "../interop/programs.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { settles } from "../support/until.ts";
import { present, type Shell, TypedShell } from "./typed_shell.ts";

/** Beyond this an example hangs: it starts a few programs, beside all other tests. */
const EXAMPLE_MS = 120_000;
const base = new URL("../../", import.meta.url);

interface Example {
  readonly mark: string;
  readonly code: string;
}

/** The examples of a document for a shell, each with the comment on the line before it. */
export function examplesOf(path: string): Example[] {
  const text = Deno.readTextFileSync(new URL(path, base));
  return [...text.matchAll(/(?:<!-- (.*) -->\n)?^```sh\n([\s\S]*?)^```$/gm)]
    .map(([, mark = "", code]) => ({ mark, code: code!.trimEnd() }));
}

/** The policies that a document has its readers write into parley.toml, behind the mark `server`. */
function policiesOf(path: string): ConfigInput {
  const text = Deno.readTextFileSync(new URL(path, base));
  const [, toml = ""] = /<!-- server -->\n```toml\n([\s\S]*?)```/.exec(text) ?? [];
  return parse(toml) as ConfigInput;
}

/** The documents that have examples for a shell. */
export const paths: readonly string[] = (await documents(base)).filter((path) =>
  examplesOf(path).length > 0
);
// README.md's tour has a test of its own, with a pause that waits for what it waits for.
const played = paths.filter((path) =>
  examplesOf(path).some(({ mark }) => !/^(shown: .|tour)/.test(mark))
);

/** A folder with `parley` and `nc` for this server, and what the examples read. */
async function equip(folder: string, server: TestServer): Promise<Record<string, string>> {
  const put = (name: string, lines: string) =>
    Deno.writeTextFile(`${folder}/bin/${name}`, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  await Deno.mkdir(`${folder}/bin`);
  const words = COMMAND.map((word) => word === "server.ts" ? `${root}/${word}` : word);
  await put("parley", `exec ${words.map((word) => `'${word}'`).join(" ")} "$@"`);
  const netcat = (await which("nc")) ?? "false";
  await put("nc", `exec ${netcat} 127.0.0.1 ${server.port("text")}`);
  await put("curl", `exec ${await which("curl")} -sS --fail-with-body "$@"`);
  await Deno.writeTextFile(`${folder}/order.json`, '{"id": 7}\n');
  return {
    PATH: `${folder}/bin:${Deno.env.get("PATH")}`,
    PARLEY_SERVER: `parley://127.0.0.1:${server.port("tcp")}`,
    XDG_CONFIG_HOME: folder,
  };
}

async function which(name: string): Promise<string | null> {
  const found = await new Deno.Command("sh", { args: ["-c", `command -v ${name}`] }).output();
  return found.success ? new TextDecoder().decode(found.stdout).trim() : null;
}

/** Pastes all examples of a document into a shell. */
async function play(path: string, shell: Shell): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "parley-pasted-" });
  try {
    const listen = { http: "127.0.0.1:0", text: "127.0.0.1:0" };
    await using server = await startServer({ ...policiesOf(path), data: `${folder}/data`, listen });
    const environment = await equip(folder, server);
    await using others = new AsyncDisposableStack();
    await using typed = await TypedShell.start(shell, folder, environment);
    const http = `http://127.0.0.1:${server.port("ws")}`;
    const tcp = `127.0.0.1:${server.port("tcp")}`;
    for (const { mark, code: written } of examplesOf(path)) {
      if (/^(shown|tour)/.test(mark)) continue;
      const code = written.replaceAll("http://localhost:7380", http)
        .replaceAll("localhost:7311", tcp);
      const what = `${path} in ${shell}: ${code}`;
      if (mark === "") {
        await settles(typed.paste(code), what, EXAMPLE_MS).catch((reason) => {
          throw new Error(`${what}\n${reason}\n${typed.screen}`);
        });
        continue;
      }
      const other = others.use(await TypedShell.start(shell, folder, environment));
      const before = other.screen.length;
      await other.type(`${code}\n`);
      // What such a command says once it has begun: of the command line, of the text listener, of a room.
      const says = (screen: string) =>
        /^(parley: |Welcome )|has joined/m.test(screen.slice(before));
      await settles(other.shows(says, what), what, EXAMPLE_MS).catch((reason) => {
        throw new Error(`${reason}\n${other.screen}`);
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A test for each document that has examples to paste into `shell`. */
export function testPasted(shell: Shell): void {
  const missing = ["script", shell].filter((each) => !present.includes(each));
  for (const path of played) {
    Deno.test({
      name: `the examples of ${path} run as they are pasted into ${shell}${
        missing.length > 0 ? ` (needs ${missing.join(" and ")}, on Linux)` : ""
      }`,
      ignore: missing.length > 0,
      fn: () => play(path, shell),
    });
  }
}
