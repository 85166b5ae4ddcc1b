/**
 * Where jobs are posted to is set while the server runs, by those who may, stored, and told without its secrets.
 */
import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { isSigned } from "../../../examples/typescript/webhook_receiver.ts";
import { callMethod, connect, ErrorCode, ParleyError } from "../../../lib/client/mod.ts";
import { type QueuePolicySchema, Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { configFrom } from "../../../lib/server/config/config.ts";
import { run } from "../../cli/fake_io.ts";
import { KeptServer } from "../../sim/kept_server.ts";
import { LogRecords } from "../../support/log_records.ts";
import { Receiver } from "../../support/receiver.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { settled } from "../../support/until.ts";
import { user } from "../../support/users.ts";

const SECRET = `whsec_${btoa("0123456789abcdef0123456789abcdef")}`;
const urlOf = (server: TestServer) => `parley://127.0.0.1:${server.port("tcp")}`;

Deno.test("webhooks: the command line sets a receiver, which a killed process goes on with", async () => {
  const directory = await Deno.makeTempDir({ prefix: "parley-webhooks-" });
  const more = [
    ...["--set", "webhooks.allow_addresses=127.0.0.0/8,::1"],
    ...["--set", "webhooks.allow_http=true"],
  ];
  try {
    await using receiver = Receiver.plain();
    const file = `${directory}/secret`;
    await Deno.writeTextFile(file, `${SECRET}\n`);
    const data = `${directory}/data`;
    {
      await using server = await KeptServer.start(data, more);
      const url = ["--server", `parley://127.0.0.1:${server.port}`];
      const unsigned = await run(["queue", "create", "q", "--deliver-to", receiver.url(), ...url]);
      assert.equal(unsigned.code, 1);
      assert.match(unsigned.stderr, /what is posted has to be signed/);
      const lost = ["--deliver-secret-file", `${directory}/none`];
      assert.equal((await run(["queue", "create", "q", ...lost, ...url])).code, 2);
      const set = ["--deliver-to", receiver.url(), "--deliver-secret-file", file];
      const made = await run(["queue", "create", "q", ...set, ...url]);
      assert.equal(made.code, 0, made.stderr);
      await using client = await connect(url[1]);
      await client.queue("q").push("one");
      const [{ headers, body }] = await receiver.came(1);
      assert(isSigned(headers, body, SECRET), "with the permissions that are left to a process");
      for (const args of [["queue", "policies"], ["queue", "policies", "--json"]]) {
        const told = await run([...args, ...url]);
        assert.match(told.stdout, /\/jobs\?\(not shown\)/);
        assert(!told.stdout.includes(SECRET.slice(6)));
      }
      const printed = await run(["config", "print", "--running", url[1]]);
      assert(!/a=b/.test(printed.stdout), printed.stdout);
      assert(!printed.stdout.includes(SECRET.slice(6)), printed.stdout);
      await server.kill();
    }
    await using server = await KeptServer.start(data, more);
    const url = `parley://127.0.0.1:${server.port}`;
    await using client = await connect(url);
    await client.queue("q").push("two");
    await receiver.came(2);
    const off = await run(["queue", "set", "q", "--deliver-to", "", "--server", url]);
    assert.equal(off.code, 0, off.stderr);
    await client.queue("q").push("three");
    await settled(() => receiver.received.length, "nothing more comes");
    assert.deepEqual(receiver.received.map(({ text }) => text), ["one", "two"]);
    assert.equal((await client.queue("q").info()).ready, 1);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("webhooks: only who manages webhooks says where jobs go, and who does not manage a queue sees its origin", async () => {
  const users = [await user("ada", "queues"), await user("eve", "all"), await user("bob", "pulls")];
  const roles = {
    queues: { allow: { manage: "queue.>" } },
    all: { allow: { manage: [">"] } },
    pulls: { allow: { pull: "q" } },
  };
  const webhooks = { allow_addresses: "127.0.0.0/8" };
  await using server = await startServer({ users, roles, webhooks });
  const as = (name: string) => connect(urlOf(server), { user: name, password: `${name}'s secret` });
  await using ada = await as("ada");
  await using eve = await as("eve");
  await using bob = await as("bob");
  const policy = { name: "q", deliverTo: "https://127.0.0.1:1/p", deliverSecrets: [SECRET] };
  const denied = (error: unknown) =>
    error instanceof ParleyError && error.code === ErrorCode.PERMISSION_DENIED;
  await callMethod(ada, Queues.method.set, { policy: { name: "q", leaseMs: 1000 } });
  for (
    const about of [policy, { name: "q", deliverAtOnce: 2 }, {
      name: "q",
      deliverSecrets: [SECRET],
    }]
  ) {
    await assert.rejects(callMethod(ada, Queues.method.set, { policy: about }), denied);
  }
  const told = await callMethod(eve, Queues.method.set, { policy });
  assert.equal(told.policy?.deliverTo, policy.deliverTo);
  assert.deepEqual(told.policy?.deliverSecrets, []);
  // Nor may it take that away: by unsetting it, or by a policy that would come before it.
  await assert.rejects(callMethod(ada, Queues.method.unset, { name: "q" }), denied);
  for (const name of [">", "*"]) {
    const wider = callMethod(ada, Queues.method.set, { policy: { name, leaseMs: 2000 } });
    await assert.rejects(wider, denied, name);
  }
  await callMethod(ada, Queues.method.set, { policy: { name: "other.*", leaseMs: 2000 } });
  const kept = await callMethod(ada, Queues.method.set, { policy: { name: "q", leaseMs: 2000 } });
  assert.equal(kept.policy?.deliverTo, policy.deliverTo, "what else is set changes nothing of it");
  const seen = await callMethod(bob, Queues.method.policies, {});
  const shown = seen.policies.find(({ name }) => name === "q");
  assert.equal(shown?.deliverTo, "https://127.0.0.1:1");
});

Deno.test("webhooks: the query of a URL is shown by no print of the configuration", async () => {
  const file = await Deno.makeTempFile({ suffix: ".toml" });
  try {
    const table = `[[queue]]\nname = "q"\ndeliver_secret = "${SECRET}"\n`;
    await Deno.writeTextFile(file, `${table}deliver_to = "https://example.com/jobs?key=hidden"\n`);
    for (const more of [[], ["--json"]]) {
      const { stdout } = await run(["config", "print", "--config", file, ...more]);
      assert.match(stdout, /example\.com\/jobs\?\(not shown\)/);
      assert(!/hidden/.test(stdout), stdout);
    }
    for (
      const wrong of ["https://u:hidden@example.com/", "https://example.com/?hidden#hidden", 5]
    ) {
      await Deno.writeTextFile(file, `${table}deliver_to = ${JSON.stringify(wrong)}\n`);
      const { code, stderr, stdout } = await run(["config", "check", "--config", file]);
      assert.equal(code, 1, stderr);
      assert(!/hidden/.test(stderr + stdout), stderr);
    }
    await Deno.writeTextFile(file, `${table}deliver_to = "https://example.com/?hidden\n`);
    const { stderr } = await run(["config", "check", "--config", file]);
    assert.match(stderr, /not valid TOML/);
    assert(!/hidden/.test(stderr), stderr);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("webhooks: what is set at run time copies nothing, so a secret that is exchanged in the configuration is in force", async () => {
  await using receiver = Receiver.plain();
  const other = `whsec_${btoa("fedcba9876543210fedcba9876543210")}`;
  const webhooks = { allow_addresses: ["127.0.0.0/8", "::1"], allow_http: true };
  const posts = (secret: string, path: string) => ({
    webhooks,
    queue: [{
      name: "q",
      deliver_to: receiver.url(path),
      deliver_secret: secret,
      lease_ms: 60_000,
    }],
  });
  let next = posts(SECRET, "/one");
  await using server = await startServer(next, {
    reread: () => {
      const { queue, webhooks } = configFrom(next);
      return Promise.resolve({ ...server.config, queue, webhooks });
    },
  });
  await using client = await connect(urlOf(server));
  const set = (policy: MessageInitShape<typeof QueuePolicySchema>) =>
    callMethod(client, Queues.method.set, { policy: { name: "q", ...policy } });
  const { policy } = await set({ maxDeliveries: 3 });
  assert.deepEqual([policy?.leaseMs, policy?.maxDeliveries], [60_000, 3]);
  await client.queue("q").push("one");
  const [first] = await receiver.came(1);
  assert(isSigned(first.headers, first.body, SECRET));
  next = posts(other, "/two");
  await server.server.reload();
  await client.queue("q").push("two");
  const { path, headers, body } = (await receiver.came(2))[1];
  assert.equal(path, "/two");
  assert(isSigned(headers, body, other) && !isSigned(headers, body, SECRET));
  const now = (await callMethod(client, Queues.method.policies, {})).policies[0];
  assert.deepEqual([now.maxDeliveries, now.leaseMs], [3, 60_000], "what was set stays set");

  // What is said of delivery counts as anything else that is said, until it is taken back.
  await set({ deliverTo: receiver.url("/three") });
  next = posts(SECRET, "/four");
  await server.server.reload();
  await client.queue("q").push("three");
  const third = (await receiver.came(3))[2];
  assert.equal(third.path, "/three");
  assert(isSigned(third.headers, third.body, SECRET), "its secret is that of the configuration");
  await callMethod(client, Queues.method.unset, { name: "q" });
  await client.queue("q").push("four");
  assert.equal((await receiver.came(4))[3].path, "/four");
});

Deno.test("webhooks: a wrong URL or secret is refused, and not repeated", async () => {
  using records = new LogRecords();
  const wrong = "whsec_dG9vIHNob3J0IGEgc2VjcmV0";
  await using server = await startServer();
  await using client = await connect(urlOf(server));
  const errors: string[] = [];
  const policies = [
    { deliverTo: "https://example.com/secret", deliverSecrets: [wrong] },
    { deliverTo: "https://example.com/secret", deliverSecrets: [SECRET, SECRET, SECRET] },
    { deliverTo: "ftp://example.com/secret", deliverSecrets: [SECRET] },
    { deliverTo: "https://u:secret@example.com/", deliverSecrets: [SECRET] },
    { deliverTo: "https://example.com/#secret", deliverSecrets: [SECRET] },
    { deliverTo: "http://example.com/secret", deliverSecrets: [SECRET] },
    { deliverTo: `https://example.com/${"secret".repeat(500)}`, deliverSecrets: [SECRET] },
    { deliverTo: "https://10.0.0.1/secret", deliverSecrets: [SECRET] },
    { deliverTo: "https://[fe80::1]/secret", deliverSecrets: [SECRET] },
    { deliverTo: "https://example.com/secret", deliverSecrets: [SECRET], deliverAtOnce: 65 },
    { deliverTo: "https://example.com/secret", deliverSecrets: [SECRET], deliverAtOnce: 0 },
  ];
  for (const { deliverTo, deliverSecrets, deliverAtOnce } of policies) {
    const policy = { name: "q", deliverTo, deliverSecrets, deliverAtOnce };
    const refused = await callMethod(client, Queues.method.set, { policy })
      .then(() => null, (error) => error);
    assert(refused instanceof ParleyError, `${deliverTo} ${deliverAtOnce}`);
    assert.equal(refused.code, ErrorCode.INVALID_ARGUMENT);
    errors.push(refused.message);
    const table = { name: "q", deliver_to: deliverTo, deliver_secret: deliverSecrets };
    const more = deliverAtOnce === undefined ? {} : { deliver_at_once: deliverAtOnce };
    assert.throws(() => configFrom({ queue: [{ ...table, ...more }] }), (error: Error) => {
      errors.push(error.message);
      return true;
    });
  }
  const texts = [...errors, ...records.records.map((record) => JSON.stringify(record))];
  for (const text of texts) {
    assert(!text.includes(SECRET.slice(6)) && !text.includes(wrong.slice(6)), text);
    assert(!/[/@#:]secret/.test(text), text);
  }
});

Deno.test("webhooks: config print shows where jobs go, and no secret", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = `${folder}/parley.toml`;
    await Deno.writeTextFile(
      file,
      `[[queue]]\nname = "q"\ndeliver_to = "https://example.com/jobs"\ndeliver_secret = "${SECRET}"\n`,
    );
    for (const json of [[], ["--json"]]) {
      const { code, stdout, stderr } = await run(["config", "print", "--config", file, ...json]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /example\.com\/jobs/);
      assert.match(stdout, /\(not shown\)/);
      assert(!stdout.includes(SECRET.slice(6)));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
