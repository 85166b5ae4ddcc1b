/**
 * Secrets and contents that occur nowhere: passwords, tokens, their hashes, the key of the certificate, and what
 * clients send, in no log at level debug, no answer, no page, no output of a command, also when everything about
 * them is wrong.
 *
 * Each canary is a text that occurs in nothing else, so that one search over all that was heard is enough.
 */
import assert from "node:assert/strict";
import { stringify } from "smol-toml";
import { BusClient } from "../support/bus_client.ts";
import { bytesOf, call, publish, subscribe } from "../support/bus_messages.ts";
import { connectTls, testCertificate } from "../support/certificate.ts";
import {
  type ClientMessageInit,
  contentOf,
  field,
  frame,
  helloMessage,
  join,
} from "../support/frames.ts";
import { runProcess } from "../cli/processes.ts";
import type { PlainConnection } from "../support/server.ts";
import { ServeProcess } from "../support/serve_process.ts";
import { isReset } from "../support/socket_client.ts";
import { settles } from "../support/until.ts";
import { toBase64Url } from "../../lib/logic/access/password_hash.ts";
import { stored, token } from "../support/users.ts";
import { WebSocketPeer } from "../support/websocket_peer.ts";

let count = 0;
/** A text that stands in nothing else. */
function canary(what: string): string {
  const random = crypto.randomUUID().replaceAll("-", "");
  return `canary${count++}${what}${random}`;
}

/** All that has been heard, each behind what it was. */
class Heard {
  readonly #texts: [from: string, text: string][] = [];

  add(from: string, text: string): void {
    this.#texts.push([from, text]);
  }

  get bytes(): number {
    return this.#texts.reduce((sum, [, text]) => sum + text.length, 0);
  }

  /** Whether a text is anywhere. */
  holds(text: string): boolean {
    return this.#texts.some(([, all]) => all.includes(text));
  }

  /** Fails when a secret is anywhere, as it is or as base64 of its bytes. */
  holdsNoneOf(secrets: Readonly<Record<string, string>>): void {
    for (const [name, secret] of Object.entries(secrets)) {
      for (const form of [secret, btoa(secret).replace(/=+$/, "").slice(0, -2)]) {
        const found = this.#texts.find(([, text]) => text.includes(form));
        assert(found === undefined, `${name} stands in ${found?.[0]}:\n${found?.[1]}`);
      }
    }
  }
}

const encoder = new TextEncoder();

/** A JWT that `secret` signs. */
async function jwt(secret: string, claims: Record<string, unknown>): Promise<string> {
  const part = (value: unknown) => toBase64Url(encoder.encode(JSON.stringify(value)));
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, [
    "sign",
  ]);
  const signature = await crypto.subtle.sign("HMAC", key, encoder.encode(text));
  return `${text}.${toBase64Url(new Uint8Array(signature))}`;
}

/** Sends bytes to a port, and gives all that comes back until the server ends it, or there is an answer. */
async function exchange(port: number, bytes: Uint8Array): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  let text = "";
  try {
    await connection.write(bytes);
    // A request of HTTP says itself that it is the last; who has gone before its answer is ready gets none.
    const isRequest = new TextDecoder().decode(bytes.subarray(0, 512)).includes(
      "Connection: close",
    );
    if (!isRequest) await connection.closeWrite();
    const into = new Uint8Array(65_536);
    for (;;) {
      const read = await settles(connection.read(into), "an answer");
      if (read === null) return text;
      text += new TextDecoder("latin1").decode(into.subarray(0, read));
    }
  } catch (reason) {
    if (!isReset(reason)) throw reason;
    return text;
  }
}

