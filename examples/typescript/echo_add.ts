/**
 * A Parley client in TypeScript, with the client library: echo, add, a typed error, many at once.
 *
 *   deno run --allow-net examples/typescript/echo_add.ts parley://localhost:7311
 */
import { connect } from "../../lib/client/mod.ts";
import { ParleyError } from "../../lib/base/errors.ts";

await using client = await connect(Deno.args[0] ?? "parley://localhost:7311");
console.log(await client.echo("Hello, World!"));
console.log(await client.add(40, 2));
try {
  await client.add(2147483647, 1);
} catch (error) {
  if (!(error instanceof ParleyError)) throw error;
  console.log(error.codeName);
}
// Requests need not wait for each other: these travel together.
const numbers = Array.from({ length: 100 }, (_, index) => index);
const sums = await Promise.all(numbers.map((number) => client.add(number, number)));
console.log(sums.reduce((sum, each) => sum + each));
