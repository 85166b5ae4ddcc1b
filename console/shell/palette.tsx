/**
 * The command palette: everything that has a name, by a few letters of it. Ctrl-K or ⌘K opens it.
 *
 * Arrow keys choose, Enter goes. What has to be asked of the server is asked a moment after the last letter.
 */
/// <reference lib="dom" />
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { detached } from "../../lib/base/detached.ts";
import { closeDialog, Dialog, openDialog } from "../parts/dialog.tsx";
import { navigate } from "../router.ts";
import { type Command, offeredPlaces } from "./places.ts";
import { chooseTheme } from "./theme.ts";

const MAX_SHOWN = 40;
const PAUSE_MS = 120;

/** Opens it. */
export function openPalette(): void {
  openDialog(() => <Palette />);
}

/** What needs no server. */
function ownCommands(): Command[] {
  return [
    ...offeredPlaces().map(({ id, title }) => ({
      title,
      kind: "Page",
      run: () => navigate([id]),
    })),
    { title: "Light colours", kind: "Appearance", run: () => chooseTheme("light") },
    { title: "Dark colours", kind: "Appearance", run: () => chooseTheme("dark") },
    { title: "Colours of the system", kind: "Appearance", run: () => chooseTheme("auto") },
  ];
}

function Palette() {
  const [text, setText] = useState("");
  const [found, setFound] = useState<readonly Command[]>([]);
  const [chosen, setChosen] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(() => detached(find(text, abort.signal, setFound), "find"), PAUSE_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text]);
  const shown = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    const own = ownCommands().filter(({ title }) => title.toLowerCase().includes(wanted));
    const others = found.filter(({ title }) => title.toLowerCase().includes(wanted));
    return [...own, ...others].slice(0, MAX_SHOWN);
  }, [text, found]);
  const current = Math.min(chosen, shown.length - 1);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [current]);
  const run = (command: Command | undefined) => {
    if (command === undefined) return;
    closeDialog();
    command.run();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setChosen((current + 1) % Math.max(1, shown.length));
    else if (event.key === "ArrowUp") {
      setChosen((current - 1 + shown.length) % Math.max(1, shown.length));
    } else if (event.key === "Enter") run(shown[current]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog class="palette" label="Commands">
      <input
        role="combobox"
        aria-label="Go to a page, a queue, a topic…"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={shown.length === 0 ? undefined : `palette-${current}`}
        placeholder="Go to…"
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={onKey}
      />
      <ul id="palette-list" role="listbox" aria-label="What matches" ref={list}>
        {shown.map((command, index) => (
          <li
            key={`${command.kind} ${command.title}`}
            id={`palette-${index}`}
            role="option"
            aria-selected={index === current}
            onClick={() => run(command)}
            onMouseMove={() => setChosen(index)}
          >
            <span class="cut">{command.title}</span>
            <span class="kind">{command.kind}</span>
          </li>
        ))}
      </ul>
      {shown.length === 0 && <p class="none">Nothing is called that.</p>}
    </Dialog>
  );
}

/** Asks all pages; what one of them cannot tell leaves the others. */
async function find(
  text: string,
  signal: AbortSignal,
  take: (found: readonly Command[]) => void,
): Promise<void> {
  const asked = offeredPlaces().flatMap(({ commands }) => commands === undefined ? [] : [commands]);
  const answers = await Promise.allSettled(asked.map((commands) => commands(text, signal)));
  if (signal.aborted) return;
  take(answers.flatMap((answer) => answer.status === "fulfilled" ? answer.value : []));
}
