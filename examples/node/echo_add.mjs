// A Parley client in Node, with the client library as one file:
//
//   deno bundle --output examples/node/parley_client.mjs lib/client/mod.ts
//   node examples/node/echo_add.mjs parley://localhost:7311
import { connect } from "./parley_client.mjs";

const client = await connect(process.argv[2]);
console.log(await client.echo("Hello, World!"));
console.log(await client.add(40, 2));
try {
  await client.add(2147483647, 1);
} catch (error) {
  console.log(error.codeName);
}
await client.close();
