/**
 * Arrays of numbers for what there is of each of very many jobs.
 *
 * The garbage collector counts the bytes of arrays against the limit at which it goes over the whole heap. A queue that
 * grows by 100,000 jobs a second would have it do so three times a second, for 5 to 10 ms each, though there is nothing to
 * free. Memory that threads may share is not counted (V8's BackingStore::PerIsolateAccountingLength), so that is what
 * larger arrays lie in; no other thread is ever told of it. It goes back when the collector finds its array unused.
 */

/** Arrays from this size on lie in memory that is not counted. Smaller ones are cheaper where others are. */
const UNCOUNTED_BYTES = 16 * 1024;

/** The kinds of arrays that hold columns. */
export type NumberArray = Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array;

/** The constructor of such arrays. */
export interface NumberArrayKind<Kind extends NumberArray> {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): Kind;
  new (buffer: SharedArrayBuffer): Kind;
}

/** A new array of `length` zeros. */
export function numberArray<Kind extends NumberArray>(
  kind: NumberArrayKind<Kind>,
  length: number,
): Kind {
  const bytes = length * kind.BYTES_PER_ELEMENT;
  return bytes < UNCOUNTED_BYTES ? new kind(length) : new kind(new SharedArrayBuffer(bytes));
}