Deno.test("secrets and contents are in no log, answer, page, or output of a command", async () => {
  const ci = token("ci");
  const right = canary("password");
  const { key } = await testCertificate();
  const secrets: Record<string, string> = {
    "the right password": right,
    "the hash of the password": await stored(right),
    "a wrong password": canary("wrong"),
    "the token": ci.token,
    "the hash of the token": ci.entry.hash,
    "a line of the key": key.split("\n")[1],
    "a payload": canary("payload"),
    "a header": canary("header"),
    "a job": canary("job"),
    "a call": canary("call"),
    "a text in a room": canary("room"),
    "a broken frame": canary("broken"),
    "an HTTP header": canary("http"),
    "a query": canary("query"),
    "a broken password in the configuration": canary("config"),
  };
  const jwtSecret = canary("jwtsecret");
  const soon = Math.floor(Date.now() / 1000) + 600;
  const claims = { sub: "ada", exp: soon, private: canary("claim") };
  secrets["the secret of JWTs"] = jwtSecret;
  secrets["a claim of a JWT"] = claims.private;
  secrets["a JWT"] = await jwt(jwtSecret, claims);
  secrets["a JWT that has ended"] = await jwt(jwtSecret, { ...claims, exp: 1000 });
  secrets["a JWT of another secret"] = await jwt(canary("other"), claims);
  const secretFile = await Deno.makeTempFile({ prefix: "parley-secret-" });
  await Deno.writeTextFile(secretFile, jwtSecret);
  const hash = secrets["the hash of the password"];
  secrets["the part of the hash that is secret"] = hash.split("$").at(-1)!;
  const config = {
    log: { level: "debug" as const },
    users: [{ name: "ada", password: hash, roles: ["all"], tokens: [ci.entry] }],
    roles: {
      all: {
        allow: {
          publish: ">",
          push: ">",
          call: ">",
          subscribe: "a.>",
          join: ">",
          serve: ">",
          manage: "server.metrics",
        },
        deny: { publish: "denied" },
      },
    },
    keep: [{ pattern: "kept.>" }],
    auth: { jwt: { secret_file: secretFile } },
  };
  const heard = new Heard();
  await using _file = { [Symbol.asyncDispose]: () => Deno.remove(secretFile) };
  await using server = await ServeProcess.start(config);
  for (const kind of ["tcp", "tls", "ws"] as const) await talk(server, kind, secrets, heard);
  await strangers(server, secrets, heard);
  await commands(server, secrets, heard);
  // A configuration that cannot be taken, with a secret in the place that is wrong.
  const broken = secrets["a broken password in the configuration"];
  await server.write({ ...config, users: [{ name: "ada", password: broken, roles: "all" }] });
  heard.add(
    "config check",
    Deno.inspect(await runProcess(["config", "check", "--config", server.config])),
  );
  server.hangUp();
  await server.running.says("those before stay");
  await server.write(`token = "${broken}"\n[[users]]\nname = "ada"\npassword = "${broken}`);
  server.hangUp();
  await server.running.finds(/former stays in force[^]*former stays in force/);
  const { code, log, rest } = await server.stop();
  assert.equal(code, 0);
  assert.match(log, /"level":"debug"/);
  const errors = log.split("\n").filter((line) => line.includes('"level":"error"'));
  for (const line of errors) assert.match(line, /stays? in force|before stay/, "no defect");
  heard.add("the log", log);
  heard.add("standard output", rest);
  assert(heard.holds("parley_build_info") && heard.holds("401 Unauthorized"), "metrics were seen");
  heard.holdsNoneOf(secrets);
  const { length } = Object.keys(secrets);
  console.log(
    `# canaries: none of ${length} secrets in ${heard.bytes >> 10} KiB of logs and answers`,
  );
});

