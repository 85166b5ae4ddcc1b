/**
 * What is wrong, in words, the worst first, each with the way to it; that all is well when nothing is.
 */
import type { Problem, ProblemsServerResponse } from "../../../lib/gen/parley/v1/server_pb.ts";
import { ProblemSeverity, Server } from "../../../lib/gen/parley/v1/server_pb.ts";
import { ask } from "../../data/ask.ts";
import { usePolled } from "../../data/polled.ts";
import { counted } from "../../format/numbers.ts";
import { Icon } from "../../parts/icons.tsx";
import { Known } from "../../parts/states.tsx";
import { href } from "../../router.ts";

/** The most problems that are listed. */
const MAX_LISTED = 8;

/** The list. */
export function Problems() {
  const problems = usePolled(
    "problems",
    (signal) => ask(Server.method.problems, {}, { signal }),
    3_000,
  );
  return (
    <section class="card problems" aria-label="What is wrong">
      <Known of={problems}>{(told) => <Told told={told} />}</Known>
    </section>
  );
}

function Told({ told: { problems, total, serverChecked } }: { told: ProblemsServerResponse }) {
  if (total === 0) {
    return (
      <p class="problem good">
        <Icon name="good" />
        <strong>
          {serverChecked ? "All is well." : "All is well with the queues that you may see."}
        </strong>
      </p>
    );
  }
  const beyond = total - Math.min(problems.length, MAX_LISTED);
  return (
    <ul>
      {problems.slice(0, MAX_LISTED).map((problem) => (
        <li key={`${problem.kind} ${problem.name}`}>
          <Entry problem={problem} />
        </li>
      ))}
      {beyond > 0 && (
        <li class="problem">
          <a href={href(["queues"], { order: "-dead" })}>and {counted(beyond, "more problem")}</a>
        </li>
      )}
    </ul>
  );
}

function Entry({ problem }: { problem: Problem }) {
  const { name, severity, text } = problem;
  const isError = severity === ProblemSeverity.ERROR;
  const place = placeOf(problem);
  const words = (
    <>
      <Icon name={isError ? "bad" : "warning"} />
      <span class="break">
        <span class="only-read">{isError ? "Error: " : "Warning: "}</span>
        {name !== "" && (
          <>
            <strong>{name}</strong>
            {": "}
          </>
        )}
        {text}
      </span>
    </>
  );
  const kind = `problem ${isError ? "bad" : "warn"}`;
  return place === null ? <p class={kind}>{words}</p> : (
    <a class={kind} href={place}>
      {words}
      <span class="way">
        <Icon name="next" />
      </span>
    </a>
  );
}

/** Where a problem is looked at; null for the server as a whole. */
function placeOf({ kind, name }: Problem): string | null {
  if (name === "") return kind === "connections" ? href(["connections"]) : null;
  if (kind === "slow_consumer") return href(["connections", name]);
  return href(["queues", name], kind === "dead_letters" ? { tab: "dead" } : {});
}
