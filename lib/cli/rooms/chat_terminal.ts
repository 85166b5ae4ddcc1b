/**
 * The chat on a terminal: takes it over, gives keys to the editor, draws, and gives it back.
 *
 * However the chat ends, by a key, a signal or a defect, the terminal is as it was. Drawing follows what
 * changed, at most 60 times a second.
 */
import { detached } from "../../base/detached.ts";
import { complete } from "./chat_commands.ts";
import type { LineEditor } from "./chat_editor.ts";
import { type ChatInput, type KeyName, KeyReader } from "./chat_keys.ts";
import { BEGIN_SCREEN, ChatScreen, END_SCREEN } from "./chat_screen.ts";
import type { ChatSession } from "./chat_session.ts";
import type { ChatState } from "./chat_state.ts";
import { type Canvas, drawChat, heightOf, type Picture } from "./chat_view.ts";
import type { CliIo } from "../io.ts";

const DRAW_EVERY_MS = 16;
/** The bell rings at most so often. */
const RING_EVERY_MS = 1000;
const BELL = "\x07";
/** The most lines that are said at once, of what is pasted. */
const MAX_PASTED_LINES = 100;
/** What answers the question whether pasted lines are meant, besides keys; whatever else is typed does not. */
const ANSWERS: ReadonlyMap<string, KeyName> = new Map([["n", "interrupt"], ["N", "interrupt"]]);
const HANG_UP: readonly Deno.Signal[] = Deno.build.os === "windows" ? [] : ["SIGHUP"];

