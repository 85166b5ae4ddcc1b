/**
 * The grammar of topics, patterns, message types and group names, and what matches what.
 *
 * A topic is dot-separated levels. In a pattern `*` stands for exactly one level and `>`, as the last
 * level, for one or more. Invariants: no check costs more than the limits allow, however long its input;
 * the check of bytes and the check of text agree; matching never backtracks.
 * Non-goals: finding the subscriptions of a topic (topic_trie), and who may use a topic (access).
 */
import { invalidArgument, type ParleyError } from "../../base/errors.ts";
import { DEFAULT_LIMITS, type Limits } from "../../base/limits.ts";
import { characterName, quote } from "../../base/quote.ts";

export { matchesPattern } from "../../base/matches_pattern.ts";

/** The limits that bound topics and patterns. */
export type TopicLimits = Pick<Limits, "maxTopicBytes" | "maxTopicLevels">;

/** The longest message type. */
export const MAX_TYPE_BYTES = 256;

/** The longest group name. */
const MAX_GROUP_BYTES = 256;

/** The pattern that matches every topic; an empty pattern with a message type means this one. */
export const EVERY_TOPIC = ">";

/**
 * What no name may hold: white space and the zero-width characters that pass for it, control characters,
 * bidirectional controls, and halves of surrogate pairs, which UTF-8 cannot say.
 */
const FORBIDDEN = /[\p{White_Space}\p{Cc}\p{Bidi_Control}\p{Cs}\u200B\u2060\uFEFF]/u;
const FORBIDDEN_RULE = "no white space, control or bidirectional characters";
const TYPE = /^[A-Za-z0-9_.\/-]+$/;

const DOT = 0x2e;
const STAR = 0x2a;
const TAIL = 0x3e;
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenientUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Raises INVALID_ARGUMENT when `topic` is no topic; `action` begins the message: `cannot publish to "a.>": …`. */
export function checkTopic(
  topic: string,
  limits: TopicLimits = DEFAULT_LIMITS,
  action = "publish to",
): void {
  const fault = topicFault(topic, limits);
  if (fault !== null) throw refusal(action, topic, fault);
}

/** Raises INVALID_ARGUMENT when `pattern` is no pattern. */
export function checkPattern(
  pattern: string,
  limits: TopicLimits = DEFAULT_LIMITS,
  action = "subscribe to",
): void {
  const fault = patternFault(pattern, limits);
  if (fault !== null) throw refusal(action, pattern, fault);
}

/** Raises INVALID_ARGUMENT when `type` is no message type. Whether it may be empty, the caller decides. */
export function checkMessageType(type: string, action = "use message type"): void {
  const fault = byteFault("a message type", type, MAX_TYPE_BYTES) ??
    (TYPE.test(type) ? null : 'a message type has letters, digits, "_", ".", "-" and "/" only');
  if (fault !== null) throw refusal(action, type, fault);
}

/** Whether there can be a name that two patterns, or a pattern and a name, both match. */
export function patternsMeet(one: string, other: string): boolean {
  const ours = levelsOf(one);
  const theirs = levelsOf(other);
  for (let index = 0;; index++) {
    const [mine, its] = [ours[index], theirs[index]];
    if (mine === undefined || its === undefined) return mine === its;
    if (mine === ">" || its === ">") return true;
    if (mine !== its && mine !== "*" && its !== "*") return false;
  }
}

/** Whether the bytes from `start` to `end` are a message type, or empty. Allocates nothing. */
export function isTypeBytes(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > MAX_TYPE_BYTES) return false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    // Letters without their case bit, then digits with "." "-" "/" below them, then "_".
    const letter = (byte & 0xdf) >= 0x41 && (byte & 0xdf) <= 0x5a;
    if (!letter && !(byte >= 0x2d && byte <= 0x39) && byte !== 0x5f) return false;
  }
  return true;
}

/** Raises INVALID_ARGUMENT when `group` is no group name. */
export function checkGroup(group: string, action = "join group"): void {
  const fault = nameFault("a group name", group, MAX_GROUP_BYTES);
  if (fault !== null) throw refusal(action, group, fault);
}

/** What a Subscribe or an Unsubscribe names. */
export interface NamedSubscription {
  /** Empty, with a type, for every topic. */
  readonly pattern: string;
  /** Empty for any type. */
  readonly type: string;
  /** Empty for none. */
  readonly group: string;
}

/**
 * Checks what a Subscribe or an Unsubscribe names and gives the pattern in its one form: `>` for an empty
 * one, which needs a type. Raises INVALID_ARGUMENT.
 */
export function checkSubscription(
  { pattern, type, group }: NamedSubscription,
  limits: TopicLimits = DEFAULT_LIMITS,
  action = "subscribe to",
): string {
  if (pattern === "" && type === "") {
    const fault = "without a message type, a pattern has at least one level";
    throw refusal(action, pattern, fault, 'a pattern (">" for every topic), a type, or both');
  }
  if (pattern !== "") checkPattern(pattern, limits, action);
  if (type !== "") checkMessageType(type, `${action} type`);
  if (group !== "") checkGroup(group, `${action} ${quote(pattern)} in group`);
  return pattern === "" ? EVERY_TOPIC : pattern;
}

