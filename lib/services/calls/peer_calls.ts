/**
 * What the calls keep for one peer: its side of calls under way, and the method that it called last.
 */
import { invalidArgument } from "../../base/errors.ts";
import { decodeText } from "../../base/utf8_text.ts";
import { CallEndpoint } from "../../logic/calls/call_lists.ts";
import { checkMethod } from "../../logic/calls/method_table.ts";
import { isUtf8 } from "../../wire/utf8.ts";
import type { Peer } from "../connection/peer.ts";

/** One peer's calls. */
class PeerCalls {
  readonly endpoint: CallEndpoint<Peer>;
  #methodBytes: Uint8Array = new Uint8Array(0);
  #method = "";

  constructor(session: Peer) {
    this.endpoint = new CallEndpoint(session, session.isNode);
  }

  /** The method name from `start` to `end`, checked; a text is made only when it differs from the last. */
  methodName(bytes: Uint8Array, start: number, end: number): string {
    const last = this.#methodBytes;
    let same = end - start === last.length && end > start;
    for (let index = 0; same && index < last.length; index++) {
      same = last[index] === bytes[start + index];
    }
    if (same) return this.#method;
    if (!isUtf8(bytes, start, end)) throw invalidArgument("cannot call a method that is not UTF-8");
    const method = decodeText(bytes.subarray(start, end));
    checkMethod(method);
    this.#methodBytes = bytes.slice(start, end);
    return this.#method = method;
  }
}

/** What the calls keep for `session`; made with the first use. */
export function callsOf(session: Peer): PeerCalls {
  return (session.slots.calls ??= new PeerCalls(session)) as PeerCalls;
}

/** What the calls keep for a peer; null when it has neither called nor answered. */
export function knownCallsOf({ slots }: Peer): PeerCalls | null {
  return slots.calls as PeerCalls | null;
}
