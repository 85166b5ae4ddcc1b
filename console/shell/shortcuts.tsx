/**
 * Keys that hold on every page: Ctrl-K, `/`, `?`, and `g` with the letter of a page. Not while somebody types.
 */
/// <reference lib="dom" />
import { Dialog, openDialog } from "../parts/dialog.tsx";
import { navigate } from "../router.ts";
import { openPalette } from "./palette.tsx";
import { offeredPlaces } from "./places.ts";

/** How long the letter may come after `g`. */
const CHORD_MS = 1_500;

let sinceG = -Infinity;

/** Listens for keys, for as long as the page is there. */
export function listenForKeys(): void {
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (document.querySelector("dialog[open]") === null) openPalette();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]") !== null) return;
    pressed(event);
  });
}

function pressed(event: KeyboardEvent): void {
  const isChord = performance.now() - sinceG < CHORD_MS;
  sinceG = -Infinity;
  const place = isChord ? offeredPlaces().find(({ key }) => key === event.key) : undefined;
  if (place !== undefined) navigate([place.id]);
  else if (event.key === "g") sinceG = performance.now();
  else if (event.key === "?") openDialog(() => <Keys />);
  else if (event.key === "/") document.querySelector<HTMLElement>("main [data-search]")?.focus();
  else return;
  event.preventDefault();
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("input:not([type=checkbox]), textarea, select"));
}

const KEYS: readonly (readonly [keys: string, what: string])[] = [
  ["Ctrl K", "Find anything by its name"],
  ["/", "Search in the page"],
  ["↑ ↓ PgUp PgDn Home End", "Move through a table"],
  ["Enter", "Open the row"],
  ["Space", "Choose the row"],
  ["Esc", "Close what is open"],
  ["?", "Show these keys"],
];

function Keys() {
  return (
    <Dialog title="Keys">
      <div class="dialog-body">
        <dl class="pairs">
          {KEYS.map(([keys, what]) => (
            <>
              <dt>
                <kbd>{keys}</kbd>
              </dt>
              <dd>{what}</dd>
            </>
          ))}
          {offeredPlaces().map(({ key, title }) => (
            <>
              <dt>
                <kbd>g</kbd> <kbd>{key}</kbd>
              </dt>
              <dd>{title}</dd>
            </>
          ))}
        </dl>
      </div>
      <form method="dialog" class="dialog-foot">
        <button type="submit" class="button">Close</button>
      </form>
    </Dialog>
  );
}
