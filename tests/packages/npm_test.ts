/**
 * The npm package as its users have it: packed, installed into an empty project, and run there by Node and Deno, checked by
 * tsc, and bundled by Vite for a page that Chromium opens. Then what `deno publish` says of the same code.
 *
 * The project is made once, since installing takes a while. Versions of what it is tested with stand here.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { hasNode } from "../interop/node.ts";
import { outcomeOf, root, run } from "../interop/programs.ts";
import { hasProtoc } from "../interop/protoc.ts";
import { ownPort } from "../support/own_port.ts";
import { startServer } from "../support/server.ts";

const TOOLS = {
  "@bufbuild/protoc-gen-es": "2.17.0",
  "@types/node": "20.19.0",
  typescript: "5.9.3",
  vite: "8.3.8",
};
const executablePath = ["chromium", "chromium-browser", "google-chrome"]
  .map((name) => `/usr/bin/${name}`).find((path) => existsSync(path));
const ready = hasNode && hasProtoc && executablePath !== undefined;
const BROWSER_MS = 120_000;

const SHOP = `syntax = "proto3";
package acme.v1;
message Order { int32 id = 1; string thing = 2; }
message Price { int32 cents = 1; }
service Shop { rpc Quote(Order) returns (Price); }
`;

/** Everything that has a type, used as a program would. */
const TYPED = `import {
  callMethod, type Client, connect, ErrorCode, ParleyError, publishMessage, pullMessages, pushMessage,
  type ReceivedEvent, serveMessages, subscribeMessages, type Subscription, type TypedEvent,
} from "@parley/client";
import { OrderSchema, type Order, PriceSchema, Shop } from "./gen/shop_pb.js";

const client: Client = await connect(process.argv[2] ?? "");
const orders = await subscribeMessages(client, OrderSchema, "typed.>", { echo: true });
await publishMessage(client, "typed.orders", OrderSchema, { id: 7, thing: "lamp" });
for await (const { message, event } of orders) {
  const order: Order = message;
  const { topic }: ReceivedEvent = event;
  console.log(topic, order.id, order.thing);
  break;
}
const service = await serveMessages(client, "acme.v1.Shop/Quote", OrderSchema, PriceSchema, ({ id }) => ({ cents: id * 100 }));
console.log((await callMethod(client, Shop.method.quote, { id: 7 })).cents);
await service.stop();
await pushMessage(client, "typed", OrderSchema, { id: 8 });
for await (const { job, message } of pullMessages(client, "typed", OrderSchema)) {
  console.log(job.id, message.id);
  await job.ack();
  break;
}
const plain: Subscription = await client.subscribe("a.b");
// @ts-expect-error: members for the library's own use are not there
plain.deliver;
const typed: TypedEvent<typeof OrderSchema> | null = null;
console.log(typed, ErrorCode.NOT_FOUND, new ParleyError(ErrorCode.INTERNAL, "x").codeName);
await client.close();
`;

const PAGE = `import { connect } from "@parley/client";
globalThis.talk = async (url) => {
  const client = await connect(url);
  const events = await client.subscribe("page.>", { echo: true });
  await client.publish("page.one", "hello");
  for await (const event of events) {
    const sum = await client.add(40, 2);
    await client.close();
    return \`\${event.topic} \${new TextDecoder().decode(event.payload)} \${sum}\`;
  }
};
globalThis.refused = (url) => connect(url).then(() => "connected", (error) => error.codeName);
`;

async function write(path: string, text: string): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await Deno.writeTextFile(path, text);
}

/** Packs the library and installs it with the tools into `folder`. */
async function install(folder: string): Promise<void> {
  await run(Deno.execPath(), ["task", "--quiet", "pack", `${folder}/package`]);
  const packed = await run("npm", [
    "pack",
    "--json",
    "--pack-destination",
    folder,
    `${folder}/package`,
  ]);
  const [{ filename, files }] = JSON.parse(packed);
  const paths = files.map(({ path }: { path: string }) => path) as string[];
  for (const path of ["package.json", "README.md", "LICENSE", "client/mod.js", "client/mod.d.ts"]) {
    assert(paths.includes(path), path);
  }
  assert(
    paths.every((path) =>
      /^(client|base|wire|gen)\/|^(package.json|README.md|LICENSE)$/.test(path)
    ),
  );
  const manifest = JSON.parse(await Deno.readTextFile(`${folder}/package/package.json`));
  assert.deepEqual(Object.keys(manifest.dependencies), ["@bufbuild/protobuf"]);
  await write(`${folder}/user/package.json`, JSON.stringify({ type: "module", private: true }));
  const tools = Object.entries(TOOLS).map(([name, version]) => `${name}@${version}`);
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  const args = [
    "install",
    ...quiet,
    "--prefix",
    `${folder}/user`,
    `${folder}/${filename}`,
    ...tools,
  ];
  await run("npm", args);
}

