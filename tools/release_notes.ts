/**
 * Prints what CHANGELOG.md says of one version: the notes of its release.
 *
 *   deno run --allow-read tools/release_notes.ts VERSION
 */

/** The section of a version, without its heading. Raises when there is none, or nothing in it. */
export function notesOf(changes: string, version: string): string {
  const sections = changes.split(/^## /m).slice(1);
  const section = sections.find((each) => each.split(/\s/, 1)[0] === version);
  const notes = section?.slice(section.indexOf("\n")).trim() ?? "";
  if (notes === "") throw new Error(`CHANGELOG.md says nothing of ${version}`);
  return `${notes}\n`;
}

if (import.meta.main) {
  const changes = await Deno.readTextFile(new URL("../CHANGELOG.md", import.meta.url));
  await Deno.stdout.write(new TextEncoder().encode(notesOf(changes, Deno.args[0] ?? "")));
}
