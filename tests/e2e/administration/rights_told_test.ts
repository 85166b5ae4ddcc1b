/**
 * Every one of the server's own methods is refused to a user of a role that says nothing, unless it stands in a list here; each refusal
 * names the permission that is missing, and that permission is what it takes. Made of the descriptors, so that a new method
 * cannot be forgotten.
 */
import assert from "node:assert/strict";
import { type DescMethod, type Message, toBinary, toJsonString } from "@bufbuild/protobuf";
import { ErrorCode } from "../../../lib/base/errors.ts";
import type { Verb } from "../../../lib/logic/access/rules.ts";
import { VERBS } from "../../../lib/logic/access/rules.ts";
import type { ConfigInput } from "../../../lib/server/config/config.ts";
import type { BusClient } from "../../support/bus_client.ts";
import { ask as askHttp } from "../../support/http_api.ts";
import { OWN_METHODS, sensibleRequest } from "../../support/own_requests.ts";
import { startServer } from "../../support/server.ts";
import { enterBus, user } from "../../support/users.ts";

/** What everybody may call: what they answer holds only what the caller may see, or changes the caller alone. */
const FOR_EVERYBODY = [
  "Demo/Echo",
  "Demo/Add",
  "Topics/List",
  "Topics/Levels",
  "Topics/Policies",
  "Queues/List",
  "Queues/Policies",
  "Rooms/Leave",
  "Rooms/List",
  "Types/List",
  "Types/Get",
  "Server/About",
  "Server/Permissions",
  "Server/Problems",
];

const nameOf = ({ parent, name }: DescMethod) => `${parent.typeName}/${name}`;
const shortNameOf = (method: DescMethod) => nameOf(method).replace("parley.v1.", "");

/** A request that needs one permission: what users may do is more than what is done with a topic. */
function requestOf({ name, input }: DescMethod): Message {
  const request = sensibleRequest(input);
  return name === "Explain" ? Object.assign(request, { user: "" }) : request;
}

/** The message of the refusal of a method; null when it is not refused for want of a permission. */
async function refusalOf(client: BusClient, method: DescMethod): Promise<string | null> {
  const payload = toBinary(method.input, requestOf(method));
  const value = { method: nameOf(method), payload };
  const { message } = await client.ask({ message: { case: "call", value } });
  const isDenied = message.case === "error" && message.value.code === ErrorCode.PERMISSION_DENIED;
  return isDenied ? message.value.message : null;
}

/** The rules that a refusal says are missing: each of them would do. */
function rulesIn(refusal: string): [verb: Verb, name: string][] {
  const told = refusal.slice(refusal.indexOf("no permission ") + "no permission ".length);
  return told.split(" or ").map((rule) => {
    const match = /^([a-z]+)(?: "(.+)")?$/.exec(rule);
    assert(match !== null && VERBS.includes(match[1] as Verb), refusal);
    return [match[1] as Verb, match[2] ?? ">"];
  });
}

Deno.test("the methods that are tested are all that a server answers", async () => {
  await using server = await startServer();
  const answer = await askHttp(server, "/v1/call/parley.v1.No/Such");
  assert.deepEqual(
    answer.json.accepted.split(", ").toSorted(),
    OWN_METHODS.map(nameOf).toSorted(),
  );
});

Deno.test("a role that says nothing may call nothing but what is for everybody, over each kind of access", async () => {
  await using server = await startServer({
    users: [await user("eve", "nothing")],
    roles: { nothing: {} },
    keep: [{ pattern: "k.>" }],
  });
  const refused = new Set<string>();
  for (const kind of ["tcp", "ws", "unix"] as const) {
    await using eve = await enterBus(server, kind, "eve");
    for (const method of OWN_METHODS) {
      const isRefused = await refusalOf(eve, method) !== null;
      assert.equal(isRefused, !FOR_EVERYBODY.includes(shortNameOf(method)), shortNameOf(method));
      if (isRefused) refused.add(shortNameOf(method));
    }
  }
  assert.equal(refused.size, OWN_METHODS.length - FOR_EVERYBODY.length);
  const authorization = `Basic ${btoa("eve:eve's secret")}`;
  for (const method of OWN_METHODS.filter((method) => refused.has(shortNameOf(method)))) {
    const body = toJsonString(method.input, requestOf(method));
    const headers = { "content-type": "application/json", authorization };
    const { status, json } = await askHttp(server, `/${nameOf(method)}`, { body, headers });
    assert.deepEqual([status, json.code], [403, "permission_denied"], shortNameOf(method));
  }
});

Deno.test("each refusal names what it takes: with that alone it is not refused, and without it always", async () => {
  const needs = new Map<DescMethod, [verb: Verb, name: string][]>();
  {
    await using server = await startServer({
      users: [await user("eve", "nothing")],
      roles: { nothing: {} },
      keep: [{ pattern: "k.>" }],
    });
    await using eve = await enterBus(server, "tcp", "eve");
    for (const method of OWN_METHODS) {
      const refusal = await refusalOf(eve, method);
      if (refusal !== null) needs.set(method, rulesIn(refusal));
    }
  }
  const users: NonNullable<ConfigInput["users"]> = [];
  const roles: NonNullable<ConfigInput["roles"]> = {};
  const all = Object.fromEntries(VERBS.map((verb) => [verb, [">"]]));
  const each = [...needs].flatMap(([method, rules], index) =>
    rules.map((rule, way) => ({ method, rules, rule, name: `u${index}-${way}` }))
  );
  for (const { rules, rule: [verb, rule], name } of each) {
    roles[`${name}-only`] = { allow: { [verb]: [rule] } };
    const deny: Record<string, string[]> = {};
    for (const [verb, rule] of rules) (deny[verb] ??= []).push(rule);
    roles[`${name}-but`] = { allow: all, deny };
    for (const which of ["only", "but"]) {
      users.push(await user(`${name}-${which}`, `${name}-${which}`));
    }
  }
  await using server = await startServer({ users, roles, keep: [{ pattern: "k.>" }] });
  const wrong: string[] = [];
  for (const { method, rule, name } of each) {
    // It would end the server.
    const isDrain = method.name === "Drain";
    for (const which of isDrain ? ["but"] as const : ["only", "but"] as const) {
      await using client = await enterBus(server, "tcp", `${name}-${which}`);
      const refusal = await refusalOf(client, method);
      if ((refusal !== null) !== (which === "but")) {
        wrong.push(`${shortNameOf(method)} ${which} ${rule.join(" ")}: ${refusal}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});
