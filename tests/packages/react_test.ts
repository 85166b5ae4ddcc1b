/**
 * The example app in React as its users have it: with the packed client library, checked by tsc --strict, built by Vite, and
 * opened by two people in Chromium.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { connect } from "../../lib/client/mod.ts";
import { hasNode } from "../interop/node.ts";
import { outcomeOf, root, run } from "../interop/programs.ts";
import { ownPort } from "../support/own_port.ts";
import { startServer } from "../support/server.ts";

const PACKAGES = [
  "react@19.2.0",
  "react-dom@19.2.0",
  "@types/react@19.2.0",
  "@types/react-dom@19.2.0",
  "typescript@5.9.3",
  "vite@8.3.8",
];
const executablePath = ["chromium", "chromium-browser", "google-chrome"]
  .map((name) => `/usr/bin/${name}`).find((path) => existsSync(path));
const ready = hasNode && executablePath !== undefined;
const BROWSER_MS = 120_000;

/** Serves the files of a folder. */
function serveFiles(folder: string) {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const path = pathname === "/" ? "/index.html" : pathname;
    const type = path.endsWith(".js") ? "text/javascript" : "text/html";
    try {
      const headers = { "content-type": type };
      return new Response(await Deno.readTextFile(folder + path), { headers });
    } catch {
      return new Response(null, { status: 404 });
    }
  });
}

Deno.test({
  name: `the app in React chats and shows a topic${ready ? "" : " (needs Node 20 and Chromium)"}`,
  ignore: !ready,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "parley-react-" });
    try {
      const app = `${folder}/app`;
      await run(Deno.execPath(), ["task", "--quiet", "pack", `${folder}/package`]);
      const pack = ["pack", "--json", "--pack-destination", folder, `${folder}/package`];
      const [{ filename }] = JSON.parse(await run("npm", pack));
      await run("cp", ["-r", `${root}/examples/react`, app]);
      await Deno.writeTextFile(`${app}/package.json`, '{"private": true, "type": "module"}');
      const quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--prefix", app];
      await run("npm", ["install", ...quiet, `${folder}/${filename}`, ...PACKAGES]);
      const tsc = await outcomeOf("node", [`${app}/node_modules/typescript/bin/tsc`, "-p", app]);
      assert.equal(tsc.code, 0, tsc.stdout);
      const vite = [`${app}/node_modules/vite/bin/vite.js`, "build", app, "--logLevel", "warn"];
      const built = await outcomeOf("node", vite);
      assert.equal(built.code, 0, built.stderr);

      using own = ownPort();
      const files = serveFiles(`${app}/dist`);
      const origin = `http://127.0.0.1:${files.addr.port}`;
      const http = `127.0.0.1:${own.port}`;
      await using server = await startServer({ listen: { http, origins: origin } });
      const args = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"];
      const browser = await chromium.launch({ executablePath, args, timeout: BROWSER_MS });
      try {
        const open = async (nick: string) => {
          const page = await browser.newPage();
          page.setDefaultTimeout(BROWSER_MS);
          await page.goto(`${origin}/?nick=${nick}&server=ws://${http}`);
          await page.getByText("connected", { exact: true }).waitFor();
          return page;
        };
        const [ada, bob] = [await open("Ada"), await open("Bob")];
        await ada.getByText("Bob has joined").first().waitFor();
        await bob.getByLabel("Say something").fill("Water is hot.");
        await bob.keyboard.press("Enter");
        await ada.getByText("Bob Water is hot.").waitFor();
        await using client = await connect(`parley://127.0.0.1:${server.port("tcp")}`);
        await client.publish("orders.eu", "lamp");
        for (const page of [ada, bob]) await page.getByText("orders.eu lamp").waitFor();
      } finally {
        await browser.close();
        await files.shutdown();
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
