/**
 * A person as one node of a cluster hands it on to another, and the refusals of rooms and names.
 */
import { CloseReason, ErrorCode, ParleyError } from "../../base/errors.ts";
import { quote } from "../../base/quote.ts";

/** A person, and where it is. */
export interface PersonInRooms {
  readonly name: string;
  /** What proves the name. */
  readonly token: string;
  /** The names of the rooms that the person is in. */
  readonly rooms: readonly string[];
}

/** The refusal to remove a room in which somebody is, or something is said. */
export function inUse(name: string, online: number): ParleyError {
  return new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    `cannot remove the room ${quote(name)}: ` +
      (online > 0 ? `${online} are in it` : "something is said or read in it"),
    { accepted: "a room that nobody is in" },
  );
}

/** The end of a session whose name another one has taken over. */
export function takenOver(person: string): ParleyError {
  return new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    `the name ${quote(person)} was taken over with its token, by another connection`,
    { closeReason: CloseReason.REPLACED },
  );
}

/** The end of a session that cannot have its name back, because of `reason`: its client has to ask for another one. */
export function goneFor(reason: unknown): ParleyError {
  const { code, message } = ParleyError.from(reason);
  return new ParleyError(code, `the place in the rooms is lost: ${message}`, {
    closeReason: CloseReason.SHUTDOWN,
    retryable: true,
    accepted: "another connection, and another name",
  });
}

/** The refusal to join one room more. */
export function inTooMany(room: string, count: number, most: number): ParleyError {
  return new ParleyError(
    ErrorCode.RESOURCE_EXHAUSTED,
    `cannot join "${room}": this connection is in ${count} rooms`,
    { accepted: `at most ${most} rooms a connection`, limit: "rooms" },
  );
}

/** A secret that nobody can guess. */
export function newToken(): string {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18))));
}

/** The refusal of a room that no policy keeps. */
export function notKept(room: string): ParleyError {
  return new ParleyError(
    ErrorCode.UNAVAILABLE,
    `cannot use the room "${room}": no policy keeps its history`,
  );
}

/** The refusal of somebody without a name. */
export function nameless(): ParleyError {
  return new ParleyError(
    ErrorCode.FAILED_PRECONDITION,
    "cannot take part in rooms without a name",
    { accepted: "parley.v1.Rooms/ClaimName first" },
  );
}
