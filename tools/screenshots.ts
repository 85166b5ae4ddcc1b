/**
 * Makes the pictures of README.md and docs/console.md: a server of its own with one incident on it, a consumer that is stuck,
 * the console in Chromium at each step of it, and `parley top`.
 *
 * Everything runs on this machine's loopback and is gone afterwards. The pictures differ a little each time, as their numbers
 * do. With a folder every page is drawn into that, at three widths, light and dark, for whoever changes the console to look at.
 *
 *   deno task screenshots
 *   deno task screenshots FOLDER
 */
import { mkdir } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { look } from "../lib/cli/top/top.ts";
import { FIRST_STATE } from "../lib/cli/top/controls.ts";
import { TopFigures } from "../lib/cli/top/figures.ts";
import { drawTop, TABLES } from "../lib/cli/top/view.ts";
import { connect, Reject } from "../lib/client/mod.ts";
import { openChromium } from "../tests/support/chromium.ts";
import { startServer } from "../tests/support/server.ts";
import { drawTerminal } from "./terminal_picture.ts";

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
  await billing.serve("billing.v1.Invoices/Total", () => "42.00");
  const lobby = await billing.room("lobby", { nick: "ada" });
  await lobby.say("the mailer seems to be stuck");
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

/** The pages, by the names of their pictures. */
const PLACES: Readonly<Record<string, string>> = {
  overview: "/overview",
  connections: "/connections",
  connection: "/connections?find=mailer-2",
  topics: "/topics",
  tree: "/topics?view=tree&open=orders+orders.eu",
  live: "/topics?view=live&pattern=orders.>",
  policies: "/topics?view=policies",
  topic: "/topics/orders.eu.created",
  queues: "/queues",
  queue: `/queues/${QUEUE}`,
  job: `/queues/${QUEUE}?job=60&only=1`,
  dead: `/queues/${QUEUE}?tab=dead&job=1&text=example`,
  settings: `/queues/${QUEUE}?tab=settings`,
  rooms: "/rooms",
  room: "/rooms/lobby",
  services: "/services",
  types: "/types",
};
const WIDTHS: readonly (readonly [number, number])[] = [[375, 760], [768, 900], [1440, 900]];

/** Draws every page at every width, light and dark. */
async function everything(browser: Browser, base: string, folder: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const [width, height] of WIDTHS) {
      const page = await browser.newPage({ viewport: { width, height }, colorScheme });
      await page.goto(base);
      for (const [name, place] of Object.entries(PLACES)) {
        await page.evaluate((to) => location.hash = to, `#${place}`);
        await pause(1_200);
        if (name === "connection") {
          await page.getByRole("row").nth(1).click();
          await page.getByText("What it may do").click();
          await pause(500);
        }
        // What is scrolled within the page is drawn whole.
        const whole = await page.evaluate(() => document.querySelector("main")!.scrollHeight + 60);
        await page.setViewportSize({ width, height: Math.min(3000, Math.max(height, whole)) });
        await pause(200);
        await page.screenshot({ path: `${folder}/${name}_${width}_${colorScheme}.png` });
        await page.setViewportSize({ width, height });
      }
      await page.close();
    }
  }
}

/** Draws `parley top` of three sizes; the first one is the picture of the documents. */
async function terminals(browser: Browser, url: string, target: string | null): Promise<void> {
  await using client = await connect(url, { name: "top" });
  const figures = new TopFigures();
  let found = figures.add(await look(client));
  for (let count = 0; count < 40; count++) {
    await pause(250);
    found = figures.add(await look(client));
  }
  const notices = { server: "parley://localhost", problem: "" };
  const draw = async (columns: number, rows: number, table: typeof TABLES[number], to: string) => {
    const canvas = { columns, rows, colors: true };
    const lines = drawTop(found, { ...FIRST_STATE, table }, canvas, notices);
    await drawTerminal(browser, lines, columns, to);
  };
  if (target === null) return await draw(100, 26, "queues", new URL("top.png", folder).pathname);
  for (const table of TABLES) {
    await draw(80, 24, table, `${target}/top_80_${table}.png`);
    await draw(40, 24, table, `${target}/top_40_${table}.png`);
  }
}

if (import.meta.main) {
  const target = Deno.args[0] ?? null;
  await mkdir(target ?? folder, { recursive: true });
  await using server = await startServer({
    keep: [{ pattern: "orders.>", max_age_ms: 604_800_000 }],
    console: { environment: "staging", color: "purple" },
  });
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  const base = `http://127.0.0.1:${server.port("ws")}`;
  const stop = await incident(url);
  const browser = await openChromium();
  try {
    await pause(target === null ? WARM_MS : WARM_MS / 6);
    await terminals(browser, url, target);
    if (target !== null) await everything(browser, base, target);
    else {
      const page = await browser.newPage({ viewport: SIZE, colorScheme: "light" });
      await pictures(page, base);
    }
  } finally {
    await browser.close();
    await stop();
  }
}
