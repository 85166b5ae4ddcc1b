/**
 * The Tab key, pressed in real shells on terminals of their own: commands, options, and the names that a server has now.
 */
import assert from "node:assert/strict";
import { connect } from "../../lib/client/mod.ts";
import { PERMISSIONS } from "../../tools/compile.ts";
import { present, type Shell, TypedShell } from "../documents/typed_shell.ts";
import { root } from "../interop/programs.ts";
import { startServer } from "../support/server.ts";

/** Completion gives a server a second, which a busy machine may take. */
const TRIES = 8;
const PARLEY = [
  Deno.execPath(),
  "run",
  "--quiet",
  "--no-check",
  ...PERMISSIONS,
  `${root}/server.ts`,
]
  .map((word) => `'${word}'`).join(" ");

/** `parley` as the shells of the test have it: what completes is real, anything else is told. */
const POSIX = `parley() { case $1 in complete*) ${PARLEY} "$@" ;; *) echo "said: $*" ;; esac; }
source ./script`;
const SETUP: Record<Shell, string> = {
  bash: POSIX,
  zsh: `autoload -Uz compinit && compinit -u -D\n${POSIX}`,
  fish: `function parley
if string match -q 'complete*' $argv[1]
${PARLEY} $argv
else
echo "said: $argv"
end
end
source ./script`,
};

/** What is typed before the Tab key, with @ for the address of the server, and how it goes on. */
const TYPED: readonly [typed: string, rest: string][] = [
  ["heal", "th"],
  ["queue redr", "ive"],
  ["sub --overf", "low"],
  ["serve --log-format pre", "tty"],
  ["-s @ queue red", "rive"],
  ["queue info -s @ em", "ails"],
  ["-s @ queue peek em", "ails"],
  ["topic info --server @ ord", "ers.eu"],
  ["-s @ sub ord", "ers.eu"],
  ["room history -s @ te", "a"],
  ["call -s @ acme.T", "ext/Length"],
  ["service info -s @ acme", ".Text/Length"],
  ["health --context sh", "op"],
  ["queue info --context shop em", "ails"],
];

for (const shell of ["bash", "zsh", "fish"] as const) {
  const isThere = present.includes(shell) && present.includes("script");
  Deno.test({
    name: `${shell} completes on a terminal${isThere ? "" : ` (needs ${shell}, script)`}`,
    ignore: !isThere,
    async fn() {
      const folder = await Deno.makeTempDir({ prefix: "parley-tab-" });
      try {
        await using server = await startServer({
          data: `${folder}/data`,
          keep: [{ pattern: "orders.>" }],
        });
        const address = `127.0.0.1:${server.port("tcp")}`;
        await using client = await connect(`parley://${address}`);
        await client.publish("orders.eu", "x");
        await client.queue("emails").push("x");
        await client.room("tea", { nick: "Ada" });
        await using _service = await client.serve("acme.Text/Length", () => "");
        const contexts = { contexts: { shop: { server: `parley://${address}` } } };
        await Deno.mkdir(`${folder}/.config/parley`, { recursive: true });
        await Deno.writeTextFile(
          `${folder}/.config/parley/contexts.json`,
          JSON.stringify(contexts),
        );
        await Deno.writeTextFile(`${folder}/script`, await script(shell));
        await using typed = await TypedShell.start(shell, folder, { XDG_CONFIG_HOME: "" });
        await typed.paste(SETUP[shell]);
        for (const [before, rest] of TYPED) {
          const line = before.replaceAll("@", address);
          let said = "";
          for (let tries = 0; tries < TRIES && said !== `${line}${rest}`; tries++) {
            said = await afterTab(typed, `parley ${line}`);
          }
          assert.equal(said, `${line}${rest}`, typed.screen);
        }
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

async function script(shell: Shell): Promise<string> {
  const { run } = await import("./fake_io.ts");
  return (await run(["completion", shell])).stdout;
}

/** Types a line, presses Tab and Enter, and gives what the command was told. */
async function afterTab(typed: TypedShell, line: string): Promise<string> {
  const from = typed.screen.length;
  await typed.type(`${line}\t\r`);
  const pattern = /^said: (.*)$/m;
  await typed.shows((screen) => pattern.test(screen.slice(from)), `what ${line} becomes`);
  return pattern.exec(typed.screen.slice(from))![1].trim();
}
