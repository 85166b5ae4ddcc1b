/**
 * Holds the documents to the truth: code in them is the code that is tested, bytes in them are what a
 * server really answers, tables agree with the sources, links lead somewhere, configurations are
 * accepted, commands exist, and the tour of README.md works as it is pasted.
 *
 * What the prose says can only be held by its readers.
 */
import assert from "node:assert/strict";
import type { DescEnum } from "@bufbuild/protobuf";
import { CloseReason, ErrorCode } from "../lib/base/errors.ts";
import { DEFAULT_LIMITS } from "../lib/base/limits.ts";
import { OLDEST_DENO } from "../lib/cli/runtime.ts";
import { Queues } from "../lib/gen/parley/v1/queue_pb.ts";
import { Rooms } from "../lib/gen/parley/v1/room_pb.ts";
import { Admin } from "../lib/gen/parley/v1/admin_pb.ts";
import { Server as ServerMethods } from "../lib/gen/parley/v1/server_pb.ts";
import { Topics } from "../lib/gen/parley/v1/topic_pb.ts";
import { Types } from "../lib/gen/parley/v1/type_pb.ts";
import { configFrom, resolveConfig } from "../lib/server/config/config.ts";
import { Server } from "../lib/server/server.ts";
import { fieldsOf, messages, talk } from "./protocol_page.ts";
import { settles, until } from "./support/until.ts";
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

for (const { mark, code } of blocks(read("docs/protocol.md"), "text")) {
  const [what, kind, kept] = mark.split(" ");
  if (what !== "bytes:") continue;
  const first = code.slice(0, code.indexOf("\n"));
  Deno.test(`bytes in the protocol are what a server answers: ${kind}, ${first}`, async () => {
    const data = kept ? await Deno.makeTempDir({ prefix: "parley-talk-" }) : "";
    try {
      const keep = kept ? [{ pattern: "orders.>" }] : [];
      await using server = await Server.start(configFrom({ data, keep, listen }));
      await talk(code, addressOf(server, kind!));
    } finally {
      if (data !== "") await Deno.remove(data, { recursive: true });
    }
  });
}

/** The rows of the table behind a mark, without its head; null when there is no such mark. */
function tableOf(mark: string): string[][] | null {
  const [, behind] = read("docs/protocol.md").split(`<!-- ${mark} -->\n`);
  return behind === undefined ? null : rows(behind.slice(0, behind.search(/\n(?!\|)/))).slice(2);
}

Deno.test("tables of messages are complete and right", () => {
  // The requests and answers of the server's own methods have tables of their own.
  const own = messages.filter((each) => !/(Request|Response)$/.test(each.name));
  for (
    const schema of [
      ...own,
      ...messages.filter(({ name }) => /^Add(Request|Response)$/.test(name)),
    ]
  ) {
    const table = tableOf(`message: ${schema.name}`);
    assert(table !== null, `docs/protocol.md has no table of ${schema.name}`);
    assert.deepEqual(table.map(([number, field]) => `${field} = ${number}`), fieldsOf(schema));
  }
});

for (const service of [Topics, Types, Queues, Rooms, Admin, ServerMethods]) {
  Deno.test(`the table of the methods of ${service.typeName} is complete and right`, () => {
    const expected = service.methods.map(({ name, input, output }) => [
      name,
      ...[input, output].map((message) => fieldsOf(message).join("; ")),
    ]);
    const table = tableOf(`methods: ${service.typeName}`);
    assert.deepEqual(table?.map((row) => row.slice(0, 3)).toSorted(), expected.toSorted());
  });
}

