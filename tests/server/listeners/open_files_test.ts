/**
 * The limit of open files, as Linux tells it and where nobody tells.
 */
import assert from "node:assert/strict";
import { openFilesLimit, parseOpenFiles } from "../../../lib/server/listeners/open_files.ts";

const LINUX = `Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max processes             31795                31795                processes
Max open files            1024                 524288               files
Max locked memory         8388608              8388608              bytes
`;

Deno.test("the soft limit is read from the text of /proc/self/limits", () => {
  assert.equal(parseOpenFiles(LINUX), 1024);
  assert.equal(parseOpenFiles(LINUX.replace("1024  ", "256   ")), 256);
  assert.equal(parseOpenFiles(LINUX.replace("1024     ", "unlimited")), Infinity);
});

Deno.test("where the limit is not told, that is said", () => {
  for (const text of ["", "Max open files", "Max open files   none   none", "garbage\n"]) {
    assert.equal(parseOpenFiles(text), undefined, text);
  }
});

Deno.test("this process has a limit", () => {
  assert(openFilesLimit() > 64);
});
