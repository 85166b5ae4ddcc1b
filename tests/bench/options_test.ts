/**
 * The command line of the benchmarks: what it takes, what it refuses, and how it says itself.
 */
import assert from "node:assert/strict";
import { BENCHMARKS, commandLine, parseOptions, UsageError } from "../../bench/harness/options.ts";

Deno.test("bench without words is everything, with the defaults", () => {
  const options = parseOptions([])!;
  assert.deepEqual(options.benchmarks, BENCHMARKS);
  assert.equal(options.runs, 5);
  assert.equal(options.seconds, 3);
  assert.equal(options.connections, 15_000);
  assert.equal(options.subscriptions, 1_000_000);
  assert.equal(options.jobs, 1_000_000);
  assert.equal(options.members, 1000);
  assert.equal(options.messages, 1000);
  assert.equal(options.events, 1_000_000);
  assert.equal(options.slow, 2000);
  assert.equal(options.readers, 1000);
  assert.equal(options.kills, 20);
  assert.equal(options.json || options.writeDocs || options.requirePeers, false);
});

Deno.test("bench takes names and options in any order, and says them again", () => {
  const options = parseOptions(["--runs", "2", "call", "--seconds=0.5", "bus", "--json"])!;
  assert.deepEqual(options.benchmarks, ["bus", "call"]);
  assert.equal(options.json, true);
  assert.equal(commandLine(options), "deno task bench bus call --runs 2 --seconds 0.5");
  assert.equal(commandLine(options, "call"), "deno task bench call --runs 2 --seconds 0.5");
  const words = commandLine(parseOptions(["conns", "--connections", "9"])!).split(" ").slice(3);
  assert.equal(parseOptions(words)!.connections, 9);
  const own = parseOptions(["room", "trim", "--members", "7", "--messages", "8", "--events", "9"])!;
  assert.equal(
    commandLine(own),
    "deno task bench room trim --runs 5 --seconds 3 --members 7 --messages 8 --events 9",
  );
  assert.equal(commandLine(own, "trim"), "deno task bench trim --runs 5 --seconds 3 --events 9");
  assert.equal(
    commandLine(parseOptions(["queue", "--jobs", "9"])!),
    "deno task bench queue --runs 5 --seconds 3 --jobs 9",
  );
  assert.equal(
    commandLine(parseOptions(["http", "--readers", "9"])!),
    "deno task bench http --runs 5 --seconds 3 --readers 9",
  );
  assert.equal(
    commandLine(parseOptions(["slow-tls", "--slow", "9"])!),
    "deno task bench slow-tls --runs 5 --seconds 3 --slow 9",
  );
  assert.equal(
    commandLine(parseOptions(["cluster", "--kills", "9"])!),
    "deno task bench cluster --runs 5 --seconds 3 --kills 9",
  );
  assert.equal(parseOptions(["--help"]), undefined);
});

Deno.test("bench refuses what it does not know, and says what it would take", () => {
  const refused: [string[], RegExp][] = [
    [["keep"], /"keep": one of start, echo, .* is accepted/],
    [["--runs", "0"], /--runs "0": a whole number from 1 on is accepted/],
    [["--runs", "1.5"], /a whole number/],
    [["--runs"], /--runs ""/],
    [["--seconds", "no"], /--seconds "no": a number from 0.01 on is accepted/],
    [["--json=1"], /"--json=1"/],
  ];
  for (const [words, message] of refused) {
    assert.throws(() => parseOptions(words), (error) => {
      assert(error instanceof UsageError);
      assert.match(error.message, message);
      return true;
    });
  }
});
