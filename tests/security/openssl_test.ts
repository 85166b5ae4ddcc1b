/**
 * TLS as openssl sees it, on the tls listener and on https: which versions, suites and groups are taken, that nothing
 * can be negotiated anew, compressed or sent early, and that certificates of an authority made here are checked.
 */
import assert from "node:assert/strict";
import { startServer, type TestServer } from "../support/server.ts";
import { TestAuthority } from "../support/tls.ts";
import { settles } from "../support/until.ts";

/** What openssl says of a handshake; `input` is what is typed. */
async function client(port: number, args: readonly string[], input = ""): Promise<string> {
  const child = new Deno.Command("openssl", {
    args: ["s_client", "-connect", `127.0.0.1:${port}`, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const output = child.output();
  try {
    if (input !== "") await writer.write(new TextEncoder().encode(input));
    else await writer.close();
    const { stdout, stderr } = await settles(output, `openssl ${args.join(" ")}`);
    return new TextDecoder("latin1").decode(stdout) + new TextDecoder("latin1").decode(stderr);
  } finally {
    await writer.close().catch(() => {});
  }
}

const isDone = (text: string) => !/Cipher is \(NONE\)/.test(text) && /Cipher is /.test(text);

/** All suites that this openssl can offer, of TLS 1.2 and before. */
async function suites(): Promise<string[]> {
  const command = new Deno.Command("openssl", {
    args: ["ciphers", "-tls1_2", "-s", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"],
  });
  return new TextDecoder().decode((await command.output()).stdout).trim().split(":");
}

const LISTENERS = ["tls", "https"] as const;

function start(): Promise<TestServer> {
  return startServer({ tls: { http: true } });
}

function portOf(server: TestServer, listener: typeof LISTENERS[number]): number {
  return server.port(listener === "tls" ? "tls" : "ws");
}

for (const listener of LISTENERS) {
  Deno.test(`${listener}: no suite without forward secrecy and authenticated encryption is taken`, async () => {
    await using server = await start();
    const port = portOf(server, listener);
    const offered = await suites();
    const good = (suite: string) => /^ECDHE-.*(GCM|CHACHA20)/.test(suite);
    const bad = offered.filter((suite) => !good(suite));
    assert(bad.length > 20 && bad.length < offered.length, `${bad.length} of ${offered.length}`);
    const cipher = (names: readonly string[]) => ["-cipher", `${names.join(":")}:@SECLEVEL=0`];
    assert.equal(isDone(await client(port, ["-tls1_2", ...cipher(bad)])), false);
    const taken: string[] = [];
    for (const suite of offered.filter(good)) {
      if (isDone(await client(port, ["-tls1_2", ...cipher([suite])]))) taken.push(suite);
    }
    assert(taken.length > 0);
    const suites13 = [
      "TLS_AES_128_GCM_SHA256",
      "TLS_AES_256_GCM_SHA384",
      "TLS_CHACHA20_POLY1305_SHA256",
    ];
    for (const suite of suites13) {
      assert(isDone(await client(port, ["-tls1_3", "-ciphersuites", suite])), suite);
    }
    const ccm = ["TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"];
    assert.equal(isDone(await client(port, ["-tls1_3", "-ciphersuites", ccm.join(":")])), false);
    console.log(
      `# ${listener}: of ${offered.length} suites of TLS 1.2 are taken: ${taken.join(" ")}`,
    );
  });

  Deno.test(`${listener}: versions before 1.2, weak groups and signatures by SHA-1 are refused`, async () => {
    await using server = await start();
    const port = portOf(server, listener);
    const weak = ["-cipher", "ALL:@SECLEVEL=0"];
    for (const version of ["-tls1", "-tls1_1"]) {
      assert.equal(isDone(await client(port, [version, ...weak])), false, version);
    }
    for (const version of ["-tls1_2", "-tls1_3"]) {
      assert(isDone(await client(port, [version])), version);
      // One that is refused does not fall back to something else.
      const groups = await client(port, [version, "-groups", "P-521"]);
      const sha1 = await client(port, [version, "-sigalgs", "ECDSA+SHA1:RSA+SHA1", ...weak]);
      for (const text of [groups, sha1]) assert.equal(isDone(text), false, text);
    }
  });

  Deno.test(`${listener}: nothing is negotiated anew, compressed or sent early`, async () => {
    await using server = await start();
    const port = portOf(server, listener);
    const second = await client(port, ["-tls1_2"]);
    assert.match(second, /Secure Renegotiation IS supported/);
    assert.match(second, /Compression: NONE/);
    // "R" has openssl ask for a new handshake. It is not done: one end or the other gives up.
    const again = await client(port, ["-tls1_2", "-legacy_renegotiation"], "R\n");
    assert.match(again, /RENEGOTIATING/);
    assert.match(
      again,
      /no renegotiation|unexpected message|handshake failure|alert|errno|closed/i,
    );
    assert.doesNotMatch(again.split("RENEGOTIATING")[1], /verify return|depth=0/);
    const third = await client(port, ["-tls1_3"]);
    assert.doesNotMatch(third, /Max Early Data: [1-9]/);
  });

  Deno.test(`${listener}: only the listener's own protocol is agreed on`, async () => {
    await using server = await start();
    const port = portOf(server, listener);
    const own = listener === "tls" ? "parley" : "http/1.1";
    assert.match(await client(port, ["-alpn", `h2,${own}`]), new RegExp(`ALPN protocol: ${own}`));
    for (const other of ["h2", "h2,spdy/3", "mqtt", listener === "tls" ? "http/1.1" : "parley"]) {
      assert.equal(isDone(await client(port, ["-alpn", other])), false, other);
    }
    assert.match(await client(port, []), /No ALPN negotiated/);
  });
}

Deno.test("a chain of an authority is sent whole, and checked with its names and times", async () => {
  using authority = new TestAuthority();
  using other = new TestAuthority("another");
  const cases = [
    { names: "IP:127.0.0.1,DNS:localhost", ca: authority.ca, says: /Verify return code: 0 \(ok\)/ },
    { names: "DNS:elsewhere.example", ca: authority.ca, says: /IP address mismatch/ },
    { names: "IP:127.0.0.1", ca: other.ca, says: /unable to get|verify error|self.signed/i },
  ];
  for (const { names, ca, says } of cases) {
    const issued = authority.issue(names);
    const chain = `${authority.folder}/chain.pem`;
    await Deno.writeTextFile(
      chain,
      await Deno.readTextFile(issued.certificate) + authority.pem,
    );
    await using server = await startServer({ tls: { certificate: chain, key: issued.key } });
    const verify = ["-CAfile", ca, "-verify_ip", "127.0.0.1"];
    const text = await client(server.port("tls"), [...verify, "-showcerts"]);
    assert.match(text, says, names);
    assert.equal(text.match(/BEGIN CERTIFICATE/g)?.length, 2, "the whole chain");
  }
});
