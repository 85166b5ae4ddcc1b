/**
 * Topics, rooms, services and types of the web console in a real browser: each is shown as the server has it, at phone width
 * too, and what can be done with it is done.
 */
/// <reference lib="dom" />
import assert from "node:assert/strict";
import { connect } from "../../lib/client/mod.ts";
import { ConsolePage, consoleTest } from "../support/console_page.ts";
import { startServer } from "../support/server.ts";

/** What would be seen as a picture if any of it were parsed. */
const HOSTILE = "<img src=x onerror=alert(1)>";

consoleTest("topics, rooms, services and types", async ({ step, browser }) => {
  await using server = await startServer({ keep: [{ pattern: "orders.>" }] });
  await using client = await connect(`parley://127.0.0.1:${server.port("tcp")}`);
  for (const topic of ["orders.eu.created", "orders.us.created"]) {
    for (let number = 1; number <= 3; number++) await client.publish(topic, `order ${number}`);
  }
  await client.publish("orders.eu.created", HOSTILE, { type: "acme.v1.Order" });
  await client.serve("acme.Text/Length", (call) => String(call.payload.length));
  await using opened = await ConsolePage.open(browser, server, { place: "/topics" });
  const { page } = opened;

  await step("kept topics are listed, found and shown as a tree", async () => {
    await page.getByRole("link", { name: "orders.us.created" }).waitFor();
    await page.getByRole("searchbox").fill("eu");
    await page.getByRole("link", { name: "orders.us.created" }).waitFor({ state: "detached" });
    assert.match(page.url(), /find=eu/);
    await page.getByRole("searchbox").fill("");
    await opened.button("Tree").click();
    await opened.button("Open orders").click();
    await opened.button("Open orders.us").click();
    await page.getByRole("link", { name: "created" }).click();
    await opened.heading("orders.us.created");
  });

  await step("the tree is walked with keys alone, and the address says what is open", async () => {
    await opened.go("/topics?view=tree", "Topics");
    await page.getByRole("row").nth(1).waitFor();
    await page.getByRole("row").nth(1).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("row").filter({ hasText: "eu" }).waitFor();
    assert.match(page.url(), /open=orders/);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("row").filter({ hasText: "created" }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await opened.heading("orders.eu.created");
    await page.goBack();
    await page.getByRole("row").filter({ hasText: "created" }).waitFor();
  });

  await step("the history is read and searched, and an event has all that it has", async () => {
    await opened.go("/topics/orders.eu.created", "orders.eu.created");
    await page.getByRole("row").filter({ hasText: "order 3" }).waitFor();
    await page.getByLabel("With this text").fill("onerror");
    await page.getByRole("row").filter({ hasText: "order 3" }).waitFor({ state: "detached" });
    await page.getByRole("row").filter({ hasText: HOSTILE }).click();
    const event = page.getByRole("region", { name: "Event" });
    await event.getByText("The server does not know the type acme.v1.Order.").waitFor();
    assert.equal(await page.locator("main img").count(), 0);
    await opened.button("Close").click();
  });

  await step("what is published is seen live, and the tail can be paused", async () => {
    await opened.go("/topics?view=live&pattern=news.>", "Topics");
    await opened.text("Nothing yet");
    await opened.button("Publish").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Topic").fill("news.today");
    await dialog.getByLabel("Payload").fill("rain at noon");
    await dialog.getByRole("button", { name: "Publish" }).click();
    await page.getByRole("row").filter({ hasText: "rain at noon" }).waitFor();
    await opened.text(/^1 event came/);
    await opened.button("Pause").click();
    await client.publish("news.today", "while paused");
    await opened.text(/^2 events came.*paused$/);
    assert.equal(await page.getByRole("row").filter({ hasText: "while paused" }).count(), 0);
    await opened.button("Go on").click();
  });

  await step("the server filters what is seen live, and the address says by what", async () => {
    await page.getByLabel("Only with this text").fill("snow");
    await opened.text("Nothing yet");
    // The tail begins a moment after the last letter.
    let number = 0;
    const timer = setInterval(() => {
      number++;
      client.publish("news.today", `sun ${number}`).catch(() => {});
      client.publish("news.today", HOSTILE + "snow", { headers: { number: `${number}` } })
        .catch(() => {});
    }, 20);
    try {
      await page.getByRole("row").filter({ hasText: `${HOSTILE}snow` }).first().waitFor();
    } finally {
      clearInterval(timer);
    }
    assert.equal(await page.getByRole("row").filter({ hasText: "sun" }).count(), 0);
    assert.match(page.url(), /text=snow/);
    await page.getByRole("row").filter({ hasText: "snow" }).first().click();
    const event = page.getByRole("region", { name: "Event" });
    await event.getByText("news.today").waitFor();
    await event.getByRole("button", { name: "Close" }).click();
  });

  await step("a pattern that may not be is refused in words", async () => {
    await opened.go("/topics?view=live&pattern=a..b", "Topics");
    await page.getByRole("alert").getByText(/no empty level/).waitFor();
  });

  await step("a topic is removed after asking, and says so", async () => {
    await opened.go("/topics/orders.us.created", "orders.us.created");
    await opened.button("Remove").click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove with 3 events" }).click();
    await opened.text("orders.us.created is removed.");
    await opened.heading("Topics");
  });

  await step("topics are kept from now on, and that is taken back", async () => {
    await opened.go("/topics?view=policies", "Topics");
    await opened.button("Keep topics").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Topics").fill("news.>");
    await dialog.getByLabel("Hours").fill("24");
    await dialog.getByRole("button", { name: "Keep" }).click();
    await page.getByRole("row").filter({ hasText: "at most 1 d" }).waitFor();
    await opened.button("Take back").click();
    await page.getByRole("dialog").getByRole("button", { name: "Take back" }).click();
    await opened.text("The policy for news.> is taken back.");
  });

  await step("somebody comes into a room, and talks", async () => {
    await using room = await client.room("lobby", { nick: "ada" });
    await room.say(HOSTILE);
    await opened.go("/rooms", "Rooms");
    await page.getByRole("link", { name: "lobby" }).click();
    await opened.text(HOSTILE);
    await page.getByLabel("Your name").fill("bob");
    await opened.button("Come in").click();
    await page.getByLabel("Say something as bob").fill("good evening");
    await opened.button("Say").click();
    await opened.text("good evening");
    for await (const { kind, text } of room) if (kind === "said" && text === "good evening") break;
    await opened.button("Leave").click();
    await page.getByLabel("Your name").waitFor();
  });

  await step("a method is called, and what it refuses is said", async () => {
    await opened.go("/services?method=acme.Text/Length", "Services");
    await page.getByLabel("Payload", { exact: true }).first().fill("twelve chars");
    await opened.button("Call").click();
    await page.getByRole("region", { name: "Answer" }).getByText("12", { exact: true }).waitFor();
    await page.getByLabel("Method", { exact: true }).fill("acme.Nobody/There");
    await opened.button("Call").click();
    await page.getByRole("region", { name: "Answer" }).getByRole("alert").waitFor();
  });

  await step("types say how they come to be known", async () => {
    await opened.go("/types", "Types");
    await opened.text("No types");
  });

  await step("nothing is wider than a phone", async () => {
    await page.setViewportSize({ width: 375, height: 700 });
    const places = [
      ["/topics", "Topics"],
      ["/topics?view=tree&open=orders+orders.eu", "Topics"],
      ["/topics?view=live&pattern=orders.>", "Topics"],
      ["/topics?view=policies", "Topics"],
      ["/topics/orders.eu.created", "orders.eu.created"],
      ["/rooms/lobby", "lobby"],
      ["/services", "Services"],
      ["/types", "Types"],
    ];
    for (const [place, heading] of places) {
      await opened.go(place, heading);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert(width <= 375, `${place} is ${width} pixels wide`);
    }
  });
  opened.check();
});
