/**
 * The certificate, the key and the authority of clients that a server uses, read from files and read again.
 *
 * Invariants: what is used was whole, readable and fitting when it was taken; anything else changes nothing and is
 * reported. A connection keeps what its handshake was done with. Files are looked at every second by their times and
 * sizes, which also sees a link that was turned to another folder; they are read once they have not changed between two
 * looks, so that a certificate and a key that are replaced one after the other are taken together.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import { detached } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";

const log = logger("listener");
/** Larger files are no certificates. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const CURVES = ["prime256v1", "secp384r1", "secp521r1"];

/** Whether clients are asked for a certificate, and whether they need one. */
export type ClientCertificates = "none" | "optional" | "required";

/** What credentials are made of; paths of files in PEM. */
export interface CredentialFiles {
  /** The server's certificate, and those between it and its authority. */
  readonly certificate: string;
  readonly key: string;
  /** The authorities of clients' certificates; null when clients are not asked. */
  readonly clientCa: string | null;
  readonly clientCertificates: ClientCertificates;
}

/** What was read. */
interface Loaded {
  readonly context: SecureContext;
  readonly validTo: string;
  readonly state: string;
}

/** The credentials of one server. */
export class TlsCredentials {
  readonly clientCertificates: ClientCertificates;
  #files: CredentialFiles;
  #loaded: Loaded;
  /** How the files were at the last look, and when they were last read. */
  #seen: string;
  #read: string;
  #timer: ReturnType<typeof setInterval>;
  #looking = false;
  #closed = false;

  private constructor(files: CredentialFiles, loaded: Loaded, lookEveryMs: number) {
    this.clientCertificates = files.clientCertificates;
    this.#files = files;
    this.#loaded = loaded;
    this.#seen = this.#read = loaded.state;
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
  }

  /** Reads the files. Rejects with a ParleyError that names the one at fault. */
  static async open(files: CredentialFiles, lookEveryMs = 1000): Promise<TlsCredentials> {
    const loaded = await load(files);
    if (Date.parse(loaded.validTo) < Date.now()) {
      log.warning("the certificate {certificate} has expired on {validTo}: clients refuse it", {
        certificate: files.certificate,
        validTo: loaded.validTo,
      });
    }
    return new TlsCredentials(files, loaded, lookEveryMs);
  }

  /** What handshakes that begin now are done with. */
  get context(): SecureContext {
    return this.#loaded.context;
  }

  /** Reads the files again and takes them, or reports why not. Says whether they were taken. Never rejects. */
  async reload(): Promise<boolean> {
    const files = this.#files;
    try {
      (await this.stage(files))();
      return true;
    } catch (reason) {
      log.error("the certificate {certificate} is not taken, the former stays in use: {reason}", {
        certificate: files.certificate,
        reason: (reason as Error).message,
      });
      return false;
    }
  }

  /**
   * Reads a certificate, its key and the authority from these files; the function that it gives takes them into use.
   * Whether clients are asked stays as it is. Rejects with a ParleyError that names the file at fault.
   */
  async stage(given: Omit<CredentialFiles, "clientCertificates">): Promise<() => void> {
    const files = { ...given, clientCertificates: this.clientCertificates };
    const loaded = await load(files);
    if (Date.parse(loaded.validTo) < Date.now()) {
      throw fault(`the certificate ${files.certificate} has expired on ${loaded.validTo}`);
    }
    return () => {
      this.#files = files;
      this.#loaded = loaded;
      this.#read = this.#seen = loaded.state;
      log.info("the certificate {certificate} is in use, valid until {validTo}", {
        certificate: files.certificate,
        validTo: loaded.validTo,
      });
    };
  }

  /** Looks at the files no more. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  #look(): void {
    if (this.#looking) return;
    this.#looking = true;
    const looked = this.#lookOnce().finally(() => this.#looking = false);
    detached(looked, "look for new certificates");
  }

  async #lookOnce(): Promise<void> {
    const state = await stateOf(this.#files);
    const isSettled = state === this.#seen;
    this.#seen = state;
    if (this.#closed || !isSettled || state === this.#read) return;
    // Read once, whatever comes of it.
    this.#read = state;
    await this.reload();
  }
}

/** Reads and checks everything. Rejects with a ParleyError that names the file at fault. */
async function load(files: CredentialFiles): Promise<Loaded> {
  const state = await stateOf(files);
  const chain = await readPem(files.certificate, "the certificate");
  const [own] = certificatesIn(chain, files.certificate);
  const key = await readPem(files.key, "the key");
  const keyObject = keyIn(key, files.key);
  if (!own.checkPrivateKey(keyObject)) {
    throw fault(`the key ${files.key} is not that of the certificate ${files.certificate}`);
  }
  let ca: string | undefined;
  if (files.clientCa !== null) {
    ca = await readPem(files.clientCa, "the authority of clients");
    certificatesIn(ca, files.clientCa);
  }
  // Some releases of the runtime read these two from the context.
  const asks = { requestCert: files.clientCertificates !== "none", rejectUnauthorized: false };
  const context = createSecureContext({ cert: chain, key, ca, minVersion: "TLSv1.2", ...asks });
  return { context, validTo: own.validTo, state };
}

async function readPem(path: string, what: string): Promise<string> {
  try {
    const { size } = await Deno.stat(path);
    if (size > MAX_FILE_BYTES) throw new Error(`it has ${size} bytes`);
    return await Deno.readTextFile(path);
  } catch (reason) {
    throw fault(`cannot read ${what} ${path}: ${(reason as Error).message}`, reason);
  }
}

function certificatesIn(text: string, path: string): X509Certificate[] {
  const blocks = text.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) throw fault(`${path} has no certificate in it; PEM is accepted`);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (reason) {
    throw fault(`${path} has a certificate that cannot be read`, reason);
  }
}

function keyIn(text: string, path: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch (reason) {
    throw fault(
      `${path} has no private key that can be read; PEM without a password is accepted`,
      reason,
    );
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const isTaken = type === "rsa" || type === "ed25519" ||
    type === "ec" && CURVES.includes(details?.namedCurve ?? "");
  if (!isTaken) {
    throw fault(
      `the key ${path} is of the kind ${type}; RSA, P-256, P-384, P-521 and Ed25519 are accepted`,
    );
  }
  return key;
}

function fault(message: string, cause?: unknown): ParleyError {
  return new ParleyError(ErrorCode.FAILED_PRECONDITION, message, { cause });
}

/** How the files are, without reading them. */
async function stateOf({ certificate, key, clientCa }: CredentialFiles): Promise<string> {
  const paths = clientCa === null ? [certificate, key] : [certificate, key, clientCa];
  const states = await Promise.all(paths.map(async (path) => {
    try {
      const { mtime, size, ino, dev } = await Deno.stat(path);
      return `${mtime?.getTime()}/${size}/${ino}/${dev}`;
    } catch {
      return "none";
    }
  }));
  return states.join(" ");
}
