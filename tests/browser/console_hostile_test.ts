/**
 * Nothing that came from anybody is more than text in the web console: hundreds of texts that try to be, in names, payloads,
 * types, headers, keys, errors and links, on every page; and every page as those see it who cannot see (axe-core).
 */
/// <reference lib="dom" />
import assert from "node:assert/strict";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { type Client, connect, Reject } from "../../lib/client/mod.ts";
import { ConsolePage, consoleTest } from "../support/console_page.ts";
import { hostileTexts } from "../support/hostile_texts.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const texts = hostileTexts();
const byteLength = (text: string) => new TextEncoder().encode(text).length;
/** Whether a text can be a name: of a client, a type or one level of a queue. */
const isName = (text: string, most: number) =>
  byteLength(text) <= most &&
  !/[\p{C}\p{Z}*>.]/u.test(text);

/** Fails when something in the page was taken for more than text. */
async function isClean(opened: ConsolePage, what: string): Promise<void> {
  const found = await opened.page.evaluate(() => ({
    hacked: "hacked" in globalThis,
    elements:
      document.querySelectorAll("iframe, object, embed, img, video, form[action], base, style")
        .length,
    scripts: document.scripts.length,
  }));
  assert.deepEqual(found, { hacked: false, elements: 0, scripts: 1 }, what);
  opened.check();
}

async function push(client: Client): Promise<void> {
  const types = texts.filter((text) => /^[\w.\/-]{1,200}$/.test(text));
  await Promise.all(texts.map((text, index) =>
    client.queue("hostile").push(text, {
      type: types[index % types.length],
      headers: { [text.slice(0, 40) || "x"]: text },
      key: byteLength(text) <= 200 ? text : "long",
    })
  ));
  await Promise.all(texts.map((text) => client.queue("rejected").push(text)));
  let failures = 0;
  const worker = client.queue("rejected").work((job) => {
    failures++;
    throw new Reject(job.text().slice(0, 250));
  });
  await until(() => failures === texts.length, "dead letters");
  await worker.stop();
}

