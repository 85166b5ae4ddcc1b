/**
 * What tests/docs_test.ts needs to hold docs/protocol.md to the truth: how fields are written there, and how
 * bytes in it are played against a server.
 */
import assert from "node:assert/strict";
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { PROTO_FILES } from "./support/proto_files.ts";

/** Every message of the protocol. */
export const messages: readonly DescMessage[] = PROTO_FILES.flatMap((file) => file.messages);

/** The fields of a message in the order of their numbers, as in `string topic = 1`. */
export function fieldsOf(schema: DescMessage): string[] {
  return [...schema.fields].sort((one, other) => one.number - other.number)
    .map((field) => `${typeOf(field)} ${field.name} = ${field.number}`);
}

function typeOf(field: DescField): string {
  const { scalar, message, enum: numbers } = field;
  const single = message?.name ?? numbers?.name ?? ScalarType[scalar ?? 0]?.toLowerCase();
  if (field.fieldKind === "list") return `repeated ${single}`;
  if (field.fieldKind !== "map") return `${single}`;
  return `map<${ScalarType[field.mapKey].toLowerCase()}, ${single}>`;
}

/** One connection of a talk, and what it has received and nobody has asked for. */
class Talker {
  readonly connection: Deno.Conn;
  #received: number[] = [];

  constructor(connection: Deno.Conn) {
    this.connection = connection;
  }

  /** The next `count` bytes, and all that came with them; fewer at the end. */
  async receive(count: number): Promise<number[]> {
    const chunk = new Uint8Array(4096);
    while (this.#received.length < count) {
      const read = await this.connection.read(chunk);
      if (read === null) break;
      this.#received.push(...chunk.subarray(0, read));
    }
    return this.#received.splice(0, count);
  }

  get left(): number {
    return this.#received.length;
  }
}

/**
 * Plays the lines of a talk: `→ 0a 00` is sent, `← 0a 00` is to come, `??` is any byte. `T1` is any byte, too,
 * and that byte where it is sent afterwards. A name before the arrow tells several connections apart; each is
 * opened when it is first named.
 */
export async function talk(lines: string, address: Deno.ConnectOptions): Promise<void> {
  const talkers = new Map<string, Talker>();
  const known = new Map<string, string>();
  try {
    for (const line of lines.trim().split("\n")) {
      const [, name, arrow, bytes] = /^(\w*) ?([→←]) (.*)$/.exec(line) ?? assert.fail(line);
      const talker = talkers.get(name!) ?? new Talker(await Deno.connect(address));
      talkers.set(name!, talker);
      const expected = bytes!.split(" ");
      if (arrow === "→") {
        const sent = Uint8Array.from(
          expected,
          (byte) => Number.parseInt(known.get(byte) ?? byte, 16),
        );
        assert.equal(await talker.connection.write(sent), sent.length);
        continue;
      }
      const received = (await talker.receive(expected.length)).map((byte, index) => {
        const place = expected[index]!;
        const hex = byte.toString(16).padStart(2, "0");
        if (isNamed(place)) known.set(place, hex);
        return place === "??" || isNamed(place) ? place : hex;
      });
      assert.equal(received.join(" "), bytes, line);
    }
    for (const { left } of talkers.values()) assert.equal(left, 0, "nothing else came");
  } finally {
    for (const { connection } of talkers.values()) connection.close();
  }
}

/** Whether this stands for a byte that is remembered. */
function isNamed(place: string): boolean {
  return /^T\d$/.test(place);
}
