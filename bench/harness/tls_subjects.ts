/**
 * Servers that speak TLS, with the same certificate and key: ours, and nats-server.
 */
import { makeCertificate } from "../../lib/adapters/tls/dev_certificate.ts";
import { Child } from "./child.ts";
import { startParley, startPeer, type Subject } from "./subjects.ts";

/** A certificate in a folder of its own, and the authority that clients have to trust. */
export interface Certificate extends AsyncDisposable {
  readonly certificate: string;
  readonly key: string;
  /** In PEM. */
  readonly ca: string;
}

/** Makes one for loopback. */
export async function makeFiles(): Promise<Certificate> {
  const folder = await Deno.makeTempDir({ prefix: "parley-bench-" });
  const made = await makeCertificate(Date.now());
  const [certificate, key] = [`${folder}/cert.pem`, `${folder}/key.pem`];
  await Deno.writeTextFile(certificate, made.certificate);
  await Deno.writeTextFile(key, made.key);
  const remove = () => Deno.remove(folder, { recursive: true });
  return { certificate, key, ca: made.ca, [Symbol.asyncDispose]: remove };
}

/** Starts ours; its port is the one of the tls listener. */
export async function startParleyTls(
  { certificate, key, ca }: Certificate,
  name = "parley, tls",
): Promise<Subject> {
  const words = ["listen.tls=127.0.0.1:0", `tls.certificate=${certificate}`, `tls.key=${key}`];
  const subject = await startParley(name, words.flatMap((word) => ["--set", word]));
  return { ...subject, port: subject.tlsPort!, tcpPort: subject.port, tls: { ca } };
}

/** Starts nats-server. */
export async function startNatsTls({ certificate, key, ca }: Certificate): Promise<Subject> {
  const files = ["--tls", "--tlscert", certificate, "--tlskey", key];
  const subject = await startPeer(
    "nats-server, tls",
    "nats",
    (port) => Child.start("nats-server", ["-a", "127.0.0.1", "-p", `${port}`, ...files]),
  );
  return { ...subject, tls: { ca } };
}
