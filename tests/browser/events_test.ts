/**
 * Server-sent events in a real browser: its EventSource goes on after a restart of the server by itself, without a gap
 * and without a duplicate.
 */
import assert from "node:assert/strict";
import { BROWSER_MS, NO_CHROMIUM, openChromium } from "../support/chromium.ts";
import { ask } from "../support/http_api.ts";
import { ownPort } from "../support/own_port.ts";
import { startServer } from "../support/server.ts";
import { settles, until } from "../support/until.ts";

/** What runs in the page: gathers what comes. */
const SCRIPT = `
globalThis.got = [];
globalThis.opened = 0;
let look = () => {};
globalThis.came = (condition) =>
  new Promise((resolve) => {
    look = () => condition() && resolve();
    look();
  });
globalThis.listen = (url) => {
  const source = new EventSource(url);
  source.onopen = () => {
    globalThis.opened++;
    look();
  };
  source.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    globalThis.got.push(event.topic + " " + event.data);
    look();
  };
};
`;

Deno.test({
  name: `browser: EventSource goes on after restarts without a gap or a duplicate${NO_CHROMIUM}`,
  ignore: NO_CHROMIUM !== "",
  async fn() {
    await using pages = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) =>
        new URL(request.url).pathname === "/page.js"
          ? new Response(SCRIPT, { headers: { "content-type": "text/javascript" } })
          : new Response('<!DOCTYPE html><script src="/page.js"></script>', {
            headers: {
              "content-type": "text/html",
              "content-security-policy": "default-src 'none'; script-src 'self'; connect-src http:",
            },
          }),
    );
    const origins = `http://127.0.0.1:${pages.addr.port}`;
    using own = ownPort();
    const data = await Deno.makeTempDir({ prefix: "parley-events-" });
    const start = () =>
      startServer({
        data,
        keep: [{ pattern: "k.>" }],
        listen: { http: `127.0.0.1:${own.port}`, origins },
      });
    let server = await start();
    const browser = await openChromium();
    try {
      const page = await browser.newPage();
      await page.goto(origins);
      const url = `http://127.0.0.1:${server.port("ws")}/v1/events?pattern=k.%3E`;
      await page.evaluate(`listen(${JSON.stringify(url)})`);
      const seen = (what: "got.length" | "opened", least: number) =>
        settles(page.evaluate(`came(() => ${what} >= ${least})`), what, BROWSER_MS);
      const published: string[] = [];
      const publish = async (count: number) => {
        for (let index = 0; index < count; index++) {
          const topic = `k.${published.length % 3}`;
          published.push(`${topic} ${published.length}`);
          await ask(server, `/v1/publish/${topic}`, { body: `${published.length - 1}` });
        }
      };
      await publish(7);
      await seen("got.length", 7);
      for (let restart = 1; restart <= 2; restart++) {
        await publish(5);
        await server[Symbol.asyncDispose]();
        server = await start();
        // While nobody listens.
        await publish(5);
        await seen("opened", restart + 1);
        await publish(5);
        await seen("got.length", published.length);
      }
      const got = await settles(page.evaluate<string[]>("globalThis.got"), "what came", BROWSER_MS);
      assert.deepEqual([...got].sort(), [...published].sort());
      await page.close();
      await until(() => server.stats().subscriptions === 0, "the stream is over");
    } finally {
      await browser.close();
      await server[Symbol.asyncDispose]();
      await Deno.remove(data, { recursive: true });
    }
  },
});
