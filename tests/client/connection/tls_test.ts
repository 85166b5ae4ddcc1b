/**
 * The client library and the command line under TLS: what works, and what errors say when it does not.
 */
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { connect } from "../../../lib/client/mod.ts";
import type { ConfigInput } from "../../../lib/server/config/config.ts";
import { tlsFault } from "../../../lib/client/transport/tls_fault.ts";
import { outcomeOf, root, run } from "../../interop/programs.ts";
import { Running, runProcess } from "../../cli/processes.ts";
import { startServer } from "../../support/server.ts";
import { TestAuthority } from "../../support/tls.ts";
import { listenOptions } from "../../support/listen_options.ts";

type TlsInput = ConfigInput["tls"];

const options = (tls: Record<string, string>) => ({ tls, reconnect: false as const });

Deno.test("a client speaks TLS over both listeners, with messages of any size", async () => {
  using authority = new TestAuthority();
  await using server = await startServer({
    tls: { ...authority.issue("DNS:localhost,IP:127.0.0.1"), http: true },
  });
  const urls = [
    `parleys://localhost:${server.port("tls")}`,
    `parleys://127.0.0.1:${server.port("tls")}`,
    `wss://localhost:${server.port("ws")}`,
  ];
  for (const url of urls) {
    await using client = await connect(url, options({ ca: authority.pem }));
    const large = "ä".repeat(500_000);
    const answers = await Promise.all([1, 2, 3].map((each) => client.echo(`${each}${large}`)));
    assert.deepEqual(answers.map((each) => each.length), [500_001, 500_001, 500_001], url);
  }
});

Deno.test("errors of TLS say what failed and what to do", async () => {
  using authority = new TestAuthority();
  using other = new TestAuthority("another");
  const refusal = async (
    server: TlsInput,
    tls: Record<string, string>,
    expected: RegExp,
    kind: "tls" | "tcp" = "tls",
  ) => {
    await using running = await startServer({ tls: server });
    const url = `parleys://127.0.0.1:${running.port(kind)}`;
    await assert.rejects(connect(url, options(tls)), expected);
  };
  const good = authority.issue("IP:127.0.0.1");
  const ca = authority.pem;
  await refusal(good, {}, /an authority that is not trusted here; name the file/);
  await refusal(good, { ca: other.pem }, /an authority that is not trusted here/);
  await refusal(
    authority.issue("DNS:elsewhere"),
    { ca },
    /is not for 127\.0\.0\.1; connect by a name/,
  );
  await refusal(authority.issue("IP:127.0.0.1", -1), { ca }, /has expired; renew it/);
  await refusal(good, { ca }, /does not speak TLS on this port|refused the TLS handshake/, "tcp");
  const asks: TlsInput = {
    ...good,
    client_certificates: "required",
    client_ca: authority.ca,
  };
  await refusal(asks, { ca }, /certificate is not accepted \(it has shown none\)/);
  const issued = other.issue("DNS:me");
  const [cert, key] = [issued.certificate, issued.key].map((path) => Deno.readTextFileSync(path));
  await refusal(asks, { ca, cert, key }, /certificate is not accepted \(/);
  await refusal(good, { ca: "nothing" }, /not trusted here|cannot be read/);
  await assert.rejects(connect("parleys://localhost:1", options({ cert })), /without key/);
});

Deno.test("faults of the runtimes are told in words", () => {
  const cases: [seen: string, said: RegExp | null][] = [
    ["ERR_TLS_CERT_ALTNAME_INVALID Hostname/IP does not match", /is not for host\.example;/],
    ["DEPTH_ZERO_SELF_SIGNED_CERT self-signed certificate", /not trusted here/],
    ["CERT_HAS_EXPIRED certificate has expired", /has expired/],
    ["received fatal alert: CertificateRequired", /only clients with a certificate/],
    ["received fatal alert: UnknownCA", /does not accept the certificate of this client/],
    ["received fatal alert: HandshakeFailure", /refused the TLS handshake/],
    ["ECONNREFUSED nobody there", null],
  ];
  for (const [seen, said] of cases) {
    const fault = tlsFault("host.example", seen);
    if (said === null) assert.equal(fault, null, seen);
    else assert.match(fault ?? "", said, seen);
  }
  assert.equal(tlsFault("", "unexpected end of file"), null);
});

Deno.test("serve --tls-dev says how to connect, and the command line does", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-dev-" });
  const flags = ["--tls", "127.0.0.1:0", "--tls-dev", "--data", folder, ...listenOptions({})];
  try {
    await using server = new Running(["serve", "--json", ...flags]);
    const { ca, listeners } = JSON.parse((await server.lines(1))[0]);
    const [url] = listeners[0].urls;
    assert.match(url, /^parleys:\/\/127\.0\.0\.1:\d+$/);
    const echo = ["echo", "hello", "--server", url];
    const trusting = { code: 0, stdout: "hello\n", stderr: "" };
    assert.deepEqual(await runProcess([...echo, "--ca", ca]), trusting);
    assert.deepEqual(await runProcess(echo, { PARLEY_CA: ca }), trusting);
    const refused = await runProcess(echo);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /not trusted here; name the file of the authority \(--ca/);
    const unreadable = await runProcess([...echo, "--ca", `${folder}/nothing.pem`]);
    assert.equal(unreadable.code, 2);
    assert.match(unreadable.stderr, /--ca: cannot read/);
    server.child.kill("SIGHUP");
    const { code, log } = await server.end("SIGTERM");
    assert.equal(code, 0);
    assert.match(log, /is in use, valid until/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a bundle of the client speaks TLS on Node", async () => {
  using authority = new TestAuthority();
  await using server = await startServer({ tls: { ...authority.issue("IP:127.0.0.1") } });
  const bundle = `${authority.folder}/client.mjs`;
  const entry = `${root}/lib/client/mod.ts`;
  await run(Deno.execPath(), ["bundle", "--quiet", "--platform=deno", "-o", bundle, entry]);
  const { code, stdout, stderr } = await outcomeOf("node", [
    `${root}/tests/client/connection/tls_client.mjs`,
    pathToFileURL(bundle).href,
    `parleys://127.0.0.1:${server.port("tls")}`,
    authority.ca,
  ]);
  assert.equal(code, 0, stderr);
  const { trusting, other } = JSON.parse(stdout);
  assert.equal(trusting, "1000000");
  assert.match(other, /not trusted here/);
});
