/**
 * What a page of the console is to its frame: a name in the address, a title, a sign, a key, and what is shown.
 */
import type { ComponentType } from "preact";
import { signal } from "@preact/signals";
import type { IconName } from "../parts/icons.tsx";

/** A page. */
export interface Place {
  /** The first part of the address: `queues`. */
  readonly id: string;
  readonly title: string;
  readonly icon: IconName;
  /** The letter that leads there after `g`. */
  readonly key: string;
  /** Whether it is offered: what the person may see. */
  readonly offered?: () => boolean;
  /** The page; `path` is what follows in the address. */
  readonly View: ComponentType<{ readonly path: readonly string[] }>;
  /** What the palette offers besides the page itself. */
  readonly commands?: Commands;
}

/** Something that the palette offers. */
export interface Command {
  readonly title: string;
  /** What it is: "Queue", "Page". */
  readonly kind: string;
  readonly run: () => void;
}

/** Gives what matches a text, asked of the server where that is needed; at most a few. */
export type Commands = (text: string, signal: AbortSignal) => Promise<readonly Command[]>;

/** The pages in their order. */
export const places = signal<readonly Place[]>([]);

/** The pages that are offered. */
export function offeredPlaces(): readonly Place[] {
  return places.value.filter(({ offered }) => offered?.() ?? true);
}
