/**
 * The examples in Go and Java, each one file with the official runtime, and in Rust with prost, do what they promise: echo,
 * publish and subscribe, and a worker that answers pings while it waits.
 *
 * Where something to build one is missing, its test is ignored and says what to install.
 */
import assert from "node:assert/strict";
import { connect } from "../../lib/client/mod.ts";
import { Running } from "../cli/processes.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import {
  buildGo,
  buildJava,
  buildRust,
  canBuildGo,
  canBuildJava,
  canBuildRust,
} from "./compilers.ts";

/** How long a program may take to start on a busy machine. */
const START_MS = 300_000;

/** Runs a program to its end, and asks the server meanwhile whether it answers pings. */
async function holds(words: readonly string[]): Promise<void> {
  const data = await Deno.makeTempDir({ prefix: "parley-example-" });
  try {
    await using server = await startServer({ data, limits: { ping_interval_ms: 20 } });
    const port = `${server.port("tcp")}`;
    await using program = new Running([], {}, { words: [...words, "127.0.0.1", port] });
    const said = ["Hello, World!", "orders.eu.created 42 pieces", "sent to ann, attempt 1"];
    assert.deepEqual(await program.lines(said.length), said);
    // It is the only client and has nothing else to say: what comes now are its pongs.
    const before = server.stats().messagesIn;
    await until(() => server.stats().messagesIn >= before + 5, "pings are answered", START_MS);
    await using client = await connect(`parley://127.0.0.1:${port}`);
    await client.queue("emails").push("bob");
    await client.queue("emails").push("stop");
    const { code, rest, log } = await program.ended();
    assert.equal(code, 0, log);
    assert.equal(rest, [...said, "sent to bob, attempt 1\n"].join("\n"));
    for await (const letter of client.queue("emails.dead").pull({ prefetch: 1 })) {
      assert.equal(letter.death?.lastError, "there is no address");
      await letter.ack();
      break;
    }
  } finally {
    await Deno.remove(data, { recursive: true });
  }
}

const LANGUAGES = [
  [
    "Go",
    "examples/go/parley.go",
    buildGo,
    canBuildGo,
    "golang-go, golang-google-protobuf-dev, protoc-gen-go",
  ],
  [
    "Java",
    "examples/java/Parley.java",
    buildJava,
    canBuildJava,
    "default-jdk-headless, libprotobuf-java",
  ],
  [
    "Rust",
    "examples/rust/parley.rs",
    buildRust,
    canBuildRust,
    "rustc, cargo, librust-prost-dev, librust-prost-build-dev",
  ],
] as const;

for (const [language, source, build, ready, packages] of LANGUAGES) {
  Deno.test({
    name: `the example in ${language} does what it promises${
      ready ? "" : ` (needs protobuf-compiler, ${packages})`
    }`,
    ignore: !ready,
    async fn() {
      const folder = await Deno.makeTempDir({ prefix: "parley-interop-" });
      try {
        await holds(await build(source, folder));
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
