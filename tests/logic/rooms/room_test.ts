/**
 * One room, and what may be said in it.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ErrorCode, ParleyError } from "../../../lib/base/errors.ts";
import {
  checkMessage,
  checkRoomName,
  checkText,
  MAX_ROOM_NAME_CHARACTERS,
  MAX_TEXT_BYTES,
  Room,
} from "../../../lib/logic/rooms/room.ts";

function refused(run: () => unknown, code: ErrorCode, reason: RegExp): void {
  assert.throws(run, (error) => {
    assert(error instanceof ParleyError);
    assert.equal(error.code, code);
    assert.match(error.message, reason);
    return true;
  });
}

const { INVALID_ARGUMENT } = ErrorCode;

Deno.test("a room has a name of 1 to 64 small letters, digits, - and _", () => {
  for (const name of ["a", "tea-time_2", "x".repeat(MAX_ROOM_NAME_CHARACTERS)]) checkRoomName(name);
  refused(() => checkRoomName(""), INVALID_ARGUMENT, /not empty/);
  refused(() => checkRoomName("x".repeat(65)), INVALID_ARGUMENT, /at most 64/);
  for (const name of ["Tea", "a.b", "a b", "é", "*", ">", "a\u001b"]) {
    refused(() => checkRoomName(name), INVALID_ARGUMENT, /letters from a to z/);
  }
});

Deno.test("text is kept in NFC, with tabs as spaces", () => {
  assert.equal(checkText("e\u0301\tx", 10, "say"), "é x");
  assert.equal(checkText("👩‍👩‍👧", 100, "say"), "👩‍👩‍👧", "joiners stay");
});

Deno.test("text of the limit passes, one byte more does not, counted as it is kept", () => {
  const full = "é".repeat(MAX_TEXT_BYTES / 2);
  assert.equal(checkMessage(full, "say"), full);
  assert.equal(checkMessage("e\u0301".repeat(MAX_TEXT_BYTES / 2), "say"), full);
  refused(() => checkMessage(`${full}x`, "say"), INVALID_ARGUMENT, /say 4097 bytes/);
  checkMessage(full.slice(1), "say");
});

Deno.test("control characters, line ends and bidirectional controls are refused by their name", () => {
  const bad: [string, string][] = [
    ["\u0000", "U+0000"],
    ["\u0007", "U+0007"],
    ["\u001b]52;c;aGk=\u0007", "U+001B"],
    ["\u007f", "U+007F"],
    ["\u009b2J", "U+009B"],
    ["\n", "U+000A"],
    ["\r", "U+000D"],
    ["\u2028", "U+2028"],
    ["\u202e", "U+202E"],
    ["\u2066", "U+2066"],
    ["\u200f", "U+200F"],
    ["\u061c", "U+061C"],
  ];
  for (const [text, name] of bad) {
    refused(
      () => checkText(`a${text}b`, 100, "say"),
      INVALID_ARGUMENT,
      RegExp(name.replace("+", "\\+")),
    );
  }
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    let kept: string;
    try {
      kept = checkText(text, 1000, "say");
    } catch {
      return;
    }
    assert.doesNotMatch(kept, /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u);
    assert.equal(kept, kept.normalize("NFC"));
  }));
});

Deno.test("a message has something in it to read", () => {
  for (const blank of ["", " ", "\t \t", "\u200b", "\u2800", "\u3164", "\u00ad \ufeff"]) {
    refused(() => checkMessage(blank, "say"), INVALID_ARGUMENT, /cannot say nothing/);
  }
  assert.equal(checkText("", 10, "set a topic line of"), "", "a topic line may be empty");
});

Deno.test("a member is there once, and a full room says how many it takes", () => {
  const room = new Room<string>("tea", 2);
  assert.equal(room.join("one", 5), true);
  assert.equal(room.join("one", 6), false);
  assert.equal(room.members.get("one")!.joinedMs, 5);
  room.join("two", 7);
  refused(() => room.join("three", 8), ErrorCode.RESOURCE_EXHAUSTED, /full/);
  assert.throws(() => room.join("three", 8), { accepted: "at most 2 members", retryable: true });
  assert.equal(room.join("two", 9), false, "who is there already needs no place");
  assert.equal(room.leave("one"), true);
  assert.equal(room.leave("one"), false);
  assert.equal(room.join("three", 10), true);
  refused(() => room.checkMember("one", "say something"), ErrorCode.FAILED_PRECONDITION, /join/);
  room.checkMember("two", "say something");
  assert.equal(room.online, 2);
});
