/**
 * Tests that guessing is slowed down, and that it locks nobody out who comes from elsewhere.
 */
import assert from "node:assert/strict";
import {
  FIRST_WAIT_MS,
  FORGET_AFTER_MS,
  FREE_TRIES,
  FREE_TRIES_OF_ADDRESS,
  GuessThrottle,
  MAX_WAIT_MS,
  REMEMBER_RIGHT_MS,
} from "../../../lib/logic/access/guess_throttle.ts";

const HOME = "192.0.2.1";
const AWAY = "192.0.2.2";

function guess(throttle: GuessThrottle, account: string, address: string, nowMs: number): number {
  const waitMs = throttle.begin(account, address, nowMs);
  if (waitMs === 0) throttle.wrong(account, address, nowMs);
  return waitMs;
}

Deno.test("some wrong tries are free, each further one waits twice as long", () => {
  const throttle = new GuessThrottle();
  for (let index = 0; index < FREE_TRIES; index++) {
    assert.equal(guess(throttle, "ada", HOME, 0), 0);
  }
  let nowMs = 0;
  for (let waitMs = FIRST_WAIT_MS; waitMs < MAX_WAIT_MS; waitMs *= 2) {
    assert.equal(guess(throttle, "ada", HOME, nowMs), waitMs);
    assert.equal(guess(throttle, "ada", HOME, nowMs + waitMs - 1), 1);
    nowMs += waitMs;
    assert.equal(guess(throttle, "ada", HOME, nowMs), 0);
  }
  for (let round = 0; round < 40; round++) {
    assert.equal(throttle.begin("ada", HOME, nowMs), MAX_WAIT_MS);
    nowMs += MAX_WAIT_MS;
    assert.equal(guess(throttle, "ada", HOME, nowMs), 0);
  }
});

Deno.test("the rightful user comes in from another address, and so does another user from the same", () => {
  const throttle = new GuessThrottle();
  for (let index = 0; index < FREE_TRIES; index++) guess(throttle, "ada", HOME, 0);
  assert.notEqual(throttle.begin("ada", HOME, 0), 0);
  assert.equal(throttle.begin("ada", AWAY, 0), 0);
  throttle.right("ada", AWAY, 0);
  assert.equal(throttle.begin("bob", HOME, 0), 0);
  throttle.right("bob", HOME, 0);
  assert.notEqual(throttle.begin("ada", HOME, 0), 0);
});

Deno.test("a right password ends the wait of its account and address", () => {
  const throttle = new GuessThrottle();
  for (let index = 0; index < FREE_TRIES; index++) guess(throttle, "ada", HOME, 0);
  assert.equal(throttle.begin("ada", HOME, FIRST_WAIT_MS), 0);
  throttle.right("ada", HOME, 0);
  assert.equal(throttle.begin("ada", HOME, FIRST_WAIT_MS), 0);
  throttle.right("ada", HOME, 0);
});

Deno.test("many accounts from one address are one guesser", () => {
  const throttle = new GuessThrottle();
  for (let index = 0; index < FREE_TRIES_OF_ADDRESS; index++) {
    assert.equal(guess(throttle, `user${index}`, HOME, 0), 0);
  }
  assert.equal(throttle.begin("ada", HOME, 0), FIRST_WAIT_MS);
  assert.equal(throttle.begin("ada", AWAY, 0), 0);
});

Deno.test("who came in from an address before does not wait for the guesses of others there", () => {
  const throttle = new GuessThrottle();
  throttle.begin("ada", HOME, 0);
  throttle.right("ada", HOME, 0);
  for (let index = 0; index < FREE_TRIES_OF_ADDRESS; index++) {
    guess(throttle, `user${index}`, HOME, 0);
  }
  assert.equal(throttle.begin("bob", HOME, 0), FIRST_WAIT_MS);
  assert.equal(throttle.begin("ada", HOME, 0), 0);
  throttle.wrong("ada", HOME, 0);
  // Its own wrong tries count all the same.
  for (let index = 1; index < FREE_TRIES; index++) assert.equal(guess(throttle, "ada", HOME, 0), 0);
  assert.equal(throttle.begin("ada", HOME, 0), FIRST_WAIT_MS);
  // A long time afterwards it is like anybody.
  const later = REMEMBER_RIGHT_MS;
  for (let index = 0; index < FREE_TRIES_OF_ADDRESS; index++) {
    guess(throttle, `user${index}`, HOME, later - 1);
  }
  assert.equal(throttle.begin("ada", HOME, later - 1), 0);
  throttle.dropped("ada", HOME);
  assert.notEqual(throttle.begin("ada", HOME, later), 0);
});

Deno.test("while one has to wait, tries do not go on side by side", () => {
  const throttle = new GuessThrottle();
  for (let index = 0; index < FREE_TRIES; index++) guess(throttle, "ada", HOME, 0);
  const nowMs = FIRST_WAIT_MS;
  assert.equal(throttle.begin("ada", HOME, nowMs), 0);
  assert.equal(throttle.begin("ada", HOME, nowMs), FIRST_WAIT_MS);
  throttle.dropped("ada", HOME);
  assert.equal(throttle.begin("ada", HOME, nowMs), 0);
});

Deno.test("a try that is dropped leaves nothing behind", () => {
  const throttle = new GuessThrottle();
  for (let index = 0; index < FREE_TRIES; index++) {
    assert.equal(throttle.begin("ada", HOME, 0), 0);
    throttle.dropped("ada", HOME);
  }
  assert.equal(throttle.size, 0);
});

Deno.test("what is long ago is forgotten", () => {
  const throttle = new GuessThrottle();
  for (let index = 0; index < FREE_TRIES; index++) guess(throttle, "ada", HOME, 0);
  for (let index = 0; index < FREE_TRIES; index++) {
    assert.equal(guess(throttle, "ada", HOME, FORGET_AFTER_MS), 0);
  }
  assert.equal(throttle.begin("ada", HOME, FORGET_AFTER_MS), FIRST_WAIT_MS);
});

Deno.test("what is remembered is bounded, wrong tries and right ones", () => {
  const throttle = new GuessThrottle(100);
  for (let index = 0; index < 1000; index++) {
    throttle.begin("ada", `10.0.${index >> 8}.${index & 255}`, 0);
    throttle.right("ada", `10.0.${index >> 8}.${index & 255}`, 0);
  }
  assert.equal(throttle.size, 100);
  for (let index = 0; index < 1000; index++) {
    guess(throttle, "ada", `10.0.${index >> 8}.${index & 255}`, 0);
  }
  assert.equal(throttle.size, 300);
});

Deno.test("an address of IPv6 counts with its network", () => {
  const throttle = new GuessThrottle();
  for (let tries = 0; tries < FREE_TRIES; tries++) {
    assert.equal(guess(throttle, "ada", `2001:db8:1:2::${tries}`, 0), 0);
  }
  assert(guess(throttle, "ada", "2001:0db8:1:2:3:4:5:6", 0) > 0);
  assert.equal(guess(throttle, "ada", "2001:db8:1:3::1", 0), 0);
});
