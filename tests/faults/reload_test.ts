/**
 * Reloads of a whole server by SIGHUP, under load: certificates, users and lists of addresses change, every second
 * reload finds a broken configuration. Nobody is dropped, what is good is in force, what is broken changes nothing.
 *
 * RELOADS=1000 is the long run.
 */
import assert from "node:assert/strict";
import { makeCertificate } from "../../lib/adapters/tls/dev_certificate.ts";
import type { ConfigInput } from "../../lib/server/config/config.ts";
import { BusClient } from "../support/bus_client.ts";
import { publish } from "../support/bus_messages.ts";
import { connectTls, testCertificate } from "../support/certificate.ts";
import { contentOf, echoMessage, frame, helloMessage } from "../support/frames.ts";
import { Innocents } from "../support/innocents.ts";
import { ServeProcess } from "../support/serve_process.ts";
import { settles } from "../support/until.ts";
import { user } from "../support/users.ts";
import { WebSocketPeer } from "../support/websocket_peer.ts";

const RELOADS = Number(Deno.env.get("RELOADS") ?? 40);
const CLIENTS_A_KIND = 2;

/** Files are replaced as a whole, as tools for certificates do. */
async function replace(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(`${path}.next`, text);
  await Deno.rename(`${path}.next`, path);
}

Deno.test({
  name: "reloads by SIGHUP under load, every second one broken, drop nobody and end nothing",
  ignore: Deno.build.os === "windows",
  async fn() {
    const ada = await user("ada", "all");
    const probe = await user("probe", "probe");
    const configOf = (round: number): ConfigInput => ({
      data: "",
      users: [ada, probe],
      roles: { all: { allow: { publish: ">" } }, probe: { allow: { publish: `r.${round}` } } },
      listen: { deny_addresses: [`192.0.2.${round % 250}`] },
    });
    const first = await testCertificate();
    const second = await makeCertificate(Date.now());
    await using server = await ServeProcess.start(configOf(0));
    const hello = (name: string) => helloMessage({ user: name, password: `${name}'s secret` });
    const enter = async (name: string, kind: "tcp" | "tls" | "ws" | "unix") => {
      const stream = kind === "tls"
        ? await connectTls(server.port("tls"), "127.0.0.1")
        : kind === "ws"
        ? await WebSocketPeer.connect(server.port("ws"))
        : kind === "unix"
        ? await Deno.connect({ transport: "unix", path: server.path })
        : await Deno.connect({ hostname: "127.0.0.1", port: server.port("tcp") });
      const client = new BusClient(stream);
      client.startReading();
      contentOf(await client.ask(hello(name)), "welcome");
      return client;
    };
    await using stack = new AsyncDisposableStack();
    const target = { port: server.port("tcp"), hello: frame(hello("ada")) };
    using innocents = new Innocents([target, {
      ...target,
      port: server.port("tls"),
      ca: first.ca,
    }]);
    const watcher = stack.use(await enter("probe", "tcp"));
    const clients: BusClient[] = [];
    for (const kind of ["tcp", "tls", "ws", "unix"] as const) {
      for (let count = 0; count < CLIENTS_A_KIND; count++) {
        clients.push(stack.use(await enter("ada", kind)));
      }
    }
    await innocents.during(`${RELOADS} reloads by SIGHUP`, async () => {
      let [over, asked] = [false, 0];
      const load = Promise.all(clients.map(async (client) => {
        while (!over) {
          contentOf(await client.ask(echoMessage(`${asked++}`)), "echoMessage");
        }
      }));
      const tookMs: number[] = [];
      for (let round = 1; round <= RELOADS; round++) {
        const startedMs = performance.now();
        if (round % 2 === 1) {
          const { certificate, key } = round % 4 === 1 ? second : first;
          await replace(`${server.folder}/key.pem`, key);
          await replace(`${server.folder}/cert.pem`, certificate);
          await server.write(configOf(round));
          server.hangUp();
          await settles(mayPublish(watcher, `r.${round}`), `round ${round} is in force`);
          tookMs.push(performance.now() - startedMs);
        } else {
          const broken = `192.0.2.${round}/40`;
          await server.write({ ...configOf(round), listen: { deny_addresses: [broken] } });
          if (round % 4 === 0) await replace(`${server.folder}/cert.pem`, "no certificate");
          server.hangUp();
          await server.running.says(broken);
          // What was good before is still in force.
          contentOf(await watcher.ask(publish({ topic: `r.${round - 1}` })), "ack");
        }
        if (round % 10 === 0) stack.use(await enter("ada", "tcp"));
      }
      over = true;
      await load;
      tookMs.sort((one, other) => one - other);
      return `${clients.length} clients were answered ${asked} times, nobody was dropped; ` +
        `in force after ${tookMs[tookMs.length >> 1].toFixed(0)} ms, at most ` +
        `${tookMs.at(-1)!.toFixed(0)} ms`;
    });
    for (const client of [...clients, watcher]) assert.equal(client.ended, null);
    await stack.disposeAsync();
    innocents[Symbol.dispose]();
    const { code, log } = await server.stop();
    assert.equal(code, 0, log);
    const errors = log.trim().split("\n").map((line) => JSON.parse(line))
      .filter(({ level }) => level === "error");
    for (const { message } of errors) {
      assert.match(message, /the former stays|those before stay/, "nothing else went wrong");
    }
    assert(errors.length >= RELOADS >> 1);
  },
});

/** Asks until a publish is allowed. */
async function mayPublish(client: BusClient, topic: string): Promise<void> {
  while ((await client.ask(publish({ topic }))).message.case !== "ack");
}
