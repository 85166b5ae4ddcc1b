/**
 * Days, moments and durations as they are written on a command line, and what is beyond the bounds of an option.
 */
import assert from "node:assert/strict";
import { durationMs, durationText } from "../../../lib/base/duration.ts";
import { momentOf } from "../../../lib/cli/terminal/moment.ts";
import { since } from "../../../lib/cli/topics/since.ts";
import { root } from "../../interop/programs.ts";
import { run } from "../fake_io.ts";

Deno.test("a day is one of the calendar, and begins here", () => {
  const day = new Date(2026, 0, 20);
  assert.deepEqual(momentOf("2026-01-20"), day);
  assert.deepEqual(since("2026-01-20"), { time: day });
  assert.deepEqual(momentOf("2026-01-20T15:04"), new Date(2026, 0, 20, 15, 4));
  assert.deepEqual(since("2026-01-20T15:04:05Z"), {
    time: new Date(Date.UTC(2026, 0, 20, 15, 4, 5)),
  });
  assert.deepEqual(momentOf("2024-02-29"), new Date(2024, 1, 29));
  const none = [
    "2026-02-30",
    "2026-02-30T10:00Z",
    "2026-02-29",
    "2026-13-01",
    "2026-00-10",
    "2026-01-00",
  ];
  for (
    const text of [...none, "2026-01-20T24:00", "2026-01-20T10:60", "2026-01-20T10", "20-01-2026"]
  ) {
    assert.equal(momentOf(text), null, text);
    assert.throws(() => since(text), /local time; Z for UTC/);
  }
});

Deno.test("a day is the user's in every zone", async () => {
  const code = `import { since } from "file://${root}/lib/cli/topics/since.ts";
    console.log(since("2026-01-20").time.toISOString());`;
  for (
    const [zone, expected] of [["Asia/Tokyo", "2026-01-19T15"], [
      "America/New_York",
      "2026-01-20T05",
    ]]
  ) {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-check", code],
      cwd: root,
      env: { TZ: zone },
    }).output();
    assert(new TextDecoder().decode(stdout).startsWith(expected), zone);
  }
});

Deno.test("durations are read and written in every unit", () => {
  const all = {
    "0": 0,
    "500ms": 500,
    "5s": 5000,
    "90m": 5_400_000,
    "2h": 7_200_000,
    "7d": 604_800_000,
  };
  for (const [text, ms] of Object.entries(all)) {
    assert.equal(durationMs(text), ms);
    assert.equal(durationMs(durationText(ms)), ms);
  }
  assert.equal(durationMs("1.5s"), 1500);
  for (const text of ["", "5", "s", "-5s", "5 weeks", "1e3s", "5S"]) {
    assert.equal(durationMs(text), null, text);
  }
});

Deno.test("an option beyond its bounds is wrong use, and says the bounds", async () => {
  const cases: [string[], RegExp][] = [
    [["health", "--timeout", "99999999999"], /from 1ms to 24d/],
    [["health", "--timeout", "0"], /from 1ms to 24d/],
    [["queue", "push", "r", "x", "--delay", "5"], /a duration with its unit/],
    [["queue", "push", "r", "x", "--delay", "367d"], /from 0 to 366d/],
    [["queue", "push", "r", "x", "--at", "2026-02-30"], /of the calendar/],
    [["pub", "a", "b", "--interval", "100"], /a duration with its unit/],
    [["pub", "a", "b", "--count", "99999999999999999999"], /from 1 to 9007199254740991/],
    [["sub", "a", "--since", "2026-02-30"], /of the calendar/],
  ];
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await run(args);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, expected);
  }
});
