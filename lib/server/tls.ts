/**
 * What a server needs for TLS, made of its configuration: credentials, identities, handshakes.
 */
import { type CredentialFiles, TlsCredentials } from "../adapters/tls/credentials.ts";
import { devCertificate } from "../adapters/tls/dev_certificate.ts";
import { Handshakes } from "../adapters/tls/handshakes.ts";
import { identityMap } from "../adapters/tls/identity.ts";
import { ErrorCode, ParleyError } from "../base/errors.ts";
import { type Limits, MAX_HANDSHAKES } from "../base/limits.ts";
import type { Config } from "./config/config.ts";

/** Where TLS is listened on when only a certificate for development is asked for. */
const DEV_ADDRESS = "localhost:7314";

/** TLS of one server. */
export interface ServerTls {
  readonly credentials: TlsCredentials;
  readonly handshakes: Handshakes;
  /**
   * Prepares what another configuration says of certificates and identities; the function that it gives takes them into
   * use. Rejects with a ParleyError that names the file at fault.
   */
  stage(config: Config): Promise<() => void>;
  /** The file of the authority that clients have to trust; null when it is not for development. */
  readonly devCa: string | null;
}

/** Whether a configuration asks for TLS. */
export function wantsTls({ listen, tls }: Config): boolean {
  return tls.dev || listen.tls.length > 0 || tls.http;
}

/** Where TLS is listened on. */
export function tlsAddresses({ listen, tls }: Config): readonly string[] {
  return listen.tls.length === 0 && tls.dev ? [DEV_ADDRESS] : listen.tls;
}

/**
 * Reads certificates, or makes one for development; null when the configuration wants no TLS. `limits` may change. Rejects
 * with a ParleyError that names the file at fault.
 */
export async function openTls(
  config: Config,
  limits: Limits,
  wallMs: number,
): Promise<ServerTls | null> {
  if (!wantsTls(config)) return null;
  checkRuntime(Deno.version.deno);
  const made = config.tls.dev ? await devCertificate(`${config.data}/tls`, wallMs) : null;
  const filesOf = ({ tls }: Config): CredentialFiles => ({
    certificate: made?.certificate ?? tls.certificate,
    key: made?.key ?? tls.key,
    clientCa: tls.client_ca === "" ? null : tls.client_ca,
    clientCertificates: tls.client_certificates,
  });
  const credentials = await TlsCredentials.open(filesOf(config));
  let identities = identityMap(config.tls.identities);
  const handshakes = new Handshakes({
    credentials,
    get identities() {
      return identities;
    },
    get timeoutMs() {
      return limits.handshakeTimeoutMs;
    },
    most: MAX_HANDSHAKES,
  });
  const stage = async (next: Config) => {
    const others = identityMap(next.tls.identities);
    const take = await credentials.stage(filesOf(next));
    return () => {
      identities = others;
      take();
    };
  };
  return { credentials, handshakes, stage, devCa: made?.ca ?? null };
}

/** Raises FAILED_PRECONDITION for a runtime that cannot compare a key with a certificate, nor serve TLS with them. */
export function checkRuntime(version: string): void {
  const [major, minor] = version.split(".").map(Number);
  if (major > 2 || major === 2 && minor >= 8) return;
  throw new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    `cannot serve TLS with the runtime of this executable, Deno ${version}`,
    { accepted: "an executable that was made with Deno 2.9 or newer" },
  );
}
