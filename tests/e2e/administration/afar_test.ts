/**
 * Without users, a server is managed from its own machine alone: by every method that tells of it as a whole or changes it,
 * made of the descriptors, so that a new one cannot be forgotten.
 */
import assert from "node:assert/strict";
import type { DescMethod } from "@bufbuild/protobuf";
import { Admin } from "../../../lib/gen/parley/v1/admin_pb.ts";
import { Services } from "../../../lib/gen/parley/v1/service_pb.ts";
import { Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { Users } from "../../../lib/gen/parley/v1/user_pb.ts";
import { ask } from "../../support/http_api.ts";
import { startServer } from "../../support/server.ts";

const MANAGING: readonly DescMethod[] = [
  ...[Admin, Services, Users].flatMap(({ methods }) => methods),
  Topics.method.explain,
];
const JSON_TYPE = { "content-type": "application/json" };
const FROM_AFAR = { ...JSON_TYPE, "x-forwarded-for": "192.0.2.1" };

Deno.test("who comes through a proxy manages nothing of a server without users, by no method", async () => {
  await using server = await startServer();
  for (const { name, parent } of MANAGING) {
    const path = `/${parent.typeName}/${name}`;
    const body = JSON.stringify(name === "Explain" ? { topic: "a.b" } : {});
    const { status, json } = await ask(server, path, { body, headers: FROM_AFAR });
    assert.deepEqual([status, json.code], [403, "permission_denied"], path);
    assert.match(json.message, /through a proxy: the server has no users/);
  }
  const body = JSON.stringify({ topic: "a.b" });
  const near = await ask(server, "/parley.v1.Topics/Explain", { body, headers: JSON_TYPE });
  assert.equal(near.status, 200, "its own machine may");
});
