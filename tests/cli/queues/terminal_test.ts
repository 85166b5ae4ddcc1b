/**
 * The commands of queues on a terminal, made by `script`: nothing that others chose reaches it unescaped, a
 * person is asked before jobs are dropped, and Ctrl-C is what it should be.
 */
import assert from "node:assert/strict";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { connect } from "../../../lib/client/mod.ts";
import {
  InfoQueueResponseSchema,
  type JobSchema,
  ListQueuesResponseSchema,
  PauseQueueResponseSchema,
  PeekQueueResponseSchema,
  RedriveQueueResponseSchema,
  ResumeQueueResponseSchema,
} from "../../../lib/gen/parley/v1/queue_pb.ts";
import { AckLevel } from "../../../lib/gen/parley/v1/session_pb.ts";
import { type FakePeer, FakeServer } from "../../client/fake_server.ts";
import { ALL, assertHarmless, ATTACKS, terminalTest } from "../hostile_text.ts";
import { GetTypesResponseSchema } from "../../../lib/gen/parley/v1/type_pb.ts";
import { onTerminal, startOnTerminal, startServerProcess } from "../processes.ts";

const encoder = new TextEncoder();
const info = { queue: ALL, ready: 1n, paused: true, settings: { bind: [...ATTACKS] } };

/** Jobs that no honest server would give. */
const hostileJobs: MessageInitShape<typeof JobSchema>[] = [
  ...ATTACKS.map((attack) => ({ payload: encoder.encode(attack), type: attack, key: attack })),
  { payload: encoder.encode(`{"a":"${ATTACKS[5]}"}`), headers: { [ALL]: ALL }, messageId: ALL },
  { payload: new Uint8Array([0, 27, 91]), topic: ALL, death: { queue: ALL, lastError: ALL } },
].map((job, index) => ({
  queue: ALL,
  id: BigInt(index + 1),
  token: BigInt(index + 1),
  timeUnixMicros: 1_700_000_000_000_000n,
  attempt: 1,
  leaseMs: 30_000,
  consumer: 1n,
  ...job,
}));

/** What the methods of queues answer. */
function answerOf(method: string): Uint8Array {
  const peeked = { jobs: hostileJobs.map((job) => ({ job, state: 77 as never })), more: true };
  const answers: Record<string, () => Uint8Array> = {
    List: () => {
      const value = create(ListQueuesResponseSchema, { queues: [info] });
      return toBinary(ListQueuesResponseSchema, value);
    },
    Info: () => toBinary(InfoQueueResponseSchema, create(InfoQueueResponseSchema, { info })),
    Pause: () => toBinary(PauseQueueResponseSchema, create(PauseQueueResponseSchema, { info })),
    Resume: () => toBinary(ResumeQueueResponseSchema, create(ResumeQueueResponseSchema, { info })),
    Peek: () => toBinary(PeekQueueResponseSchema, create(PeekQueueResponseSchema, peeked)),
    Get: () => {
      const files = [{ path: ALL, user: ALL, fileDescriptor: encoder.encode(ALL) }];
      return toBinary(GetTypesResponseSchema, create(GetTypesResponseSchema, { files }));
    },
    Redrive: () => toBinary(RedriveQueueResponseSchema, create(RedriveQueueResponseSchema)),
  };
  return answers[method.split("/").at(-1)!]();
}

/** Answers whatever the commands ask. */
async function beHostile(peer: FakePeer): Promise<void> {
  await peer.welcome();
  for (let next = await peer.read(); next !== null; next = await peer.read()) {
    const { message, id } = next;
    if (message.case === "call") {
      const payload = answerOf(message.value.method);
      await peer.send({ message: { case: "answer", value: { payload } }, id });
    } else if (message.case === "settle") {
      await peer.send({ message: { case: "settled", value: { level: AckLevel.ROUTED } }, id });
    } else {
      await peer.send({ message: { case: "ack", value: { seq: 1n, duplicate: true } }, id });
      if (message.case !== "pull" || message.value.prefetch === 0 || message.value.close) continue;
      const { consumer } = message.value;
      await peer.send(
        ...hostileJobs.map((job) => ({
          message: { case: "job" as const, value: { ...job, consumer } },
        })),
      );
    }
  }
}

