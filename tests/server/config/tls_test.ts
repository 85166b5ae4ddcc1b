/**
 * What is said of TLS in a configuration: what belongs together, and what errors say.
 */
import assert from "node:assert/strict";
import { ConfigError, resolveConfig } from "../../../lib/server/config/config.ts";

function problems(text: string): string {
  try {
    resolveConfig({ name: "parley.toml", text });
    return "";
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

Deno.test("what is set of TLS fits together", () => {
  const cases: [toml: string, problem: RegExp][] = [
    ['[listen]\ntls = "localhost:1"', /listen\.tls: the tls listener needs a certificate; set/],
    ["[tls]\nhttp = true", /tls\.http: https needs a certificate; set/],
    ['[tls]\nkey = "k"', /tls\.key: a certificate and its key belong together; set/],
    [
      '[tls]\ndev = true\ncertificate = "c"\nkey = "k"',
      /set tls\.dev or tls\.certificate, not both/,
    ],
    ['data = ""\n[tls]\ndev = true', /is kept in the data directory; set data/],
    ['[tls]\nclient_ca = "a"', /no client is asked for a certificate; set/],
    ['[tls]\nclient_certificates = "required"', /need an authority that signs them; set/],
    ['[tls]\nidentities = "DNS:a=b"', /identities are those of clients' certificates; set/],
    ['[tls]\nidentities = "CN:a=b"', /maps no name of a certificate; write/],
    ['[tls]\nidentities = "DNS:a=b c"', /is no name of an identity; it has 1 to 64 of/],
    ['[listen]\ntls = "0.0.0.0:1"\n[tls]\ndev = true', /listen\.tls: .*--insecure/],
  ];
  for (const [toml, problem] of cases) assert.match(problems(toml), problem, toml);
});
