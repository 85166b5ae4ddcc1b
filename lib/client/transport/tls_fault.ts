/**
 * Says what went wrong in a TLS handshake, and what to do about it.
 *
 * Pure: it looks at what the runtimes say, which is a code in Node and a sentence of rustls in Deno.
 */

/** What is looked for in a code or message, and what to tell; `{host}` is the host that was connected to. */
const FAULTS: readonly (readonly [seen: RegExp, said: string])[] = [
  [
    /UnknownIssuer|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|SELF_SIGNED|CaUsedAsEndEntity/,
    "its certificate is of an authority that is not trusted here; name the file of the authority (--ca, PARLEY_CA, or " +
    "tls.ca in a program), such as dev-ca.pem of a server with --tls-dev",
  ],
  [
    /NotValidForName|ALTNAME_INVALID|not valid for name/,
    "its certificate is not for {host}; connect by a name that is in the certificate, or have one made for this name",
  ],
  [
    /\bExpired|CERT_HAS_EXPIRED|certificate expired/,
    "its certificate has expired; renew it on the server, and look at the clock of this machine",
  ],
  [
    /NotValidYet|NOT_YET_VALID/,
    "its certificate is not valid yet; look at the clock of this machine",
  ],
  [
    /CertificateRequired|certificate required|CERTIFICATE_REQUIRED|AccessDenied/i,
    "it takes only clients with a certificate; name yours and its key (--cert and --cert-key, PARLEY_CERT and " +
    "PARLEY_CERT_KEY, or tls.cert and tls.key in a program)",
  ],
  [
    /alert: (?:BadCertificate|UnknownCA|CertificateUnknown|CertificateExpired)|alert (?:bad certificate|unknown ca)/i,
    "it does not accept the certificate of this client; show one that its tls.client_ca has signed and that is valid now",
  ],
  [
    /InvalidContentType|WRONG_VERSION_NUMBER|InvalidMessage|packet length too long/,
    "it does not speak TLS on this port; is this its tls port? (without TLS: parley:// or ws://)",
  ],
  [
    /alert|UnexpectedEof|unexpected end of file|socket disconnected before secure|ECONNRESET|ConnectionReset/,
    "it refused the TLS handshake; does it ask for a certificate of the client, and is this its tls port?",
  ],
  [
    /No certificates found|no keys found|invalid PEM|PEM_READ|InvalidKey|KeyMismatch|KEY_VALUES_MISMATCH/i,
    "a certificate or key that was given here cannot be read or does not fit; PEM is accepted",
  ],
];

/** What `seen`, a code and message of a runtime, means when connecting to `host`; null when it is nothing of TLS. */
export function tlsFault(host: string, seen: string): string | null {
  for (const [pattern, said] of FAULTS) {
    // Once a connection is open its end says nothing of a handshake.
    if (host === "" && !/alert/i.test(seen)) return null;
    if (pattern.test(seen)) return said.replace("{host}", host);
  }
  return null;
}
