/**
 * Over random rules that change again and again, subscriptions and events: what is delivered was allowed when it was
 * published, live, to groups and out of the history.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { stringify } from "smol-toml";
import { BusClient } from "../support/bus_client.ts";
import { publish, subscribe } from "../support/bus_messages.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { echoMessage } from "../support/frames.ts";
import { enterBus, user } from "../support/users.ts";
import { allows, matches, type ModelRules } from "./permission_model.ts";

const word = fc.constantFrom("a", "b", "x");
const pattern = fc.tuple(
  fc.array(fc.constantFrom("a", "b", "*"), { maxLength: 1 }),
  fc.constantFrom("a", "x", "*", ">"),
)
  .map(([front, last]) => [...front, last].join("."));
/** Wide enough that something is allowed most of the time. */
const wide = fc.oneof(pattern, fc.constantFrom(">", "a.>", "*"));
const rules = fc.record({
  allow: fc.array(wide, { minLength: 1, maxLength: 3 }),
  deny: fc.array(pattern, { maxLength: 2 }),
});
const step = fc.oneof(
  fc.record({ do: fc.constant("change" as const), rules }),
  fc.record({
    do: fc.constant("subscribe" as const),
    pattern: wide,
    group: fc.constantFrom("", "", "g"),
    all: fc.boolean(),
  }),
  fc.record({
    do: fc.constant("publish" as const),
    topic: fc.array(word, { minLength: 1, maxLength: 2 }),
  }),
  fc.record({
    do: fc.constant("publish" as const),
    topic: fc.array(word, { minLength: 1, maxLength: 2 }),
  }),
);

const WRITER = { allow: { publish: ">" } };

/** A server whose rules of the user "reader" can be others at any time. */
class Changing implements AsyncDisposable {
  rules: ModelRules = { allow: [], deny: [] };
  private constructor(readonly server: TestServer, readonly file: string, readonly head: string) {}

  static async start(): Promise<Changing> {
    const file = await Deno.makeTempFile({ prefix: "parley-rules-" });
    const head = stringify({
      users: [await user("reader", "reader"), await user("writer", "writer")],
    });
    await Deno.writeTextFile(file, `${head}\n${rolesOf({ allow: [], deny: [] })}`);
    const server = await startServer({ auth: { users_file: file }, keep: [{ pattern: "a.>" }] });
    return new Changing(server, file, head);
  }

  async change(rules: ModelRules): Promise<void> {
    await Deno.writeTextFile(this.file, `${this.head}\n${rolesOf(rules)}`);
    await this.server.server.reload();
    this.rules = rules;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.file);
  }
}

function rolesOf({ allow, deny }: ModelRules): string {
  return stringify({
    roles: {
      reader: { allow: { subscribe: [...allow] }, deny: { subscribe: [...deny] } },
      writer: WRITER,
    },
  });
}

/** Whether an event of a topic may be read. */
function mayRead({ allow, deny }: ModelRules, topic: string): boolean {
  return allow.some((rule) => matches(rule, topic)) && !deny.some((rule) => matches(rule, topic));
}

/** What came, and has not been looked at. */
function taken(client: BusClient): string[] {
  const events = client.messages.splice(0).flatMap(({ message }) =>
    message.case === "event" ? [message.value.topic] : []
  );
  return events;
}

Deno.test("nothing is delivered that is not allowed at that moment, however the rules change", async () => {
  let delivered = 0;
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      await using changing = await Changing.start();
      await using writer = await enterBus(changing.server, "tcp", "writer");
      await using reader = await enterBus(changing.server, "tcp", "reader");
      for (const one of steps) {
        const before = changing.rules;
        if (one.do === "change") await changing.change(one.rules);
        else if (one.do === "publish") {
          const topic = one.topic.join(".");
          assert.equal((await writer.ask(publish({ topic }))).message.case, "ack");
        } else {
          const isKept = one.pattern.startsWith("a.") || /[*>]/.test(one.pattern);
          const start = one.all && one.group === "" && isKept
            ? { since: { case: "all", value: true } } as const
            : undefined;
          const { message } = await reader.ask(
            subscribe({ pattern: one.pattern, group: one.group, start }),
          );
          const isAllowed = allows(changing.rules, one.pattern);
          assert.equal(
            message.case === "ack",
            isAllowed,
            `${Deno.inspect(one)} ${Deno.inspect(changing.rules)}`,
          );
          if (!isAllowed) refused++;
        }
        // What was put out for the reader stands before this answer; what comes out of the history later is looked at later.
        await reader.ask(echoMessage("what was put out has come"));
        for (const topic of taken(reader)) {
          delivered++;
          // What comes out of the history comes at any time, so perhaps just before a change.
          assert.ok(
            mayRead(changing.rules, topic) || mayRead(before, topic),
            `${topic} under ${Deno.inspect(changing.rules)}`,
          );
        }
      }
    }),
    { numRuns: 30 },
  );
  assert.ok(delivered > 20 && refused > 10, `${delivered} delivered, ${refused} refused`);
});
