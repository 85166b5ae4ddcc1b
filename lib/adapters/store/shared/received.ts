/**
 * Batches that came with the log: the operations of another node, as this store must know them before its backend
 * commits them.
 *
 * Topics and queues get the numbers that the writer gave them, message_ids enter the window. Doing that twice for one
 * batch does no harm, so a batch that could not be committed can come again.
 */
import { decodeText } from "../../../base/utf8_text.ts";
import { Batch } from "../batch.ts";
import type { DedupWindow } from "../dedup_window.ts";
import type { StoreNames } from "../names.ts";
import { hasEntry, Operation, OperationCursor } from "../operations.ts";
import { readName } from "../queue_name.ts";
import type { StoredLog } from "../stored_log.ts";

/** The parts of a store that a received batch enters. */
export interface ReceivingParts {
  readonly names: StoreNames;
  readonly window: DedupWindow;
  /** Told of each topic or queue that has got its number. */
  readonly numbered: (log: StoredLog) => void;
}

/** The batch of the operations in `buffer`, which was made at `seenMs` by the monotonic clock of this machine. */
export function receivedBatch(buffer: ArrayBuffer, seenMs: number, parts: ReceivingParts): Batch {
  const { names, window, numbered } = parts;
  const batch = new Batch((id) => names.of(id));
  const cursor = new OperationCursor();
  cursor.open(buffer, buffer.byteLength);
  let entries = 0;
  while (cursor.next()) {
    const { kind, a, b, c, bytes, start, end, number, timeMs } = cursor;
    if (hasEntry(kind)) entries++;
    if (kind === Operation.TOPIC) {
      const log = names.adopt(a, readName(bytes.subarray(start, end)), number);
      if (log !== null) numbered(log);
    } else if (kind === Operation.FORGET) names.leave(a, number);
    else if (kind === Operation.EVENT) {
      const log = names.of(a);
      log.tentativeSeq = number;
      log.tentativeTimeMs = timeMs;
      const id = start + b;
      if (c > 0) window.add(a, decodeText(bytes.subarray(id, id + c)), number, seenMs);
    } else if (kind === Operation.PUT || kind === Operation.REMOVE) {
      const key = decodeText(bytes.subarray(start, start + a));
      const value = kind === Operation.PUT ? bytes.slice(start + a, end) : null;
      batch.records.push({ key, value, revision: number });
    }
  }
  batch.receive(buffer.byteLength, entries);
  return batch;
}
