/**
 * A certificate for this machine, for a first try of TLS: localhost, 127.0.0.1 and ::1.
 *
 * An authority of its own signs it, whose key is thrown away at once, so that whoever trusts the authority trusts this
 * one certificate and nothing that anybody makes later. The runtime makes keys and signatures; the few structures around
 * them are written here, rather than by a package with a dozen others behind it. Not for production: nobody
 * vouches for it.
 */
import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import { settled } from "../../base/detached.ts";
import { ErrorCode, ParleyError } from "../../base/errors.ts";
import { der, objectId, TAG } from "./der.ts";

/** How long a certificate is valid: as long as browsers take it. */
const VALID_DAYS = 397;
/** With less than so much left, a new one is made. */
const RENEW_DAYS = 30;
const DAY_MS = 86_400_000;
/** Clocks of clients may be behind. */
const BACKDATED_MS = 3_600_000;

/** Where a certificate for development lies. */
interface DevCertificate {
  readonly certificate: string;
  readonly key: string;
  /** The authority, which clients have to trust. */
  readonly ca: string;
}

/**
 * Gives the certificate in `directory`, which is made (0700) when it is not there; a new one when there is none or it
 * ends soon. Rejects with a ParleyError when it cannot be written.
 */
export async function devCertificate(directory: string, nowMs: number): Promise<DevCertificate> {
  const paths = {
    certificate: `${directory}/dev-cert.pem`,
    key: `${directory}/dev-key.pem`,
    ca: `${directory}/dev-ca.pem`,
  };
  if (await isGood(paths, nowMs)) return paths;
  try {
    await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
    const made = await makeCertificate(nowMs);
    await replaceFile(paths.key, made.key, 0o600);
    await replaceFile(paths.certificate, made.certificate, 0o644);
    await replaceFile(paths.ca, made.ca, 0o644);
  } catch (reason) {
    throw ParleyError.from(
      reason,
      ErrorCode.FAILED_PRECONDITION,
      `cannot make a certificate in ${directory}`,
    );
  }
  return paths;
}

async function isGood(paths: DevCertificate, nowMs: number): Promise<boolean> {
  try {
    const certificate = new X509Certificate(await Deno.readTextFile(paths.certificate));
    const ca = new X509Certificate(await Deno.readTextFile(paths.ca));
    await Deno.lstat(paths.key);
    return certificate.verify(ca.publicKey) &&
      Date.parse(certificate.validTo) - nowMs > RENEW_DAYS * DAY_MS;
  } catch {
    return false;
  }
}

/** Writes a file beside the one it replaces, so that neither a half of it nor another mode is ever there. */
async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const fresh = `${path}.new`;
  await settled(Deno.remove(fresh), "remove what an earlier start left");
  await Deno.writeTextFile(fresh, text, { mode, createNew: true });
  await Deno.rename(fresh, path);
}

/** Makes an authority and a certificate for this machine, in PEM. */
export async function makeCertificate(
  nowMs: number,
): Promise<{ certificate: string; key: string; ca: string }> {
  const authority = await newKeys();
  const own = await newKeys();
  const id = Buffer.from(crypto.getRandomValues(new Uint8Array(4))).toString("hex");
  const issuer = nameOf(`Parley development authority ${id}`);
  const authorityId = await keyId(authority.publicKey);
  const ownId = await keyId(own.publicKey);
  const common = { issuer, signer: authority.privateKey, nowMs };
  const ca = await certificateOf({
    ...common,
    subject: issuer,
    publicKey: authority.publicKey,
    extensions: [
      extension("2.5.29.19", true, der(TAG.sequence, TRUE, integer(0))),
      extension("2.5.29.15", true, bits(0x04, 2)),
      extension("2.5.29.14", false, der(TAG.octetString, authorityId)),
    ],
  });
  const certificate = await certificateOf({
    ...common,
    subject: nameOf("localhost"),
    publicKey: own.publicKey,
    extensions: [
      extension("2.5.29.19", true, der(TAG.sequence)),
      extension("2.5.29.15", true, bits(0x80, 7)),
      extension("2.5.29.37", false, der(TAG.sequence, objectId("1.3.6.1.5.5.7.3.1"))),
      extension("2.5.29.14", false, der(TAG.octetString, ownId)),
      extension("2.5.29.35", false, der(TAG.sequence, der(0x80, authorityId))),
      extension("2.5.29.17", false, der(TAG.sequence, ...LOCAL_NAMES)),
    ],
  });
  const key = new Uint8Array(await crypto.subtle.exportKey("pkcs8", own.privateKey));
  return {
    certificate: pem("CERTIFICATE", certificate),
    key: pem("PRIVATE KEY", key),
    ca: pem("CERTIFICATE", ca),
  };
}