/** A terminal that shows a chat. */
export class ChatTerminal implements Disposable {
  readonly #io: CliIo;
  readonly #bell: boolean;
  readonly #state: ChatState;
  readonly #editor: LineEditor;
  readonly #screen = new ChatScreen();
  readonly #keys = new KeyReader();
  readonly #resized = () => {
    this.#screen.forget();
    this.changed();
  };
  readonly #hungUp = () => this.#session?.quit();
  readonly #broken = () => this[Symbol.dispose]();
  #session: ChatSession | null = null;
  #picture: Picture | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #open = true;
  #rangMs = -Infinity;

  /** Takes the terminal over. `bell` says whether it rings when the person is spoken to. */
  constructor(io: CliIo, state: ChatState, editor: LineEditor, bell: boolean) {
    this.#io = io;
    this.#bell = bell;
    this.#state = state;
    this.#editor = editor;
    io.stdin.setRaw(true);
    io.stdout.write(BEGIN_SCREEN);
    Deno.addSignalListener("SIGWINCH", this.#resized);
    for (const signal of HANG_UP) Deno.addSignalListener(signal, this.#hungUp);
    // The message of a defect belongs onto the first screen.
    globalThis.addEventListener("error", this.#broken);
    globalThis.addEventListener("unhandledrejection", this.#broken);
    this.#draw();
  }

  /** Gives the terminal back; again changes nothing. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#timer);
    Deno.removeSignalListener("SIGWINCH", this.#resized);
    for (const signal of HANG_UP) Deno.removeSignalListener(signal, this.#hungUp);
    globalThis.removeEventListener("error", this.#broken);
    globalThis.removeEventListener("unhandledrejection", this.#broken);
    try {
      this.#io.stdout.write(END_SCREEN);
      this.#io.stdin.setRaw(false);
    } catch {
      // The terminal itself is gone.
    }
  }

  /** Draws the chat soon, once for all that changed meanwhile. */
  changed(): void {
    if (this.#timer !== undefined || !this.#open) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#draw();
    }, DRAW_EVERY_MS);
  }

  /** Gives what is typed to `session`, until the input ends. */
  async run(session: ChatSession): Promise<void> {
    this.#session = session;
    for await (const chunk of this.#io.stdin.chunks()) {
      if (!this.#open) return;
      for (const input of this.#keys.read(chunk)) this.#take(input, session);
      this.changed();
    }
    session.quit();
  }

  #take(input: ChatInput, session: ChatSession): void {
    if (input.kind === "focus") this.#state.setFocus(input.focused);
    else if (this.#state.pasted !== null) {
      if (input.kind === "key") this.#answerPaste(input.key, this.#state.pasted, session);
      else if (input.kind === "text") {
        this.#answerPaste(ANSWERS.get(input.text[0]), this.#state.pasted, session);
      }
    } else if (input.kind === "key") this.#key(input.key, session);
    else if (input.kind === "paste" && this.#isOfLines(input.text)) this.#takePaste(input.text);
    else if (!this.#editor.insert(input.text)) {
      this.#state.notice("that is all that fits into one message", "error");
    }
  }

  /** Whether `text` is more than one line. */
  #isOfLines(text: string): boolean {
    return linesOf(text).length > 1;
  }

  /** Several lines are not run together: the person is asked whether they are meant. */
  #takePaste(text: string): void {
    const { before, behind } = this.#editor;
    const lines = linesOf(before + text.trimEnd() + behind);
    if (lines.length <= MAX_PASTED_LINES) this.#state.pasted = lines;
    else {
      const limit = `at most ${MAX_PASTED_LINES} can be said at once`;
      this.#state.notice(`those are ${lines.length} lines: ${limit}`, "error");
    }
  }

  #answerPaste(key: KeyName | undefined, lines: readonly string[], session: ChatSession): void {
    const state = this.#state;
    if (key === "redraw") return this.#screen.forget();
    if (key === "enter") {
      state.pasted = null;
      this.#editor.set("");
      state.scrollTo(0);
      return detached(session.paste(lines), "say what was pasted");
    }
    if (key !== "interrupt" && key !== "end_of_input") return;
    state.pasted = null;
    state.notice("what was pasted was not said");
  }

  #key(key: KeyName, session: ChatSession): void {
    const editor = this.#editor;
    switch (key) {
      case "left":
        return editor.move(-1);
      case "right":
        return editor.move(1);
      case "word_left":
        return editor.wordLeft();
      case "word_right":
        return editor.wordRight();
      case "home":
        return editor.toStart();
      case "end":
        return editor.toEnd();
      case "up":
        return editor.recall(-1);
      case "down":
        return editor.recall(1);
      case "backspace":
        return editor.backspace();
      case "delete":
        return editor.delete();
      case "delete_word":
        return editor.deleteWord();
      case "delete_before":
        return editor.deleteBefore();
      case "delete_behind":
        return editor.deleteBehind();
      case "tab":
        return this.#complete(session);
      case "page_up":
        return this.#scroll(1, session);
      case "page_down":
        return this.#scroll(-1, session);
      case "redraw":
        return this.#screen.forget();
      case "enter":
        this.#state.scrollTo(0);
        return detached(session.enter(editor.take()), "enter a line");
      case "interrupt":
        return editor.text === "" ? session.quit() : editor.set("");
      case "end_of_input":
        return editor.text === "" ? session.quit() : editor.delete();
    }
  }

  #complete(session: ChatSession): void {
    const { before, choices } = complete(this.#editor.before, {
      names: this.#state.names,
      rooms: session.rooms,
    });
    if (before !== this.#editor.before) this.#editor.setBefore(before);
    else if (choices.length > 1) this.#state.notice(choices.join("  "));
  }

  #scroll(direction: 1 | -1, session: ChatSession): void {
    const { scroll } = this.#state;
    const maxScroll = this.#picture?.maxScroll ?? 0;
    if (direction > 0 && scroll >= maxScroll) detached(session.older(), "show older messages");
    const page = Math.max(1, this.#canvas().rows - 3);
    this.#state.scrollTo(scroll + direction * page);
  }

  #draw(): void {
    const state = this.#state;
    const canvas = this.#canvas();
    const added = state.takeAdded();
    if (state.scroll > 0) {
      // What comes at the end does not move what is being read.
      state.scrollTo(added.reduce((sum, line) => sum + heightOf(line, canvas), state.scroll));
    }
    const picture = drawChat(state, this.#editor, canvas);
    if (state.scroll > picture.maxScroll) state.scrollTo(picture.maxScroll);
    this.#picture = picture;
    try {
      this.#io.stdout.write(this.#ring() + this.#screen.show(picture, canvas.columns));
    } catch {
      this.#session?.quit();
    }
  }

  /** The bell, if the person was spoken to. */
  #ring(): string {
    const nowMs = performance.now();
    if (!this.#state.takeBell() || !this.#bell || nowMs - this.#rangMs < RING_EVERY_MS) return "";
    this.#rangMs = nowMs;
    return BELL;
  }

  #canvas(): Canvas {
    const { columns, rows, colors } = this.#io.stdout;
    return { columns: Math.max(columns, 10), rows: Math.max(rows, 3), colors };
  }
}

/** The lines of a text, without those that are empty. */
function linesOf(text: string): string[] {
  return text.split(/\r\n?|\n/).filter((line) => line.trim() !== "");
}