/** Says everything that a client can say, wrong first, then right. */
async function talk(
  server: ServeProcess,
  kind: "tcp" | "tls" | "ws",
  secrets: Readonly<Record<string, string>>,
  heard: Heard,
): Promise<void> {
  const port = server.port(kind);
  const stream = kind === "tls"
    ? await connectTls(port, "127.0.0.1")
    : kind === "ws"
    ? await WebSocketPeer.connect(port)
    : await Deno.connect({ hostname: "127.0.0.1", port });
  const recorded: PlainConnection = {
    read: async (into) => {
      const read = await stream.read(into);
      heard.add(kind, new TextDecoder("latin1").decode(into.subarray(0, read ?? 0)));
      return read;
    },
    write: (bytes) => stream.write(bytes),
    closeWrite: () => stream.closeWrite(),
    close: () => stream.close(),
  };
  await using client = new BusClient(recorded);
  client.startReading();
  const tell = (message: ClientMessageInit) => client.ask(message);
  await tell(helloMessage({ user: "ada", password: secrets["a wrong password"] }));
  await tell(helloMessage({ token: secrets["a wrong password"] }));
  await tell(helloMessage({ token: secrets["a JWT that has ended"] }));
  await tell(helloMessage({ token: secrets["a JWT of another secret"] }));
  await tell(helloMessage({ token: `${secrets["a JWT"]}x` }));
  await tell(helloMessage({ user: "bob", token: secrets["the token"] }));
  await tell(publish({ topic: "a", payload: bytesOf(secrets["a payload"]) }));
  const right = await tell(
    kind === "tls"
      ? helloMessage({ token: secrets["the token"] })
      : kind === "ws"
      ? helloMessage({ token: secrets["a JWT"] })
      : helloMessage({ user: "ada", password: secrets["the right password"] }),
  );
  contentOf(right, "welcome");
  const headers = { "x-secret": secrets["a header"] };
  const payload = bytesOf(secrets["a payload"]);
  for (const topic of ["b", "kept.a", "denied", "room.lobby", "BAD TOPIC", "b..c"]) {
    await tell(publish({ topic, payload, headers, messageId: topic }));
  }
  await tell(subscribe("denied.>"));
  for (const queue of ["jobs", "jobs.dead.dead"]) {
    await tell({ message: { case: "job", value: { queue, payload: bytesOf(secrets["a job"]) } } });
  }
  for (
    const method of ["a/B", "parley.v1.Queues/Purge", "parley.v1.Rooms/Say", "parley.v1.Nothing/X"]
  ) {
    await tell(call({ method, payload: bytesOf(secrets["a call"]), headers }));
  }
  const room = (text: string) => join(field(1, bytesOf("lobby")), field(2, bytesOf(text)));
  for (const method of ["ClaimName", "Join", "Say", "SetTopicLine", "Tell"]) {
    const payload = method === "ClaimName"
      ? field(1, bytesOf("Ada"))
      : room(secrets["a text in a room"]);
    await tell(call({ method: `parley.v1.Rooms/${method}`, payload }));
  }
  // What is no message of the protocol ends the connection.
  await client.sendBytes(
    frame(join(field(1, bytesOf(secrets["a broken frame"])), Uint8Array.of(7))),
  );
  await client.whenEnded();
}

/** Peers that are no clients, or speak what is not spoken there. */
async function strangers(
  server: ServeProcess,
  secrets: Readonly<Record<string, string>>,
  heard: Heard,
): Promise<void> {
  const broken = bytesOf(`${secrets["a broken frame"]}\r\n`);
  for (const kind of ["tcp", "tls", "raw", "ws", "text"] as const) {
    heard.add(`${kind}: noise`, await exchange(server.port(kind), broken));
  }
  const person = `ada\n${secrets["a wrong password"]}\nada\n${secrets["the right password"]}\n` +
    `${secrets["a text in a room"]}\n/nothing ${secrets["a broken frame"]}\n`;
  // A person reads what was said, so only the passwords are looked for there.
  const screen = await exchange(server.port("text"), bytesOf(person));
  heard.add(
    "text",
    screen.replaceAll(secrets["a text in a room"], "").replaceAll(secrets["a broken frame"], ""),
  );
  const http = server.port("ws");
  const query = secrets["a query"];
  const secret = secrets["an HTTP header"];
  for (
    const [target, host] of [
      ["/healthz", "localhost"],
      [`/healthz?token=${query}`, "localhost"],
      [`/nothing/${query}`, "localhost"],
      [`/ws?token=${query}`, "localhost"],
      ["/healthz", "evil.example"],
    ]
  ) {
    const request =
      `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${secret}\r\n` +
      `Cookie: session=${secret}\r\nConnection: close\r\n\r\n`;
    heard.add(`http: ${target}`, await exchange(http, bytesOf(request)));
  }
  const basic = btoa(`ada:${secrets["a wrong password"]}`);
  const bearers = ["the token", "a wrong password", "a JWT", "a JWT that has ended"];
  const shown = [`Basic ${basic}`, ...bearers.map((name) => `Bearer ${secrets[name]}`)];
  for (const authorization of shown) {
    for (const page of ["metrics", "readyz"]) {
      const request = `GET /${page} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n` +
        `Authorization: ${authorization}\r\n\r\n`;
      heard.add(`http: /${page}`, await exchange(http, bytesOf(request)));
    }
  }
  for (const [target, headers, body] of requests(secrets)) {
    for (const name of ["the token", "a wrong password"]) {
      const head = `POST ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n` +
        `Authorization: Bearer ${
          secrets[name]
        }\r\n${headers}Content-Length: ${body.length}\r\n\r\n`;
      heard.add(`http: ${target}`, await exchange(http, bytesOf(head + body)));
    }
  }
  heard.add("http: no request", await exchange(http, bytesOf(`POST ${query}\r\n\r\n${secret}`)));
}

