/**
 * What is posted, to which addresses, and what counts as an answer; against real servers.
 */
import assert from "node:assert/strict";
import { HttpPoster, type HttpPosterOptions } from "../../../lib/adapters/webhooks/poster.ts";
import { keyOfSecret } from "../../../lib/adapters/webhooks/signature.ts";
import { isSigned } from "../../../examples/typescript/webhook_receiver.ts";
import type { WebhookRequest } from "../../../lib/ports/webhooks.ts";
import { testCertificate } from "../../support/certificate.ts";
import { Receiver } from "../../support/receiver.ts";
import { settles } from "../../support/until.ts";

const SECRET = `whsec_${btoa("0123456789abcdef0123456789abcdef")}`;
const OTHER = `whsec_${btoa("fedcba9876543210fedcba9876543210")}`;

async function poster(options: Partial<HttpPosterOptions> = {}): Promise<HttpPoster> {
  const { ca } = await testCertificate();
  return new HttpPoster({
    timeoutMs: 20_000,
    mayReach: () => true,
    ca,
    wallMs: () => Date.now(),
    ...options,
  });
}

function request(url: string, more: Partial<WebhookRequest> = {}): WebhookRequest {
  return {
    url,
    secrets: [SECRET],
    id: "job_1",
    queue: "mails",
    attempt: 1,
    headers: {},
    type: "",
    body: new TextEncoder().encode("hello"),
    signal: new AbortController().signal,
    ...more,
  };
}

Deno.test("webhooks: a job is posted with its headers, and signed by each secret", async () => {
  await using receiver = await Receiver.start();
  const answer = await (await poster()).post(request(receiver.url(), {
    secrets: [SECRET, OTHER],
    attempt: 3,
    type: "acme.Mail",
    headers: { "content-type": "text/plain", "color": "red", "x\r\ny": "no" },
  }));
  assert.deepEqual(answer, { status: 204, retryAfter: "" });
  const [{ method, path, headers, body }] = receiver.received;
  assert.deepEqual([method, path], ["POST", "/jobs?a=b"]);
  assert.equal(headers.get("host"), `localhost:${receiver.port}`);
  assert.equal(headers.get("content-type"), "text/plain");
  assert.equal(headers.get("parley-header-color"), "red");
  assert.equal(headers.get("parley-type"), "acme.Mail");
  assert.equal(headers.get("parley-queue"), "mails");
  assert.equal(headers.get("parley-attempt"), "3");
  assert.equal(headers.get("webhook-id"), "job_1");
  for (const secret of [SECRET, OTHER]) assert(isSigned(headers, body, secret));
  assert(!isSigned(headers, new Uint8Array(1), SECRET), "another body");
  assert(!isSigned(headers, body, `whsec_${btoa("0".repeat(32))}`), "another secret");
  const late = new Headers(headers);
  late.set("webhook-timestamp", `${Number(headers.get("webhook-timestamp")) - 301}`);
  assert(!isSigned(late, body, SECRET), "another time");
});

Deno.test("webhooks: a secret is 24 to 64 bytes in base64 behind whsec_", () => {
  assert.equal(keyOfSecret(SECRET)?.length, 32);
  for (const bytes of [24, 64]) {
    assert.equal(keyOfSecret(`whsec_${btoa("x".repeat(bytes))}`)?.length, bytes);
  }
  for (
    const secret of [
      "",
      "whsec_",
      SECRET.slice(6),
      "whsec_!",
      `whsec_${btoa("x".repeat(23))}`,
      `whsec_${btoa("x".repeat(65))}`,
    ]
  ) {
    assert.equal(keyOfSecret(secret), null, secret);
  }
});

Deno.test("webhooks: redirects are answers, and not followed", async () => {
  await using other = await Receiver.start();
  await using receiver = await Receiver.start(() =>
    new Response(null, { status: 307, headers: { location: other.url() } })
  );
  assert.equal((await (await poster()).post(request(receiver.url()))).status, 307);
  assert.equal(other.received.length, 0);
});

Deno.test("webhooks: Retry-After is handed on, unless it is very long", async () => {
  await using receiver = await Receiver.start((_, number) =>
    new Response("busy", {
      status: 503,
      headers: { "retry-after": number === 1 ? "7" : "1".repeat(65) },
    })
  );
  const posts = await poster();
  assert.deepEqual(await posts.post(request(receiver.url())), { status: 503, retryAfter: "7" });
  assert.deepEqual(await posts.post(request(receiver.url())), { status: 503, retryAfter: "" });
});

