/**
 * The policies by which topics are kept: which there are, making one, and taking back what was set while the server ran.
 */
/// <reference lib="dom" />
import { useState } from "preact/hooks";
import { type KeepPolicy, PolicyOrigin, Topics } from "../../../lib/gen/parley/v1/topic_pb.ts";
import { ask, inWords } from "../../data/ask.ts";
import { usePolled } from "../../data/polled.ts";
import { may, mayCall } from "../../data/rights.ts";
import { exact, size } from "../../format/numbers.ts";
import { duration } from "../../format/times.ts";
import { confirm, Dialog, DialogFoot, openDialog, useSubmit } from "../../parts/dialog.tsx";
import { Field } from "../../parts/fields.tsx";
import { Badge, Empty, Known, Note } from "../../parts/states.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { done } from "../../parts/toasts.tsx";

const ORIGINS: Readonly<Record<number, string>> = {
  [PolicyOrigin.CONFIGURATION]: "configuration",
  [PolicyOrigin.RUNTIME]: "run time",
  [PolicyOrigin.BUILT_IN]: "built in",
};

/** The policies; the first that matches a topic decides. */
export function KeepPolicies() {
  const policies = usePolled(
    "keep policies",
    (signal) => ask(Topics.method.policies, {}, { signal }),
    10_000,
  );
  const columns: readonly Column<KeepPolicy>[] = [
    {
      id: "pattern",
      title: "Topics",
      width: "minmax(120px, 2fr)",
      cell: ({ pattern }) => <span class="mono cut">{pattern}</span>,
    },
    { id: "bounds", title: "Keeps", width: "minmax(140px, 2fr)", cell: boundsOf },
    {
      id: "origin",
      title: "From",
      width: "minmax(100px, 1fr)",
      from: 560,
      cell: ({ origin, setBy }) => (
        <Badge>{setBy === "" ? ORIGINS[origin] ?? "" : `${ORIGINS[origin]}, ${setBy}`}</Badge>
      ),
    },
    {
      id: "do",
      title: "",
      width: "110px",
      end: true,
      cell: (policy) =>
        policy.origin === PolicyOrigin.RUNTIME && may("manage", `topic.${policy.pattern}`) && (
          <button
            type="button"
            class="button small"
            onClick={() => unkeep(policy.pattern, policies.refresh)}
          >
            Take back
          </button>
        ),
    },
  ];
  return (
    <div class="stack">
      <div class="row">
        <span class="grow soft">Of several policies that match a topic the first decides.</span>
        {mayCall(Topics.method.keep) && (
          <button
            type="button"
            class="button main"
            onClick={() => openDialog(() => <KeepForm refresh={policies.refresh} />)}
          >
            Keep topics
          </button>
        )}
      </div>
      <Known of={policies}>
        {(answer) => (
          <Table
            label="Keep policies"
            rows={answer.policies}
            columns={columns}
            idOf={({ pattern, origin }) => `${pattern} ${origin}`}
            empty={<Empty title="Nothing is kept">No policy keeps a topic.</Empty>}
          />
        )}
      </Known>
    </div>
  );
}

/** What a policy keeps, in words. */
export function boundsOf({ maxEvents, maxAgeMs, maxBytes }: KeepPolicy): string {
  const bounds = [
    maxEvents > 0n ? `${exact(maxEvents)} events` : "",
    maxAgeMs > 0n ? duration(Number(maxAgeMs)) : "",
    maxBytes > 0n ? size(maxBytes) : "",
  ].filter((text) => text !== "");
  return bounds.length === 0 ? "everything" : `at most ${bounds.join(", ")}`;
}

function unkeep(pattern: string, refresh: () => void): void {
  confirm({
    title: `Take back the policy for ${pattern}?`,
    body: <p>Then the configuration decides. What is kept stays until somebody removes it.</p>,
    action: "Take back",
    run: async () => {
      await ask(Topics.method.unkeep, { pattern });
      done(`The policy for ${pattern} is taken back.`);
      refresh();
    },
  });
}

const WHOLE = /^\d{0,15}$/;

function KeepForm({ refresh }: { refresh: () => void }) {
  const [pattern, setPattern] = useState("");
  const [events, setEvents] = useState("");
  const [hours, setHours] = useState("");
  const [mib, setMib] = useState("");
  const isGood = pattern !== "" && [events, hours, mib].every((text) => WHOLE.test(text));
  const submit = useSubmit(async () => {
    await ask(Topics.method.keep, {
      policy: {
        pattern,
        maxEvents: BigInt(events),
        maxAgeMs: BigInt(hours) * 3_600_000n,
        maxBytes: BigInt(mib) * 1_048_576n,
      },
    });
    done(`${pattern} is kept.`);
    refresh();
  });
  const number = (label: string, value: string, onChange: (text: string) => void) => (
    <Field
      label={label}
      value={value}
      onChange={onChange}
      hint="Empty for no limit."
      wrong={WHOLE.test(value) ? "" : "A whole number."}
    />
  );
  return (
    <Dialog title="Keep topics">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isGood) submit.go();
        }}
      >
        <div class="dialog-body">
          <Field
            label="Topics"
            value={pattern}
            onChange={setPattern}
            hint="A topic or a pattern, like orders.>"
            required
          />
          {number("Events of each topic", events, setEvents)}
          {number("Hours", hours, setHours)}
          {number("MiB of each topic", mib, setMib)}
          {submit.error !== null && <Note tone="bad">{inWords(submit.error)}</Note>}
        </div>
        <DialogFoot action="Keep" busy={submit.busy} disabled={!isGood} />
      </form>
    </Dialog>
  );
}
