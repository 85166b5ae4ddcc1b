/**
 * What a conversation with a person at a plain terminal needs to know.
 */

/** What the dialogue needs. */
export interface DialogueOptions {
  /** The room that one comes into first. */
  readonly room: string;
  /** What is shown before the name is asked for. */
  readonly banner: string;
  /** The longest line, for telling people. */
  readonly maxLineBytes: number;
  /** The wall clock, in milliseconds since 1970. */
  readonly wallMs: () => number;
}
