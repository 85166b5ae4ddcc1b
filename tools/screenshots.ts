/**
 * Makes the pictures of README.md and docs/console.md: a server of its own with one incident on it, a consumer that is stuck,
 * and the console in Chromium at each step of it.
 *
 * Everything runs on this machine's loopback and is gone afterwards. The pictures differ a little each time, as their numbers
 * do.
 *
 *   deno task screenshots
 */
import { mkdir } from "node:fs/promises";
import type { Page } from "playwright-core";
import { connect, Reject } from "../lib/client/mod.ts";
import { openChromium } from "../tests/support/chromium.ts";
import { startServer } from "../tests/support/server.ts";

const root = new URL("..", import.meta.url);
const folder = new URL("docs/images/", root);
const SIZE = { width: 1280, height: 800 };
/** How long the server works before the first picture, so that charts have something to show. */
const WARM_MS = 60_000;
const QUEUE = "emails.welcome";

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Publishes, pushes and does work, and has one consumer that never finishes. */
async function incident(url: string): Promise<() => Promise<void>> {
  const named = (name: string) => connect(url, { name });
  const clients = await Promise.all(["shop", "billing", "mailer-1", "mailer-2"].map(named));
  const [shop, billing, mailer, stuck] = clients;
  await billing.subscribe("orders.>", {}, () => {});
  for (let number = 0; number < 40; number++) await push(number);
  let rejected = 0;
  const worker = mailer.queue(QUEUE).work(async () => {
    await pause(20);
    if (rejected++ < 14) throw new Reject("smtp: 550 5.1.1 no such mailbox");
  }, { concurrency: 4 });
  await pause(3_000);
  await worker.stop();
  // It takes what it may hold, and does nothing with it.
  stuck.queue(QUEUE).work(() => new Promise(() => {}), { concurrency: 16 });
  let number = 0;
  const timer = setInterval(() => {
    for (let count = 0; count < 12; count++) {
      shop.publish("orders.eu.created", `{"order":${++number}}`, { ack: false }).catch(() => {});
    }
    push(number).catch(() => {});
  }, 100);
  return async () => {
    clearInterval(timer);
    await Promise.allSettled(clients.map((client) => client.close()));
  };

  function push(order: number) {
    const body = { to: `customer${order}@example.com`, template: "welcome", order };
    return shop.queue(QUEUE).push(JSON.stringify(body), { type: "shop.v1.Email" });
  }
}

async function pictures(page: Page, base: string): Promise<void> {
  let count = 0;
  const take = async (name: string) => {
    await pause(2_500);
    await page.screenshot({ path: new URL(`${name}.png`, folder).pathname });
    console.log(`${++count}: docs/images/${name}.png`);
  };
  const heading = (name: string) =>
    page.getByRole("heading", { name, exact: true }).first().waitFor();
  await page.goto(base);
  await heading("Overview");
  await take("console_overview");
  await page.goto(`${base}/#/queues`);
  await heading("Queues");
  await take("console_queues");
  await page.getByRole("row").filter({ hasText: QUEUE }).click();
  await heading(QUEUE);
  await take("console_queue");
  await page.goto(`${base}/#/connections?only=consumers`);
  await page.getByRole("row").filter({ hasText: "mailer-2" }).click();
  await page.getByRole("button", { name: "End this connection" }).click();
  await page.getByLabel("Reason").fill("it holds 32 jobs and does none");
  await take("console_kick");
  await page.getByRole("button", { name: "End 1 connection" }).click();
  await page.goto(`${base}/#/queues/${QUEUE}?tab=dead&job=1`);
  await page.getByRole("region", { name: "Job 1" }).waitFor();
  await page.locator("main").evaluate((main) => main.scrollTo(0, main.scrollHeight));
  await take("console_dead_letters");
}

if (import.meta.main) {
  await mkdir(folder, { recursive: true });
  await using server = await startServer({
    console: { environment: "staging", color: "purple" },
  });
  const stop = await incident(`parley://127.0.0.1:${server.port("tcp")}`);
  const browser = await openChromium();
  try {
    await pause(WARM_MS);
    const page = await browser.newPage({ viewport: SIZE, colorScheme: "light" });
    await pictures(page, `http://127.0.0.1:${server.port("ws")}`);
  } finally {
    await browser.close();
    await stop();
  }
}
