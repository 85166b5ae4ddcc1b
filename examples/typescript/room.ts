/**
 * Rooms: come in, read what was said and what is being said, and answer.
 *
 *   deno run --allow-net examples/typescript/room.ts parley://localhost:7311
 */
import { connect } from "../../lib/client/mod.ts";

await using client = await connect(Deno.args[0] ?? "parley://localhost:7311");
// After a lost connection it comes in again by itself, under the same name, and reads on where it was.
await using room = await client.room("tea", { nick: "kettle", history: 10 });
await room.say("Water is hot.");
for await (const { kind, name, text } of room) {
  console.log(kind, name, text);
  if (kind === "said" && name === room.nick) break; // leaving the loop does not leave the room
}
console.log((await room.members()).map((member) => member.name).join(", "));
