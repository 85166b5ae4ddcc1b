/**
 * Texts that differ stay different on their way: ids with and without U+FEFF, also after a restart, and no
 * text without a UTF-8 form leaves a client, wherever it would stand.
 */
import assert from "node:assert/strict";
import { callMessage, type Client, connect, ErrorCode } from "../../lib/client/mod.ts";
import { EchoMessageSchema } from "../../lib/gen/parley/v1/demo_pb.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { settles } from "../support/until.ts";

const HALF = "x\ud800y";
/** Ids that a careless comparison takes for one: a mark at the start, NFC and NFD, case, NUL, spaces. */
const IDS = [
  "a",
  "\ufeffa",
  "\ufeff\ufeffa",
  "\ufffda",
  "A",
  "a\0",
  "a\0b",
  "a ",
  " a",
  "\u00e9",
  "e\u0301",
  "\ufb01",
  "fi",
  "1",
  "01",
  "\u{1f600}",
];

function connectTo(server: TestServer): Promise<Client> {
  return connect(`parley://127.0.0.1:${server.port("tcp")}`, { onError: () => {} });
}

/** Pushes and publishes once with each id; says which were taken for repeated ones. */
async function send(client: Client): Promise<{ jobs: string[]; events: string[] }> {
  const jobs: string[] = [];
  const events: string[] = [];
  for (const messageId of IDS) {
    if ((await client.queue("ids").push("", { messageId })).duplicate) jobs.push(messageId);
    if ((await client.publish("k.ids", "", { messageId })).duplicate) events.push(messageId);
  }
  return { jobs, events };
}

Deno.test("ids that differ are different ones, and the same after a restart", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
  const config = { data: `${folder}/data`, keep: [{ pattern: "k.>" }] };
  try {
    for (const expected of [[], IDS]) {
      await using server = await startServer(config);
      await using client = await connectTo(server);
      assert.deepEqual(await send(client), { jobs: expected, events: expected });
      await server.server.stop();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("text with half of a surrogate pair leaves no client", async () => {
  await using server = await startServer({ keep: [{ pattern: "k.>" }] });
  await using client = await connectTo(server);
  const queue = client.queue("q");
  await using room = await client.room("r", { nick: "n" });
  const pulled = async (name: string) => {
    for await (const job of client.queue(name).pull()) return job;
  };
  const listed = async () => {
    for await (const info of client.queues(HALF)) return info;
  };
  const uses: Record<string, () => Promise<unknown>> = {
    echo: () => client.echo(HALF),
    "long echo": () => client.echo(HALF.repeat(200)),
    topic: () => client.publish(HALF, ""),
    payload: () => client.publish("t", HALF),
    type: () => client.publish("t", "", { type: HALF }),
    "header's value": () => client.publish("t", "", { headers: { a: HALF } }),
    "header's name": () => client.publish("t", "", { headers: { [HALF]: "" } }),
    "event's id": () => client.publish("t", "", { messageId: HALF }),
    "id without an answer": () => client.publish("t", "", { messageId: HALF, ack: false }),
    pattern: () => client.subscribe(HALF),
    "subscription's type": () => client.subscribe("", { type: HALF }),
    group: () => client.subscribe("t", { group: HALF }),
    "method served": () => client.serve(HALF, () => ""),
    "method called": () => client.call(HALF),
    "call's type": () => client.call("a.B/C", "", { type: HALF }),
    "call's header": () => client.call("a.B/C", "", { headers: { a: HALF } }),
    "typed call": () =>
      callMessage(client, "a.B/C", EchoMessageSchema, EchoMessageSchema, { content: HALF }),
    "queue pushed to": () => client.queue(HALF).push(""),
    job: () => queue.push(HALF),
    "job's type": () => queue.push("", { type: HALF }),
    "job's key": () => queue.push("", { key: HALF }),
    "job's id": () => queue.push("", { messageId: HALF }),
    "job's header": () => queue.push("", { headers: { a: HALF } }),
    "queue pulled from": () => pulled(HALF),
    "queue peeked at": () => client.queue(HALF).peek(),
    "queue asked about": () => client.queue(HALF).info(),
    "queues' pattern": listed,
    "room's name": () => client.room(HALF, { nick: "n" }),
    nick: () => room.rename(HALF),
    "what is said": () => room.say(HALF),
    "topic line": () => room.setTopicLine(HALF),
    "whom it is told": () => room.tell(HALF, "x"),
    "what is told": () => room.tell("n", HALF),
    "any request": () =>
      client.request({ case: "event", value: { topic: "t", messageId: HALF } } as never),
  };
  for (const [what, use] of Object.entries(uses)) {
    const refusal = (error: { code: ErrorCode; message: string }) =>
      error.code === ErrorCode.INVALID_ARGUMENT && /half of a surrogate pair/.test(error.message);
    await assert.rejects(settles(use(), what), refusal, what);
  }
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  await assert.rejects(settles(connect(url, { name: HALF }), "connecting"), {
    code: ErrorCode.INVALID_ARGUMENT,
  });
});

Deno.test("an answer without a UTF-8 form fails at its caller, an error's text is made readable", async () => {
  await using server = await startServer();
  await using client = await connectTo(server);
  const answers = {
    "t.S/Text": () => HALF,
    "t.S/Header": () => ({ payload: "", headers: { a: HALF } }),
    "t.S/Thrown": () => Promise.reject(new Error(HALF)),
  };
  for (const [method, handler] of Object.entries(answers)) {
    await using _service = await client.serve(method, handler);
    await assert.rejects(client.call(method), (error: { code: ErrorCode; message: string }) => {
      assert.equal(error.code, ErrorCode.INTERNAL);
      assert(error.message.isWellFormed());
      return /surrogate|x\ufffdy/.test(error.message);
    });
  }
});