const encoder = new TextEncoder();
const TRUE = der(TAG.boolean, Uint8Array.of(0xff));
/** localhost, 127.0.0.1 and ::1, as names of a certificate. */
const LOCAL_NAMES = [
  der(0x82, encoder.encode("localhost")),
  der(0x87, Uint8Array.of(127, 0, 0, 1)),
  der(0x87, Uint8Array.from({ length: 16 }, (_, index) => index === 15 ? 1 : 0)),
];
const ECDSA_WITH_SHA256 = der(TAG.sequence, objectId("1.2.840.10045.4.3.2"));

interface CertificateParts {
  readonly subject: Uint8Array;
  readonly issuer: Uint8Array;
  readonly publicKey: CryptoKey;
  readonly signer: CryptoKey;
  readonly extensions: readonly Uint8Array[];
  readonly nowMs: number;
}

function newKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
}

/** What names a key in certificates (RFC 7093, 2). */
async function keyId(key: CryptoKey): Promise<Uint8Array<ArrayBuffer>> {
  const spki = await crypto.subtle.exportKey("spki", key);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", spki)).slice(0, 20);
}

/** A signed certificate (RFC 5280, 4.1). */
async function certificateOf(parts: CertificateParts): Promise<Uint8Array<ArrayBuffer>> {
  const serial = crypto.getRandomValues(new Uint8Array(16));
  serial[0] = serial[0] & 0x7f | 0x40;
  const signed = der(
    TAG.sequence,
    der(0xa0, integer(2)),
    der(TAG.integer, serial),
    ECDSA_WITH_SHA256,
    parts.issuer,
    der(
      TAG.sequence,
      time(parts.nowMs - BACKDATED_MS),
      time(parts.nowMs + VALID_DAYS * DAY_MS),
    ),
    parts.subject,
    new Uint8Array(await crypto.subtle.exportKey("spki", parts.publicKey)),
    der(0xa3, der(TAG.sequence, ...parts.extensions)),
  );
  const algorithm = { name: "ECDSA", hash: "SHA-256" };
  const signature = new Uint8Array(await crypto.subtle.sign(algorithm, parts.signer, signed));
  const half = signature.length / 2;
  const both = [signature.subarray(0, half), signature.subarray(half)].map(unsigned);
  const wrapped = der(TAG.bitString, Uint8Array.of(0), der(TAG.sequence, ...both));
  return der(TAG.sequence, signed, ECDSA_WITH_SHA256, wrapped);
}

function nameOf(commonName: string): Uint8Array {
  const value = der(TAG.utf8String, encoder.encode(commonName));
  return der(TAG.sequence, der(TAG.set, der(TAG.sequence, objectId("2.5.4.3"), value)));
}

function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  const wrapped = der(TAG.octetString, value);
  return der(TAG.sequence, objectId(id), ...critical ? [TRUE] : [], wrapped);
}

/** A bit string of one byte, of which the last `unused` bits are not used. */
function bits(byte: number, unused: number): Uint8Array {
  return der(TAG.bitString, Uint8Array.of(unused, byte));
}

function integer(value: number): Uint8Array {
  return der(TAG.integer, Uint8Array.of(value));
}

/** An integer of an unsigned number: without zeros in front, except where it would be negative. */
function unsigned(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const rest = bytes.subarray(start);
  return rest[0] < 0x80 ? der(TAG.integer, rest) : der(TAG.integer, Uint8Array.of(0), rest);
}

/** A time: in two digits of the year until 2049, as it is prescribed. */
function time(ms: number): Uint8Array {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "");
  return Number(digits.slice(0, 4)) < 2050
    ? der(TAG.utcTime, encoder.encode(digits.slice(2)))
    : der(TAG.generalizedTime, encoder.encode(digits));
}

function pem(label: string, bytes: Uint8Array): string {
  const lines = Buffer.from(bytes).toString("base64").match(/.{1,64}/g)!;
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