/** Says which rule `topic` breaks, or null when it is a topic. */
export function topicFault(topic: string, limits: TopicLimits = DEFAULT_LIMITS): string | null {
  return nameFault("a topic", topic, limits.maxTopicBytes) ??
    levelFault("a topic", topic, limits.maxTopicLevels) ??
    (/[*>]/.test(topic) ? "a topic has no wildcards" : null);
}

/** Says which rule `pattern` breaks, or null when it is a pattern. */
export function patternFault(pattern: string, limits: TopicLimits = DEFAULT_LIMITS): string | null {
  const fault = nameFault("a pattern", pattern, limits.maxTopicBytes) ??
    levelFault("a pattern", pattern, limits.maxTopicLevels);
  if (fault !== null) return fault;
  const levels = levelsOf(pattern);
  for (const [i, level] of levels.entries()) {
    if (level.includes("*") && level !== "*") return 'in a pattern "*" is a whole level';
    if (level.includes(">") && (level !== ">" || i !== levels.length - 1)) {
      return 'in a pattern ">" is the whole last level';
    }
  }
  return null;
}

/**
 * Whether the bytes from `start` to `end` are a topic. Allocates nothing while they are ASCII; from the
 * first other byte on they are decoded, which costs more but never more than the limit on bytes allows.
 */
export function isValidTopicBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: TopicLimits = DEFAULT_LIMITS,
): boolean {
  if (end - start > limits.maxTopicBytes) return false;
  let levels = 1;
  // As if a dot came before, so that an empty topic and an empty level are one case.
  let before = DOT;
  for (let i = start; i < end; i++) {
    const byte = bytes[i];
    if (byte === DOT) {
      if (before === DOT) return false;
      levels++;
    } else if (byte <= 0x20 || byte === STAR || byte === TAIL || byte === 0x7f) {
      return false;
    } else if (byte >= 0x80) {
      return topicBytesFault(bytes, start, end, limits) === null;
    }
    before = byte;
  }
  return before !== DOT && levels <= limits.maxTopicLevels;
}

/** The error for publishing to bytes that `isValidTopicBytes` refuses. */
export function topicBytesError(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: TopicLimits = DEFAULT_LIMITS,
): ParleyError {
  const fault = topicBytesFault(bytes, start, end, limits) ?? "a topic follows the rules";
  // No more than a message shows is decoded, so an oversize topic costs nothing.
  const shown = lenientUtf8.decode(bytes.subarray(start, Math.min(end, start + 1024)));
  const action = "publish to";
  return refusal(action, shown, fault);
}

function topicBytesFault(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: TopicLimits,
): string | null {
  if (end - start > limits.maxTopicBytes) {
    return tooLong("a topic", limits.maxTopicBytes);
  }
  try {
    return topicFault(strictUtf8.decode(bytes.subarray(start, end)), limits);
  } catch {
    return "a topic is valid UTF-8";
  }
}

/**
 * The levels of a topic or pattern. Not with `split`: the engine enters each part of a short result into
 * its table of unique strings, which a million levels that are numbers make slow (name_map tells more).
 */
export function levelsOf(name: string): string[] {
  const levels: string[] = [];
  let start = 0;
  for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", start)) {
    levels.push(name.slice(start, dot));
    start = dot + 1;
  }
  levels.push(name.slice(start));
  return levels;
}

/** Whether `pattern` holds a wildcard; a pattern without one matches exactly the topic of its name. */
export function hasWildcard(pattern: string): boolean {
  return pattern.includes("*") || pattern.includes(">");
}

/** Says which rule a name of at most `maxBytes` breaks, or null; `noun` begins the sentence: `a topic`. */
export function nameFault(noun: string, name: string, maxBytes: number): string | null {
  const fault = byteFault(noun, name, maxBytes);
  if (fault !== null) return fault;
  const forbidden = FORBIDDEN.exec(name);
  if (forbidden === null) return null;
  return `${noun} has ${FORBIDDEN_RULE}, this one has ${characterName(forbidden[0])}`;
}

/** An INVALID_ARGUMENT of the form `cannot ACTION "VALUE": RULE`. */
export function refusal(action: string, value: string, rule: string, accepted = rule): ParleyError {
  return invalidArgument(`cannot ${action} ${quote(value)}: ${rule}`, { accepted });
}

function byteFault(noun: string, name: string, maxBytes: number): string | null {
  if (name === "") return `${noun} is not empty`;
  // UTF-8 never has fewer bytes than UTF-16 has units, so a huge text is refused before it is counted.
  const bytes = name.length > maxBytes ? name.length : utf8Length(name);
  return bytes > maxBytes ? tooLong(noun, maxBytes) : null;
}

function tooLong(noun: string, maxBytes: number): string {
  return `${noun} has at most ${maxBytes} bytes, this one has more`;
}

function levelFault(noun: string, name: string, maxLevels: number): string | null {
  let levels = 1;
  let start = 0;
  for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", start)) {
    if (dot === start) return `${noun} has no empty level`;
    start = dot + 1;
    levels++;
  }
  if (start === name.length) return `${noun} has no empty level`;
  return levels > maxLevels
    ? `${noun} has at most ${maxLevels} levels, this one has ${levels}`
    : null;
}

function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) bytes++;
    // A surrogate pair is two units and four bytes: one more for each of its halves, counted above.
    if (unit >= 0x800 && (unit < 0xd800 || unit > 0xdfff)) bytes++;
  }
  return bytes;
}
