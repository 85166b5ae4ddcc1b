/**
 * `parley room ls` and `parley room history ROOM`: which rooms there are, and what was said in one, without
 * coming in.
 *
 * History is printed the oldest first, in pages that join: the first seq of one is the `--before` of the next.
 */
import type { Command } from "commander";
import { printable } from "../../base/printable.ts";
import { callMessage } from "../../client/mod.ts";
import { type RoomMessage, roomMessage } from "../../client/rooms/message.ts";
import { receivedEvent } from "../../client/topics/subscription_requests.ts";
import { HistoryRequestSchema, HistoryResponseSchema } from "../../gen/parley/v1/room_pb.ts";
import { columnLines } from "../terminal/columns.ts";
import {
  type CliContext,
  type ServerOptions,
  wholeNumber,
  withClient,
  withServerOptions,
} from "../command.ts";
import { jsonLine } from "../terminal/json_text.ts";
import { messageJson, plainMessage } from "./text.ts";
import { count } from "../terminal/summary.ts";
import { styled } from "../terminal/terminal_text.ts";

interface HistoryOptions extends ServerOptions {
  readonly limit: number;
  readonly before?: number;
}

const PAGE_EVENTS = 256;
const MAX_EVENTS = 100_000;

/** Adds the commands. */
export function addRoom(program: Command, context: CliContext): void {
  const room = program.command("room").description("look at rooms");
  withServerOptions(room.command("ls"))
    .description("list the rooms that have members or a history")
    .action((options: ServerOptions) => listRooms(options, context));
  withServerOptions(room.command("history"))
    .description("print what happened in a room")
    .argument("<room>", "which one")
    .option("-n, --limit <n>", "at most so many events", wholeNumber(1, MAX_EVENTS), 50)
    .option("--before <seq>", "only events before this seq", wholeNumber(1))
    .action((name: string, options: HistoryOptions) => roomHistory(name, options, context));
}

async function listRooms(options: ServerOptions, { io }: CliContext): Promise<void> {
  const rooms = await withClient(options, io, (client) => client.rooms());
  const out = io.stdout;
  if (options.json) {
    const lines = rooms.map(({ name, topicLine, online, lastSeq }) =>
      jsonLine({ name, topic_line: topicLine, online, last_seq: Number(lastSeq) })
    );
    return out.write(lines.join(""));
  }
  if (rooms.length === 0) return out.write("no rooms\n");
  const columns = [
    { title: "room" },
    { title: "online", side: "right" as const },
    { title: "last seq", side: "right" as const },
    { title: "topic" },
  ];
  const rows = rooms.map(({ name, topicLine, online, lastSeq }) => [
    printable(name),
    count(online),
    String(lastSeq),
    printable(topicLine),
  ]);
  const [heading, ...lines] = columnLines(columns, rows, out.isTerminal ? out.columns : Infinity);
  out.write([styled("bold", heading, out), ...lines].map((line) => `${line}\n`).join(""));
}

async function roomHistory(
  room: string,
  options: HistoryOptions,
  { io }: CliContext,
): Promise<void> {
  const messages = await withClient(options, io, async (client) => {
    const found: RoomMessage[] = [];
    let beforeSeq = BigInt(options.before ?? 0);
    for (let left = options.limit, more = true; left > 0 && more;) {
      const page = await callMessage(
        client,
        "parley.v1.Rooms/History",
        HistoryRequestSchema,
        HistoryResponseSchema,
        { room, beforeSeq, limit: Math.min(left, PAGE_EVENTS) },
      );
      left -= page.events.length;
      more = page.more && page.events.length > 0;
      beforeSeq = page.events[0]?.seq ?? 0n;
      const read = page.events.map((event) => roomMessage(receivedEvent(event)));
      found.unshift(...read.filter((message) => message !== null));
    }
    return found;
  });
  const lines = messages.map((message) =>
    options.json ? jsonLine(messageJson(message)) : `${plainMessage(message)}\n`
  );
  io.stdout.write(lines.join(""));
}
