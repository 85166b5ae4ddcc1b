/**
 * The terminal of `parley top`: takes it over, draws what is told, gives keys to the controls, and gives it back however it ends.
 */
import type { CliIo } from "../io.ts";
import { KeyReader } from "../rooms/chat_keys.ts";
import { BEGIN_SCREEN, ChatScreen, END_SCREEN } from "../rooms/chat_screen.ts";
import { control, FIRST_STATE } from "./controls.ts";
import type { Figures } from "./figures.ts";
import { drawTop, type TopState } from "./view.ts";

/** A terminal that shows a server. */
export class TopTerminal implements Disposable {
  readonly #io: CliIo;
  readonly #server: string;
  readonly #screen = new ChatScreen();
  readonly #keys = new KeyReader();
  readonly #resized = () => {
    this.#screen.forget();
    this.#draw();
  };
  readonly #broken = () => this[Symbol.dispose]();
  #state: TopState = FIRST_STATE;
  #figures: Figures | null = null;
  #problem = "";
  #open = true;

  /** Takes the terminal over. */
  constructor(io: CliIo, server: string) {
    this.#io = io;
    this.#server = server;
    io.stdin.setRaw(true);
    io.stdout.write(BEGIN_SCREEN);
    Deno.addSignalListener("SIGWINCH", this.#resized);
    globalThis.addEventListener("error", this.#broken);
    globalThis.addEventListener("unhandledrejection", this.#broken);
    this.#draw();
  }

  /** Whether the person wants what is shown to stay. */
  get paused(): boolean {
    return this.#state.paused;
  }

  /** Shows figures; that there are any means that all is well. */
  show(figures: Figures): void {
    this.#figures = figures;
    this.#problem = "";
    this.#draw();
  }

  /** Says why there are no new figures. */
  trouble(problem: string): void {
    this.#problem = problem;
    this.#draw();
  }

  /** Takes keys until one of them, the end of the input, or `over` ends it. */
  async run(over: AbortSignal): Promise<void> {
    const chunks = this.#io.stdin.chunks()[Symbol.asyncIterator]();
    const aborted = new Promise<null>((resolve) => {
      if (over.aborted) resolve(null);
      over.addEventListener("abort", () => resolve(null), { once: true });
    });
    for (;;) {
      const next = await Promise.race([chunks.next(), aborted]);
      if (next === null || next.done) return;
      for (const input of this.#keys.read(next.value)) {
        const state = control(this.#state, input);
        if (state === null) return;
        this.#state = state;
      }
      this.#draw();
    }
  }

  /** Gives the terminal back; again changes nothing. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    Deno.removeSignalListener("SIGWINCH", this.#resized);
    globalThis.removeEventListener("error", this.#broken);
    globalThis.removeEventListener("unhandledrejection", this.#broken);
    try {
      this.#io.stdout.write(END_SCREEN);
      this.#io.stdin.setRaw(false);
    } catch {
      // The terminal itself is gone.
    }
  }

  #draw(): void {
    if (!this.#open) return;
    const { columns, rows, colors } = this.#io.stdout;
    const lines = drawTop(this.#figures, this.#state, { columns, rows, colors }, {
      server: this.#server,
      problem: this.#problem,
    });
    const picture = { rows: lines, cursor: 0, maxScroll: 0 };
    this.#io.stdout.write(this.#screen.show(picture, columns));
  }
}
