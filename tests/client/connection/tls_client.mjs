/**
 * What tls_test.ts runs on Node: connects over TLS with an authority of its own, and without, and prints what came of it.
 *
 *   node tls_client.mjs BUNDLE URL CA
 */
import fs from "node:fs";
import process from "node:process";

const [bundle, url, ca] = process.argv.slice(2);
const { connect } = await import(bundle);

async function attempt(tls) {
  try {
    const client = await connect(url, { tls });
    const answer = await client.echo("x".repeat(1_000_000));
    await client.close();
    return `${answer.length}`;
  } catch (error) {
    return error.message;
  }
}

const trusting = await attempt({ ca: fs.readFileSync(ca, "utf8") });
console.log(JSON.stringify({ trusting, other: await attempt({}) }));
