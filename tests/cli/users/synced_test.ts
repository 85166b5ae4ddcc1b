/**
 * A file of users takes its name only when what is in it is on disk, as the kernel sees it: after a loss of power it is the old
 * one or the new one.
 */
import assert from "node:assert/strict";
import { strace, WITHOUT_STRACE } from "../../support/strace.ts";
import { COMMAND, Running } from "../processes.ts";

Deno.test({
  name: `strace sees a new file of users synced before it takes its name${WITHOUT_STRACE}`,
  ignore: strace === undefined,
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "parley-users-" });
    try {
      const file = `${folder}/users.toml`;
      const calls = "trace=fsync,fdatasync,rename,renameat,renameat2";
      const traced = [strace!, "-f", "-y", "-o", `${folder}/trace`, "-e", calls];
      for (const user of ["ada", "bob"]) {
        const words = [...traced, ...COMMAND, "user", "add", user, "--file", file];
        const environment = { PARLEY_NEW_PASSWORD: "correct horse" };
        await using adding = new Running([], environment, { words });
        const { code, log } = await adding.ended();
        assert.equal(code, 0, log);
        const lines = (await Deno.readTextFile(`${folder}/trace`)).split("\n");
        const aside = /users\.toml\.[^.]+\.new/;
        const synced = lines.findIndex((line) => /sync\(\d+</.test(line) && aside.test(line));
        const named = lines.findIndex((line) => /rename/.test(line) && aside.test(line));
        assert(synced >= 0 && synced < named, lines.filter((line) => aside.test(line)).join("\n"));
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
