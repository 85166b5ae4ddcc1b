/**
 * What forms are made of: each field with its label, a hint, and what is wrong with its value.
 */
/// <reference lib="dom" />
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly hint?: ComponentChildren;
  /** What is wrong with the value; empty when nothing is. */
  readonly wrong?: string;
  readonly type?: "text" | "password" | "number" | "search";
  readonly placeholder?: string;
  readonly rows?: number;
  readonly required?: boolean;
  readonly autoFocus?: boolean;
  readonly autocomplete?: string;
  readonly options?: readonly (readonly [value: string, title: string])[];
  /** Beside other fields in one row: its label is read, not seen. */
  readonly isCompact?: boolean;
}

/** A field for a text, several lines with `rows`, or one of `options`. */
export function Field(props: FieldProps) {
  const { label, value, onChange, hint, wrong = "", rows, options } = props;
  const id = useId();
  const told = [hint === undefined ? "" : `${id}-hint`, wrong === "" ? "" : `${id}-wrong`]
    .filter((each) => each !== "").join(" ");
  const common = {
    id,
    class: "input",
    value,
    required: props.required,
    "aria-describedby": told === "" ? undefined : told,
    "aria-invalid": wrong === "" ? undefined : true as const,
  };
  return (
    <div class="field">
      <label for={id} class={props.isCompact === true ? "only-read" : undefined}>{label}</label>
      {options !== undefined
        ? (
          <select {...common} onChange={(event) => onChange(event.currentTarget.value)}>
            {options.map(([option, title]) => <option key={option} value={option}>{title}</option>)}
          </select>
        )
        : rows !== undefined
        ? (
          <textarea
            {...common}
            rows={rows}
            placeholder={props.placeholder}
            spellcheck={false}
            onInput={(event) => onChange(event.currentTarget.value)}
          />
        )
        : (
          <input
            {...common}
            type={(props.type ?? "text") as "text"}
            placeholder={props.placeholder}
            autocomplete={props.autocomplete ?? "off"}
            autoFocus={props.autoFocus}
            spellcheck={false}
            onInput={(event) => onChange(event.currentTarget.value)}
          />
        )}
      {hint !== undefined && <span id={`${id}-hint`} class="hint">{hint}</span>}
      {wrong !== "" && <span id={`${id}-wrong`} class="wrong">{wrong}</span>}
    </div>
  );
}

/** A box to tick. */
export function Check(
  { label, value, onChange }: { label: string; value: boolean; onChange: (value: boolean) => void },
) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={value}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>{label}</span>
    </label>
  );
}

/** A few ways, one of which is taken. */
export function Choice<T extends string>(
  { label, value, options, onChange }: {
    label: string;
    value: T;
    options: readonly (readonly [value: T, title: string])[];
    onChange: (value: T) => void;
  },
) {
  return (
    <div class="choice" role="group" aria-label={label}>
      {options.map(([option, title]) => (
        <button
          key={option}
          type="button"
          aria-pressed={option === value}
          onClick={() => onChange(option)}
        >
          {title}
        </button>
      ))}
    </div>
  );
}

/** The field that finds something in a page; the key `/` goes to it. */
export function SearchField(
  { label, value, onChange }: { label: string; value: string; onChange: (value: string) => void },
) {
  return (
    <input
      class="input search"
      type="search"
      data-search
      aria-label={label}
      placeholder={label}
      value={value}
      autocomplete="off"
      spellcheck={false}
      onInput={(event) => onChange(event.currentTarget.value)}
    />
  );
}