terminalTest("a hostile server cannot reach the terminal of any command of queues", async () => {
  await using server = new FakeServer(beHostile);
  const environment = { PARLEY_SERVER: server.url };
  const count = String(hostileJobs.length);
  const pull = ["pull", "q", "--prefetch", count, "--count", count];
  const commands = [
    pull,
    [...pull, "--json"],
    [...pull, "--raw"],
    [...pull, "--full"],
    [...pull, "--exec", 'cat; echo "$PARLEY_KEY" | tee /dev/stderr; exit 3'],
    [...pull, "--exec", 'echo "$PARLEY_KEY" >&2; exit 3', "--json"],
    ["peek", "q", "--count", count],
    ["peek", "q", "--count", count, "--json"],
    ["ls"],
    ["ls", "--json"],
    ["info", "q"],
    ["info", "q", "--json"],
    ["pause", ALL],
    ["resume", ALL],
    ["redrive", ALL, "--all"],
    ["push", ALL, "x"],
  ];
  for (const command of commands) {
    const screen = await onTerminal(["queue", ...command], environment);
    assertHarmless(screen);
    assert(screen.includes("]52;c;aGV"), `${command}: it is shown, not swallowed\n${screen}`);
  }
  // The question is about what the server says.
  await using purge = startOnTerminal(["queue", "purge", "q"], environment);
  await purge.prints("[y/N]");
  await purge.write("n\n");
  assertHarmless((await purge.ended()).rest);
});

terminalTest("purge asks a person, Ctrl-C is no yes, and y is", async () => {
  const { server, environment } = await startServerProcess();
  await using _ = server;
  await using client = await connect(environment.PARLEY_SERVER);
  const queue = client.queue("q");
  await queue.push("x");
  {
    await using purge = startOnTerminal(["queue", "purge", "q"], environment);
    await purge.prints("drop 1 job of q for good? [y/N] ");
    await purge.write("\x03");
    assert.notEqual((await purge.ended()).code, 0);
  }
  assert.equal((await queue.info()).ready, 1);
  await using purge = startOnTerminal(["queue", "purge", "q"], environment);
  await purge.prints("[y/N] ");
  await purge.write("y\n");
  await purge.prints("dropped 1 job of q\r\n");
  assert.equal((await purge.ended()).code, 0);
});

terminalTest("a terminal gets colours and laid-out JSON; Ctrl-C ends a pull with 0", async () => {
  const { server, environment } = await startServerProcess();
  await using _ = server;
  await using client = await connect(environment.PARLEY_SERVER);
  await using pull = startOnTerminal(["queue", "pull", "q"], environment);
  await pull.prints("pulling q");
  await client.queue("q").push('{"a":1}', { type: "a.T", key: "k" });
  await pull.prints('  {\r\n    "a": 1\r\n  }\r\n');
  await pull.write("\x03");
  const { code, rest } = await pull.ended();
  assert.equal(code, 0);
  assert(rest.includes("\x1b[1m#1\x1b[0m  \x1b[36ma.T\x1b[0m"), JSON.stringify(rest));
  assert(rest.includes("  \x1b[2mkey: k\x1b[0m\r\n"), JSON.stringify(rest));
});

terminalTest("Ctrl-C does not reach the programs that run", async () => {
  const { server, environment } = await startServerProcess();
  await using _ = server;
  await using client = await connect(environment.PARLEY_SERVER);
  const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
  try {
    const go = `${folder}/go`;
    assert((await new Deno.Command("mkfifo", { args: [go] }).output()).success);
    const exec = `echo begun; cat '${go}'`;
    await using pull = startOnTerminal(["queue", "pull", "q", "--exec", exec], environment);
    await pull.prints("pulling q");
    await client.queue("q").push("x");
    await pull.prints("begun");
    await pull.write("\x03");
    await pull.prints("1 job in hand; Ctrl-C again ends at once");
    await Deno.writeTextFile(go, "unharmed\n");
    const { code, rest } = await pull.ended();
    assert.equal(code, 0);
    assert.match(rest, /unharmed\r\n.*1 job done/s);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
