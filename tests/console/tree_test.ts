/**
 * The tree of topics as the console shows it: rows of what is open, and that there is more.
 */
import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { hasBelow, openLevels, treeRows } from "../../console/pages/topics/tree.ts";
import { TopicLevelSchema } from "../../lib/gen/parley/v1/topic_pb.ts";

const level = (name: string, topics = 1n, isTopic = false) =>
  create(TopicLevelSchema, { name, topics, isTopic });

Deno.test("the rows of a tree are those of open levels, in their order and depth", () => {
  const read = new Map([
    ["", { levels: [level("a", 3n), level("b", 1n, true)], more: false }],
    ["a", { levels: [level("a.x", 2n), level("a.y", 1n, true)], more: true }],
    ["a.x", { levels: [level("a.x.1", 1n, true)], more: false }],
  ]);
  const names = (open: string[]) =>
    treeRows(read, new Set(open)).map(({ name, depth, level }) =>
      `${depth} ${name}${level === null ? " more" : ""}`
    );
  assert.deepEqual(names([]), ["0 a", "0 b"]);
  assert.deepEqual(names(["a"]), ["0 a", "1 a.x", "1 a.y", "1 a more", "0 b"]);
  assert.deepEqual(names(["a", "a.x", "a.y"]), [
    "0 a",
    "1 a.x",
    "2 a.x.1",
    "1 a.y",
    "1 a more",
    "0 b",
  ]);
});

Deno.test("a level below one that is closed is not open", () => {
  assert.deepEqual(openLevels(["a", "a.b", "x.y", "a.b.c.d"]), ["a", "a.b"]);
});

Deno.test("there is something below a level that is more than a topic", () => {
  assert.equal(hasBelow(level("a", 1n, true)), false);
  assert.equal(hasBelow(level("a", 1n)), true);
  assert.equal(hasBelow(level("a", 2n, true)), true);
});
