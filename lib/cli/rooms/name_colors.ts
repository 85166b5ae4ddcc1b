/**
 * Which colour each name has: another for each as long as there are colours, and the same as long as it is known.
 *
 * A name gets the colour that its FNV-1a chooses, or the next one that nobody has. Bounded: of more than 256 names the one that
 * spoke longest ago is forgotten. Pure.
 */
import { fnv1a, FNV1A_START } from "../../base/fnv1a.ts";

/** The colours, as codes of SGR. */
const COLORS = [31, 32, 33, 34, 35, 36, 91, 92, 93, 94, 95, 96];
const MAX_NAMES = 256;

/** The colours of those who speak. */
export class NameColors {
  readonly #colors = new Map<string, number>();

  /** The colour of `name`, which speaks now. */
  speaks(name: string): number {
    const color = this.of(name);
    this.#colors.delete(name);
    this.#colors.set(name, color);
    if (this.#colors.size > MAX_NAMES) {
      const [oldest] = this.#colors.keys();
      this.#colors.delete(oldest);
    }
    return color;
  }

  /** Goes by another name from now on, and keeps the colour. */
  renamed(from: string, to: string): void {
    const color = this.#colors.get(from);
    if (color === undefined) return;
    this.#colors.delete(from);
    this.#colors.set(to, color);
  }

  /** The colour that `name` has, or would get. */
  of(name: string): number {
    const known = this.#colors.get(name);
    if (known !== undefined) return known;
    let hash = FNV1A_START;
    for (const character of name) hash = fnv1a(hash, character.codePointAt(0)!) >>> 0;
    const first = hash % COLORS.length;
    const taken = new Set(this.#colors.values());
    for (let index = 0; index < COLORS.length; index++) {
      const color = COLORS[(first + index) % COLORS.length];
      if (!taken.has(color)) return color;
    }
    return COLORS[first];
  }
}
