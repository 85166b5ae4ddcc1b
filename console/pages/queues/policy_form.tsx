/**
 * The form that makes a queue, or sets one up in another way.
 *
 * Only what was changed is sent: the rest stays as the configuration, or whoever set it before, has it.
 */
import { useState } from "preact/hooks";
import type { MessageInitShape } from "../../../lib/client/browser.ts";
import type { QueueInfo, QueuePolicySchema } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { Queues } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { ask, inWords } from "../../data/ask.ts";
import { usePolled } from "../../data/polled.ts";
import { wholeOf } from "../../format/forms.ts";
import { Dialog, DialogFoot, openDialog, useSubmit } from "../../parts/dialog.tsx";
import { Field } from "../../parts/fields.tsx";
import { Known, Note } from "../../parts/states.tsx";
import { done } from "../../parts/toasts.tsx";
import { navigate } from "../../router.ts";

/** Opens it: for a new queue (null), or for one that is there. */
export function openPolicyForm(queue: string | null, refresh: () => void): void {
  openDialog(() =>
    queue === null
      ? (
        <Dialog title="New queue" class="wide">
          <PolicyForm info={null} refresh={refresh} />
        </Dialog>
      )
      : <ChangeDialog queue={queue} refresh={refresh} />
  );
}

function ChangeDialog({ queue, refresh }: { queue: string; refresh: () => void }) {
  const info = usePolled(
    `settings ${queue}`,
    async (signal) => (await ask(Queues.method.info, { queue }, { signal })).info!,
    60_000,
  );
  return (
    <Dialog title={`Change ${queue}`} class="wide">
      <Known of={info}>{(data) => <PolicyForm info={data} refresh={refresh} />}</Known>
    </Dialog>
  );
}

type Policy = MessageInitShape<typeof QueuePolicySchema>;
type Values = Readonly<
  Record<
    "lease" | "deliveries" | "jobs" | "bytes" | "full" | "ordered" | "min" | "max" | "bind",
    string
  >
>;

const MAX_MS = 4_294_967_295;

function valuesOf(info: QueueInfo | null): Values {
  const settings = info?.settings;
  const text = (value: number | bigint | undefined) => value === undefined ? "" : String(value);
  return {
    lease: text(settings?.leaseMs),
    deliveries: text(settings?.maxDeliveries),
    jobs: text(settings?.maxJobs),
    bytes: text(settings?.maxBytes),
    full: settings?.dropsOldest === true ? "drop" : "refuse",
    ordered: settings?.ordered === true ? "yes" : "no",
    min: text(settings?.backoffMinMs),
    max: text(settings?.backoffMaxMs),
    bind: settings?.bind.join("\n") ?? "",
  };
}

function PolicyForm({ info, refresh }: { info: QueueInfo | null; refresh: () => void }) {
  const [before] = useState(() => valuesOf(info));
  const [name, setName] = useState(info?.queue ?? "");
  const [values, setValues] = useState(before);
  const set = (field: keyof Values) => (value: string) => setValues({ ...values, [field]: value });
  const numbers = {
    lease: wholeOf(values.lease, MAX_MS),
    deliveries: wholeOf(values.deliveries, MAX_MS),
    jobs: wholeOf(values.jobs, Number.MAX_SAFE_INTEGER),
    bytes: wholeOf(values.bytes, Number.MAX_SAFE_INTEGER),
    min: wholeOf(values.min, MAX_MS),
    max: wholeOf(values.max, MAX_MS),
  };
  const isReady = name !== "" && Object.values(numbers).every(({ wrong }) => wrong === "");
  const submit = useSubmit(async () => {
    const policy = policyOf(name, before, values);
    await ask(Queues.method.set, { policy, create: info === null });
    done(info === null ? `${name} is made.` : `${name} is set up anew.`);
    refresh();
    if (info === null) navigate(["queues", name]);
  });
  const hint = info === null ? "Empty: as the configuration says, or by default." : undefined;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady) submit.go();
      }}
    >
      <div class="dialog-body form">
        {info === null && (
          <Field
            label="Name"
            value={name}
            onChange={setName}
            required
            placeholder="emails.welcome"
            hint="Levels with dots between them, as in topics."
          />
        )}
        <div class="side-by-side">
          <Field
            label="Lease in ms"
            value={values.lease}
            onChange={set("lease")}
            hint={hint}
            wrong={numbers.lease.wrong}
          />
          <Field
            label="Deliveries at most"
            value={values.deliveries}
            onChange={set("deliveries")}
            hint="Then a job is a dead letter; 0 for no limit."
            wrong={numbers.deliveries.wrong}
          />
        </div>
        <div class="side-by-side">
          <Field
            label="First retry after, in ms"
            value={values.min}
            onChange={set("min")}
            wrong={numbers.min.wrong}
          />
          <Field
            label="Longest pause, in ms"
            value={values.max}
            onChange={set("max")}
            wrong={numbers.max.wrong}
          />
        </div>
        <div class="side-by-side">
          <Field
            label="Jobs at most"
            value={values.jobs}
            onChange={set("jobs")}
            wrong={numbers.jobs.wrong}
          />
          <Field
            label="Bytes at most"
            value={values.bytes}
            onChange={set("bytes")}
            wrong={numbers.bytes.wrong}
          />
          <Field
            label="When it is full"
            value={values.full}
            onChange={set("full")}
            options={[["refuse", "Refuse a push"], ["drop", "Drop the oldest job"]]}
          />
        </div>
        <div class="side-by-side">
          <Field
            label="Order"
            value={values.ordered}
            onChange={set("ordered")}
            options={[["no", "As they come"], ["yes", "One after the other, by key"]]}
          />
          <Field
            label="Topics whose events become jobs"
            value={values.bind}
            onChange={set("bind")}
            rows={2}
            hint="One pattern a line."
          />
        </div>
        {submit.error !== null && <Note tone="bad">{inWords(submit.error)}</Note>}
      </div>
      <DialogFoot
        action={info === null ? "Make the queue" : "Change"}
        busy={submit.busy}
        disabled={!isReady}
      />
    </form>
  );
}

/** The policy that says what differs from before. */
function policyOf(name: string, before: Values, values: Values): Policy {
  const changed = (field: keyof Values) => values[field].trim() !== before[field];
  const whole = (field: keyof Values) =>
    changed(field) && values[field].trim() !== "" ? Number(values[field].trim()) : undefined;
  const large = (field: keyof Values) => {
    const value = whole(field);
    return value === undefined ? undefined : BigInt(value);
  };
  const bind = values.bind.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return {
    name,
    leaseMs: whole("lease"),
    maxDeliveries: whole("deliveries"),
    maxJobs: large("jobs"),
    maxBytes: large("bytes"),
    dropsOldest: changed("full") ? values.full === "drop" : undefined,
    ordered: changed("ordered") ? values.ordered === "yes" : undefined,
    backoffMinMs: whole("min"),
    backoffMaxMs: whole("max"),
    bind: changed("bind") ? bind : [],
    unbind: changed("bind") && bind.length === 0,
  };
}