consoleTest("hostile texts stay texts", async ({ step, browser }) => {
  assert(texts.length >= 500, `${texts.length} texts`);
  await using server = await startServer({ keep: [{ pattern: "hostile.>" }] });
  const url = `parley://127.0.0.1:${server.port("tcp")}`;
  await using client = await connect(url);
  await push(client);
  const names = texts.filter((text) => isName(text, 60));
  await Promise.all(names.map((text) => client.queue(`q.${text}`).push("x").catch(() => {})));
  const clients = await Promise.all(
    texts.filter((text) => byteLength(text) <= 64).slice(0, 400)
      .map((name) => connect(url, { name, reconnect: false })),
  );
  try {
    await using opened = await ConsolePage.open(browser, server, { place: "/queues" });
    const { page } = opened;

    await step("names of queues", async () => {
      await opened.text(/\d+ queues/);
      await scrollThrough(page);
      await isClean(opened, "the list of queues");
      for (const name of names.slice(0, 20)) {
        await opened.go(`/queues/${encodeURIComponent(`q.${name}`)}`, `q.${name}`);
      }
      await isClean(opened, "queues");
    });

    await step("payloads, types, headers and keys of jobs", async () => {
      await opened.go("/queues/hostile", "hostile");
      await page.getByRole("row").nth(1).waitFor();
      await scrollThrough(page);
      // The page itself goes from one to the next: that is quicker than to have it told each time.
      await page.evaluate(async (count) => {
        const isShown = (id: number) =>
          document.querySelector(`section[aria-label="Job ${id}"] pre`) !== null;
        for (let id = 1; id <= count; id += 3) {
          location.hash = `#/queues/hostile?job=${id}`;
          while (!isShown(id)) await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }, texts.length);
      await isClean(opened, "jobs");
    });

    await step("the last errors of dead letters", async () => {
      await opened.go("/queues/rejected?tab=dead", "rejected");
      await page.getByRole("row").nth(1).waitFor();
      await scrollThrough(page);
      await isClean(opened, "dead letters");
    });

    await step(
      "dead letters by what they hold, and the questions before they are dropped",
      async () => {
        await page.getByRole("searchbox").fill("<");
        await opened.text(/matches among/);
        await opened.button("Drop all that match").click();
        await page.getByRole("dialog").getByRole("button", { name: /^Drop \d+ dead letters$/ })
          .waitFor();
        await isClean(opened, "the question");
        await page.keyboard.press("Escape");
      },
    );

    await step("the names of many queues in one question", async () => {
      await opened.go("/queues?find=q.", "Queues");
      await page.getByRole("group", { name: /that match/ }).getByRole("button", { name: "Remove" })
        .click();
      await page.getByRole("dialog").getByRole("listitem").first().waitFor();
      await isClean(opened, "the question about queues");
      await page.keyboard.press("Escape");
    });

    await step("events, live and kept, and names of topics", async () => {
      await opened.go("/topics?view=live&pattern=>", "Topics");
      await opened.text("Nothing yet");
      const publishing = setInterval(() => {
        texts.forEach((text, index) => {
          const level = names[index % names.length];
          const headers = { [text.slice(0, 40) || "x"]: text };
          client.publish(`hostile.${level}`, text, { headers }).catch(() => {});
        });
      }, 500);
      try {
        await page.getByRole("row").nth(20).waitFor();
        await scrollThrough(page);
        await page.getByRole("row").nth(1).click();
        await page.getByRole("region", { name: "Event" }).waitFor();
      } finally {
        clearInterval(publishing);
      }
      await isClean(opened, "live events");
      await opened.go("/topics", "Topics");
      await opened.text(/\d+ topics/);
      await scrollThrough(page);
      await opened.go("/topics?view=tree&open=hostile", "Topics");
      await page.getByRole("row").nth(10).waitFor();
      await scrollThrough(page);
      await isClean(opened, "names of topics");
    });

    await step("names of clients, and the palette", async () => {
      await opened.go("/connections", "Connections");
      await opened.text(/\d+ connections/);
      await scrollThrough(page);
      await page.keyboard.press("Control+k");
      await page.getByRole("combobox").waitFor();
      await page.keyboard.type("<");
      await page.getByRole("option").first().waitFor();
      await isClean(opened, "clients");
      await page.keyboard.press("Escape");
    });

    await step("links", async () => {
      await page.evaluate(async (texts) => {
        for (const text of texts) {
          location.hash = `#/${text}/${text}?find=${text}&job=${text}`;
          await new Promise((resolve) => setTimeout(resolve));
        }
        location.hash = "#/nothing/there";
      }, texts);
      await opened.text("There is no such page");
      await isClean(opened, "links");
    });
  } finally {
    await Promise.all(clients.map((each) => each.close()));
  }
});

/** Has every row of the table seen. */
async function scrollThrough(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const table = document.querySelector(".table-scroll")!;
    for (let top = 0; top <= table.scrollHeight; top += table.clientHeight / 2) {
      table.scrollTop = top;
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  });
}

const PLACES: readonly (readonly [place: string, heading: string])[] = [
  ["/overview", "Overview"],
  ["/connections", "Connections"],
  ["/queues", "Queues"],
  ["/queues/emails", "emails"],
  ["/queues/emails?tab=dead", "emails"],
  ["/queues/emails?tab=settings", "emails"],
  ["/queues/emails?text=job&job=1", "emails"],
  ["/topics", "Topics"],
  ["/topics?view=tree&open=orders", "Topics"],
  ["/topics?view=live&pattern=orders.>", "Topics"],
  ["/topics?view=policies", "Topics"],
  ["/topics/orders.eu", "orders.eu"],
  ["/rooms", "Rooms"],
  ["/services", "Services"],
  ["/types", "Types"],
];

consoleTest("every page can be used by those who do not see it", async ({ step, browser }) => {
  await using server = await startServer({ keep: [{ pattern: "orders.>" }] });
  await using client = await connect(`parley://127.0.0.1:${server.port("tcp")}`, {
    name: "mailer",
  });
  await client.publish("orders.eu", "one");
  for (let number = 0; number < 40; number++) await client.queue("emails").push(`job ${number}`);
  for (const colorScheme of ["light", "dark"] as const) {
    // axe-core is put into the page from outside, which its policy does not allow.
    await using opened = await ConsolePage.open(browser, server, { colorScheme, bypassCSP: true });
    for (const [place, heading] of PLACES) {
      await step(`${place}, ${colorScheme}`, async () => {
        await opened.go(place, heading);
        await opened.page.waitForLoadState("networkidle");
        await opened.page.evaluate(axe.source);
        const serious = await opened.page.evaluate(async () => {
          const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
          return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
            .map(({ id, nodes }) =>
              `${id}: ${nodes.map(({ html }) => html).slice(0, 3).join(" | ")}`
            );
        });
        assert.deepEqual(serious, []);
      });
    }
    opened.check();
  }
});
