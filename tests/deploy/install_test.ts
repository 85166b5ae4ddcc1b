/**
 * The install script of a release, as its users run it: out of a folder and through a pipe, over a connection that ends, with
 * what was damaged, and on machines that there is no executable for. What was installed before stays until the next is whole.
 */
import assert from "node:assert/strict";
import { childEnvironment, outcomeOf, root, run } from "../interop/programs.ts";

const SCRIPT = `${root}/deploy/install.sh`;
const TARGET = "x86_64-unknown-linux-gnu";
const ignore = Deno.build.os !== "linux";

/** A release whose executable tells its version, and a machine for it. */
class Release implements AsyncDisposable {
  private constructor(readonly folder: string) {}

  static async make(version = "1.2.3"): Promise<Release> {
    const release = new Release(await Deno.makeTempDir({ prefix: "parley-install-" }));
    for (const name of ["files", "bin"]) await Deno.mkdir(`${release.folder}/${name}`);
    await release.put("bin/uname", '[ "$1" = -s ] && echo Linux || echo x86_64');
    await release.publish(version);
    return release;
  }

  put(path: string, lines: string): Promise<void> {
    return Deno.writeTextFile(`${this.folder}/${path}`, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  }

  async publish(version: string, does = `echo ${version}`): Promise<void> {
    await this.put("parley", does);
    const script = `rm -f files/*; tar -czf files/parley-${version}-${TARGET}.tar.gz parley &&
      cd files && sha256sum -- parley* > SHA256SUMS`;
    await run("sh", ["-c", `cd ${this.folder}; ${script}`]);
  }

  /** Installs with a shell, from the folder unless `args` say another place. */
  async install(args = ["--from", `${this.folder}/files`], shell = "sh") {
    const { code, stdout, stderr } = await new Deno.Command(shell, {
      args: [SCRIPT, ...args, "--to", this.to],
      clearEnv: true,
      env: childEnvironment({ PATH: `${this.folder}/bin:${Deno.env.get("PATH")}` }),
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  get to(): string {
    return `${this.folder}/installed`;
  }

  /** What the installed executable says, and what else is beside it. */
  async installed(): Promise<[version: string, files: string[]]> {
    const files = Array.from(Deno.readDirSync(this.to), ({ name }) => name);
    return [(await run(`${this.to}/parley`, ["--version"])).trim(), files];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test({
  name:
    "the install script puts the executable of a release where it is said, and replaces a former one",
  ignore,
  async fn() {
    await using release = await Release.make();
    const { code, stdout, stderr } = await release.install();
    assert.deepEqual([code, stderr], [0, ""]);
    assert.equal(
      stdout,
      `installed parley 1.2.3 as ${release.to}/parley\n` +
        `${release.to} is not in PATH: add it there, or run ${release.to}/parley\n`,
    );
    assert.deepEqual(await release.installed(), ["1.2.3", ["parley"]]);
    await release.publish("1.3.0");
    assert.equal((await release.install(undefined, "bash")).code, 0);
    assert.deepEqual(await release.installed(), ["1.3.0", ["parley"]]);
  },
});

Deno.test({
  name: "it is piped into a shell from where the release is, and does nothing when it is cut off",
  ignore,
  async fn() {
    await using release = await Release.make();
    const script = await Deno.readTextFile(SCRIPT);
    const files = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
      const name = new URL(request.url).pathname.split("/").at(-1)!;
      if (name === "install.sh") {
        return new Response(script.replace(/^release=$/m, `release=${url}`));
      }
      try {
        return new Response(await Deno.readFile(`${release.folder}/files/${name}`));
      } catch {
        return new Response(null, { status: 404 });
      }
    });
    const url: string = `http://127.0.0.1:${files.addr.port}/download`;
    try {
      const path = `PATH=${release.folder}/bin:$PATH`;
      const line = `${path}; curl -fsSL ${url}/install.sh | sh -s -- --to ${release.to}`;
      assert.match(await run("sh", ["-c", line]), /^installed parley 1\.2\.3 /);
      assert.deepEqual(await release.installed(), ["1.2.3", ["parley"]]);
      await Deno.remove(release.to, { recursive: true });
      for (const length of [script.length - 12, script.length >> 1, 200]) {
        const cut =
          `${path}; head -c ${length} ${SCRIPT} | sh -s -- --from ${url} --to ${release.to}`;
        await outcomeOf("sh", ["-c", cut]);
        await assert.rejects(Deno.stat(release.to), Deno.errors.NotFound, `${length} characters`);
      }
      await Deno.remove(`${release.folder}/files/SHA256SUMS`);
      const none = await release.install(["--from", url]);
      assert.equal(none.code, 1);
      assert.match(none.stderr, /cannot get SHA256SUMS from http/);
    } finally {
      await files.shutdown();
    }
  },
});

Deno.test({
  name:
    "what is damaged, does not run, or is not for this machine is not installed, and the former one stays",
  ignore,
  async fn() {
    await using release = await Release.make();
    assert.equal((await release.install()).code, 0);
    const refused = async (reason: RegExp, args?: string[]) => {
      const { code, stdout, stderr } = await release.install(args);
      assert.deepEqual([code, stdout], [1, ""], stderr);
      assert.match(stderr, reason);
      assert.deepEqual(await release.installed(), ["1.2.3", ["parley"]]);
    };
    await release.publish("2.0.0");
    const archive = `${release.folder}/files/parley-2.0.0-${TARGET}.tar.gz`;
    await Deno.writeFile(archive, new Uint8Array([0]), { append: true });
    await refused(/the checksum of parley-2\.0\.0-.* is another one .*: nothing was installed/);
    await release.publish("2.0.0", "exit 1");
    await refused(/the executable does not run on this machine/);
    await Deno.writeTextFile(
      `${release.folder}/files/SHA256SUMS`,
      "00  parley-2.0.0-other.tar.gz\n",
    );
    await refused(/files has no executable for x86_64-unknown-linux-gnu/);
    await refused(/there is no option --prefix; accepted: --from/, ["--prefix", "x"]);
    await refused(/this copy belongs to no release: name one with --from/, []);
    await release.put("bin/uname", "echo Plan9");
    await refused(/there is no executable for Plan9 on Plan9; accepted: Linux and macOS/);
  },
});
