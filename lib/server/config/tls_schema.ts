/**
 * The table of TLS: certificates, and which clients need one of their own.
 */
import { z } from "zod";
import { parseIdentity } from "../../adapters/tls/identity.ts";
import { listOf } from "./fields.ts";

const path = () => z.string().default("");

/** The schema of the table `tls`. */
export const tlsSchema = z.strictObject({
  certificate: path().describe(
    "The file with the server's certificate in PEM, and behind it those between it and its authority. It is read " +
      "again when it changes, and on SIGHUP.",
  ),
  key: path().describe(
    "The file with the private key of the certificate, in PEM without a password.",
  ),
  http: z.boolean().default(false).describe(
    "Whether the http listener speaks https and wss instead of http and ws.",
  ),
  client_certificates: z.enum(["none", "optional", "required"]).default("none").describe(
    "Whether clients are asked for a certificate, and whether they need one. One that is shown has to be good either way.",
  ),
  client_ca: path().describe(
    "The file with the authorities, in PEM, that sign the certificates of clients.",
  ),
  identities: listOf(parseIdentity).prefault("").describe(
    'Which identity a client\'s certificate stands for, by a name in it: "DNS:worker.example.com=worker", ' +
      '"URI:spiffe://acme/billing=billing", "EMAIL:ops@example.com=ops". Names are compared exactly.',
  ),
  dev: z.boolean().default(false).describe(
    "For a first try: makes a certificate for localhost in the data directory and, unless listen.tls says otherwise, " +
      "listens on localhost:7314.",
  ),
}).prefault({}).describe("TLS 1.2 and 1.3, for the tls listener and for http.");

/** The values that `tlsFaults` looks at. */
export interface TlsValues {
  readonly data: string;
  readonly listen: { readonly tls: readonly string[]; readonly http: readonly string[] };
  readonly tls: z.output<typeof tlsSchema>;
}

/** Something that does not fit together, and the keys that take part in it. */
export interface TlsFault {
  readonly message: string;
  readonly paths: readonly (readonly string[])[];
}

/** Says what does not fit together. */
export function tlsFaults({ data, listen, tls }: TlsValues): TlsFault[] {
  const faults: TlsFault[] = [];
  const unless = (holds: boolean, message: string, ...paths: string[][]) => {
    if (!holds) faults.push({ message, paths });
  };
  const [certificate, key, dev] = [["tls", "certificate"], ["tls", "key"], ["tls", "dev"]];
  const has = tls.certificate !== "" || tls.key !== "";
  unless(
    (tls.certificate === "") === (tls.key === ""),
    "a certificate and its key belong together; set tls.certificate and tls.key, or neither",
    certificate,
    key,
  );
  unless(
    !(tls.dev && has),
    "a certificate is given, so none is made for development; set tls.dev or tls.certificate, not both",
    dev,
    certificate,
    key,
  );
  unless(
    !tls.dev || data !== "",
    "a certificate for development is kept in the data directory; set data to a directory",
    dev,
    ["data"],
  );
  const needs = "needs a certificate; set tls.certificate and tls.key, or tls.dev for a first try";
  unless(listen.tls.length === 0 || has || tls.dev, `the tls listener ${needs}`, ["listen", "tls"]);
  unless(!tls.http || has || tls.dev, `https ${needs}`, ["tls", "http"]);
  const asks = tls.client_certificates !== "none";
  unless(
    asks === (tls.client_ca !== ""),
    asks
      ? "clients' certificates need an authority that signs them; set tls.client_ca to its file"
      : 'no client is asked for a certificate; set tls.client_certificates to "optional" or "required"',
    ["tls", "client_ca"],
    ["tls", "client_certificates"],
  );
  unless(
    asks || tls.identities.length === 0,
    'identities are those of clients\' certificates; set tls.client_certificates to "optional" or "required"',
    ["tls", "identities"],
    ["tls", "client_certificates"],
  );
  const names = tls.identities.map((entry) => entry.slice(0, entry.lastIndexOf("=")).trim());
  const twice = names.find((name, index) => names.indexOf(name) < index);
  unless(
    twice === undefined,
    `${JSON.stringify(twice)} is mapped twice; map it once`,
    ["tls", "identities"],
  );
  return faults;
}
