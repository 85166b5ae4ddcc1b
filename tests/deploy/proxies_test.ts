/**
 * nginx and HAProxy, as deploy/ sets them up, in front of a server: clients come through them under TLS, and the server
 * sees who they are.
 *
 * Only ports and paths of the files are changed. Tests need the programs, which .ci/run installs.
 */
import assert from "node:assert/strict";
import { connect } from "../../lib/client/mod.ts";
import { contentOf, echoMessage } from "../support/frames.ts";
import { LogRecords } from "../support/log_records.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { SocketClient } from "../support/socket_client.ts";
import { TestAuthority } from "../support/tls.ts";
import { placeOf } from "./programs.ts";

const deploy = (name: string) =>
  Deno.readTextFile(new URL(`../../deploy/${name}`, import.meta.url));

/** A port that is free for now. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Replaces each of these in a text, and fails for one that is not there. */
function withChanges(
  text: string,
  changes: readonly (readonly [from: string, to: string])[],
): string {
  return changes.reduce((all, [from, to]) => {
    assert(all.includes(from), `the file has ${from}`);
    return all.replaceAll(from, to);
  }, text);
}

/** A proxy that runs, with the ports that stand for those of its file. */
class Proxy implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<string>;

  constructor(program: string, args: readonly string[]) {
    this.#child = new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#output = new Response(this.#child.stderr).text();
  }

  /** Waits until it listens; fails with what it said when it has ended instead. */
  async listens(port: number): Promise<void> {
    let ended = false;
    const status = this.#child.status.then(() => ended = true);
    for (;;) {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port })).close();
        return;
      } catch {
        if (ended) throw new Error(`it has ended: ${await this.#output}`);
        await Promise.race([status, new Promise((resolve) => setTimeout(resolve, 10))]);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // It has ended by itself.
    }
    await this.#child.status;
    await this.#output;
  }
}

