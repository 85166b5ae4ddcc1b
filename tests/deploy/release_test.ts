/**
 * The workflows: every action is pinned to a commit, one release of Deno makes what the gate has tested, and those steps of a
 * release that need nothing of GitHub run here, as a user without rights of root would run them.
 */
import assert from "node:assert/strict";
import { notesOf } from "../../tools/release_notes.ts";
import { reachedFrom } from "../../tools/bill_of_materials.ts";
import { TARGETS } from "../../tools/compile.ts";
import { COMMAND } from "../cli/processes.ts";
import { hasNode } from "../interop/node.ts";
import { childEnvironment, root, run } from "../interop/programs.ts";

const read = (path: string) => Deno.readTextFileSync(`${root}/${path}`);
const workflows = ["ci", "release"].map((name) => read(`.github/workflows/${name}.yml`));
const release = workflows[1]!;

/** The step of a name, as the lines of its `run`. */
function stepOf(name: string): string {
  const [, inline, block] = new RegExp(
    `- name: ${name}\\n(?:        [^r].*\\n)*        run: (?:\\|\\n((?:          .*\\n)+)|(.*)\\n)`,
  ).exec(release) ?? assert.fail(`release.yml has no step "${name}"`);
  return inline ?? block!;
}

Deno.test("every action is pinned to a commit, and says which version that is", () => {
  const used = workflows.flatMap((text) =>
    [...text.matchAll(/uses: (.*)/g)].map(([, what]) => what!)
  );
  assert(used.length > 10);
  for (const what of used) assert.match(what, /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
});

Deno.test("each executable is made and tried, by the Deno of the gate", () => {
  const pinned = /deno@([\d.]+)/.exec(read(".ci/run"))![1];
  const named = [...release.matchAll(/deno-version: v([\d.]+)|deno@(\d+\.[\d.]+)/g)];
  assert(named.length >= 4);
  for (const [, version, other] of named) assert.equal(version ?? other, pinned);
  for (const target of TARGETS) {
    assert.equal(release.split(`{ target: ${target}, `).length, 3, `${target} is made and tried`);
  }
});

Deno.test("an executable has nothing in it that only benchmarks, tests, tools or the console's sources use", async () => {
  const { files, packages } = await reachedFrom(["server.ts", "lib/adapters/sqlite/worker.ts"]);
  assert(files.length > 500);
  assert.deepEqual(files.filter((path) => path !== "server.ts" && !path.startsWith("lib/")), []);
  for (const name of ["fast-check", "playwright-core", "axe-core", "preact", "uplot"]) {
    assert(!packages.has(name), name);
  }
  assert(packages.has("zod"));
});

Deno.test("the notes of a release are those of its version alone", () => {
  const changes =
    "# Changes\n\n## Unreleased\n\nsoon\n\n## 1.1.0 (2026)\n\n- one\n\n## 1.0.0\n\n- old\n";
  assert.equal(notesOf(changes, "1.1.0"), "- one\n");
  assert.equal(notesOf(changes, "1.0.0"), "- old\n");
  assert.throws(() => notesOf(changes, "1.2.0"), /says nothing of 1\.2\.0/);
});

Deno.test({
  name: `the steps of a release that need nothing of GitHub run, and ask for no rights of root${
    hasNode ? "" : " (needs Node 20 and a POSIX shell)"
  }`,
  ignore: !hasNode || Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "parley-release-" });
    try {
      const { version } = JSON.parse(read("deno.json"));
      await Deno.mkdir(`${folder}/packed`);
      await Deno.mkdir(`${folder}/bin`);
      const put = (name: string, line: string) =>
        Deno.writeTextFile(`${folder}/bin/${name}`, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
      const words = COMMAND.map((word) => word === "server.ts" ? `${root}/${word}` : word);
      await put("parley", `exec ${words.map((word) => `'${word}'`).join(" ")} "$@"`);
      await put("deno", `exec '${Deno.execPath()}' "$@"`);
      await Deno.copyFile(`${folder}/bin/parley`, `${folder}/parley`);
      for (
        const name of [
          "deno.json",
          "deno.lock",
          "CHANGELOG.md",
          "server.ts",
          "tools",
          "lib",
          "console",
          "deploy",
          "LICENSE",
          "README.md",
        ]
      ) {
        await Deno.symlink(`${root}/${name}`, `${folder}/${name}`);
      }
      await Deno.writeTextFile(`${folder}/packed/parley-${version}.tgz`, "a package");
      const perform = async (name: string) => {
        const script = stepOf(name).replaceAll("${{ matrix.output }}", "parley")
          .replaceAll("${{ matrix.target }}", "x86_64-unknown-linux-gnu");
        assert.doesNotMatch(script, /sudo/, name);
        const { code, stdout, stderr } = await new Deno.Command("bash", {
          args: ["-e", "-o", "pipefail", "-c", script],
          cwd: folder,
          clearEnv: true,
          env: childEnvironment({
            GITHUB_REF_NAME: `v${version}`,
            GITHUB_REPOSITORY: "acme/parley",
            PATH: `${folder}/bin:${Deno.env.get("PATH")}`,
          }),
          stdin: "null",
        }).output();
        assert.equal(code, 0, `${name}:\n${new TextDecoder().decode(stderr)}`);
        return new TextDecoder().decode(stdout);
      };
      await perform("The tag is the version");
      await Deno.mkdir(`${folder}/dist`);
      await Deno.copyFile(`${folder}/parley`, `${folder}/dist/parley`);
      await perform("Pack");
      await Deno.rename(
        `${folder}/parley-${version}-x86_64-unknown-linux-gnu.tar.gz`,
        `${folder}/packed/parley-${version}-x86_64-unknown-linux-gnu.tar.gz`,
      );
      await perform("Unpack");
      assert.match(await perform("A user's first minute"), /ok: exit code 0/);
      await perform("Bill of materials");
      const { components } = JSON.parse(
        await Deno.readTextFile(`${folder}/packed/parley.cdx.json`),
      );
      const names = components.map(({ name }: { name: string }) => name);
      for (const name of ["deno", "commander", "zod", "@bufbuild/protobuf", "ws", "preact"]) {
        assert(names.includes(name), name);
      }
      for (const name of ["playwright-core", "axe-core", "fast-check"]) {
        assert(!names.includes(name), name);
      }
      await perform("Notes");
      assert.equal(
        await Deno.readTextFile(`${folder}/notes.md`),
        notesOf(read("CHANGELOG.md"), version),
      );
      await perform("Install script");
      assert.match(
        await Deno.readTextFile(`${folder}/packed/install.sh`),
        /^release=https:\/\/github\.com\/acme\/parley\/releases\/download\/v[\d.]+$/m,
      );
      await perform("Checksums");
      const sums = await run("sh", ["-c", `cd ${folder}/packed && sha256sum -c SHA256SUMS`]);
      assert.equal(sums.trim().split("\n").length, 4, sums);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
