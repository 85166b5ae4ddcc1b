/**
 * The Python package: its tests pass against a real server, its generated classes are those of proto/, it is typed, and
 * it can be built.
 *
 * Where Python, protoc or a package of Debian's is missing, a test is ignored and says what to install.
 */
import assert from "node:assert/strict";
import { outcomeOf, root, run } from "../interop/programs.ts";
import { generate, hasProtoc, python } from "../interop/protoc.ts";
import { testCertificate } from "../support/certificate.ts";
import { startServer } from "../support/server.ts";
import { user } from "../support/users.ts";

const folder = `${root}/clients/python`;

function has(...args: string[]): boolean {
  try {
    return new Deno.Command(python!, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

async function withFolder(play: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "parley-python-" });
  try {
    await play(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

const isNew = python !== undefined && has("-c", "import sys; sys.exit(sys.version_info < (3, 11))");
Deno.test({
  name: `the Python package passes its tests${isNew ? "" : " (needs python3-protobuf, 3.11)"}`,
  ignore: !isNew,
  fn: () =>
    withFolder(async (data) => {
      await using server = await startServer({
        data,
        keep: [{ pattern: "kept.>" }],
        queue: [{ name: "py.quick", lease_ms: 1000 }],
      });
      await using withUsers = await startServer({
        users: [await user("ada", "all")],
        roles: { all: { allow: { publish: ">", subscribe: ">" } } },
      });
      await Deno.writeFile(`${data}/secret`, crypto.getRandomValues(new Uint8Array(32)));
      await using withJwt = await startServer({
        auth: {
          jwt: {
            secret_file: `${data}/secret`,
            audience: "parley",
            roles: "all",
            clock_tolerance_ms: 0,
          },
        },
        roles: { all: { allow: { publish: ">", subscribe: ">" } } },
      });
      await using leaving = await startServer({});
      await Deno.writeTextFile(`${data}/ca.pem`, (await testCertificate()).ca);
      const { code, stderr } = await outcomeOf(python!, [
        "-W",
        "error",
        "-m",
        "unittest",
        "discover",
        "--start-directory",
        `${folder}/tests`,
      ], {
        PYTHONPATH: folder,
        PARLEY_TEST_URL: `parley://127.0.0.1:${server.port("tcp")}`,
        PARLEY_TEST_UNIX_URL: `unix://${server.path}`,
        PARLEY_TEST_TLS_URL: `parleys://localhost:${server.port("tls")}`,
        PARLEY_TEST_CA: `${data}/ca.pem`,
        PARLEY_TEST_SECRET: `${data}/secret`,
        PARLEY_TEST_JWT_URL: `parley://127.0.0.1:${withJwt.port("tcp")}`,
        PARLEY_TEST_LEAVING_URL: `parley://127.0.0.1:${leaving.port("tcp")}`,
        PARLEY_TEST_USERS_URL: `parley://127.0.0.1:${withUsers.port("tcp")}`,
      });
      assert.equal(code, 0, stderr);
      assert.match(stderr, /Ran \d\d tests/);
      assert.doesNotMatch(stderr, /skipped/);
    }),
});

const protoc = hasProtoc ? await run("protoc", ["--version"]) : "";
const fits = protoc.startsWith("libprotoc 3.21.");
Deno.test({
  name: `the classes of the Python package are those of proto/${
    fits ? "" : " (needs protobuf-compiler 3.21)"
  }`,
  ignore: !fits,
  fn: () =>
    withFolder(async (fresh) => {
      await generate("python", fresh);
      await generate("pyi", fresh);
      const names = [...Deno.readDirSync(`${fresh}/parley/v1`)].map(({ name }) => name).sort();
      const committed = [...Deno.readDirSync(`${folder}/parley/v1`)].map(({ name }) => name)
        .filter((name) => name.includes("_pb2")).sort();
      assert.deepEqual(committed, names);
      for (const name of names) {
        const [is, shall] = await Promise.all([
          Deno.readTextFile(`${folder}/parley/v1/${name}`),
          Deno.readTextFile(`${fresh}/parley/v1/${name}`),
        ]);
        assert.equal(is, shall, `${name}: run deno task gen`);
      }
    }),
});

const canCheck = isNew && has("-m", "mypy", "--version");
Deno.test({
  name: `the types of the Python package hold${canCheck ? "" : " (needs mypy)"}`,
  ignore: !canCheck,
  fn: () =>
    withFolder(async (cache) => {
      const config = ["--config-file", `${folder}/pyproject.toml`, "--cache-dir", cache];
      const { code, stdout } = await outcomeOf(python!, ["-m", "mypy", ...config, "-p", "parley"], {
        MYPYPATH: folder,
      });
      assert.equal(code, 0, stdout);
    }),
});

const canBuild = isNew && has("-c", "import build, setuptools, wheel");
Deno.test({
  name: `the Python package can be built${canBuild ? "" : " (needs python3-build, python3-wheel)"}`,
  ignore: !canBuild,
  fn: () =>
    withFolder(async (path) => {
      await run("cp", ["-r", folder, `${path}/source`]);
      await run(python!, ["-m", "build", "--no-isolation", "--outdir", path, `${path}/source`]);
      const [wheel] = [...Deno.readDirSync(path)].map(({ name }) => name)
        .filter((name) => name.endsWith(".whl"));
      await run(python!, ["-m", "zipfile", "-e", `${path}/${wheel}`, `${path}/installed`]);
      const script = "import parley, parley.sync; print(parley.__version__, parley.__file__)";
      const printed = await run(python!, ["-c", script], { PYTHONPATH: `${path}/installed` });
      const { version } = JSON.parse(await Deno.readTextFile(`${root}/deno.json`));
      assert.equal(printed.trim(), `${version} ${path}/installed/parley/__init__.py`);
      assert(wheel?.includes(`-${version}-`), wheel);
      await Deno.stat(`${path}/installed/parley/py.typed`);
      await Deno.stat(`${path}/installed/parley/v1/queue_pb2.pyi`);
    }),
});
