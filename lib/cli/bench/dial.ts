/**
 * From the URL of a server to plain sockets, for load that does not go through the client library.
 *
 * Nothing is sent and read here but a Hello where one is needed; who opens connections closes them.
 */
import { ErrorCode, invalidArgument, ParleyError } from "../../base/errors.ts";
import { create, fromBinary } from "@bufbuild/protobuf";
import { sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import { splitUserPart } from "../../client/connection/credentials.ts";
import { ClientMessageSchema, ServerMessageSchema } from "../../gen/parley/v1/envelope_pb.ts";
import { FrameReader } from "../../wire/frame_reader.ts";
import { parseTarget } from "../../client/transport/url.ts";

const DIALS_AT_ONCE = 64;
/** The largest answer to a Hello. */
const MAX_WELCOME_BYTES = 64 * 1024;

/** Opens one connection; the promise rejects when that fails. */
type Dial = () => Promise<Deno.Conn>;

/**
 * Says how to connect to a URL of the client library; with a user in it, each connection says Hello first. Raises
 * INVALID_ARGUMENT for anything else.
 */
export function dialer(server: string): Dial {
  const { url, user, password } = splitUserPart(server);
  const target = parseTarget(url);
  if (target.kind === "tls") {
    throw invalidArgument(`cannot put load on ${url}: it is under TLS`, {
      accepted: "parley://host:port or unix:///path",
    });
  }
  const dial = async () => {
    if (target.kind === "unix") {
      return await Deno.connect({ transport: "unix", path: target.path });
    }
    const connection = await Deno.connect({ hostname: target.hostname, port: target.port });
    connection.setNoDelay(true);
    return connection;
  };
  return user === "" ? dial : async () => await greeted(await dial(), user, password);
}

/** The URL of a server as it may be shown: without a user and password. */
export function shownServer(server: string): string {
  return splitUserPart(server).url;
}

/** Says Hello as a user on a new connection, and waits to be welcome. */
async function greeted(link: Deno.Conn, user: string, password: string): Promise<Deno.Conn> {
  try {
    const hello = create(ClientMessageSchema, {
      message: { case: "hello", value: { protocolVersion: 1, user, password } },
    });
    const frame = sizeDelimitedEncode(ClientMessageSchema, hello);
    for (let sent = 0; sent < frame.length;) sent += await link.write(frame.subarray(sent));
    const reader = new FrameReader("delimited", MAX_WELCOME_BYTES);
    while (!reader.next()) {
      const count = await link.read(reader.space());
      if (count === null) throw new Error("the server closed the connection");
      reader.filled(count);
    }
    const answer = reader.buffer.subarray(reader.messageStart, reader.messageEnd);
    const { message } = fromBinary(ServerMessageSchema, answer);
    if (message.case === "error") throw new ParleyError(message.value.code, message.value.message);
    return link;
  } catch (reason) {
    hangUp(link);
    throw reason;
  }
}

/**
 * Opens `count` connections, a few at a time so that no backlog overflows. All or none: rejects with
 * UNAVAILABLE when one fails, and then none stays open.
 */
export async function dialAll(
  dial: Dial,
  count: number,
  onProgress?: (open: number) => void,
): Promise<Deno.Conn[]> {
  const links: Deno.Conn[] = [];
  let left = count;
  const dialSome = async () => {
    while (left > 0) {
      left--;
      try {
        links.push(await dial());
      } catch (error) {
        left = 0;
        throw error;
      }
      onProgress?.(links.length);
    }
  };
  const dials = Array.from({ length: Math.min(DIALS_AT_ONCE, count) }, dialSome);
  const failed = (await Promise.allSettled(dials)).find((each) => each.status === "rejected");
  if (failed === undefined) return links;
  links.forEach(hangUp);
  const action = `cannot open ${count} connections (${links.length} were opened)`;
  throw ParleyError.from(failed.reason, ErrorCode.UNAVAILABLE, action);
}

/** Closes a connection, also one that is closed already. */
export function hangUp(link: Deno.Conn): void {
  try {
    link.close();
  } catch {
    // It is closed already, which is what was wanted.
  }
}
