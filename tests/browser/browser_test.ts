/**
 * The client library in a real browser: a page imports the bundle and connects over a WebSocket.
 *
 * The page comes from a server of the test, so its origin is a foreign one to Parley and has to be
 * configured; its Content-Security-Policy is as strict as it can be. Pages of other origins, and one whose
 * name was made to point here, are refused.
 */
import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { connect } from "../../lib/client/mod.ts";
import { bundleClient } from "../../tools/bundle_client.ts";
import { BROWSER_MS, NO_CHROMIUM, openChromium } from "../support/chromium.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { settles, until } from "../support/until.ts";
import { ownPort } from "../support/own_port.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Gives pages with the client library, on a port of its own: a foreign origin to any server. */
class PageServer implements AsyncDisposable {
  readonly port: number;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  private constructor(files: ReadonlyMap<string, { type: string; body: string }>) {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      const file = files.get(new URL(request.url).pathname);
      if (file === undefined) return new Response(null, { status: 404 });
      return new Response(file.body, {
        headers: {
          "content-type": file.type,
          "content-security-policy": "default-src 'none'; script-src 'self'; connect-src ws:",
        },
      });
    });
    this.port = this.#server.addr.port;
  }

  static async start(): Promise<PageServer> {
    const folder = await Deno.makeTempDir({ prefix: "parley-bundle-" });
    try {
      await bundleClient(`${folder}/client.js`);
      const script = (body: string) => ({ type: "text/javascript", body });
      const scenarios = new URL("./scenarios.js", import.meta.url);
      const page =
        `import * as parley from "/client.js";\nimport { scenarios } from "/scenarios.js";\n` +
        "globalThis.scenarios = scenarios(parley);\n";
      return new PageServer(
        new Map([
          ["/", {
            type: "text/html",
            body: '<!DOCTYPE html><script type="module" src="/page.js"></script>',
          }],
          ["/client.js", script(await Deno.readTextFile(`${folder}/client.js`))],
          ["/scenarios.js", script(await Deno.readTextFile(scenarios))],
          ["/page.js", script(page)],
        ]),
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }

  origin(hostname = "127.0.0.1"): string {
    return `http://${hostname}:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** A page whose scenarios can be called. */
class TestPage {
  readonly #page: Page;

  private constructor(page: Page) {
    this.#page = page;
  }

  static async open(browser: Browser, origin: string): Promise<TestPage> {
    const page = await browser.newPage();
    page.setDefaultTimeout(BROWSER_MS);
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => errors.push(message.text()));
    await page.goto(`${origin}/`);
    assert.deepEqual(errors, [], "the page has loaded");
    return new TestPage(page);
  }

  /** Calls a scenario in the page. */
  call<T>(scenario: string, ...args: unknown[]): Promise<T> {
    const call = `scenarios.${scenario}(...${JSON.stringify(args)})`;
    return settles(this.#page.evaluate<T>(call), scenario, BROWSER_MS);
  }

  seen(): Promise<{ events: unknown[]; gaps: string[]; statuses: string[]; errors: string[] }> {
    return this.call("seen");
  }

  close(): Promise<void> {
    return this.#page.close();
  }
}

async function withPage(
  run: (page: TestPage, server: TestServer, pages: PageServer, browser: Browser) => Promise<void>,
): Promise<void> {
  await using pages = await PageServer.start();
  using own = ownPort();
  const http = `127.0.0.1:${own.port}`;
  await using server = await startServer({ listen: { http, origins: pages.origin() } });
  const browser = await openChromium();
  try {
    const page = await TestPage.open(browser, pages.origin());
    await run(page, server, pages, browser);
    const { errors } = await page.seen();
    assert.deepEqual(errors, []);
  } finally {
    await browser.close();
  }
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `browser: ${name}${NO_CHROMIUM}`, ignore: NO_CHROMIUM !== "", fn });
}

const url = (server: TestServer) => `ws://127.0.0.1:${server.port("ws")}`;

test("a page echoes, adds, publishes, subscribes, calls and serves", () =>
  withPage(async (page, server, pages, browser) => {
    await using program = await connect(`parley://127.0.0.1:${server.port("tcp")}`);
    assert.equal(await page.call("open", url(server)), program.welcome.serverVersion);
    assert.equal(await page.call("echo", "hällo\u0000 🦜"), "hällo\u0000 🦜");
    assert.equal(await page.call("add", -5, 3), -2);
    assert.equal(await page.call("overflow"), "INVALID_ARGUMENT");
    const flood = await page.call("flood", 2000, 1_000_000);
    assert.deepEqual(flood, { total: 2000 * 2001 / 2, same: true });

    const subscription = await program.subscribe("from.page.>");
    const events = subscription[Symbol.asyncIterator]();
    assert.equal(await page.call("publish", "from.page.one", "hello"), 1);
    const { value } = await settles(events.next(), "the event of the page");
    assert.equal(new TextDecoder().decode(value?.payload), "hello");

    await page.call("subscribe", "to.page.*");
    const ack = await program.publish("to.page.one", bytes("hello"), { type: "acme.Hello" });
    assert.equal(ack.receivers, 1);
    await page.call("echo", "what was sent before it has come");
    const expected = [{ topic: "to.page.one", type: "acme.Hello", text: "hello" }];
    assert.deepEqual((await page.seen()).events, expected);

    const service = await program.serve("acme.Program/Answer", () => bytes("42"));
    assert.equal(await page.call("call", "acme.Program/Answer", "?"), "42");
    await page.call("serve", "acme.Page/Answer");
    const answer = await program.call("acme.Page/Answer", bytes("hello"));
    assert.equal(new TextDecoder().decode(answer.payload), "hello from the page");
    await service.stop();

    const other = await TestPage.open(browser, pages.origin());
    await other.call("open", url(server));
    assert.equal(server.stats().connectionsOpen, 3);
    await other.close();
    await page.call("close");
    await until(() => server.stats().connectionsOpen === 1, "only the program is left");
  }));

test("a page survives a restart of the server and subscribes again", () =>
  withPage(async (page, server, pages) => {
    await page.call("open", url(server));
    await page.call("subscribe", "a.>");
    const listen = { http: `127.0.0.1:${server.port("ws")}`, origins: pages.origin() };
    server.server.abort();
    await server.server.stopped;
    await page.call("had", "reconnecting");
    await using restarted = await startServer({ listen });
    assert.equal(await page.call("echo", "again"), "again");
    await using program = await connect(`parley://127.0.0.1:${restarted.port("tcp")}`);
    // The subscription is back before anything that the page asks after it.
    assert.equal((await program.publish("a.b", bytes("x"))).receivers, 1);
    await page.call("echo", "what was sent before it has come");
    const { events, gaps, statuses } = await page.seen();
    assert.equal(events.length, 1);
    assert.deepEqual(gaps, ["reconnected"]);
    assert.deepEqual(statuses, ["connected", "reconnecting", "connected"]);
  }));

test("pages of other origins, and of a name that points here, are refused", () =>
  withPage(async (page, server, pages, browser) => {
    const port = server.port("ws");
    assert.equal(await page.call("attempt", url(server)), "connected");
    // The URL for programs is no help on a page; said is which one is.
    assert.match(
      await page.call("attempt", "parley://localhost:7311"),
      /^UNIMPLEMENTED: cannot connect to parley:\/\/localhost:7311: .* use ws:\/\/localhost:7380/,
    );
    const before = server.stats().connectionsTotal;
    for (const hostname of ["localhost", "rebound.test"]) {
      const foreign = await TestPage.open(browser, pages.origin(hostname));
      for (const host of ["127.0.0.1", "localhost", "rebound.test"]) {
        const outcome = await foreign.call<string>("attempt", `ws://${host}:${port}`);
        assert.match(outcome, /^UNAVAILABLE: .*listen\.origins/, `${hostname} to ${host}`);
      }
      await foreign.close();
    }
    // A page that may connect may not do so under a name that only points here.
    assert.match(await page.call("attempt", `ws://rebound.test:${port}`), /^UNAVAILABLE/);
    assert.equal(server.stats().connectionsTotal, before);
  }));