Deno.test("tables of numbers agree with the sources", () => {
  const all = rows(read("docs/protocol.md"));
  const numbered = (names: Record<string, string | number>) =>
    Object.entries(names).filter(([name, value]) => typeof value === "number" && value > 0 && name);
  for (const [name, value] of [...numbered(ErrorCode), ...numbered(CloseReason)]) {
    assert(all.some((row) => row[0] === String(value) && row[1] === name), `${value} ${name}`);
  }
  const enums: DescEnum[] = messages.flatMap(({ file }) => file.enums);
  for (
    const name of ["AckLevel", "OverflowPolicy", "Verdict", "DeathReason", "JobState", "UserChange"]
  ) {
    const { values, sharedPrefix = "" } = enums.find((each) => each.name === name)!;
    const table = tableOf(`enum: ${name}`)?.filter((row) => row[0] !== "0");
    assert.deepEqual(
      table?.map(([number, value]) => `${number} ${value}`),
      values.filter((value) => value.number > 0)
        .map((value) => `${value.number} ${value.name.slice(sharedPrefix.length)}`),
    );
  }
  for (const [, name] of read("docs/protocol.md").matchAll(/\(`(\w+)`\) \|/g)) {
    const key = name!.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const row = all.find((each) => each[0]?.endsWith(`(${name})`))!;
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
  const { inOrder } = await import("../lib/cli/word_order.ts");
  const program = makeProgram(processIo(), { exitCode: 0 });
  for (const path of paths) {
    const inTables = read(path).matchAll(/(?<=^\|.*)`(parley [^`]*)`/gm);
    const codes = [
      ...blocks(read(path), "sh").map(({ code }) => code),
      ...[...inTables].map(([, code]) => code!),
    ];
    for (const code of codes) {
      for (const [line, rest] of code.matchAll(/(?<=^|\| |<\()parley ([^#|)\n]*)/gm)) {
        let command = program;
        for (const word of inOrder(program, rest!.trim().split(/\s+/))) {
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

Deno.test("documents and workflows name the same releases of Deno, and gates run with the same rights", () => {
  const [oldest] = /^\d+\.\d+/.exec(OLDEST_DENO)!;
  const named = /\[Deno\]\(https:\/\/deno\.com\) ([\d.]+) or newer/;
  for (const path of ["README.md", "CONTRIBUTING.md", "docs/getting_started.md"]) {
    assert.equal(named.exec(read(path))?.[1], oldest, path);
  }
  const [ci, release] = ["ci", "release"].map((name) => read(`.github/workflows/${name}.yml`));
  assert(ci.includes(`deno: [v${oldest}.x, `), "the oldest release is tested");
  const pinned = /deno@([\d.]+)/.exec(read(".ci/run"))![1];
  assert(release.includes(`deno-version: v${pinned}\n`), "what is released is what was tested");
  // Tests that need root are ignored without, and an ignored test counts as failed there.
  for (const workflow of [ci, release]) {
    assert.match(workflow, /run: sudo .*env "PATH=\$PATH" bash \.ci\/run/);
  }
});

/** Where the `nc` of this machine is, or empty. */
const netcat = Deno.build.os === "windows"
  ? ""
  : await run("sh", ["-c", "command -v nc || true"]).then((path) => path.trim());

/** Beyond this the tour has hung: it starts ten programs, one after the other, beside all other tests. */
const TOUR_MS = 120_000;

/** Puts a program of a few lines of shell into `folder`. */
function program(folder: string, name: string, lines: string): Promise<void> {
  return Deno.writeTextFile(`${folder}/${name}`, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
}

Deno.test({
  name: `the tour of README.md works as it is pasted${
    netcat === "" ? " (needs a POSIX shell and nc)" : ""
  }`,
  ignore: netcat === "",
  fn: async () => {
    const tour = blocks(read("README.md"), "sh").find((each) => each.mark === "tour")!.code;
    assert.equal(tour.trim().split("\n").length, 10, "ten lines");
    const folder = await Deno.makeTempDir({ prefix: "parley-tour-" });
    try {
      const addresses = { ...listen, text: "127.0.0.1:0" };
      await using server = await Server.start(configFrom({ data: "", listen: addresses }));
      const { hostname, port } = addressOf(server, "tcp");
      const text = addressOf(server, "text");
      // In the place of npx, this very Deno: the tests also run on others than the one in README.md. In
      // the place of the pause, the moment that it waits for; in that of nc, a server on another port.
      await program(folder, "npx", `shift 2\nexec "${Deno.execPath()}" "$@"`);
      await program(folder, "sleep", `read line <"${folder}/subscribed"`);
      await program(folder, "nc", `exec ${netcat} ${text.hostname} ${text.port}`);
      await run("mkfifo", [`${folder}/subscribed`]);
      const child = new Deno.Command("sh", {
        args: ["-e", "-c", tour],
        cwd: rootPath,
        env: childEnvironment({
          PATH: `${folder}:${Deno.env.get("PATH")}`,
          PARLEY_SERVER: `parley://${hostname}:${port}`,
        }),
        clearEnv: true,
        // A process group of its own, so that what the tour started can be ended with it.
        detached: true,
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      let over = false;
      const ended = child.output().finally(() => over = true);
      await until(() => server.stats().subscriptions === 1 || over, "the tour subscribes", TOUR_MS);
      if (!over) await Deno.writeTextFile(`${folder}/subscribed`, "now\n");
      const { code, stdout, stderr } = await settles(ended, "the tour", TOUR_MS).catch(
        async (reason) => {
          Deno.kill(-child.pid, "SIGKILL");
          await ended;
          throw reason;
        },
      );
      const output = new TextDecoder().decode(stdout);
      assert.equal(code, 0, output + new TextDecoder().decode(stderr));
      assert.match(output, /^ok /, output);
      assert.match(output, /\nHello, World!\n42\nrefused: exit code 1\n/, output);
      assert.match(
        output,
        /orders\.eu\.created .* lamp\n[^]*orders\.eu\.created .* chair\n/,
        output,
      );
      assert.match(output, /^scaled lamp\.png$/m, output);
      assert.match(output, /<Ada> Hello, everybody!\n/, output);
      assert.match(output, /Goodbye\.\n/, output);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
