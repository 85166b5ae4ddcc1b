/**
 * Templates in what is published, and the forms of `sub` that leave payloads out.
 */
import assert from "node:assert/strict";
import { connect } from "../../../lib/client/mod.ts";
import { filled, hasTemplates } from "../../../lib/cli/topics/templates.ts";
import { startServer } from "../../support/server.ts";
import { begin, run } from "../fake_io.ts";

Deno.test("templates are filled in, and nothing else in braces is", () => {
  const fill = (text: string, random = 0.5) =>
    filled(text, { number: 7, now: new Date(0), random: () => random });
  assert.equal(
    fill('{"n": {{Count}}, "at": "{{ Time }}"}'),
    '{"n": 7, "at": "1970-01-01T00:00:00.000Z"}',
  );
  assert.equal(fill("{{Random 0 9}}", 0), "0");
  assert.equal(fill("{{Random 0 9}}", 0.999), "9");
  assert.equal(fill("{{Random -5 -5}}"), "-5");
  for (const text of ["{{name}}", "{Count}", "{{count}}", "{{Random a b}}", "plain"]) {
    assert.equal(hasTemplates(text), false, text);
    assert.equal(fill(text), text);
  }
  for (const text of ["{{Random 9 0}}", "{{Random}}", "{{Random 0 99999999999999999999}}"]) {
    assert.throws(() => fill(text), { accepted: /./ }, text);
  }
});

Deno.test("pub fills in templates for each event, unless they are meant literally", async () => {
  await using server = await startServer();
  const address = `127.0.0.1:${server.port("tcp")}`;
  await using client = await connect(`parley://${address}`);
  const events = (await client.subscribe("t.>"))[Symbol.asyncIterator]();
  const next = async () => (await events.next()).value!.text();
  const sent = await run(["pub", "t.a", "{{Count}} of {{Random 3 3}}", "-n", "3", "-s", address]);
  assert.equal(sent.code, 0, sent.stderr);
  assert.deepEqual([await next(), await next(), await next()], ["1 of 3", "2 of 3", "3 of 3"]);
  await run(["pub", "t.a", "{{Count}}", "--literal", "-s", address]);
  assert.equal(await next(), "{{Count}}");
  const wrong = await run(["pub", "t.a", "{{Random 2 1}}", "-s", address]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /cannot fill in \{\{Random 2 1\}\}; accepted: /);
});

Deno.test("sub prints events without their payloads, and says nothing else when it is quiet", async () => {
  await using server = await startServer();
  const address = `127.0.0.1:${server.port("tcp")}`;
  await using client = await connect(`parley://${address}`);
  const forms = [["--headers-only"], ["--headers-only", "--json"]];
  const printed = [];
  for (const form of forms) {
    const sub = begin(["sub", "t.a", "-n", "1", "-s", address, ...form]);
    await sub.says("subscribed to t.a");
    await client.publish("t.a", "a secret", { headers: { k: "v" } });
    printed.push((await sub.ended).stdout);
  }
  assert.match(printed[0], /t\.a .*"k":"v".*\(8 bytes\)\n$/);
  const { payload_bytes, headers, payload } = JSON.parse(printed[1]);
  assert.deepEqual([payload_bytes, headers, payload], [8, { k: "v" }, undefined]);
  const quiet = begin(["sub", "t.q", "-n", "1", "-q", "-s", address]);
  while ((await client.publish("t.q", "x")).receivers === 0);
  const { stderr, stdout } = await quiet.ended;
  assert.equal(stderr, "");
  assert.match(stdout, /t\.q/);
  const pushed = await run(["queue", "push", "q", "x", "-q", "-s", address]);
  assert.deepEqual([pushed.code, pushed.stdout, pushed.stderr], [0, "", ""]);
  const both = await run(["sub", "t.a", "--raw", "--headers-only", "-s", address]);
  assert.deepEqual([both.code, both.stderr.includes("exclude each other")], [2, true]);
});
