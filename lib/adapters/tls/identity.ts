/**
 * From a client's certificate to the name of an identity: an exact map of subject alternative names.
 *
 * Names are compared byte by byte: no wildcards, no case folding, no common name of the subject. A name with a byte
 * outside of printable ASCII, such as NUL, stands for nobody, and so does a certificate whose names stand for more than
 * one identity. The certificate was verified before; what it says is not trusted to be well-formed all the same.
 */
import { readDer, TAG } from "./der.ts";

/** The kinds of names that may be mapped, by their tags in a certificate (RFC 5280, 4.2.1.6). */
const KINDS = new Map([[0x81, "EMAIL"], [0x82, "DNS"], [0x86, "URI"]]);
/** The object identifier of the extension, 2.5.29.17. */
const SUBJECT_ALTERNATIVE_NAME = "551d11";
/** The tag of a certificate's extensions. */
const EXTENSIONS = 0xa3;
const MAX_IDENTITY_CHARACTERS = 64;

/** Which identity a name in a certificate stands for; the names are written like `DNS:worker.example.com`. */
export type IdentityMap = ReadonlyMap<string, string>;

/** Reads `NAME=IDENTITY`, like `URI:spiffe://acme/billing=billing`. Raises an error that says what would be accepted. */
export function parseIdentity(text: string): { name: string; identity: string } {
  const at = text.lastIndexOf("=");
  const name = text.slice(0, Math.max(at, 0)).trim();
  const identity = text.slice(at + 1).trim();
  if (!/^(?:DNS|URI|EMAIL):[\x21-\x7e]+$/.test(name)) {
    throw new Error(
      `${
        JSON.stringify(text)
      } maps no name of a certificate; write "DNS:worker.example.com=worker", ` +
        '"URI:spiffe://acme/billing=billing" or "EMAIL:ops@example.com=ops"',
    );
  }
  if (!/^[A-Za-z0-9._@-]+$/.test(identity) || identity.length > MAX_IDENTITY_CHARACTERS) {
    throw new Error(
      `${
        JSON.stringify(identity)
      } is no name of an identity; it has 1 to ${MAX_IDENTITY_CHARACTERS} of ` +
        "A-Z a-z 0-9 . _ @ -",
    );
  }
  return { name, identity };
}

/** Makes a map of what `parseIdentity` reads. Raises an error when a name is mapped twice. */
export function identityMap(entries: readonly string[]): IdentityMap {
  const map = new Map<string, string>();
  for (const { name, identity } of entries.map(parseIdentity)) {
    if (map.has(name)) throw new Error(`${JSON.stringify(name)} is mapped twice; map it once`);
    map.set(name, identity);
  }
  return map;
}

/** The identity that a certificate in DER stands for; null when it stands for none, or for more than one. */
export function identityOf(certificate: Uint8Array, map: IdentityMap): string | null {
  let found: string | null = null;
  for (const name of alternativeNames(certificate)) {
    const identity = map.get(name);
    if (identity === undefined || identity === found) continue;
    if (found !== null) return null;
    found = identity;
  }
  return found;
}

/** The names in a certificate that can be mapped; none when it is malformed or has the extension twice. */
export function alternativeNames(certificate: Uint8Array): string[] {
  try {
    const extension = extensionOf(certificate);
    if (extension === null) return [];
    const [sequence, ...more] = readDer(extension);
    if (sequence?.tag !== TAG.sequence || more.length > 0) return [];
    return readDer(sequence.content).flatMap(({ tag, content }) => {
      const kind = KINDS.get(tag);
      const isPrintable = content.length > 0 && content.every((byte) => byte > 0x20 && byte < 0x7f);
      return kind === undefined || !isPrintable
        ? []
        : [`${kind}:${String.fromCharCode(...content)}`];
    });
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}

/** The content of the extension with the names; null when there is none, or more than one. */
function extensionOf(certificate: Uint8Array): Uint8Array | null {
  const whole = only(readDer(certificate));
  const signed = readDer(whole)[0]?.content ?? new Uint8Array(0);
  const extensions = readDer(signed).filter(({ tag }) => tag === EXTENSIONS);
  const found = extensions.flatMap(({ content }) => readDer(only(readDer(content))))
    .map(({ content }) => readDer(content))
    .filter(([id]) => id?.tag === TAG.objectId && hexOf(id.content) === SUBJECT_ALTERNATIVE_NAME);
  const value = found.length === 1 ? found[0].at(-1) : undefined;
  return value?.tag === TAG.octetString ? value.content : null;
}

function only(values: readonly { readonly content: Uint8Array }[]): Uint8Array {
  if (values.length !== 1) throw new RangeError("one value was expected");
  return values[0].content;
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
