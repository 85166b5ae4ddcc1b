/**
 * Password guessing, over several listeners at once: few guesses are looked at, the rightful user comes in from
 * elsewhere meanwhile, and others notice nothing. GUESSES=10000 is the long run.
 */
import assert from "node:assert/strict";
import { ErrorCode } from "../../lib/base/errors.ts";
import { FREE_TRIES } from "../../lib/logic/access/guess_throttle.ts";
import { contentOf, helloMessage } from "../support/frames.ts";
import { MeasuredServer } from "../support/measured_server.ts";
import { connectTls } from "../support/certificate.ts";
import { SocketClient } from "../support/socket_client.ts";
import { until } from "../support/until.ts";
import { user } from "../support/users.ts";
import { WebSocketPeer } from "../support/websocket_peer.ts";

const GUESSES = Number(Deno.env.get("GUESSES") ?? 1000);
const IN_FLIGHT = 50;
const BY_CONNECTION = 250;
const HTTP_GUESSES = 100;
const PEOPLE = 20;

/** Guesses the passwords of `name`, over one connection after the other; gives how many were looked at. */
async function guess(
  dial: () => Promise<SocketClient>,
  name: string,
  count: number,
): Promise<number> {
  let looked = 0;
  for (let done = 0; done < count; done += BY_CONNECTION) {
    using client = await dial();
    looked += await guessOver(client, name, Math.min(BY_CONNECTION, count - done));
  }
  return looked;
}

/** Guesses over one connection: that of somebody who is not logged in lasts only for a time. */
async function guessOver(client: SocketClient, name: string, count: number): Promise<number> {
  let looked = 0;
  for (let done = 0; done < count;) {
    const some = Math.min(IN_FLIGHT, count - done);
    await client.sendMessages(
      ...Array.from(
        { length: some },
        (_, index) =>
          helloMessage({ user: name, password: `guess ${done + index}` }, BigInt(done + index + 1)),
      ),
    );
    for (let index = 0; index < some; index++, done++) {
      const { code, retryable } = contentOf(await client.readMessage(), "error");
      if (code === ErrorCode.UNAUTHENTICATED) looked++;
      else assert.deepEqual([code, retryable], [ErrorCode.RESOURCE_EXHAUSTED, true]);
    }
  }
  return looked;
}

/** Guesses by requests of HTTP, one after the other; gives how many were looked at. */
async function guessByHttp(port: number, name: string, count: number): Promise<number> {
  let looked = 0;
  for (let index = 0; index < count; index++) {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/publish/a`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa(`${name}:guess ${index}`)}` },
      body: "x",
    });
    await answer.body?.cancel();
    if (answer.status === 401) looked++;
    else assert.equal(answer.status, 429);
  }
  return looked;
}

/** Somebody at the text listener who tries one password after the other; gives how often that was possible. */
async function guessAsPerson(port: number): Promise<void> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const encoder = new TextEncoder();
  let heard = "";
  const into = new Uint8Array(4096);
  const reading = (async () => {
    try {
      for (let count; (count = await connection.read(into)) !== null;) {
        heard += new TextDecoder().decode(into.subarray(0, count));
      }
    } catch {
      // The server, or this test, has ended it.
    }
  })();
  try {
    await until(() => /name/i.test(heard), "the question for a name");
    await connection.write(encoder.encode("ada\nguess\n"));
    await until(() => heard.split("\n").length > 2, "the refusal of a person");
    assert.doesNotMatch(heard, /room|joined/i);
    await connection.closeWrite();
  } finally {
    await reading;
  }
}

Deno.test("guesses are slowed down on every listener, and the rightful user comes in", async () => {
  const config = {
    users: await Promise.all(["ada", "bob", "innocent"].map((name) => user(name, "all"))),
    roles: { all: { allow: { publish: [">"], subscribe: [">"] } } },
  };
  const said = { user: "innocent", password: "innocent's secret" };
  await using server = await MeasuredServer.start({ config, tls: true, said });
  const { ports } = server;
  const dial = (port: number) => Deno.connect({ hostname: "127.0.0.1", port });
  const dialled = [
    async () => new SocketClient(await dial(ports.tcp), "delimited", 65_536),
    async () => new SocketClient(await connectTls(ports.tls, "127.0.0.1"), "delimited", 65_536),
    async () => new SocketClient(await WebSocketPeer.connect(ports.ws), "delimited", 65_536),
    async () => new SocketClient(await dial(ports.raw), "prefixed32", 65_536),
  ];
  const each = Math.ceil(GUESSES / dialled.length);
  await server.innocents.during(
    `${each * dialled.length} guesses on 4 listeners, and by HTTP`,
    async () => {
      const names = ["ada", "ada", "ada", "nobody"];
      const startedMs = performance.now();
      const [looked, entered] = await Promise.all([
        Promise.all([
          ...dialled.map((dialOne, index) => guess(dialOne, names[index], each)),
          guessByHttp(ports.ws, "ada", HTTP_GUESSES),
        ]),
        enters(server, "ada"),
        guessAsPerson(ports.text),
      ]);
      const seconds = (performance.now() - startedMs) / 1000;
      const all = looked.reduce((sum, one) => sum + one, 0);
      // Those that are free for each of the two names, and one or another after a wait that was over meanwhile.
      const most = 2 * FREE_TRIES + 2 * Math.ceil(2 + Math.log2(1 + seconds)) + 2;
      assert(
        all <= most,
        `${all} guesses were looked at in ${seconds} s, and at most ${most} may be`,
      );
      return `${all} looked at in ${seconds.toFixed(1)} s, ada was in from elsewhere after ${
        entered.toFixed(0)
      } ms`;
    },
  );
  assert.equal((await server.stats()).internalErrors, 0);
});

/** The rightful user, from another address of this machine: the socket of unix has none. Gives the time it took. */
async function enters(server: MeasuredServer, name: string): Promise<number> {
  const startedMs = performance.now();
  const connection = await Deno.connect({ transport: "unix", path: server.path });
  using client = new SocketClient(connection, "delimited", 4096);
  const right = helloMessage({ user: name, password: `${name}'s secret` });
  contentOf(await client.request(right), "welcome");
  return performance.now() - startedMs;
}

Deno.test("a user who does not exist costs what one costs who does", async () => {
  const config = {
    users: await Promise.all(Array.from({ length: PEOPLE }, (_, index) => user(`u${index}`, []))),
  };
  await using server = await MeasuredServer.start({
    config,
    said: { user: "u0", password: "u0's secret" },
  });
  const times = { known: [] as number[], unknown: [] as number[] };
  const told = new Set<string>();
  for (let round = 0; round < PEOPLE; round++) {
    for (const who of ["known", "unknown"] as const) {
      const connection = await Deno.connect({ transport: "unix", path: server.path });
      using client = new SocketClient(connection, "delimited", 4096);
      const name = who === "known" ? `u${round}` : `x${round}`;
      const startedMs = performance.now();
      const answer = await client.request(helloMessage({ user: name, password: "wrong" }));
      times[who].push(performance.now() - startedMs);
      told.add(contentOf(answer, "error").message);
    }
  }
  const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1].toFixed(2);
  console.log(
    `# a wrong password: ${median(times.known)} ms for a user, ` +
      `${median(times.unknown)} ms for nobody (median of ${PEOPLE})`,
  );
  assert.equal(told.size, 1, "both are told the same");
});
