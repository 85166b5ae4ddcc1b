/**
 * Holds the documents to the truth: code in them is the code that is tested, bytes in them are what a
 * server really answers, tables agree with the sources, links lead somewhere, configurations are
 * accepted, commands exist, and the tour of README.md works as it is pasted.
 *
 * What the prose says can only be held by its readers.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../lib/base/errors.ts";
import { DEFAULT_LIMITS } from "../lib/base/limits.ts";
import { ClientMessageSchema, ServerMessageSchema } from "../lib/gen/parley/v1/envelope_pb.ts";
import { configFrom, resolveConfig } from "../lib/server/config.ts";
import { Server } from "../lib/server/server.ts";
import { documents, includeCode } from "../tools/include_code.ts";
import { childEnvironment, root as rootPath, run } from "./interop/programs.ts";

const root = new URL("..", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, root));
const paths = await documents(root);

/** The fenced blocks of a document in a language, each with the comment on the line before it. */
function blocks(text: string, language: string): { mark: string; code: string }[] {
  const pattern = new RegExp(`(?:<!-- (.*) -->\n)?^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, "gm");
  return [...text.matchAll(pattern)].map((found) => ({ mark: found[1] ?? "", code: found[2]! }));
}

/** The rows of all tables of a document, as cells without their quotes. */
function rows(text: string): string[][] {
  return text.split("\n").filter((line) => line.startsWith("|"))
    .map((line) => line.slice(1, -1).split("|").map((cell) => cell.trim().replaceAll("`", "")));
}

/** The anchors that a document's headings make. */
function anchors(text: string): Set<string> {
  const headings = text.replace(/^```[\s\S]*?^```$/gm, "").matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map((found) =>
      found[1]!.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")
    ),
  );
}

const listen = { tcp: "127.0.0.1:0", raw: "127.0.0.1:0", http: "", text: "" };

function addressOf(server: Server, kind: string): { hostname: string; port: number } {
  const text = server.listeners.find((each) => each.kind === kind)!.addresses[0]!;
  const [hostname, port] = text.split(":");
  return { hostname: hostname!, port: Number(port) };
}

Deno.test("code in the documents is the code that is tested", () => {
  assert(paths.includes("README.md") && paths.includes("docs/protocol.md"));
  for (const path of paths) {
    const fresh = includeCode(read(path), read);
    assert.equal(read(path), fresh, `${path} is behind: deno run -A tools/include_code.ts`);
  }
});

Deno.test("links lead somewhere", () => {
  for (const path of paths) {
    for (const [, target] of read(path).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      const [file, anchor] = target!.split("#");
      const url = file === "" ? new URL(path, root) : new URL(file!, new URL(path, root));
      const info = Deno.statSync(url);
      if (anchor === undefined) continue;
      assert(info.isFile && anchors(Deno.readTextFileSync(url)).has(anchor), `${path}: ${target}`);
    }
  }
});

Deno.test("bytes in the protocol are what a server answers", async () => {
  await using server = await Server.start(configFrom({ data: "", listen }));
  const talks = blocks(read("docs/protocol.md"), "text").filter((each) =>
    each.mark.startsWith("bytes: ")
  );
  assert.equal(talks.length, 3);
  for (const { mark, code } of talks) {
    using connection = await Deno.connect(addressOf(server, mark.slice("bytes: ".length)));
    for (const line of code.trim().split("\n")) {
      const bytes = line.slice(2).split(" ").map((byte) => Number.parseInt(byte, 16));
      if (line.startsWith("→ ")) {
        await connection.write(new Uint8Array(bytes));
      } else {
        const answer = new Uint8Array(1024);
        const count = await connection.read(answer);
        assert.deepEqual([...answer.subarray(0, count ?? 0)], bytes, line);
      }
    }
  }
});

