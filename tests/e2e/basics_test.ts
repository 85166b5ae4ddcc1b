/**
 * The first things anybody does, over every listener: connect, echo, add, many at once, and all of them
 * side by side on one server.
 */
import assert from "node:assert/strict";
import { addMessage, contentOf, echoMessage, helloMessage } from "../support/frames.ts";
import type { ListenerKind } from "../../lib/ports/link.ts";
import { ALL_KINDS, startServer, type TestServer } from "../support/server.ts";
import { SocketClient } from "../support/socket_client.ts";
import { until } from "../support/until.ts";

type Scenario = (server: TestServer, kind: ListenerKind) => Promise<void>;

const scenarios: Record<string, Scenario> = {
  async "one client connects and leaves"(server, kind) {
    const before = server.stats().connectionsTotal;
    using client = await SocketClient.connect(server, kind);
    await until(() => server.stats().connectionsTotal > before, "the connection is taken");
    client.close();
  },

  async "one echo"(server, kind) {
    using client = await SocketClient.connect(server, kind);
    const answer = await client.request(echoMessage("Hello, World!"));
    assert.equal(contentOf(answer, "echoMessage").content, "Hello, World!");
  },

  async "several echoes, one after the other and pipelined"(server, kind) {
    using client = await SocketClient.connect(server, kind);
    const texts = ["", "a", "größer", "🎉".repeat(50), "\0\r\n", "x".repeat(2000)];
    for (const text of texts) {
      const answer = await client.request(echoMessage(text));
      assert.equal(contentOf(answer, "echoMessage").content, text);
    }
    await client.sendMessages(...texts.map((text) => echoMessage(text)));
    for (const text of texts) {
      assert.equal(contentOf(await client.readMessage(), "echoMessage").content, text);
    }
  },

  async "add, negative too"(server, kind) {
    using client = await SocketClient.connect(server, kind);
    for (const [a, b] of [[1, 2], [-5, 3], [0, 0], [2 ** 31 - 1, -(2 ** 31)], [-1, -1]]) {
      const answer = await client.request(addMessage(a, b));
      assert.equal(contentOf(answer, "addResponse").result, a + b);
    }
  },

  async "several clients at once, each with its own answers"(server, kind) {
    await Promise.all(Array.from({ length: 20 }, async (_, number) => {
      using client = await SocketClient.connect(server, kind);
      for (let round = 0; round < 20; round++) {
        const text = `client ${number} round ${round}`;
        const echo = await client.request(echoMessage(text));
        assert.equal(contentOf(echo, "echoMessage").content, text);
        const sum = await client.request(addMessage(number, round));
        assert.equal(contentOf(sum, "addResponse").result, number + round);
      }
    }));
  },
};

for (const kind of ALL_KINDS) {
  for (const [name, run] of Object.entries(scenarios)) {
    Deno.test(`${kind}: ${name}`, async () => {
      await using server = await startServer();
      await run(server, kind);
      assert.equal(server.stats().internalErrors, 0);
    });
  }
}

Deno.test("everything over every listener, side by side on one server", async () => {
  await using server = await startServer();
  await Promise.all(
    ALL_KINDS.flatMap((kind) => Object.values(scenarios).map((run) => run(server, kind))),
  );
  await until(() => server.stats().connectionsOpen === 0, "all are gone");
  const stats = server.stats();
  assert.equal(stats.internalErrors + stats.requestsRefused + stats.protocolErrors, 0);
  assert.equal(stats.messagesIn, stats.messagesOut);
});

Deno.test("a hello is answered with a welcome, and sessions have names of their own", async () => {
  await using server = await startServer();
  const names = new Set<string>();
  for (const kind of ["tcp", "unix", "tcp"] as const) {
    using client = await SocketClient.connect(server, kind);
    const answer = await client.request(helloMessage({ clientName: "test" }, 5n));
    assert.equal(answer.id, 5n);
    const welcome = contentOf(answer, "welcome");
    assert.equal(welcome.serverId, server.server.serverId);
    names.add(welcome.sessionId);
  }
  assert.equal(names.size, 3);
});
