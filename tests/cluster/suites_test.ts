/**
 * The suites of single servers, unchanged, against a node of three that does not write: what they ask for is handed on.
 */
import assert from "node:assert/strict";
import { withNats } from "../support/nats_server.ts";

const SUITES = [
  "tests/client/queues/server_test.ts",
  "tests/client/rooms/room_test.ts",
];

for (const suite of SUITES) {
  Deno.test(withNats(`${suite} passes through a node that does not write`, async () => {
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "--no-check", "-A", "--quiet", suite],
      env: { PARLEY_TEST_CLUSTER: "1", NO_COLOR: "1" },
      stderr: "null",
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert.equal(code, 0, text);
    assert.match(text, /\d+ passed/);
  }));
}
