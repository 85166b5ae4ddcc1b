/**
 * What a peer may say that means to do harm, on each listener: frames that are damaged, or whole and full of odd
 * values, before a Hello and after it; heads of requests, lines of text, and records of TLS.
 */
import { echoMessage, encode, frame, helloMessage, join, varint } from "./frames.ts";
import { fieldCases, MEMBERS, OWN_REQUESTS, type Request, wholeCases } from "./own_requests.ts";
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
/** The most frames of a connection of which any may be its end. */
const ROUGH_FRAMES = 6;

/** What the fields of each request may hold: made once, since frames are many. */
type Cases = ReadonlyMap<Request, readonly (readonly Uint8Array[])[]>;
const casesBy = (of: typeof fieldCases): Cases =>
  new Map([...MEMBERS, ...OWN_REQUESTS].map((each) => [each, each.schema.fields.map(of)]));
const ROUGH = casesBy(fieldCases);
const WHOLE = casesBy(wholeCases);
const BOMBS = [2n ** 31n - 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n].map(varint);
const PAGES = [
  "/healthz",
  "/readyz",
  "/metrics",
  "/ws",
  "/",
  "*",
  "//",
  "/%00",
  "/../x",
  "http://[::1",
];
const ENDS = ["", "Content-Length: 5\r\n\r\nabcde", "Transfer-Encoding: chunked\r\n", "A : b\r\n"];
const METHODS = ["POST", "POST", "POST", "GET", "OPTIONS", "DELETE"];
const TARGETS = [
  ...["/v1/publish/a.b", "/v1/publish/k.a?type=acme.v1.A", "/v1/publish/a..b", "/v1/publish/%ff"],
  ...["/v1/queues/q?priority=99", "/v1/queues/q?delay_ms=-1&key=%00", "/v1/queues/__proto__"],
  ...["/v1/queues/q/pull?max=1", "/v1/queues/q/pull?max=99999999999", "/v1/queues/q/settle"],
  ...["/v1/call/a.B/C?timeout_ms=1", "/v1/call/a.B/C?timeout_ms=1e99", "/v1/call/"],
  ...["/v1/events?pattern=a..b", "/v1/events?since=last:99999999999", "/v1/nothing"],
  ...[
    "/parley.v1.Queues/List",
    "/parley.v1.Queues/Info",
    "/parley.v1.Topics/Info",
    "/parley.v1.X/Y",
  ],
];
const HEADERS = [
  "",
  "Content-Type: application/json\r\n",
  "Content-Type: application/json\r\nConnect-Protocol-Version: 1\r\nConnect-Timeout-Ms: 99999999999\r\n",
  "Content-Type: application/grpc-web+proto\r\n",
  "Content-Type: application/proto\r\nContent-Encoding: gzip\r\n",
  "Parley-Header-__proto__: \xff\r\nIdempotency-Key: \xe9\r\n",
  "ce-id: 1\r\nce-type: x y\r\n",
  "Expect: 100-continue\r\n",
  "Last-Event-ID: x t-1 a=99999999999999999999\r\n",
];
const BODIES = [
  "",
  "{}",
  "null",
  `{"queue":"q","limit":-1}`,
  `{"tokens":["zz","${"9".repeat(40)}"],"verdict":"ack","delay_ms":1e400}`,
  `{"__proto__":{"a":1},"constructor":null}`,
  "[".repeat(20_000),
  '{"a":'.repeat(5000),
  '"\ud800',
  "\0".repeat(300),
];
const encoder = new TextEncoder();

/** What connections say on `door`, `count` frames at most; with `token`, they say first whose it is. */
export function someTalk(
  random: Random,
  door: FuzzDoor,
  count: number,
  token: string | null,
): Talk {
  const hello = token === null ? null : encode(helloMessage({ token }));
  switch (door) {
    case "http":
      return oneByOne(
        count,
        () => random.below(4) === 0 ? someHead(random) : someRequest(random, token),
      );
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
  // A frame that ends the connection leaves nothing to those behind it: either there are few, or none does.
  const isRough = random.below(2) === 0;
  const length = isRough ? 1 + random.below(ROUGH_FRAMES) : count;
  const frames = [
    ...(hello === null ? [] : [frame(hello, framing)]),
    ...Array.from(
      { length },
      () => isRough ? someFrame(random, framing) : wholeFrame(random, framing),
    ),
    last,
  ];
  const mark = join(varint(ID_TAG), varint(id));
  if (door !== "ws") return { bytes: join(...frames), frames: length, mark };
  // Several messages a frame, or parts of one; now and then the head of a frame is damaged, too.
  const pieces = frames.map((each) => {
    const payload = webSocketFrame(each);
    if (isRough && random.below(40) === 0) payload[random.below(4)] ^= 1 << random.below(8);
    return payload;
  });
  return { bytes: join(...pieces), frames: length, mark };
}

/** A frame that is whole, with odd values of the right wire types. */
function wholeFrame(random: Random, framing: "delimited" | "prefixed32"): Uint8Array {
  return frame(someMessage(random, WHOLE), framing);
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
  const message = someMessage(random, ROUGH);
  if (kind < 8) message[random.below(message.length)] ^= 1 << random.below(8);
  return frame(message, framing);
}

/** A request with half of its fields, each one of `cases`; mostly with an id. */
function someMessage(random: Random, cases: Cases): Uint8Array {
  const request = random.pick(random.below(3) === 0 ? OWN_REQUESTS : MEMBERS);
  const fields = cases.get(request)!.filter(() => random.below(2) === 0);
  const body = join(...fields.map((each) => random.pick(each)));
  const id = random.below(4) === 0
    ? new Uint8Array(0)
    : join(varint(ID_TAG), varint(random.uint32()));
  return join(request.embed(body), id);
}

/** Requests, with the length that they announce of their body, or in chunks. */
function someRequest(random: Random, token: string | null): Uint8Array {
  const authorization = token === null || random.below(4) === 0
    ? ""
    : `Authorization: Bearer ${random.below(10) === 0 ? token.slice(1) : token}\r\n`;
  const head =
    `${random.pick(METHODS)} ${
      random.pick(TARGETS)
    } HTTP/1.1\r\nHost: localhost\r\n${authorization}` +
    random.pick(HEADERS);
  const body = random.pick(BODIES);
  const text = random.below(3) === 0
    ? `${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    : `${head}Content-Length: ${
      random.below(20) === 0 ? random.uint32() : encoder.encode(body).length
    }\r\n\r\n${body}`;
  return damaged(random, encoder.encode(text), random.below(12) === 0 ? 3 : 0);
}

function someHead(random: Random): Uint8Array {
  const head = random.below(3) === 0
    ? handshakeRequest({ host: "localhost" })
    : `${random.pick(["GET", "HEAD", "POST", "PRI", "get"])} ${random.pick(PAGES)} HTTP/1.${
      random.below(3)
    }\r\nHost: localhost\r\n${random.pick(ENDS)}\r\n`;
  return damaged(random, encoder.encode(head), 3);
}

/** Bytes with less than `most` of them replaced, mostly by such as mean something. */
function damaged(random: Random, bytes: Uint8Array, most: number): Uint8Array {
  for (let flips = most === 0 ? 0 : random.below(most); flips > 0; flips--) {
    const meaning = [0, 10, 13, 32, 58, 127, 255, random.below(256)];
    bytes[random.below(bytes.length)] = random.pick(meaning);
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
