/**
 * A value once it has stayed the same for a moment: what is typed is not asked of the server letter by letter.
 */
/// <reference lib="dom" />
import { useEffect, useState } from "preact/hooks";

const PAUSE_MS = 250;

/** The value as it was a moment ago, or is by now. */
export function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    if (settled === value) return;
    const timer = setTimeout(() => setSettled(value), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
