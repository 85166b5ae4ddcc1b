/**
 * kill -9 under load, at the level of the whole server: nothing that a client knows of may be gone.
 *
 * KILL_ROUNDS sets how many rounds there are, KILL_SEED what is sent in them and when the kill comes; how
 * far the server is at that moment, no seed decides. `deno task test:long` runs 200 rounds.
 */
import assert from "node:assert/strict";
import type { Finished, Running } from "../cli/processes.ts";
import { bytesOf, publish } from "../support/bus_messages.ts";
import { type ClientMessageInit, contentOf, frame, join } from "../support/frames.ts";
import { Random } from "../support/random.ts";
import { settles } from "../support/until.ts";
import { KeptHistory } from "./kept_history.ts";
import { type Load, putUnderLoad, TOPICS } from "./kept_load.ts";
import { KeptServer } from "./kept_server.ts";

const ROUNDS = Number(Deno.env.get("KILL_ROUNDS") ?? 20);
const SEED = Number(Deno.env.get("KILL_SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]);
/** So many kills does a directory see; everything in it is read after each. */
const ROUNDS_A_DIRECTORY = 10;
/** One round in so many has another kill, while the server starts, at some time up to this one. */
const STARTS_KILLED = 5;
const START_MS = 600;

const MANY_EVENTS = 1_000_000;
const EVENTS_A_WRITE = 10_000;

/** Asks which topics are kept, and how far they have come. */
const tellPositions: ClientMessageInit = {
  message: { case: "subscribe", value: { pattern: "sim.>", tellPositions: true } },
};

/** Gives a test a directory, and removes it. */
async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "parley-server-kill-" });
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Kills a server in one directory again and again. */
async function killRounds(
  directory: string,
  random: Random,
  rounds: number,
  history: KeptHistory,
): Promise<void> {
  let load: Load | null = null;
  for (let round = 0; round < rounds; round++) {
    if (random.below(STARTS_KILLED) === 0) {
      await KeptServer.killWhileStarting(directory, random.below(START_MS));
    }
    await using server = await KeptServer.start(directory);
    if (load !== null) await history.check(server, load);
    const answers = 1 + random.below(random.pick([10, 500, 4000, 20_000]));
    load = await putUnderLoad(server, {
      random,
      name: `r${round}`,
      answers,
      end: () => server.kill(),
    });
  }
  await using server = await KeptServer.start(directory);
  await history.check(server, load!);
  await server.stop();
}

Deno.test(`server: ${ROUNDS} times kill -9 under load loses nothing that a client knows of`, async () => {
  const random = new Random(SEED);
  const history = { acknowledged: 0, unacknowledged: 0, sentAgain: 0 };
  console.log(`KILL_SEED=${SEED}`);
  for (let left = ROUNDS; left > 0; left -= ROUNDS_A_DIRECTORY) {
    await inDirectory(async (directory) => {
      const own = new KeptHistory();
      await killRounds(directory, random, Math.min(left, ROUNDS_A_DIRECTORY), own);
      history.acknowledged += own.acknowledged;
      history.unacknowledged += own.unacknowledged;
      history.sentAgain += own.sentAgain;
    });
  }
  console.log("after all kills:", history);
  assert(history.acknowledged > 0);
});

/** Ends a server under load in some way, and checks what is left. */
async function endUnderLoad(
  polite: boolean,
  end: (running: Running) => Promise<Finished>,
  expected: { code: number; log: RegExp },
  more: readonly string[] = [],
): Promise<KeptHistory> {
  const history = new KeptHistory();
  await inDirectory(async (directory) => {
    const random = new Random(SEED);
    let load: Load;
    {
      await using server = await KeptServer.start(directory, more);
      load = await putUnderLoad(server, {
        random,
        name: "t",
        answers: 1 + random.below(3000),
        polite,
        end: async () => {
          const { code, log } = await end(server.running);
          assert.equal(code, expected.code, log);
          assert.match(log, expected.log);
        },
      });
    }
    await using server = await KeptServer.start(directory);
    await history.check(server, load);
    await server.stop();
  });
  return history;
}

Deno.test("server: SIGTERM under load ends it with 0, and all that was published is acknowledged", async () => {
  const end = (running: Running) => running.end("SIGTERM");
  const expected = { code: 0, log: /"message":"stopped"/ };
  const { acknowledged, unacknowledged } = await endUnderLoad(true, end, expected);
  assert(acknowledged > 0);
  assert.equal(unacknowledged, 0);
});

Deno.test("server: SIGTERM ends it with 0 although clients go on, and loses nothing acknowledged", async () => {
  const end = (running: Running) => running.end("SIGTERM");
  const expected = { code: 0, log: /the drain time of 500 ms is over[^]*"message":"stopped"/ };
  const settings = ["limits.drain_ms=500", "limits.drain_quiet_ms=100", "limits.linger_ms=500"];
  const more = settings.flatMap((setting) => ["--set", setting]);
  await endUnderLoad(false, end, expected, more);
});

Deno.test("server: a second SIGTERM ends it with 143 and loses nothing acknowledged", async () => {
  const end = async (running: Running) => {
    running.child.kill("SIGTERM");
    await running.says("stopping");
    return await running.end("SIGTERM");
  };
  await endUnderLoad(false, end, { code: 143, log: /stopping/ });
});

Deno.test(`server: it starts with ${MANY_EVENTS} events, of which it was killed`, async () => {
  await inDirectory(async (directory) => {
    let emptyMs: number;
    {
      await using server = await KeptServer.start(directory);
      emptyMs = server.startMs;
      await using client = await server.connect();
      const event = (index: number) =>
        frame(publish({ topic: TOPICS[index % TOPICS.length], payload: bytesOf("x".repeat(64)) }));
      const bytes = join(...Array.from({ length: EVENTS_A_WRITE }, (_, index) => event(index)));
      for (let sent = 0; sent < MANY_EVENTS; sent += EVENTS_A_WRITE) await client.sendBytes(bytes);
      // Whatever was published before it on this connection is safe with it.
      const last = client.ask(publish({ topic: TOPICS[0], payload: bytesOf("last") }));
      const { seq } = contentOf(await settles(last, "the last of many events", 120_000), "ack");
      assert.equal(Number(seq), MANY_EVENTS / TOPICS.length + 1);
      await server.kill();
    }
    await using server = await KeptServer.start(directory);
    await using client = await server.connect();
    const { positions } = contentOf(await client.ask(tellPositions), "ack");
    const count = positions.reduce((sum, { seq }) => sum + Number(seq), 0);
    assert.equal(count, MANY_EVENTS + 1);
    const [full, empty] = [server.startMs, emptyMs].map((ms) => `${Math.round(ms)} ms`);
    console.log(`start after a kill with ${MANY_EVENTS} events: ${full}, without any: ${empty}`);
    await server.stop();
  });
});
