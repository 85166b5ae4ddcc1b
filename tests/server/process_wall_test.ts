/**
 * What goes wrong outside of any request, in a server of its own process: it is logged with its cause, and the
 * server goes on serving whoever is there and whoever comes. When a Worker of the store fails, what is to be kept
 * is refused, and nothing that was acknowledged is lost.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { create, toBinary } from "@bufbuild/protobuf";
import { reportDefect } from "../../lib/base/defects.ts";
import { ErrorCode } from "../../lib/base/errors.ts";
import { PeekQueueRequestSchema } from "../../lib/gen/parley/v1/queue_pb.ts";
import { AckLevel } from "../../lib/gen/parley/v1/session_pb.ts";
import { Running } from "../cli/processes.ts";
import { BusClient } from "../support/bus_client.ts";
import { call, publish, publishNumber, subscribe } from "../support/bus_messages.ts";
import { contentOf, echoMessage, type ServerMessage } from "../support/frames.ts";
import { startServer } from "../support/server.ts";

const { UNAVAILABLE } = ErrorCode;
const PROGRAM = fileURLToPath(new URL("./faulty_program.ts", import.meta.url));

/** A server that goes wrong on demand. */
class FaultyServer implements AsyncDisposable {
  readonly running: Running;
  #port = 0;

  private constructor(running: Running) {
    this.running = running;
  }

  static async start(folder: string): Promise<FaultyServer> {
    await Deno.writeTextFile(`${folder}/parley.toml`, '[[keep]]\npattern = "k.>"\n');
    const words = [Deno.execPath(), "run", "--quiet", "--no-check", "-A", PROGRAM];
    const only = ["--raw", "", "--text", "", "--http", ""];
    const options = ["--config", `${folder}/parley.toml`, "--data", `${folder}/data`, ...only];
    words.push("serve", "--json", "--tcp", "127.0.0.1:0", ...options);
    const running = new Running([], { PARLEY_LOG_FORMAT: "json" }, { stdin: "piped", words });
    const server = new FaultyServer(running);
    const { listeners } = JSON.parse((await running.lines(1))[0]);
    server.#port = Number(listeners[0].addresses[0].split(":").at(-1));
    return server;
  }

  async connect(): Promise<BusClient> {
    const client = new BusClient(await Deno.connect({ hostname: "127.0.0.1", port: this.#port }));
    client.startReading();
    return client;
  }

  /** Ends it in order; gives what it logged as errors. */
  async stop(): Promise<{ message: string; error: Record<string, unknown> }[]> {
    const { code, log } = await this.running.end("SIGTERM");
    assert.equal(code, 0, log);
    const lines = log.trim().split("\n").map((line) => JSON.parse(line));
    return lines.filter(({ level }) => level === "error");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.running[Symbol.asyncDispose]();
  }
}

/** Registers a test that has a folder of its own. */
function folderTest(name: string, run: (folder: string) => Promise<void>): void {
  Deno.test(name, async () => {
    const folder = await Deno.makeTempDir({ prefix: "parley-test-" });
    try {
      await run(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

async function isServed(...clients: BusClient[]): Promise<void> {
  for (const client of clients) {
    contentOf(await client.ask(echoMessage("still here")), "echoMessage");
  }
}

folderTest("errors that nothing caught are logged with their causes", async (folder) => {
  await using server = await FaultyServer.start(folder);
  await using resident = await server.connect();
  const faults = ["timer", "async timer", "microtask", "rejection", "event", "stream"];
  for (const fault of faults) {
    await server.running.write(`${fault}\n`);
    await server.running.says(`a fault in ${fault}`);
    await using newcomer = await server.connect();
    await isServed(resident, newcomer);
  }
  await server.running.write("nothing\nno text\n");
  await server.running.says("undefined was thrown");
  await server.running.says("something without a text was thrown");
  await isServed(resident);
  const errors = await server.stop();
  assert.equal(errors.length, faults.length + 2);
  for (const [index, fault] of faults.entries()) {
    const { message, error } = errors[index];
    assert.match(message, /^cannot finish what (a timer or an event began|nobody waited for): /);
    assert.equal(error.message, `a fault in ${fault}`);
    assert.match(String(error.stack), /faulty_program\.ts/, "where it came from");
  }
  assert.equal(errors[faults.indexOf("rejection")].error.cause, "why");
});

Deno.test("defects are counted, by every server that runs in the process, while it runs", async () => {
  const first = await startServer();
  await using second = await startServer();
  reportDefect("do anything", new TypeError("a fault"));
  assert.deepEqual([first.stats().internalErrors, second.stats().internalErrors], [1, 1]);
  await first[Symbol.asyncDispose]();
  reportDefect("do anything", new TypeError("a fault"));
  assert.deepEqual([first.stats().internalErrors, second.stats().internalErrors], [1, 2]);
});

for (const worker of ["writer", "reader"]) {
  folderTest(
    `the store's ${worker} fails: another takes its place, and nothing is lost`,
    async (folder) => {
      await using server = await FaultyServer.start(folder);
      await using client = await server.connect();
      await client.acknowledged(subscribe("k.>"));
      const kept = async () => await client.ask(publish({ topic: "k.a" }));
      const job = () => client.ask({ message: { case: "job", value: { queue: "q" } } });
      assert.equal(contentOf(await kept(), "ack").level, AckLevel.FSYNCED);
      assert.equal(contentOf(await job(), "ack").level, AckLevel.FSYNCED);
      // Each of those that are under way just then gets its answer, one or the other.
      const underWay = Promise.all(Array.from({ length: 50 }, kept));
      await server.running.write(`${worker}\n`);
      let acknowledged = 1;
      for (const { message } of await underWay) {
        if (message.case === "ack") acknowledged++;
        else assert.equal(message.case === "error" && message.value.code, UNAVAILABLE);
      }
      await server.running.says(worker === "writer" ? "is there again" : "is started again");
      const goesOn = async (ask: () => Promise<ServerMessage>) => {
        for (;;) {
          const { message } = await ask();
          if (message.case === "ack") return assert.equal(message.value.level, AckLevel.FSYNCED);
          assert.equal(message.case === "error" && message.value.code, UNAVAILABLE);
        }
      };
      await goesOn(kept);
      acknowledged++;
      await goesOn(job);
      const payload = toBinary(
        PeekQueueRequestSchema,
        create(PeekQueueRequestSchema, { queue: "q" }),
      );
      contentOf(await client.ask(call({ method: "parley.v1.Queues/Peek", payload })), "answer");
      await client.acknowledged(subscribe("plain"));
      assert.equal(await client.acknowledged(publishNumber("plain", 1)), 0);
      await using newcomer = await server.connect();
      await isServed(client, newcomer);
      const errors = await server.stop();
      assert.match(errors[0].message, new RegExp(`^cannot go on in the store's ${worker}: `));
      assert.match(String(errors[0].error.stack), /TypeError: .*null[^]*worker\.ts/);
      assert.equal(errors.length, 1, JSON.stringify(errors));

      await using again = await FaultyServer.start(folder);
      await using reader = await again.connect();
      await reader.acknowledged(
        subscribe({ pattern: "k.a", start: { since: { case: "all", value: true } } }),
      );
      const events = await reader.whenEvents(acknowledged);
      assert.deepEqual(
        events.map(({ seq }) => Number(seq)),
        Array.from({ length: acknowledged }, (_, index) => index + 1),
      );
      await again.stop();
    },
  );
}
