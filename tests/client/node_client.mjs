/**
 * What node_test.ts runs on Node: asks a server over each URL of its arguments and prints the answers as
 * one line of JSON. It ends by itself once its clients are closed.
 *
 *   node node_client.mjs BUNDLE DEAD_URL URL...
 */
import process from "node:process";
import { codesOf } from "./error_code.mjs";

const [bundle, deadUrl, ...urls] = process.argv.slice(2);
const library = await import(bundle);
const { connect } = library;
const codeOf = codesOf(library);

async function ask(url) {
  const client = await connect(url, { name: "node", pool: 2 });
  const controller = new AbortController();
  const aborted = Array.from({ length: 20 }, () => client.echo("x", { signal: controller.signal }));
  controller.abort(new Error("enough"));
  const reasons = (await Promise.allSettled(aborted)).map((each) => each.reason?.message);
  const large = "ä".repeat(500_000);
  const sums = await Promise.all(Array.from({ length: 1_000 }, (_, index) => client.add(index, 1)));
  const answers = {
    echo: await client.echo("Grüße 👋"),
    large: await client.echo(large) === large,
    sum: sums.reduce((total, each) => total + each),
    overflow: await codeOf(client.add(2147483647, 1)),
    aborted: reasons.every((reason) => reason === "enough"),
    ping: await client.ping() >= 0,
    server: client.welcome.serverVersion,
  };
  await client.close();
  return { ...answers, status: client.status };
}

const answers = [];
for (const url of urls) answers.push(await ask(url));
process.stdout.write(JSON.stringify({ answers, dead: await codeOf(connect(deadUrl)) }) + "\n");
