/**
 * `parley queue`: the commands that work with queues. This file only gathers them.
 */
import type { Command } from "commander";
import type { CliContext } from "../command.ts";
import { addQueueCare } from "./care.ts";
import { addQueueList } from "./list.ts";
import { addQueuePolicies } from "./policies.ts";
import { addQueuePeek } from "./peek.ts";
import { addQueuePull } from "./pull.ts";
import { addQueuePush } from "./push.ts";

const ABOUT = `
A queue comes into being with its first job, or with \`create\`. Jobs that were given up are in the queue NAME.dead: everything but
push works on it too.`;

/** Adds the commands. */
export function addQueue(program: Command, context: CliContext): void {
  const queue = program.command("queue")
    .description("push jobs, do them, and look after queues")
    .addHelpText("after", ABOUT);
  addQueuePush(queue, context);
  addQueuePull(queue, context);
  addQueueList(queue, context);
  addQueuePeek(queue, context);
  addQueueCare(queue, context);
  addQueuePolicies(queue, context);
}