/** A server that trusts proxies on this machine, and what a proxy needs. */
async function withServer(
  run: (server: TestServer, authority: TestAuthority, folder: string) => Promise<void>,
): Promise<void> {
  using authority = new TestAuthority();
  const folder = await Deno.makeTempDir({ prefix: "parley-proxy-" });
  try {
    await using server = await startServer({
      listen: {
        tcp: "127.0.0.1:0",
        http: "127.0.0.1:0",
        proxy_protocol: "127.0.0.1",
        hosts: "parley.example.com",
      },
    });
    await run(server, authority, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A client of the library comes through, and a socket whose address the server sees. */
async function isServed(authority: TestAuthority, logs: LogRecords, port: number): Promise<void> {
  await using client = await connect(`parleys://127.0.0.1:${port}`, {
    reconnect: false,
    tls: { ca: authority.pem },
  });
  const large = "ä".repeat(200_000);
  assert.equal(await client.echo(large), large);
  const caCerts = [authority.pem];
  const connection = await Deno.connectTls({ hostname: "127.0.0.1", port, caCerts });
  await connection.handshake();
  const own = connection.localAddr as Deno.NetAddr;
  using socket = new SocketClient(connection, "delimited", 65_536);
  contentOf(await socket.request(echoMessage("x")), "echoMessage");
  const peers = logs.records.filter(({ rawMessage }) => rawMessage === "connected")
    .map(({ properties }) => properties.peer);
  assert(peers.includes(`127.0.0.1:${own.port}`), `${own.port} is among ${peers}`);
}

/** A WebSocket comes through. */
async function speaksWebSocket(authority: TestAuthority, port: number): Promise<void> {
  await using client = await connect(`wss://127.0.0.1:${port}/ws`, {
    reconnect: false,
    tls: { ca: authority.pem },
  });
  assert.equal(await client.echo("over WebSocket"), "over WebSocket");
}

/** The status of a page under https. */
async function statusOf(authority: TestAuthority, port: number, page: string): Promise<number> {
  const client = Deno.createHttpClient({ caCerts: [authority.pem] });
  try {
    const response = await fetch(`https://127.0.0.1:${port}${page}`, { client });
    await response.body?.cancel();
    return response.status;
  } finally {
    client.close();
  }
}

const nginx = placeOf("nginx");

Deno.test({
  name: "nginx, as deploy/nginx.conf sets it up: TLS, https and wss, and the server sees the peer",
  ignore: nginx === "",
  fn: () =>
    withServer(async (server, authority, folder) => {
      using logs = new LogRecords();
      const { certificate, key } = authority.issue("IP:127.0.0.1,DNS:parley.example.com");
      const [tls, https, site] = [freePort(), freePort(), freePort()];
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) =>
        `${name}_temp_path ${folder}/${name};`
      ).join("\n  ");
      const text = withChanges(await deploy("nginx.conf"), [
        ["load_module modules/", "load_module /usr/lib/nginx/modules/"],
        ["worker_processes auto;", `worker_processes 1;\ndaemon off;\npid ${folder}/nginx.pid;`],
        ["worker_rlimit_nofile 65536;", "error_log stderr warn;"],
        ["worker_connections 16384;", "worker_connections 256;"],
        ["access_log off;", `access_log off;\n  ${temporary}`],
        ["/etc/parley/tls/cert.pem", certificate],
        ["/etc/parley/tls/key.pem", key],
        ["listen [::]:7314 ssl;", ""],
        ["listen [::]:443 ssl;", ""],
        ["listen [::]:8443 ssl;", ""],
        ["listen 7314 ssl;", `listen 127.0.0.1:${tls} ssl;`],
        ["listen 443 ssl;", `listen 127.0.0.1:${https} ssl;`],
        ["listen 8443 ssl;", `listen 127.0.0.1:${site} ssl;`],
        ["127.0.0.1:7311", `127.0.0.1:${server.port("tcp")}`],
        ["127.0.0.1:7380", `127.0.0.1:${server.port("ws")}`],
      ]);
      const file = `${folder}/nginx.conf`;
      await Deno.writeTextFile(file, text);
      await using proxy = new Proxy(nginx, ["-p", folder, "-e", "stderr", "-c", file]);
      await proxy.listens(tls);
      await isServed(authority, logs, tls);
      for (const port of [https, site]) {
        await speaksWebSocket(authority, port);
        assert.equal(await statusOf(authority, port, "/healthz"), 200);
      }
      assert.equal(server.stats().proxyHeaderFaults, 0);
    }),
});

const haproxy = placeOf("haproxy");

Deno.test({
  name:
    "HAProxy, as deploy/haproxy.cfg sets it up: TLS, https and wss, and the server sees the peer",
  ignore: haproxy === "",
  fn: () =>
    withServer(async (server, authority, folder) => {
      using logs = new LogRecords();
      const { certificate, key } = authority.issue("IP:127.0.0.1,DNS:parley.example.com");
      const both = `${folder}/both.pem`;
      await Deno.writeTextFile(
        both,
        await Deno.readTextFile(certificate) + await Deno.readTextFile(key),
      );
      const [tls, https] = [freePort(), freePort()];
      const text = withChanges(await deploy("haproxy.cfg"), [
        ["maxconn 16384", "maxconn 100"],
        ["/etc/parley/tls/both.pem", both],
        ["bind :7314", `bind 127.0.0.1:${tls}`],
        ["bind :443", `bind 127.0.0.1:${https}`],
        ["127.0.0.1:7311", `127.0.0.1:${server.port("tcp")}`],
        ["127.0.0.1:7380", `127.0.0.1:${server.port("ws")}`],
        ["inter 2s", "inter 100ms"],
      ]);
      const file = `${folder}/haproxy.cfg`;
      await Deno.writeTextFile(file, text);
      await using proxy = new Proxy(haproxy, ["-db", "-f", file]);
      await proxy.listens(tls);
      await isServed(authority, logs, tls);
      await speaksWebSocket(authority, https);
      assert.equal(await statusOf(authority, https, "/readyz"), 200);
      assert.equal(server.stats().proxyHeaderFaults, 0);
    }),
});
