/**
 * Where strace is, for tests that look at what the kernel is asked. Without it they are ignored, and say so in their names.
 */

/** The program; undefined without one. */
export const strace = ["/usr/bin/strace", "/usr/local/bin/strace", "/bin/strace"].find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

/** What the name of a test says where there is none; otherwise empty. */
export const WITHOUT_STRACE = strace === undefined ? " (ignored: strace is not installed)" : "";
