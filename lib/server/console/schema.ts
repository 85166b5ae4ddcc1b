/**
 * The table [console] of the configuration: how a server is told from others by people who look at several.
 */
import { z } from "zod";
import { printable } from "../../base/printable.ts";

/** The most characters of the name of an environment: it stands in a ribbon. */
const MAX_ENVIRONMENT_CHARACTERS = 32;

/** The colors of a ribbon: each has a light and a dark form that can be read. */
const ENVIRONMENT_COLORS = ["gray", "blue", "green", "yellow", "orange", "red", "purple"] as const;

/** The schema of the table. */
export const consoleSchema = z.strictObject({
  environment: z.string().trim().default("").superRefine((name, context) => {
    const fault = [...name].length > MAX_ENVIRONMENT_CHARACTERS
      ? `${[...name].length} characters are too many: at most ${MAX_ENVIRONMENT_CHARACTERS}`
      : printable(name) !== name
      ? "a name has no characters that nobody sees"
      : null;
    if (fault !== null) context.addIssue({ code: "custom", message: fault });
  }).describe(
    "The name of the environment that this server is part of, like production, shown on each page of the console and to " +
      `everybody who connects. At most ${MAX_ENVIRONMENT_CHARACTERS} characters.`,
  ),
  color: z.enum(ENVIRONMENT_COLORS).default("gray").describe(
    "The color of the ribbon with that name.",
  ),
}).prefault({}).describe("The console, a page for browsers at the http listener.");

/** The part of the configuration that is about the console. */
export type ConsoleConfig = z.output<typeof consoleSchema>;
