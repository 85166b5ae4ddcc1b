/**
 * Descriptor sets as users make them: by protoc, from sources that a test writes down.
 */
import assert from "node:assert/strict";
import { MessageTypes } from "../../lib/logic/types/message_types.ts";
import type { TypeFile } from "../../lib/logic/types/type_file.ts";

/** The descriptor set of sources by their paths, with all that they import. */
export async function descriptorSet(
  sources: Readonly<Record<string, string>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const directory = await Deno.makeTempDir({ prefix: "parley-protoc-" });
  try {
    for (const [path, source] of Object.entries(sources)) {
      const file = `${directory}/${path}`;
      await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
      await Deno.writeTextFile(file, source);
    }
    const { success, stderr } = await new Deno.Command("protoc", {
      args: [
        `--proto_path=${directory}`,
        "--include_imports",
        "--include_source_info",
        `--descriptor_set_out=${directory}/set.binpb`,
        ...Object.keys(sources),
      ],
      stderr: "piped",
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    return await Deno.readFile(`${directory}/set.binpb`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A source of proto3 in the package acme.v1. */
export function source(body: string, imports: readonly string[] = []): string {
  const imported = imports.map((path) => `import "${path}";\n`).join("");
  return `syntax = "proto3";\npackage acme.v1;\n${imported}${body}\n`;
}

/** Links files, and counts the steps that it took. */
export function linkAll(
  files: Iterable<TypeFile>,
  former: MessageTypes | null = null,
): { types: MessageTypes; steps: number } {
  const linking = MessageTypes.link(files, { former });
  for (let steps = 0;; steps++) {
    const { done, value } = linking.next();
    if (done) return { types: value, steps };
  }
}
