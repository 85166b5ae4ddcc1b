/**
 * `parley room ls|history|rm`: which rooms there are, what was said in one, without coming in, and removing
 * one.
 *
 * History is printed the oldest first, in pages that join: the first seq of one is the `--before` of the next.
 */
import type { Command } from "commander";
import { printable } from "../../base/printable.ts";
import { callMethod, type Client, ErrorCode, ParleyError } from "../../client/mod.ts";
import { type RoomMessage, roomMessage } from "../../client/rooms/message.ts";
import { receivedEvent } from "../../client/topics/subscription_requests.ts";
import { Rooms } from "../../gen/parley/v1/room_pb.ts";
import { Topics } from "../../gen/parley/v1/topic_pb.ts";
import { checkCanAsk, isMeant } from "../terminal/confirm.ts";
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
import { count, countOf } from "../terminal/summary.ts";
import { styled } from "../terminal/terminal_text.ts";

interface HistoryOptions extends ServerOptions {
  readonly limit: number;
  readonly before?: number;
}

interface RemoveOptions extends ServerOptions {
  readonly yes?: boolean;
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
  withServerOptions(room.command("rm"))
    .description("remove a room that nobody is in, with its history, for good")
    .argument("<room>", "which one")
    .option("--yes", "do not ask; needed where nobody can be asked")
    .action((name: string, options: RemoveOptions) => removeRoom(name, options, context));
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
      const page = await callMethod(client, Rooms.method.history, {
        room,
        beforeSeq,
        limit: Math.min(left, PAGE_EVENTS),
      });
      left -= page.events.length;
      more = page.more && page.events.length > 0;
      beforeSeq = page.events[0]?.seq ?? 0n;
      const read = page.events.map((event) => roomMessage(receivedEvent(event)));
      found.unshift(...read.filter((message) => message !== null));
    }
    if (found.length === 0) await checkIsThere(client, room);
    return found;
  });
  const lines = messages.map((message) =>
    options.json ? jsonLine(messageJson(message)) : `${plainMessage(message)}\n`
  );
  io.stdout.write(lines.join(""));
}

/** Raises NOT_FOUND when nothing ever happened in a room of that name. */
async function checkIsThere(client: Client, room: string): Promise<void> {
  const { info } = await callMethod(client, Topics.method.info, { topic: `room.${room}` });
  if (info !== undefined && info.lastSeq > 0n) return;
  const message = `cannot print the history of ${printable(room)}: there is no such room`;
  throw new ParleyError(ErrorCode.NOT_FOUND, message, {
    accepted: "one that `parley room ls` tells",
  });
}

async function removeRoom(room: string, options: RemoveOptions, { io, outcome }: CliContext) {
  checkCanAsk("removing", options.yes, io);
  if (!options.yes && !await isMeant(`remove ${printable(room)} with its history for good?`, io)) {
    outcome.exitCode = 1;
    io.stderr.write("nothing was removed\n");
    return;
  }
  const { dropped } = await withClient(
    options,
    io,
    (client) => callMethod(client, Rooms.method.remove, { room }),
  );
  io.stdout.write(
    options.json
      ? jsonLine({ room, dropped: Number(dropped) })
      : `removed ${printable(room)} with ${countOf(Number(dropped), "event")}\n`,
  );
}
