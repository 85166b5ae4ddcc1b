/**
 * Certificates are replaced under load: nobody is dropped, and what is broken changes nothing and is reported.
 */
import assert from "node:assert/strict";
import { makeCertificate } from "../../lib/adapters/tls/dev_certificate.ts";
import { contentOf, echoMessage } from "../support/frames.ts";
import { LogRecords } from "../support/log_records.ts";
import { startServer } from "../support/server.ts";
import { SocketClient } from "../support/socket_client.ts";
import { until } from "../support/until.ts";

const RELOADS = Number(Deno.env.get("TLS_RELOADS") ?? 40);
const CLIENTS = 8;

Deno.test("certificates are reloaded under load, also broken ones, and nobody is dropped", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-reload-" });
  const [first, second] = [await makeCertificate(Date.now()), await makeCertificate(Date.now())];
  const files = { certificate: `${folder}/c.pem`, key: `${folder}/k.pem` };
  const write = async (certificate: string, key: string) => {
    await Deno.writeTextFile(files.certificate, certificate);
    await Deno.writeTextFile(files.key, key);
  };
  try {
    await write(first.certificate, first.key);
    using logs = new LogRecords();
    await using server = await startServer({ tls: files });
    const port = server.port("tls");
    const caCerts = [first.ca, second.ca];
    const connect = async () => {
      const connection = await Deno.connectTls({ hostname: "127.0.0.1", port, caCerts });
      await connection.handshake();
      return new SocketClient(connection, "delimited", 65_536);
    };
    let over = false;
    let asked = 0;
    const load = Array.from({ length: CLIENTS }, async () => {
      using client = await connect();
      while (!over) {
        const answer = await client.request(echoMessage(`${asked++}`));
        contentOf(answer, "echoMessage");
      }
    });
    let refused = 0;
    for (let round = 0; round < RELOADS; round++) {
      const kind = round % 4;
      if (kind === 0) await write(second.certificate, second.key);
      else if (kind === 1) await write(first.certificate, second.key);
      else if (kind === 2) await write(first.certificate, first.key);
      else await write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "");
      if (kind % 2 === 0) await server.server.reload();
      else {
        await assert.rejects(server.server.reload());
        refused++;
      }
      using newcomer = await connect();
      contentOf(await newcomer.request(echoMessage("new")), "echoMessage");
    }
    await Deno.remove(files.key);
    await assert.rejects(server.server.reload());
    refused++;
    (await connect()).close();
    over = true;
    await Promise.all(load);
    assert(asked > RELOADS, "there was load");
    const all = CLIENTS + RELOADS + 1;
    await until(() => server.stats().connectionsTotal === all, "all were served");
    assert.equal(server.stats().internalErrors, 0);
    const errors = logs.records.filter(({ level }) => level === "error");
    assert.equal(errors.length, refused);
    for (const { rawMessage } of errors) {
      assert.match(`${rawMessage}`, /the former stays in (use|force)/);
    }
    await until(() => server.stats().connectionsOpen === 0, "all are gone");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("files that change are read again by themselves", async () => {
  const folder = await Deno.makeTempDir({ prefix: "parley-reload-" });
  const [first, second] = [await makeCertificate(Date.now()), await makeCertificate(Date.now())];
  const files = { certificate: `${folder}/c.pem`, key: `${folder}/k.pem` };
  try {
    await Deno.writeTextFile(files.certificate, first.certificate);
    await Deno.writeTextFile(files.key, first.key);
    await using server = await startServer({ tls: files });
    const trusts = async (ca: string) => {
      const hostname = "127.0.0.1";
      const connection = await Deno.connectTls({
        hostname,
        port: server.port("tls"),
        caCerts: [ca],
      });
      try {
        await connection.handshake();
        return true;
      } catch {
        return false;
      } finally {
        connection.close();
      }
    };
    assert(await trusts(first.ca));
    await Deno.writeTextFile(files.certificate, second.certificate);
    await Deno.writeTextFile(files.key, second.key);
    let isNew = false;
    while (!isNew) isNew = await trusts(second.ca);
    assert.equal(await trusts(first.ca), false);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