/** Requests of HTTP: where to, with which headers and which body. */
function requests(secrets: Readonly<Record<string, string>>): [string, string, string][] {
  const payload = secrets["a payload"];
  const json = "Content-Type: application/json\r\n";
  const header = `Parley-Header-secret: ${secrets["a header"]}\r\n`;
  return [
    ["/v1/publish/b", header, payload],
    ["/v1/publish/kept.a", header, payload],
    ["/v1/publish/denied", header, payload],
    ["/v1/publish/a..b", header, payload],
    ["/v1/queues/jobs", header, secrets["a job"]],
    ["/v1/queues/jobs/settle", json, `{"tokens": [], "error": "${secrets["a broken frame"]}`],
    ["/v1/call/a/B", header, secrets["a call"]],
    ["/parley.v1.Queues/Info", json, `{"queue": ${secrets["a broken frame"]}}`],
    ["/parley.v1.Queues/Info", json, `{"queue": 7, "x": "${secrets["a broken frame"]}"}`],
    [`/v1/events?pattern=..&x=${secrets["a query"]}`, "", ""],
  ];
}

/** Commands with secrets in the environment, in URLs and in files. */
async function commands(
  server: ServeProcess,
  secrets: Readonly<Record<string, string>>,
  heard: Heard,
): Promise<void> {
  const config = ["--config", server.config];
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  const withPassword = (password: string) => ({ PARLEY_SERVER: url, PARLEY_PASSWORD: password });
  const tries: [string[], Record<string, string>][] = [
    [["config", "print", ...config], {}],
    [["config", "print", "--json", ...config], {}],
    [["config", "check", ...config], {}],
    [["explain", "--user", "ada", "publish", "denied", ...config], {}],
    [["user", "ls", ...config], {}],
    [["token", "ls", "ada", ...config], {}],
    [["pub", "b", "x", "--user", "ada"], withPassword(secrets["the right password"])],
    [["pub", "denied", "x", "--user", "ada"], withPassword(secrets["the right password"])],
    [["pub", "b", "x", "--user", "ada"], withPassword(secrets["a wrong password"])],
    [["pub", "b", "x"], { PARLEY_SERVER: url, PARLEY_TOKEN: secrets["the token"] }],
    [["pub", "b", "x"], { PARLEY_SERVER: url, PARLEY_TOKEN: secrets["a wrong password"] }],
    [["pub", "b", "x"], {
      PARLEY_SERVER: `parley://ada:${secrets["a wrong password"]}@127.0.0.1:${server.port("tcp")}`,
    }],
    [["pub", "b", "x"], {
      PARLEY_SERVER: `parley://ada:${secrets["a wrong password"]}@127.0.0.1:1`,
    }],
    [["pub", "b", "x"], {
      PARLEY_SERVER: `nothing://ada:${secrets["a wrong password"]}@127.0.0.1`,
    }],
    [["health"], { PARLEY_SERVER: `parley://ada:${secrets["a wrong password"]}@127.0.0.1:1/` }],
  ];
  for (const [args, environment] of tries) {
    heard.add(`parley ${args.join(" ")}`, Deno.inspect(await runProcess(args, environment)));
  }
  // The hash of a password in a file of users that is broken.
  const users = `${server.folder}/users.toml`;
  const hash = secrets["the hash of the password"];
  const entries = [{ name: "ada", password: `${hash}$`, roles: ["absent"] }];
  await Deno.writeTextFile(users, stringify({ users: entries }));
  const broken = `${server.folder}/broken.toml`;
  await Deno.writeTextFile(broken, stringify({ auth: { users_file: users } }));
  for (const args of [["config", "check"], ["user", "ls"], ["explain", "publish", "a"]]) {
    const ran = await runProcess([...args, "--config", broken]);
    heard.add(`parley ${args.join(" ")} of a broken file`, Deno.inspect(ran));
  }
}
