/**
 * Stamps that a client forges, in every form that protobuf has for a field: before and behind the payload, twice, with a
 * tag or a value that is longer than it must be, of another wire type. Over every listener nobody gets one of them.
 */
import assert from "node:assert/strict";
import { BUS_KINDS, BusClient } from "../support/bus_client.ts";
import { bytesOf, register, subscribe } from "../support/bus_messages.ts";
import { field, frame, join, varint } from "../support/frames.ts";
import { startServer } from "../support/server.ts";
import { settles } from "../support/until.ts";

const FORGED = "forged";
/** Members of ClientMessage with their fields that only the server sets. */
const MEMBERS = {
  event: { member: 3, name: "t", stamps: [11, 12, 13, 14] },
  call: { member: 9, name: "acme.Text/Length", stamps: [11, 13] },
} as const;

/** A varint with a byte more than it needs. */
function overlong(value: number): Uint8Array {
  const bytes = varint(value);
  bytes[bytes.length - 1] |= 0x80;
  return join(bytes, Uint8Array.of(0));
}

/** A field in all forms that could be taken for it. */
function forms(number: number): Uint8Array[] {
  const text = bytesOf(FORGED);
  const tag = number * 8;
  return [
    field(number, text),
    join(field(number, text), field(number, text)),
    join(overlong(tag + 2), varint(text.length), text),
    join(varint(tag + 2), overlong(text.length), text),
    join(varint(tag), varint(7)),
    join(varint(tag), overlong(7)),
    join(overlong(tag), varint(7)),
    join(varint(tag + 1), new Uint8Array(8).fill(7)),
    join(varint(tag + 5), new Uint8Array(4).fill(7)),
    join(varint(tag + 3), varint(tag + 4)),
  ];
}

for (const kind of BUS_KINDS) {
  Deno.test(`no form of a forged stamp reaches anybody: ${kind}`, async () => {
    await using server = await startServer();
    await using reader = await BusClient.connect(server, "tcp");
    await reader.acknowledged(subscribe("t"));
    await reader.acknowledged(register(MEMBERS.call.name));
    let [tried, refused] = [0, 0];
    for (const { member, name, stamps } of Object.values(MEMBERS)) {
      for (const forged of stamps.flatMap(forms)) {
        for (const isBehind of [false, true]) {
          await using client = await BusClient.connect(server, kind);
          const body = join(field(1, bytesOf(name)), field(2, bytesOf("payload")));
          const parts = isBehind ? [body, forged] : [forged, body];
          const id = join(varint(120), varint(99));
          await client.sendBytes(frame(join(field(member, join(...parts)), id)));
          tried++;
          const isAnswered = () => client.messages.some((message) => message.id === 99n);
          await settles(client.whenAny(isAnswered), "an answer or the end");
          // An end without an answer to it is a refusal, too: of what is no message.
          const last = client.messages.find((message) => message.id === 99n)?.message;
          if (last?.case !== "ack" && last?.case !== "answer") refused++;
        }
      }
    }
    assert.equal(refused, tried, "each is refused");
    assert.deepEqual(reader.messages, [], "neither as an event nor as a call");
    if (kind === BUS_KINDS[0]) {
      console.log(
        `# forged stamps: ${tried} forms on each of ${BUS_KINDS.join(", ")}, all refused`,
      );
    }
  });
}
