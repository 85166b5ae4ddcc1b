/**
 * What tests of TLS need: an authority made with openssl, and handshakes without a server around them.
 */
import { TlsCredentials } from "../../lib/adapters/tls/credentials.ts";
import { Handshakes } from "../../lib/adapters/tls/handshakes.ts";
import type { TlsListenerOptions } from "../../lib/adapters/tls/listener.ts";
import { writeTestCertificate } from "./certificate.ts";
import { openGate } from "./open_gate.ts";

/** What a tls listener needs, with room for everybody. */
export async function testHandshakes(
  timeoutMs = 5000,
): Promise<{ options: TlsListenerOptions; dispose(): void }> {
  const folder = await Deno.makeTempDir({ prefix: "parley-tls-" });
  const files = await writeTestCertificate(folder);
  const credentials = await TlsCredentials.open({
    ...files,
    clientCa: null,
    clientCertificates: "none",
  });
  await Deno.remove(folder, { recursive: true });
  const handshakes = new Handshakes({ credentials, identities: new Map(), timeoutMs, most: 100 });
  const refuse = (link: { close(): void }) => Promise.resolve(link.close());
  return { options: { handshakes, gate: openGate, refuse }, dispose: () => credentials.close() };
}

/** A certificate that an authority has signed, as files. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

/** An authority made with openssl, in a folder that goes with it. */
export class TestAuthority implements Disposable {
  readonly folder: string;
  /** The file of its own certificate. */
  readonly ca: string;
  #serial = 0;

  constructor(name = "authority") {
    this.folder = Deno.makeTempDirSync({ prefix: "parley-ca-" });
    this.ca = `${this.folder}/ca.pem`;
    openssl(
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-keyout", `${this.folder}/ca.key`, "-out", this.ca, "-subj", `/CN=${name}`],
      ...["-days", "30"],
    );
  }

  /** The certificate of the authority in PEM. */
  get pem(): string {
    return Deno.readTextFileSync(this.ca);
  }

  /** Issues a certificate with these subject alternative names, as openssl writes them; `days` below 0 is expired. */
  issue(names: string, days = 30): Issued {
    const path = `${this.folder}/${++this.#serial}`;
    const [certificate, key] = [`${path}.pem`, `${path}.key`];
    openssl(
      ...["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-keyout", key, "-out", `${path}.csr`, "-subj", "/CN=test"],
    );
    Deno.writeTextFileSync(`${path}.ext`, names === "" ? "" : `subjectAltName=${names}`);
    openssl(
      ...["x509", "-req", "-in", `${path}.csr`, "-CA", this.ca, "-CAkey", `${this.folder}/ca.key`],
      ...["-CAcreateserial", "-out", certificate, "-days", String(days), "-extfile", `${path}.ext`],
    );
    return { certificate, key };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }
}

function openssl(...args: string[]): void {
  const { success, stderr } = new Deno.Command("openssl", { args }).outputSync();
  if (!success) throw new Error(`openssl ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}
