/**
 * Peers that say what they have to say one byte at a time, on all listeners at once: each is closed at its deadline,
 * whoever is there is served meanwhile, and whoever comes is, too.
 *
 * SLOW_CONNECTIONS=2000 SLOW_TIMEOUT_MS=5000 is the long run, with the deadlines that a server has by default. Only then
 * the minute is waited for that a person has at the text listener to say who it is.
 */
import assert from "node:assert/strict";
import { contentOf, frame, helloMessage } from "../support/frames.ts";
import { MeasuredServer } from "../support/measured_server.ts";
import { SocketClient } from "../support/socket_client.ts";
import { settles } from "../support/until.ts";
import { user } from "../support/users.ts";
import { handshakeRequest } from "../support/websocket_peer.ts";

const CONNECTIONS = Number(Deno.env.get("SLOW_CONNECTIONS") ?? 240);
const TIMEOUT_MS = Number(Deno.env.get("SLOW_TIMEOUT_MS") ?? 1500);
const WAITS_FOR_PERSONS = Deno.env.has("SLOW_CONNECTIONS");
const DRIP_MS = 1000;
const FOR_EVER_MS = 3_600_000;
const AT_ONCE = 50;
/** Far beyond the deadline: it only turns what is never closed into a failure. */
const HANG_MS = 120_000;
const encoder = new TextEncoder();

type Door = "tcp" | "tls" | "raw" | "ws" | "http" | "text" | "unix";

/** What a slow peer wants to say, and never comes to an end with. */
const hello = frame(helloMessage({ user: "ada", password: "x".repeat(900) }));
const SAYS: Readonly<Record<Door, Uint8Array>> = {
  tcp: hello,
  unix: hello,
  raw: frame(helloMessage({ user: "ada", password: "x".repeat(900) }), "prefixed32"),
  tls: Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, ...new Uint8Array(500)),
  http: encoder.encode("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ".padEnd(500, "x")),
  ws: encoder.encode(handshakeRequest({ host: "localhost", path: `/ws?${"x".repeat(400)}` })),
  text: encoder.encode("ada".padEnd(500, "a")),
};

/** A peer that drips; resolves when the server has closed it, or `over` says so, with how long that took. */
async function drip(
  connect: () => Promise<Deno.Conn>,
  bytes: Uint8Array,
  over: Promise<null> = new Promise(() => {}),
): Promise<number> {
  const startedMs = performance.now();
  const connection = await connect();
  let at = 0;
  const say = () => {
    if (at < bytes.length) connection.write(bytes.subarray(at, ++at)).catch(() => {});
  };
  say();
  const timer = setInterval(say, DRIP_MS);
  const into = new Uint8Array(4096);
  try {
    for (;;) {
      const reading = connection.read(into);
      const read = Promise.race([reading, over]);
      if (await settles(read, "the end of a slow peer", HANG_MS) === null) break;
    }
  } catch (reason) {
    if (!(reason instanceof Deno.errors.ConnectionReset)) throw reason;
  } finally {
    clearInterval(timer);
    connection.close();
  }
  return performance.now() - startedMs;
}

Deno.test("slow peers on every listener at once are closed at their deadlines, others are served", async () => {
  const all = [">"];
  const config = {
    users: [await user("ada", "all")],
    roles: { all: { allow: { publish: all, subscribe: all } } },
    limits: {
      handshake_timeout_ms: TIMEOUT_MS,
      login_timeout_ms: TIMEOUT_MS,
      // Nothing but the other two ends anybody.
      message_timeout_ms: FOR_EVER_MS,
    },
  };
  const said = { user: "ada", password: "ada's secret" };
  await using server = await MeasuredServer.start({ config, tls: true, said });
  const { ports, path } = server;
  const doors = Object.keys(SAYS) as Door[];
  const connectTo = (door: Door): Promise<Deno.Conn> =>
    door === "unix"
      ? Deno.connect({ transport: "unix", path })
      : Deno.connect({ hostname: "127.0.0.1", port: ports[door === "http" ? "ws" : door] });
  await server.innocents.during(
    `${CONNECTIONS} slow peers on ${doors.length} listeners`,
    async () => {
      const took = new Map(doors.map((door) => [door, [] as number[]]));
      let begun = 0;
      const slow: Promise<void>[] = [];
      const persons: Promise<void>[] = [];
      const { promise: over, resolve: end } = Promise.withResolvers<null>();
      const one = async (door: Door) => {
        const isPerson = door === "text" && !WAITS_FOR_PERSONS;
        const tookMs = await drip(() => connectTo(door), SAYS[door], isPerson ? over : undefined);
        if (!isPerson) took.get(door)!.push(tookMs);
      };
      while (begun < CONNECTIONS) {
        for (let count = 0; count < AT_ONCE && begun < CONNECTIONS; count++, begun++) {
          const door = doors[begun % doors.length];
          (door === "text" ? persons : slow).push(one(door));
        }
        // A newcomer between them, who is who it says.
        const connection = await Deno.connect({ hostname: "127.0.0.1", port: ports.tcp });
        using newcomer = new SocketClient(connection, "delimited", 4096);
        contentOf(await newcomer.request(helloMessage(said)), "welcome");
      }
      await Promise.all(slow);
      if (!WAITS_FOR_PERSONS) end(null);
      await Promise.all(persons);
      const most = doors.filter((door) => took.get(door)!.length > 0).map((door) =>
        `${door} ${(Math.max(...took.get(door)!) / 1000).toFixed(1)}`
      );
      return `all closed (deadline ${TIMEOUT_MS / 1000} s) after at most ${most.join(", ")} s, ` +
        `most memory ${server.mostAboveQuietMiB} MiB above quiet`;
    },
  );
  // The innocents are left.
  while ((await server.stats()).connectionsOpen > 2);
  assert.equal((await server.stats()).internalErrors, 0);
});
