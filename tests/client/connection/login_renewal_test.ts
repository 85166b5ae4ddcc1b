/**
 * Tests that a client asks for credentials with each attempt to connect and before its login ends, and what it does when
 * there are none.
 */
import assert from "node:assert/strict";
import {
  type ClientCredentials,
  connect,
  ErrorCode,
  ParleyError,
} from "../../../lib/client/mod.ts";
import { jwt, makeKey, type Said } from "../../support/jwt.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { until } from "../../support/until.ts";

const key = await makeKey("ES256");

class Ground implements AsyncDisposable {
  asked = 0;
  private constructor(readonly server: TestServer, readonly file: string) {}

  static async start(): Promise<Ground> {
    const file = await Deno.makeTempFile({ prefix: "parley-jwt-", suffix: ".pem" });
    await Deno.writeTextFile(file, key.pem);
    const server = await startServer({
      roles: { all: { allow: { publish: ">", subscribe: ">" } } },
      auth: { jwt: { public_keys: file, audience: "parley", roles: "all", clock_tolerance_ms: 0 } },
    });
    return new Ground(server, file);
  }

  get url(): string {
    return `parley://127.0.0.1:${this.server.port("tcp")}`;
  }

  /** Credentials of these JWTs, one after the other, and then of the last. */
  source(...said: readonly Said[]): () => Promise<ClientCredentials> {
    return async () => ({ token: await jwt(key, said[Math.min(this.asked++, said.length - 1)]) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await Deno.remove(this.file);
  }
}

Deno.test("a login is renewed before it ends, and subscriptions go on", async () => {
  await using ground = await Ground.start();
  const statuses: string[] = [];
  await using client = await connect(ground.url, {
    credentials: ground.source({ expires: 10 }, { expires: 3600 }),
    onStatus: (status) => statuses.push(status),
  });
  const topics: string[] = [];
  await client.subscribe("a", { echo: true }, ({ topic }) => void topics.push(topic));
  await until(() => ground.asked === 2, "a renewal");
  await client.publish("a", "x");
  await until(() => topics.length > 0, "the event");
  assert.deepEqual(statuses, ["connected"]);
});

Deno.test("a renewal that fails is told, and tried again", async () => {
  await using ground = await Ground.start();
  const errors: ParleyError[] = [];
  const good = ground.source({ expires: 10 }, { expires: 3600 });
  let fails = 0;
  await using _client = await connect(ground.url, {
    credentials: async () => {
      if (ground.asked === 1 && fails++ === 0) throw new Error("the login server is down");
      return await good();
    },
    onError: (error) => errors.push(error),
  });
  await until(() => ground.asked === 2, "a renewal");
  assert.equal(errors.length, 1);
  assert.equal(errors[0].code, ErrorCode.UNAVAILABLE);
  assert.match(errors[0].message, /^cannot renew the login: cannot say who the client is/);
});

Deno.test("a login that has ended is taken up again with other credentials", async () => {
  await using ground = await Ground.start();
  const statuses: string[] = [];
  await using client = await connect(ground.url, {
    credentials: ground.source(
      { expires: 5 },
      { claims: { sub: "bob" } },
      { claims: { sub: "bob" } },
      { claims: { sub: "bob" } },
      { claims: { sub: "bob" } },
    ),
    onStatus: (status) => statuses.push(status),
    onError: () => {},
  });
  await until(() => statuses.length === 3, "the reconnect");
  assert.deepEqual(statuses, ["connected", "reconnecting", "connected"]);
  assert.equal(client.welcome.user, "bob");
});

Deno.test("without credentials there is no connection, and not both kinds of them", async () => {
  await using ground = await Ground.start();
  const failing = () => Promise.reject(new Error("no"));
  const code = (expected: ErrorCode) => (error: unknown) =>
    error instanceof ParleyError && error.code === expected;
  await assert.rejects(connect(ground.url, { credentials: failing }), code(ErrorCode.UNAVAILABLE));
  const never = () => new Promise<ClientCredentials>(() => {});
  await assert.rejects(
    connect(ground.url, { credentials: never, connectTimeoutMs: 50 }),
    code(ErrorCode.DEADLINE_EXCEEDED),
  );
  const credentials = ground.source({});
  await assert.rejects(
    connect(ground.url, { credentials, token: "x" }),
    code(ErrorCode.INVALID_ARGUMENT),
  );
  await assert.rejects(
    connect(ground.url.replace("//", "//ada@"), { credentials }),
    code(ErrorCode.INVALID_ARGUMENT),
  );
  await assert.rejects(
    connect(ground.url, { credentials: ground.source({ expires: -9 }) }),
    code(ErrorCode.UNAUTHENTICATED),
  );
});
