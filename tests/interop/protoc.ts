/**
 * Makes classes of all messages with protoc, into temporary folders, and says what of that the machine can do.
 */
import { join } from "node:path";
import { root, run, succeeds } from "./programs.ts";

/** A Python that has the protobuf runtime; Debian's own first, since others may stand before it in PATH. */
export const python = ["/usr/bin/python3", "python3"].find((each) =>
  succeeds(each, ["-c", "import google.protobuf"])
);

/** Whether classes can be generated. */
export const hasProtoc = succeeds("protoc", ["--version"]);

/** Whether classes for Go can be generated; the plugin says nothing when it is asked for its version. */
export const hasGo = succeeds("sh", ["-c", "command -v protoc-gen-go"]);

const messages = [...Deno.readDirSync(join(root, "proto/parley/v1"))].map((entry) =>
  `proto/parley/v1/${entry.name}`
);

/** Generates the classes of all messages into `folder`; `language` is as in protoc's `--python_out`. */
export async function generate(language: string, folder: string): Promise<void> {
  await run("protoc", ["--proto_path=proto", `--${language}_out=${folder}`, ...messages]);
}
