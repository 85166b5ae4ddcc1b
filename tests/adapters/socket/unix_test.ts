/**
 * Unix sockets and the files they leave: stale ones are replaced, living ones and other files are not
 * touched, and a server that stops takes its file with it.
 */
import assert from "node:assert/strict";
import { listenUnix } from "../../../lib/adapters/socket/unix.ts";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";

async function inFolder(action: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "parley-unix-" });
  try {
    await action(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Leaves a socket file behind, as a server that was killed does. */
async function leaveStale(path: string): Promise<void> {
  const listener = Deno.listen({ transport: "unix", path: `${path}.new` });
  await Deno.rename(`${path}.new`, path);
  listener.close();
}

function refusal(pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert(error instanceof ParleyError);
    assert.equal(error.code, ErrorCode.ALREADY_EXISTS);
    assert.match(error.message, pattern);
    return true;
  };
}

Deno.test("a socket file that nobody listens on is replaced", () =>
  inFolder(async (folder) => {
    const path = `${folder}/stale.sock`;
    await leaveStale(path);
    assert((await Deno.lstat(path)).isSocket);
    const listener = await listenUnix(path);
    (await Deno.connect({ transport: "unix", path })).close();
    listener.close();
    await assert.rejects(Deno.lstat(path), Deno.errors.NotFound);
  }));

Deno.test("a socket that somebody listens on is refused and goes on working", () =>
  inFolder(async (folder) => {
    const path = `${folder}/live.sock`;
    const first = await listenUnix(path);
    try {
      await assert.rejects(listenUnix(path), refusal(/in use.*--unix/));
      (await Deno.connect({ transport: "unix", path })).close();
    } finally {
      first.close();
    }
  }));

Deno.test("a file that is no socket, a folder and a link to one are not touched", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "precious");
    await Deno.mkdir(`${folder}/folder`);
    await Deno.symlink(`${folder}/file`, `${folder}/link`);
    for (const name of ["file", "folder", "link"]) {
      await assert.rejects(listenUnix(`${folder}/${name}`), refusal(/no socket is there/));
    }
    assert.equal(await Deno.readTextFile(`${folder}/file`), "precious");
    assert((await Deno.lstat(`${folder}/folder`)).isDirectory);
    assert((await Deno.lstat(`${folder}/link`)).isSymlink);
  }));

Deno.test("a path in a folder that is not there is refused with its reason", () =>
  inFolder(async (folder) => {
    const path = `${folder}/missing/x.sock`;
    await assert.rejects(listenUnix(path), (error: unknown) => {
      assert(error instanceof ParleyError);
      assert(error.message.startsWith(`cannot listen on unix ${path}: `), error.message);
      return true;
    });
  }));

Deno.test("a listener closes once, also when its file is gone, and its iteration ends", () =>
  inFolder(async (folder) => {
    const path = `${folder}/x.sock`;
    const listener = await listenUnix(path);
    const next = listener[Symbol.asyncIterator]().next();
    await Deno.remove(path);
    listener.close();
    listener.close();
    assert.equal((await next).done, true);
  }));
