/**
 * Services: the methods that are answered, and the form that calls a method of any of them, with what it answers.
 */
/// <reference lib="dom" />
import { useState } from "preact/hooks";
import type { CallResult } from "../../../lib/client/browser.ts";
import { connected, inWords } from "../../data/ask.ts";
import { may } from "../../data/rights.ts";
import { useDecoded } from "../../data/types.ts";
import { duration } from "../../format/times.ts";
import { useSubmit } from "../../parts/dialog.tsx";
import { Field } from "../../parts/fields.tsx";
import { Payload } from "../../parts/payload.tsx";
import { Badge, Note } from "../../parts/states.tsx";
import { route, setQuery } from "../../router.ts";
import type { Place } from "../../shell/places.ts";
import { headersOf } from "../topics/publish.tsx";
import { MethodList } from "./method_list.tsx";

const MOST_MS = 3_600_000;

/** The page. */
export const services: Place = {
  id: "services",
  title: "Services",
  icon: "services",
  key: "s",
  View: ServicesView,
};

interface Outcome {
  readonly result: CallResult;
  readonly tookMs: number;
}

function ServicesView() {
  const { method = "" } = route.value.query;
  const [payload, setPayload] = useState("");
  const [type, setType] = useState("");
  const [headers, setHeaders] = useState("");
  const [timeout, setTimeout] = useState("10");
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const read = headersOf(headers);
  const timeoutMs = Number(timeout) * 1000;
  const isGood = method !== "" && read !== null && timeoutMs > 0 && timeoutMs <= MOST_MS;
  const submit = useSubmit(async () => {
    setOutcome(null);
    const sinceMs = performance.now();
    const options = { type, headers: read ?? {}, timeoutMs };
    const result = await connected().call(method, payload, options);
    setOutcome({ result, tookMs: performance.now() - sinceMs });
  }, true);
  return (
    <>
      <div class="page-head">
        <h1>Services</h1>
      </div>
      {may("manage", "server.services") && <MethodList />}
      <div class="grid-2">
        <section class="card" aria-label="Call a method">
          <div class="card-head">
            <h2>Call a method</h2>
          </div>
          <form
            class="card-body stack"
            onSubmit={(event) => {
              event.preventDefault();
              if (isGood) submit.go();
            }}
          >
            <Field
              label="Method"
              value={method}
              onChange={(value) => setQuery({ method: value })}
              placeholder="acme.Weather/Now"
              required
            />
            <Field label="Payload" value={payload} onChange={setPayload} rows={6} />
            <Field label="Type" value={type} onChange={setType} hint="May be empty." />
            <Field
              label="Headers"
              value={headers}
              onChange={setHeaders}
              rows={2}
              hint="One a line: name: value"
              wrong={read === null ? "Each line has a name, a colon and a value." : ""}
            />
            <Field
              label="Seconds to wait"
              type="number"
              value={timeout}
              onChange={setTimeout}
              wrong={timeoutMs > 0 && timeoutMs <= MOST_MS ? "" : "More than 0, at most 3,600."}
            />
            <div class="row">
              <button
                type="submit"
                class="button main"
                disabled={!isGood || submit.busy}
                aria-busy={submit.busy}
              >
                Call
              </button>
            </div>
          </form>
        </section>
        <section class="card" aria-label="Answer" aria-live="polite">
          <div class="card-head">
            <h2>Answer</h2>
            {outcome !== null && <Badge tone="good">{duration(outcome.tookMs)}</Badge>}
          </div>
          <div class="card-body stack">
            {submit.busy && <p class="soft waits">Waiting for the answer…</p>}
            {submit.error !== null && <Note tone="bad">{inWords(submit.error)}</Note>}
            {outcome !== null
              ? <Answer result={outcome.result} />
              : !submit.busy && submit.error === null && (
                <p class="soft">
                  Nothing was called yet.
                </p>
              )}
          </div>
        </section>
      </div>
    </>
  );
}

function Answer({ result }: { result: CallResult }) {
  const { payload, type, headers } = result;
  const decoded = useDecoded(type, payload);
  return (
    <>
      {type !== "" && (
        <p>
          <Badge>{type}</Badge>
        </p>
      )}
      {Object.entries(headers).map(([name, value]) => (
        <p key={name} class="mono break">{`${name}: ${value}`}</p>
      ))}
      {decoded.why !== "" && <p class="soft">{decoded.why}</p>}
      <Payload bytes={payload} decoded={decoded.text} />
    </>
  );
}
