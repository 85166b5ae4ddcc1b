/**
 * The places of one subscription, without a connection: how many are known, and what is asked for once some were forgotten.
 */
import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { Positions } from "../../../lib/client/topics/positions.ts";
import { FROM_ALL, FROM_NEW } from "../../../lib/client/topics/since.ts";
import { AckSchema } from "../../../lib/gen/parley/v1/session_pb.ts";

const MAX_POSITIONS = 1000;
const ROOM = 1 << 20;

/** The places of a subscription from the first event on, which got one event of each of so many topics. */
function placesOf(topics: number): Positions {
  const places = new Positions(FROM_ALL);
  places.acknowledged(create(AckSchema, { allKept: true, positionsComplete: true }), "epoch");
  for (let index = 0; index < topics; index++) places.took(`t.${index}`, 7n);
  return places;
}

Deno.test("as long as all places are known, other topics are told from their start", () => {
  const places = placesOf(MAX_POSITIONS);
  assert.equal(places.reopened("epoch"), "whole");
  const start = places.start(ROOM)!;
  assert.deepEqual(start.since, FROM_ALL);
  assert.equal(start.positions?.length, MAX_POSITIONS);
});

Deno.test("a topic whose place was forgotten is not told from its start again", () => {
  const places = placesOf(MAX_POSITIONS + 1);
  assert.equal(places.reopened("epoch"), "partly");
  const start = places.start(ROOM)!;
  assert.deepEqual(start.since, FROM_NEW);
  assert.equal(start.positions?.length, MAX_POSITIONS);
  assert.equal(start.positions?.some(({ topic }) => topic === "t.0"), false);
});

Deno.test("nor is one whose place does not fit into the request", () => {
  const places = placesOf(10);
  assert.equal(places.reopened("epoch"), "whole");
  const start = places.start(60)!;
  assert(start.positions!.length < 10);
  assert.deepEqual(start.since, FROM_NEW);
});
