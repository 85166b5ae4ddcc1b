/**
 * Every adapter of the engine port runs the same suite.
 */
import { EngineHub } from "../../lib/adapters/memory/engine.ts";
import { NatsServers } from "../../lib/adapters/nats/connection.ts";
import { NatsEngine } from "../../lib/adapters/nats/engine.ts";
import { natsOptions } from "../support/nats_engine.ts";
import { NatsServer, withNats } from "../support/nats_server.ts";
import { testEngineContract } from "./engine_contract.ts";

testEngineContract("memory", () => {
  const hub = new EngineHub();
  return Promise.resolve({
    engine: (self) => Promise.resolve(hub.engine(self)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}, Deno.test);

testEngineContract("nats", async () => {
  const server = await NatsServer.start();
  const connections: NatsServers[] = [];
  return {
    engine(self) {
      const nats = new NatsServers(natsOptions([server.url]));
      connections.push(nats);
      nats.open();
      const options = { cluster: "test", self, heartbeatMs: 50, silenceMs: 2000 };
      return Promise.resolve(new NatsEngine(nats, options));
    },
    async [Symbol.asyncDispose]() {
      for (const nats of connections) await nats.close();
      await server.kill();
    },
  };
}, (name, fn) => Deno.test(withNats(name, fn)));
