/**
 * The error of a write that was given up before the system let go of its bytes.
 *
 * Whoever lent the bytes must not put anything else into them before `released` resolves: what is still to
 * be sent is read from there.
 */

/** A write that failed while its bytes are still in use. */
export class WriteAbandoned extends Error {
  override readonly name = "WriteAbandoned";
  /** Resolves when nobody reads the bytes any more. Never rejects. */
  readonly released: Promise<void>;

  constructor(message: string, released: Promise<void>) {
    super(message);
    this.released = released;
  }
}
