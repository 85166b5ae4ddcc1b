/**
 * Where programs are that systems keep out of the path of users.
 */

/** Where a program is; empty where it is not. */
export function placeOf(program: string): string {
  for (const folder of ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"]) {
    try {
      Deno.statSync(`${folder}/${program}`);
      return `${folder}/${program}`;
    } catch {
      // It is not there.
    }
  }
  return "";
}