Deno.test("webhooks: an address that may not be reached gets nothing", async () => {
  await using receiver = await Receiver.start();
  const posts = await poster({ mayReach: (address) => address === "192.0.2.1" });
  for (
    const hostname of [
      "localhost",
      "127.0.0.1",
      "[::1]",
      "[::ffff:127.0.0.1]",
      "0x7f.1",
      "2130706433",
    ]
  ) {
    await assert.rejects(
      posts.post(request(receiver.url("/", hostname))),
      /not a public address/,
      hostname,
    );
  }
  // One address that may be reached does not help against another that may not.
  const both = [{ address: "192.0.2.1", family: 4 }, { address: "127.0.0.1", family: 4 }];
  const mixed = await poster({
    mayReach: (address) => address === "192.0.2.1",
    resolve: () => Promise.resolve(both),
  });
  await assert.rejects(mixed.post(request(receiver.url("/", "example.test"))), /127\.0\.0\.1/);
  assert.equal(receiver.received.length, 0);
});

Deno.test("webhooks: a name is resolved once, and the connection goes to what was looked at", async () => {
  await using receiver = Receiver.plain();
  await using other = Receiver.plain();
  let asked = 0;
  const posts = await poster({
    mayReach: (address) => address === "127.0.0.1",
    // The second answer would lead elsewhere.
    resolve: () =>
      Promise.resolve([{ address: asked++ === 0 ? "127.0.0.1" : "127.0.0.2", family: 4 }]),
  });
  await posts.post(request(receiver.url("/", "rebinding.test")));
  assert.equal(asked, 1);
  assert.equal(receiver.received[0].headers.get("host"), `rebinding.test:${receiver.port}`);
  await assert.rejects(posts.post(request(other.url("/", "rebinding.test"))), /127\.0\.0\.2/);
  assert.equal(other.received.length, 0);
});

Deno.test("webhooks: a certificate that is not of the receiver's name, or of nobody known, is refused", async () => {
  await using receiver = await Receiver.start();
  const known = await poster({
    resolve: () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]),
  });
  await assert.rejects(known.post(request(receiver.url("/", "other.test"))), /certificate/);
  const unknown = await poster({ ca: null });
  await assert.rejects(unknown.post(request(receiver.url())), /certificate/);
  assert.equal(receiver.received.length, 0);
});

Deno.test("webhooks: an answer has a deadline, a given-up request ends, and neither leaves anything", async () => {
  const { promise, resolve } = Promise.withResolvers<Response>();
  await using receiver = await Receiver.start(() => promise);
  try {
    const posts = await poster({ timeoutMs: 50 });
    await assert.rejects(posts.post(request(receiver.url())), /no answer within 50 ms/);
    await receiver.came(1);
    const abort = new AbortController();
    const posting = (await poster()).post(request(receiver.url(), { signal: abort.signal }));
    await receiver.came(2);
    abort.abort();
    await assert.rejects(settles(posting, "the end"), /given up/);
    await assert.rejects(posts.post(request(receiver.url(), { signal: abort.signal })), /given up/);
    const never = await poster({ timeoutMs: 50, resolve: () => new Promise(() => {}) });
    await assert.rejects(never.post(request(receiver.url())), /no answer within 50 ms/);
  } finally {
    resolve(new Response());
  }
});

Deno.test("webhooks: a status counts, however long its body goes on", async () => {
  const ends: (() => void)[] = [];
  await using receiver = await Receiver.start(() => {
    let isOver = false;
    ends.push(() => isOver = true);
    return new Response(
      new ReadableStream({
        pull: (to) => isOver ? to.close() : to.enqueue(new Uint8Array(4096)),
        cancel: () => void (isOver = true),
      }),
    );
  });
  assert.equal((await (await poster()).post(request(receiver.url()))).status, 200);
  ends.forEach((end) => end());
});

Deno.test("webhooks: what is no answer is an error that names neither URL nor secret", async () => {
  const talks = ["", "HTTP/1.1 200 OK\r\nContent-Le", "not HTTP at all\r\n\r\n"];
  for (const talk of talks) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const talking = (async () => {
      const connection = await listener.accept();
      await connection.read(new Uint8Array(1024));
      await connection.write(new TextEncoder().encode(talk));
      connection.close();
    })();
    const url = `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/secret-path`;
    const failed = await (await poster()).post(request(url)).then(() => null, (error) => error);
    assert(failed instanceof Error);
    assert.doesNotMatch(failed.message, /secret-path|whsec_/);
    await talking;
    listener.close();
  }
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr as Deno.NetAddr;
  closed.close();
  await assert.rejects(
    (await poster()).post(request(`http://127.0.0.1:${port}/`)),
    /refused the connection/,
  );
});
