/**
 * The clients whose durable work is done elsewhere, by their names: so that what another node has committed of theirs is told
 * from what others have published. Who does not want its own events does not get them, wherever they are kept.
 */
import { decodeText } from "../../base/utf8_text.ts";
import { FieldCursor } from "../../wire/field_cursor.ts";
import type { Peer } from "../connection/peer.ts";
import type { EventRange } from "../topics/hooks.ts";

/** The number of Event.sender. */
const SENDER_FIELD = 11;

/** The names of one server's clients. */
export class PublisherNames {
  readonly #byName = new Map<string, Peer>();
  readonly #fields = new FieldCursor();
  /** What the names of this server's sessions begin with. */
  readonly #own: Uint8Array;

  constructor(serverId: string) {
    this.#own = new TextEncoder().encode(serverId);
  }

  add(peer: Peer): void {
    this.#byName.set(peer.sessionId, peer);
  }

  remove(peer: Peer): void {
    this.#byName.delete(peer.sessionId);
  }

  /** Who has published an event; null when that is nobody of this server. */
  publisherOf({ bytes, start, end }: EventRange): Peer | null {
    if (this.#byName.size === 0) return null;
    const fields = this.#fields;
    fields.open(bytes, start, end);
    while (fields.next()) {
      if (fields.field === SENDER_FIELD) {
        return this.publisherNamed(bytes, fields.start, fields.end);
      }
    }
    return null;
  }

  /** The client whose name lies from `start` to `end`; null when that is nobody of this server. */
  publisherNamed(bytes: Uint8Array, start: number, end: number): Peer | null {
    if (this.#byName.size === 0 || !this.#isOwn(bytes, start, end)) return null;
    return this.#byName.get(decodeText(bytes.subarray(start, end))) ?? null;
  }

  /** Whether a name is one of this server's: a text is made only then. */
  #isOwn(bytes: Uint8Array, start: number, end: number): boolean {
    const own = this.#own;
    if (end - start <= own.length) return false;
    for (let index = 0; index < own.length; index++) {
      if (bytes[start + index] !== own[index]) return false;
    }
    return true;
  }
}