Deno.test("tables of the protocol agree with the sources", () => {
  const table = rows(read("docs/protocol.md"));
  const numbered = (names: Record<string, string | number>) =>
    Object.entries(names).filter(([name, value]) => typeof value === "number" && value > 0 && name);
  for (const [name, value] of [...numbered(ErrorCode), ...numbered(CloseReason)]) {
    assert(table.some((row) => row[0] === String(value) && row[1] === name), `${value} ${name}`);
  }
  for (const schema of [ClientMessageSchema, ServerMessageSchema]) {
    for (const row of table) {
      const field = schema.fields.find((each) => each.name === row[1]?.split(" ")[1]);
      if (field && row[1]!.includes(" ")) assert.equal(row[0], String(field.number), row[1]);
    }
  }
  for (const [, name] of read("docs/protocol.md").matchAll(/\(`(\w+)`\) \|/g)) {
    const key = name!.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const row = table.find((each) => each[0]?.endsWith(`(${name})`))!;
    const value = Number(row[1]!.replaceAll(",", "").match(/^\d+/)?.[0]);
    assert.equal(value, DEFAULT_LIMITS[key as keyof typeof DEFAULT_LIMITS], name);
  }
});

Deno.test("configurations in the documents are accepted", () => {
  const found = paths.flatMap((path) =>
    blocks(read(path), "toml").map(({ code }) => resolveConfig({ name: path, text: code }))
  );
  assert(found.length > 0);
});

Deno.test("docs/configuration.md is what the schema gives", async () => {
  const args = ["run", "--no-check", "--allow-env", "--allow-read", "server.ts"];
  const fresh = await run(Deno.execPath(), [...args, "config", "schema", "--markdown"]);
  assert.equal(read("docs/configuration.md"), fresh, "run `deno task docs:config` and commit it");
});

Deno.test("commands in the documents exist, with their options", async () => {
  const { makeProgram } = await import("../lib/cli/program.ts");
  const { processIo } = await import("../lib/cli/io.ts");
  const program = makeProgram(processIo(), { exitCode: 0 });
  for (const path of paths) {
    for (const { code } of blocks(read(path), "sh")) {
      for (const [line, rest] of code.matchAll(/(?<=^|\| |<\()parley ([^#|)\n]*)/gm)) {
        let command = program;
        for (const word of rest!.trim().split(/\s+/)) {
          const next = command.commands.find((each) => each.name() === word);
          if (next) command = next;
          else if (command === program && !word.startsWith("-")) assert.fail(`${path}: ${line}`);
          else if (word.startsWith("--") && word !== "--help") {
            assert(command.options.some((each) => each.long === word), `${path}: ${line}: ${word}`);
          }
        }
      }
    }
  }
});

Deno.test("README.md names the commands of continuous integration", () => {
  const readme = read("README.md");
  const version = /deno@([\d.]+)/.exec(read(".ci/run"))?.[1];
  for (const task of ["start", "test"]) {
    assert(readme.includes(`npx --yes deno@${version} task ${task}\n`), task);
  }
});

Deno.test({
  name: `the tour of README.md works as it is pasted${
    Deno.build.os === "windows" ? " (needs a POSIX shell)" : ""
  }`,
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const tour = blocks(read("README.md"), "sh").find((each) => each.mark === "tour")!.code;
    assert.equal(tour.trim().split("\n").length, 10, "ten lines");
    const folder = await Deno.makeTempDir({ prefix: "parley-tour-" });
    try {
      // In the place of npx, this very Deno: the tests also run on others than the one in README.md.
      const npx = `#!/bin/sh\nshift 2\nexec "${Deno.execPath()}" "$@"\n`;
      await Deno.writeTextFile(`${folder}/npx`, npx, { mode: 0o755 });
      await using server = await Server.start(configFrom({ data: "", listen }));
      const { hostname, port } = addressOf(server, "tcp");
      const { code, stdout, stderr } = await new Deno.Command("sh", {
        args: ["-e", "-c", tour],
        cwd: rootPath,
        env: childEnvironment({
          PATH: `${folder}:${Deno.env.get("PATH")}`,
          PARLEY_SERVER: `parley://${hostname}:${port}`,
        }),
        clearEnv: true,
        stdin: "null",
      }).output();
      const output = new TextDecoder().decode(stdout);
      assert.equal(code, 0, output + new TextDecoder().decode(stderr));
      assert.match(output, /^ok /, output);
      assert.match(output, /\nHello, World!\n42\nrefused: exit code 1\none\ntwo\n/, output);
      assert.match(output, /\{"content":"for a script"\}\n/, output);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
