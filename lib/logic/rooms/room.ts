/**
 * One room: its members and its topic line, and what may be said in it.
 *
 * Pure: it decides and remembers, and knows nothing of connections or of the history. Members are owners,
 * compared by identity; each is a member at most once.
 */
import { ErrorCode, invalidArgument, ParleyError } from "../../base/errors.ts";
import { characterName, quote } from "../../base/quote.ts";

/** The longest room name. */
export const MAX_ROOM_NAME_CHARACTERS = 64;
/** The longest text of a message. */
export const MAX_TEXT_BYTES = 4096;
/** The longest topic line. */
export const MAX_TOPIC_LINE_BYTES = 256;
const ROOM_NAME = /^[a-z0-9_-]+$/;
const ROOM_FORM = `1 to ${MAX_ROOM_NAME_CHARACTERS} of a-z 0-9 _ -`;
/** What no text may hold: control characters but for the tab, line ends, and bidirectional controls. */
const FORBIDDEN = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u;
/** What can be seen: no white space, nothing that is shown as nothing, and not the pattern of no dots. */
const VISIBLE = /[^\p{White_Space}\p{Default_Ignorable_Code_Point}\u2800]/u;
const encoder = new TextEncoder();

/** Raises INVALID_ARGUMENT when `name` is no name for a room. */
export function checkRoomName(name: string): void {
  const fault = name === ""
    ? "the name of a room is not empty"
    : name.length > MAX_ROOM_NAME_CHARACTERS
    ? `the name of a room has at most ${MAX_ROOM_NAME_CHARACTERS} characters`
    : !ROOM_NAME.test(name)
    ? 'the name of a room has letters from a to z, digits, "_" and "-" only'
    : null;
  if (fault === null) return;
  throw invalidArgument(`cannot use the room ${quote(name)}: ${fault}`, { accepted: ROOM_FORM });
}

/** Gives what somebody says in the form of `checkText`. Raises INVALID_ARGUMENT when there is nothing to see in it, too. */
export function checkMessage(text: string, action: string): string {
  const said = checkText(text, MAX_TEXT_BYTES, action);
  if (VISIBLE.test(said)) return said;
  throw invalidArgument(`cannot ${action} nothing: the text is empty`, {
    accepted: "text with something in it to read",
  });
}

/**
 * Gives a text in the form in which it is kept (NFC, tabs as spaces). Raises INVALID_ARGUMENT when it is
 * too long, or holds what could harm a terminal or turn the text around.
 */
export function checkText(text: string, maxBytes: number, action: string): string {
  const normal = text.normalize("NFC").replaceAll("\t", " ");
  const bytes = encoder.encode(normal).length;
  if (bytes > maxBytes) {
    throw invalidArgument(`cannot ${action} ${bytes} bytes`, {
      accepted: `at most ${maxBytes} bytes`,
    });
  }
  const bad = FORBIDDEN.exec(normal);
  if (bad !== null) {
    throw invalidArgument(`cannot ${action} text with ${characterName(bad[0])}`, {
      accepted: "text without control characters and bidirectional controls",
    });
  }
  return normal;
}

/** Somebody in a room. */
export interface RoomMember {
  /** When they came, in milliseconds since 1970. */
  readonly joinedMs: number;
}

/** One room. */
export class Room<O> {
  readonly name: string;
  /** The topic line, or empty. */
  topicLine = "";
  readonly #members = new Map<O, RoomMember>();
  readonly #maxMembers: number;

  /** `maxMembers` is Infinity for no limit. */
  constructor(name: string, maxMembers: number) {
    this.name = name;
    this.#maxMembers = maxMembers;
  }

  /** How many are there. */
  get online(): number {
    return this.#members.size;
  }

  /** Who is there, and since when, in the order of coming. */
  get members(): ReadonlyMap<O, RoomMember> {
    return this.#members;
  }

  /** Takes `owner` in; gives false when it is there already. Raises RESOURCE_EXHAUSTED when it is full. */
  join(owner: O, nowWallMs: number): boolean {
    if (this.#members.has(owner)) return false;
    if (this.#members.size >= this.#maxMembers) {
      throw new ParleyError(
        ErrorCode.RESOURCE_EXHAUSTED,
        `cannot join "${this.name}": the room is full`,
        {
          accepted: `at most ${this.#maxMembers} members`,
          retryable: true,
          limit: "room_members",
        },
      );
    }
    this.#members.set(owner, { joinedMs: nowWallMs });
    return true;
  }

  /** Lets `owner` go; gives false when it is not there. */
  leave(owner: O): boolean {
    return this.#members.delete(owner);
  }

  /** Raises FAILED_PRECONDITION unless `owner` is a member. */
  checkMember(owner: O, action: string): void {
    if (this.#members.has(owner)) return;
    throw new ParleyError(
      ErrorCode.FAILED_PRECONDITION,
      `cannot ${action} in "${this.name}": join the room first`,
    );
  }
}
