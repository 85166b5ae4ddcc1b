/**
 * A certificate for this machine for servers under test, made once a process and written where a server reads it.
 */
import { makeCertificate } from "../../lib/adapters/tls/dev_certificate.ts";

let made: ReturnType<typeof makeCertificate> | undefined;

/** A certificate, its key and the authority that a client has to trust, in PEM. */
export function testCertificate(): ReturnType<typeof makeCertificate> {
  return made ??= makeCertificate(Date.now());
}

/** Writes the certificate and its key into `folder`; gives what a configuration says of them. */
export async function writeTestCertificate(
  folder: string,
): Promise<{ certificate: string; key: string }> {
  const { certificate, key } = await testCertificate();
  const paths = { certificate: `${folder}/cert.pem`, key: `${folder}/key.pem` };
  await Deno.writeTextFile(paths.certificate, certificate);
  await Deno.writeTextFile(paths.key, key);
  return paths;
}

/** Connects under TLS to a server with that certificate; the handshake is done. */
export async function connectTls(port: number, hostname: string): Promise<Deno.TlsConn> {
  const { ca } = await testCertificate();
  const connection = await Deno.connectTls({ hostname, port, caCerts: [ca] });
  try {
    await connection.handshake();
    return connection;
  } catch (reason) {
    connection.close();
    throw reason;
  }
}