/** The programs of the package's README, and what each prints. */
async function examples(): Promise<{ code: string; prints: string }[]> {
  const text = await Deno.readTextFile(`${root}/lib/client/README.md`);
  return [...text.matchAll(/\`\`\`js\n([\s\S]*?)\`\`\`\n\n\`\`\`text\n([\s\S]*?)\`\`\`/g)]
    .map(([, code, prints]) => ({ code: code!, prints: prints! }));
}

async function inChromium(dist: string, url: (origin: string) => Promise<string>): Promise<void> {
  const files = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const path = pathname === "/" ? "/index.html" : pathname;
    try {
      const type = path.endsWith(".js") ? "text/javascript" : "text/html";
      return new Response(await Deno.readTextFile(dist + path), {
        headers: { "content-type": type },
      });
    } catch {
      return new Response(null, { status: 404 });
    }
  });
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"];
  const browser = await chromium.launch({ executablePath, args, timeout: BROWSER_MS });
  try {
    const origin = `http://127.0.0.1:${files.addr.port}`;
    const page = await browser.newPage();
    page.setDefaultTimeout(BROWSER_MS);
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    const address = await url(origin);
    await page.goto(`${origin}/`);
    await page.waitForFunction("globalThis.talk !== undefined");
    assert.equal(await page.evaluate(`talk(${JSON.stringify(address)})`), "page.one hello 42");
    assert.equal(await page.evaluate('refused("parley://localhost")'), "UNIMPLEMENTED");
    assert.deepEqual(errors, []);
  } finally {
    await browser.close();
    await files.shutdown();
  }
}

Deno.test({
  name: `the npm package works as its users use it${
    ready ? "" : " (needs Node 20, protoc, Chromium)"
  }`,
  ignore: !ready,
  fn: async (context) => {
    const folder = await Deno.makeTempDir({ prefix: "parley-npm-" });
    const user = `${folder}/user`;
    try {
      await install(folder);
      await using server = await startServer({
        data: `${folder}/data`,
        keep: [{ pattern: "kept.>" }],
      });
      const url = `parley://127.0.0.1:${server.port("tcp")}`;

      await context.step(
        "the examples of its README print what they promise, in Node and in Deno",
        async () => {
          const found = await examples();
          assert.equal(found.length, 5);
          for (const [index, { code, prints }] of found.entries()) {
            const path = `${user}/example_${index}.mjs`;
            await write(path, code.replace("parley://localhost", url));
            assert.equal(await run("node", [path]), prints, code);
            if (index === 1) continue; // Its topic has a history by now.
            const args = ["run", "--node-modules-dir=manual", "--no-lock", "--allow-net", path];
            assert.equal(await run(Deno.execPath(), args), prints, code);
          }
        },
      );

      await context.step(
        "its types hold under tsc --strict, with a schema of the user's own",
        async () => {
          await write(`${user}/shop.proto`, SHOP);
          await write(`${user}/gen/.keep`, "");
          const plugin = `--plugin=protoc-gen-es=${user}/node_modules/.bin/protoc-gen-es`;
          const out = [`--es_out=${user}/gen`, "--es_opt=target=ts,import_extension=js"];
          await run("protoc", [plugin, ...out, `--proto_path=${user}`, "shop.proto"]);
          await write(`${user}/typed.ts`, TYPED);
          for (const resolution of ["nodenext", "bundler"]) {
            const compilerOptions = {
              strict: true,
              target: "es2022",
              module: resolution === "nodenext" ? "nodenext" : "esnext",
              moduleResolution: resolution,
              outDir: resolution,
            };
            const settings = { compilerOptions, files: ["typed.ts"] };
            await write(`${user}/tsconfig.json`, JSON.stringify(settings));
            const tsc = `${user}/node_modules/typescript/bin/tsc`;
            const { code, stdout } = await outcomeOf("node", [tsc, "--project", user]);
            assert.equal(code, 0, stdout);
          }
          const printed = await run("node", [`${user}/nodenext/typed.js`, url]);
          assert.equal(printed, "typed.orders 7 lamp\n700\n1n 8\nnull 4 INTERNAL\n");
        },
      );

      await context.step(
        "Vite bundles it for a page, without the sockets of Node and Deno",
        async () => {
          await write(
            `${user}/index.html`,
            '<!DOCTYPE html><script type="module" src="/page.js"></script>',
          );
          await write(`${user}/page.js`, PAGE);
          const vite = [
            `${user}/node_modules/vite/bin/vite.js`,
            "build",
            user,
            "--logLevel",
            "warn",
          ];
          const { code, stdout, stderr } = await outcomeOf("node", vite);
          assert.equal(code, 0, stderr);
          assert.equal(stdout + stderr, "", "no warning");
          const names = [...Deno.readDirSync(`${user}/dist/assets`)].map(({ name }) => name);
          for (const name of names) {
            const text = await Deno.readTextFile(`${user}/dist/assets/${name}`);
            assert.doesNotMatch(text, /node:net|Deno\.connect/, name);
          }
          using own = ownPort();
          const stack = new AsyncDisposableStack();
          await using _ = stack;
          await inChromium(`${user}/dist`, async (origin) => {
            const http = `127.0.0.1:${own.port}`;
            const server = stack.use(await startServer({ listen: { http, origins: origin } }));
            return `ws://127.0.0.1:${server.port("ws")}`;
          });
        },
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("deno publish takes the client library", async () => {
  const args = ["publish", "--dry-run", "--allow-dirty", "--no-check", "--quiet"];
  const { code, stderr } = await outcomeOf(Deno.execPath(), args);
  assert.equal(code, 0, stderr);
});
