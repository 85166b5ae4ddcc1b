/**
 * What a peer may say that means to do harm, on each listener: frames that are damaged, or whole and full of odd
 * values, before a Hello and after it; heads of requests, lines of text, and records of TLS.
 */
import { echoMessage, frame, join, varint } from "./frames.ts";
import { fieldCases, MEMBERS, OWN_REQUESTS } from "./own_requests.ts";
import type { Random } from "./random.ts";
import { handshakeRequest, webSocketFrame } from "./websocket_peer.ts";

/** Where and in which state a peer talks. */
export type FuzzDoor = "tcp" | "unix" | "tls" | "raw" | "ws" | "http" | "text" | "handshake";

/** One connection's worth of it. */
export interface Talk {
  readonly bytes: Uint8Array;
  /** How many frames, heads, lines or records there are. */
  readonly frames: number;
  /** What stands in the answer to the last one; null when the server ends the connection instead. */
  readonly mark: Uint8Array | null;
}

/** Which doors speak messages. */
export const MESSAGE_DOORS: readonly FuzzDoor[] = ["tcp", "unix", "tls", "raw", "ws"];

const ID_TAG = 120;
const BOMBS = [2n ** 31n - 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n].map(varint);
const encoder = new TextEncoder();

/** What connections say on `door`; with `hello`, that comes first and is right. */
export function someTalk(
  random: Random,
  door: FuzzDoor,
  count: number,
  hello: Uint8Array | null,
): Talk {
  switch (door) {
    case "http":
      return oneByOne(count, () => someHead(random));
    case "text":
      return oneByOne(count, () => someLine(random));
    case "handshake":
      return oneByOne(1, () => someRecord(random));
    default:
      return someMessages(random, door, count, hello);
  }
}

function oneByOne(count: number, make: () => Uint8Array): Talk {
  return { bytes: join(...Array.from({ length: count }, make)), frames: count, mark: null };
}

function someMessages(
  random: Random,
  door: FuzzDoor,
  count: number,
  hello: Uint8Array | null,
): Talk {
  const framing = door === "raw" ? "prefixed32" : "delimited";
  const id = 2n ** 34n + BigInt(random.uint32());
  const last = frame(echoMessage("", id), framing);
  const frames = [
    ...(hello === null ? [] : [frame(hello, framing)]),
    ...Array.from({ length: count }, () => someFrame(random, framing)),
    last,
  ];
  const mark = join(varint(ID_TAG), varint(id));
  if (door !== "ws") return { bytes: join(...frames), frames: count, mark };
  // Several messages a frame, or parts of one; now and then the head of a frame is damaged, too.
  const pieces = frames.map((each) => {
    const payload = webSocketFrame(each);
    if (random.below(40) === 0) payload[random.below(4)] ^= 1 << random.below(8);
    return payload;
  });
  return { bytes: join(...pieces), frames: count, mark };
}

/** One frame: mostly whole and odd inside, sometimes damaged, sometimes its length is a bomb. */
function someFrame(random: Random, framing: "delimited" | "prefixed32"): Uint8Array {
  const kind = random.below(200);
  if (kind === 0) return random.bytes(1 + random.below(40));
  if (kind === 1) {
    return framing === "delimited"
      ? random.pick(BOMBS)
      : Uint8Array.of(...random.pick([[0x7f, 255, 255, 255], [255, 255, 255, 255]]));
  }
  const request = random.pick(random.below(3) === 0 ? OWN_REQUESTS : MEMBERS);
  const fields = request.schema.fields.filter(() => random.below(2) === 0);
  const body = join(...fields.map((field) => random.pick(fieldCases(field))));
  const id = random.below(4) === 0
    ? new Uint8Array(0)
    : join(varint(ID_TAG), varint(random.uint32()));
  const message = join(request.embed(body), id);
  if (kind < 8) message[random.below(message.length)] ^= 1 << random.below(8);
  return frame(message, framing);
}

function someHead(random: Random): Uint8Array {
  const targets = ["/healthz", "/ws", "/", "*", "//", "/%00", "/../etc/passwd", "http://[::1"];
  const head = random.below(3) === 0
    ? handshakeRequest({ host: "localhost" })
    : `${random.pick(["GET", "HEAD", "POST", "PRI", "get"])} ${random.pick(targets)} HTTP/1.${
      random.below(3)
    }\r\nHost: localhost\r\n${
      random.pick([
        "",
        "Content-Length: 5\r\n\r\nabcde",
        "Transfer-Encoding: chunked\r\n",
        "A : b\r\n",
      ])
    }\r\n`;
  const bytes = encoder.encode(head);
  for (let flips = random.below(3); flips > 0; flips--) {
    bytes[random.below(bytes.length)] = random.pick([
      0,
      10,
      13,
      32,
      58,
      127,
      255,
      random.below(256),
    ]);
  }
  return bytes;
}

function someLine(random: Random): Uint8Array {
  const starts = [
    "/join ",
    "/msg ",
    "/login ",
    "/nick ",
    "/who",
    "/",
    "ada",
    "\x1b[2J",
    "\u202e",
    "",
  ];
  const text = encoder.encode(random.pick(starts));
  const rest = random.bytes(random.below(30));
  return join(text, rest, Uint8Array.of(10));
}

/** A ClientHello of TLS that is damaged, or another record altogether. */
function someRecord(random: Random): Uint8Array {
  const hello = join(
    Uint8Array.of(1, 0, 0, 43, 3, 3),
    random.bytes(32),
    Uint8Array.of(0, 0, 2, 0x13, 1, 1, 0, 0, 0),
  );
  const body = random.below(4) === 0 ? random.bytes(random.below(60)) : hello;
  const kind = random.below(4) === 0 ? random.below(256) : 22;
  const length = random.below(8) === 0 ? random.below(65_536) : body.length;
  const record = join(Uint8Array.of(kind, 3, 1 + random.below(4), length >> 8, length & 255), body);
  for (let flips = random.below(3); flips > 0; flips--) {
    record[random.below(record.length)] ^= 1 << random.below(8);
  }
  return record;
}
