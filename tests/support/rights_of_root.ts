/**
 * Tests that need the rights of root, for file systems or networks of their own.
 *
 * Without them such a test is run again in a user namespace, where it has them over what it makes there; where the
 * system does not allow that either, it is ignored, and says so in its name.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const NAMESPACE = ["--user", "--map-root-user", "--mount", "--net"];
/** Names of networks stand in a folder that the user does not own: here it is one that is empty. */
const IN_NAMESPACE = 'mount -t tmpfs tmpfs /run && ip link set lo up && exec "$0" "$@"';

function succeeds(program: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

const isLinux = Deno.build.os === "linux";
const isRoot = isLinux && Deno.uid() === 0;
const mayBecome = isLinux && !isRoot && succeeds("unshare", ...NAMESPACE, "true");

/** What a test is and needs. */
export interface RootTest {
  /** The file that it stands in: `import.meta.url`. */
  readonly file: string;
  readonly name: string;
  /** What it needs the rights for, in a few words. */
  readonly needs: string;
  /** Asked with the rights: whether what it needs is there. */
  readonly possible?: () => boolean;
  readonly fn: () => Promise<void>;
}

/** Registers a test. */
export function testAsRoot({ file, name, needs, possible = () => true, fn }: RootTest): void {
  const can = isRoot ? possible() : mayBecome;
  Deno.test({
    name: can ? name : `${name} (ignored: ${needs})`,
    ignore: !can,
    fn: isRoot ? fn : () => runInNamespace(file, name),
  });
}

async function runInNamespace(file: string, name: string): Promise<void> {
  const test = ["test", "--no-check", "--allow-all", "--filter", name, fileURLToPath(file)];
  const args = [...NAMESPACE, "sh", "-c", IN_NAMESPACE, Deno.execPath(), ...test];
  const { success, stdout, stderr } = await new Deno.Command("unshare", { args }).output();
  const told = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  assert(success && /\b1 passed\b/.test(told) && !/ignored/.test(told), told);
}
