/**
 * The tree of commands. It only lists them; each file of a command says what its options are, and loads
 * what it works with when it is called, so that one command does not pay for the others.
 */
import { Command } from "commander";
import { printable } from "../base/printable.ts";
import { VERSION } from "../base/version.ts";
import { addAdd } from "./calls/add.ts";
import { addBackup } from "./server/backup.ts";
import { addBench } from "./bench/bench.ts";
import { addCall } from "./calls/call.ts";
import { addChat } from "./rooms/chat.ts";
import { addCluster } from "./cluster/cluster.ts";
import { checkEnvironment, type CliContext } from "./command.ts";
import { addComplete } from "./server/complete.ts";
import { addCompletion } from "./server/completion.ts";
import { addCheck } from "./server/check.ts";
import { addConfig } from "./server/config.ts";
import { addContext } from "./server/context.ts";
import { addConnections } from "./server/connections.ts";
import { addDrain } from "./server/drain.ts";
import { addEcho } from "./calls/echo.ts";
import { addHealth } from "./server/health.ts";
import { addHelp, fitted, formatItem, helpColumns } from "./help.ts";
import type { CliIo } from "./io.ts";
import { addLogLevel } from "./server/log_level.ts";
import { addMan } from "./server/man.ts";
import { addPub } from "./topics/pub.ts";
import { addQueue } from "./queues/commands.ts";
import { addRespond } from "./calls/respond.ts";
import { addRoom } from "./rooms/room.ts";
import { addReload } from "./server/reload.ts";
import { addService } from "./calls/service.ts";
import { addServe } from "./server/serve.ts";
import { addRecord } from "./topics/record.ts";
import { addSchema } from "./topics/schema.ts";
import { addSub } from "./topics/sub.ts";
import { applyContext } from "./contexts.ts";
import { explainWrongUse } from "./wrong_use.ts";
import { styled } from "./terminal/terminal_text.ts";
import { addExplain } from "./users/explain.ts";
import { addInit } from "./users/init.ts";
import { addToken } from "./users/token.ts";
import { addUser } from "./users/user.ts";
import { addTop } from "./top/top.ts";
import { addTopic } from "./topics/topic.ts";

/** Makes the tree. A command that does not end with 0 says so in `outcome`. */
export function makeProgram(io: CliIo, outcome: { exitCode: number }): Command {
  const context: CliContext = { io, outcome };
  const program = new Command("parley")
    .description("Message server: one typed connection for services, topics, rooms and queues.")
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "explain a command")
    .exitOverride()
    .hook("preAction", (_, command) => prepare(command, io))
    .configureOutput({
      writeOut: (text) => io.stdout.write(fitted(text, helpColumns(io.stdout, io))),
      writeErr: (text) => io.stderr.write(fitted(text, helpColumns(io.stderr, io))),
      getOutHelpWidth: () => helpColumns(io.stdout, io) ?? io.stdout.columns,
      getErrHelpWidth: () => helpColumns(io.stderr, io) ?? io.stderr.columns,
      getOutHasColors: () => io.stdout.colors,
      getErrHasColors: () => io.stderr.colors,
      outputError: (text, write) =>
        write(printable(text.trim().replace(/^error: /, "parley: ").replace(/\n+/g, " ")) + "\n"),
    })
    .configureHelp({
      minWidthToWrap: 1,
      formatItem,
      styleTitle: (title) => styled("bold", title, { colors: io.stdout.colors }),
    })
    .addHelpText(
      "after",
      "\nWithout a command it is `parley serve`. Which server a command asks, and how, may stand before it, too:" +
        "\n`parley -s shop.example:7311 pub orders.eu hello`. Exit codes: 0 done, 1 failed, 2 wrong use.",
    );
  addServe(program, context);
  addEcho(program, context);
  addAdd(program, context);
  addPub(program, context);
  addSub(program, context);
  addCall(program, context);
  addRespond(program, context);
  addService(program, context);
  addChat(program, context);
  addTopic(program, context);
  addRoom(program, context);
  addQueue(program, context);
  addSchema(program, context);
  addRecord(program, context);
  addUser(program, context);
  addToken(program, context);
  addExplain(program, context);
  addInit(program, context);
  addTop(program, context);
  addHealth(program, context);
  addCheck(program, context);
  addReload(program, context);
  addDrain(program, context);
  addLogLevel(program, context);
  addConnections(program, context);
  addCluster(program, context);
  addContext(program, context);
  addBench(program, context);
  addBackup(program, context);
  addConfig(program, context);
  addCompletion(program, context);
  addComplete(program, context);
  addMan(program, context);
  addHelp(program);
  explainWrongUse(program);
  return program;
}

/** What comes before any command: misspelt variables are refused, and what a context says is filled in. */
async function prepare(command: Command, io: CliIo): Promise<void> {
  await checkEnvironment(command, io);
  applyContext(command, io);
}
