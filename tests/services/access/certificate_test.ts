/**
 * Tests that a client's certificate stands for a user, and what becomes of one that stands for nobody who may come.
 */
import assert from "node:assert/strict";
import { CloseReason, ErrorCode } from "../../../lib/base/errors.ts";
import { BusClient } from "../../support/bus_client.ts";
import { publish, subscribe } from "../../support/bus_messages.ts";
import { testCertificate } from "../../support/certificate.ts";
import { contentOf, echoMessage, helloMessage } from "../../support/frames.ts";
import { startServer } from "../../support/server.ts";
import { type Issued, TestAuthority } from "../../support/tls.ts";
import { user } from "../../support/users.ts";

Deno.test("a certificate stands for the user of its identity's name, and a Hello with a password for another", async () => {
  using authority = new TestAuthority();
  const file = await Deno.makeTempFile({ prefix: "parley-users-" });
  const { password } = await user("ada", "");
  const text = (disabled: boolean) =>
    `[[users]]\nname = "worker"\nroles = "works"\ndisabled = ${disabled}\n` +
    `[[users]]\nname = "ada"\nroles = "all"\npassword = "${password}"\n` +
    '[roles.works]\nallow.publish = "work"\n[roles.all]\nallow.publish = ">"\n';
  await Deno.writeTextFile(file, text(false));
  {
    await using server = await startServer({
      auth: { users_file: file },
      tls: {
        client_certificates: "optional",
        client_ca: authority.ca,
        identities: ["DNS:worker.example=worker", "DNS:gone.example=gone"],
      },
    });
    const { ca } = await testCertificate();
    const enter = async (issued: Issued | null): Promise<BusClient> => {
      const shown = issued === null ? {} : {
        cert: Deno.readTextFileSync(issued.certificate),
        key: Deno.readTextFileSync(issued.key),
      };
      const port = server.port("tls");
      const connection = await Deno.connectTls({
        hostname: "127.0.0.1",
        port,
        caCerts: [ca],
        ...shown,
      });
      const client = new BusClient({
        read: (into) => connection.read(into),
        write: (bytes) => connection.write(bytes),
        closeWrite: () => connection.closeWrite(),
        close: () => connection.close(),
      });
      client.startReading();
      return client;
    };
    await using worker = await enter(authority.issue("DNS:worker.example"));
    assert.equal((await worker.ask(publish({ topic: "work" }))).message.case, "ack");
    const denied = contentOf(await worker.ask(publish({ topic: "other" })), "error");
    assert.equal(denied.code, ErrorCode.PERMISSION_DENIED);
    const welcome = contentOf(await worker.ask(helloMessage()), "welcome");
    assert.deepEqual([welcome.user, welcome.roles], ["worker", ["works"]]);

    await using other = await enter(authority.issue("DNS:worker.example"));
    const said = helloMessage({ user: "ada", password: "ada's secret" });
    assert.equal(contentOf(await other.ask(said), "welcome").user, "ada");
    assert.equal((await other.ask(publish({ topic: "other" }))).message.case, "ack");

    // Of identities without a user, of certificates without an identity, and of none, nobody comes in.
    for (const names of ["DNS:gone.example", "DNS:nobody.example", null]) {
      await using client = await enter(names === null ? null : authority.issue(names));
      const refused = contentOf(await client.ask(subscribe("a")), "error");
      assert.equal(refused.code, ErrorCode.UNAUTHENTICATED, `${names}`);
    }

    await Deno.writeTextFile(file, text(true));
    await server.server.reload();
    await worker.whenEnded();
    const end = contentOf(worker.messages.at(-1)!, "error");
    assert.equal(end.closeReason, CloseReason.REVOKED);
    assert.equal((await other.ask(echoMessage("still here"))).message.case, "echoMessage");
  }
  await Deno.remove(file);
});
