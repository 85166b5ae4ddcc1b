/**
 * What a part of a page shows instead of its contents: that it waits, that there is nothing, that it failed or is not
 * allowed; and notes above contents.
 */
import type { ComponentChildren } from "preact";
import { inWords, isDenied } from "../data/ask.ts";
import type { Polled } from "../data/polled.ts";
import { Icon, type IconName } from "./icons.tsx";

/** The contents are on their way. */
export function Waiting({ what = "Reading…" }: { what?: string }) {
  return (
    <div class="state" role="status">
      <span class="waits">{what}</span>
    </div>
  );
}

/** There is nothing; `children` says how there will be something. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="state">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

/** Somebody who may see none of these; `children` says what that would need. */
export function NotSeen({ what, children }: { what: string; children: ComponentChildren }) {
  return <Empty title={`You may not see ${what}`}>{children}</Empty>;
}

/** It could not be read. */
export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const title = isDenied(error) ? "You may not see this" : "This could not be read";
  return (
    <div class="state" role="alert">
      <strong>{title}</strong>
      <span class="break">{inWords(error)}</span>
      {retry !== undefined && !isDenied(error) &&
        <button type="button" class="button" onClick={retry}>Try again</button>}
    </div>
  );
}

/** How much a note matters. */
export type Tone = "info" | "good" | "warn" | "bad";

const SIGNS: Readonly<Record<Tone, IconName>> = {
  info: "info",
  good: "good",
  warn: "warning",
  bad: "bad",
};

/** One thing to know, above what it is about. */
export function Note({ tone = "info", children }: { tone?: Tone; children: ComponentChildren }) {
  return (
    <div class={`note ${tone}`} role={tone === "bad" ? "alert" : undefined}>
      <Icon name={SIGNS[tone]} />
      <div class="grow">{children}</div>
    </div>
  );
}

/** What was read, once it is there; what was read before stays, under a note, when the last look failed. */
export function Known<T>(
  { of, children, what }: {
    of: Polled<T>;
    children: (data: T) => ComponentChildren;
    what?: string;
  },
) {
  if (of.data === undefined) {
    return of.error === null
      ? <Waiting what={what} />
      : <Failed error={of.error} retry={of.refresh} />;
  }
  return (
    <>
      {of.error !== null && <Note tone="warn">This is old: {inWords(of.error)}</Note>}
      {children(of.data)}
    </>
  );
}

/** A state in a word, with a colour and a shape. */
export function Badge({ tone, children, title }: {
  tone?: Tone;
  children: ComponentChildren;
  title?: string;
}) {
  return (
    <span class={`badge ${tone ?? ""}`} title={title}>
      {tone !== undefined && <Icon name={SIGNS[tone]} />}
      <span class="words">{children}</span>
    </span>
  );
}
