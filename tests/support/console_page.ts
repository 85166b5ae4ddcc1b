/**
 * The web console in a real browser: a page of it that fails its test by any error, and anything that its policy forbids.
 */
/// <reference lib="dom" />
import assert from "node:assert/strict";
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { BROWSER_MS, NO_CHROMIUM, openChromium } from "./chromium.ts";
import type { TestServer } from "./server.ts";

/** What a test may choose of the page. */
export interface ConsoleOptions extends BrowserContextOptions {
  /** What stands behind `#` in the address: `/queues`. */
  readonly place?: string;
}

/** A console that is open. */
export class ConsolePage implements AsyncDisposable {
  readonly page: Page;
  /** What went wrong in it: errors, warnings, and what the policy has stopped. */
  readonly faults: string[] = [];
  readonly #base: string;
  readonly #requests: string[] = [];

  private constructor(page: Page, base: string) {
    this.page = page;
    this.#base = base;
    page.setDefaultTimeout(BROWSER_MS);
    page.on("pageerror", (error) => this.faults.push(`error: ${error.stack ?? error.message}`));
    page.on("dialog", (dialog) => {
      this.faults.push(`dialog: ${dialog.message()}`);
      dialog.dismiss().catch(() => {});
    });
    page.on("console", (message) => {
      const isLost = /WebSocket connection to|ERR_CONNECTION_REFUSED/.test(message.text());
      if (!isLost) this.faults.push(`console: ${message.type()}: ${message.text()}`);
    });
    page.on("request", (request) => this.#requests.push(request.url()));
  }

  /** Opens the console of a server, and waits until its page is there, or what asks to log in. */
  static async open(
    browser: Browser,
    server: TestServer,
    { place = "", ...options }: ConsoleOptions = {},
  ): Promise<ConsolePage> {
    const context = await browser.newContext({
      viewport: { width: 1440, height: 900 },
      ...options,
    });
    const base = `http://127.0.0.1:${server.port("ws")}`;
    const opened = new ConsolePage(await context.newPage(), base);
    await opened.page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
      });
    });
    await opened.page.goto(`${base}/#${place}`);
    await opened.page.waitForSelector("h1");
    return opened;
  }

  /** Goes to a place, and waits until it has a heading of that name. */
  async go(place: string, heading: string): Promise<void> {
    await this.page.evaluate((to) => location.hash = to, `#${place}`);
    await this.heading(heading);
  }

  /** Waits for a heading. */
  async heading(name: string): Promise<void> {
    await this.page.getByRole("heading", { name, exact: true, level: 1 }).waitFor();
  }

  /** A button by its name. */
  button(name: string | RegExp): Locator {
    return this.page.getByRole("button", { name, exact: typeof name === "string" });
  }

  /** Waits for a text somewhere in the page. */
  async text(text: string | RegExp): Promise<void> {
    await this.page.getByText(text).first().waitFor();
  }

  /** Fails when anything went wrong so far, or something was asked of anybody but the server. */
  check(): void {
    assert.deepEqual(this.faults, []);
    const foreign = this.#requests.filter((url) => !url.startsWith(`${this.#base}/`));
    assert.deepEqual(foreign, [], "everything comes from the server itself");
  }

  /** Closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
  }
}

/** What a test of the console is given. */
export interface ConsoleTest {
  readonly browser: Browser;
  /** A part of the test with a name of its own; the parts after one that failed are not run. */
  readonly step: (name: string, fn: () => void | Promise<void>) => Promise<void>;
}

/** A test with one browser for all of its steps; `lacks` says what else has to be installed for it, and is not. */
export function consoleTest(
  name: string,
  fn: (test: ConsoleTest) => Promise<void>,
  lacks = "",
): void {
  Deno.test({
    name: `console: ${name}${NO_CHROMIUM}${lacks}`,
    ignore: NO_CHROMIUM !== "" || lacks !== "",
    fn: async (context) => {
      const browser = await openChromium();
      try {
        await fn({
          browser,
          step: async (title, run) => {
            assert(await context.step(title, async () => await run()), `${title} failed`);
          },
        });
      } finally {
        await browser.close();
      }
    },
  });
}
