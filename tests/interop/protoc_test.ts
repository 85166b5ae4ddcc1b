/**
 * Every language that protoc generates by itself, and Go by its plugin without flags, gets its classes out of
 * proto/, under the names that are usual there.
 */
import assert from "node:assert/strict";
import { generate, hasGo, hasProtoc } from "./protoc.ts";

/** A file of each language that must be there, and something that it must say. */
const LANGUAGES: Readonly<Record<string, readonly [path: string, text: string]>> = {
  cpp: ["parley/v1/queue.pb.h", "namespace parley"],
  go: ["parley/v1/queue.pb.go", "package parleyv1"],
  csharp: ["Queue.cs", "namespace Parley.V1"],
  java: ["parley/v1/Job.java", "package parley.v1;"],
  kotlin: ["parley/v1/JobKt.kt", "package parley.v1"],
  objc: ["parley/v1/Queue.pbobjc.h", "@interface PRLJob "],
  php: ["Parley/V1/Job.php", "namespace Parley\\V1;"],
  python: ["parley/v1/queue_pb2.py", ""],
  ruby: ["parley/v1/queue_pb.rb", "module Parley"],
};

for (const [language, [path, text]] of Object.entries(LANGUAGES)) {
  const packages = language === "go" ? "protobuf-compiler and protoc-gen-go" : "protobuf-compiler";
  const ready = hasProtoc && (language !== "go" || hasGo);
  Deno.test({
    name: `protoc makes classes for ${language}${ready ? "" : ` (needs ${packages})`}`,
    ignore: !ready,
    async fn() {
      const folder = await Deno.makeTempDir({ prefix: "parley-protoc-" });
      try {
        await generate(language, folder);
        const made = await Deno.readTextFile(`${folder}/${path}`);
        assert(made.includes(text), `${path} says ${text}`);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
