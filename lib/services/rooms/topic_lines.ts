/**
 * The topic lines of rooms, as records of the store.
 */
import { decodeTextLeniently } from "../../base/utf8_text.ts";
import type { Store, StoreRecordPage } from "../../ports/store.ts";

/** The prefix of the keys of these records. */
export const TOPIC_LINES = "room.topic_line/";
const RECORDS_A_PAGE = 256;

/** Gives each room that has a topic line, with it. */
export async function* topicLines(store: Store): AsyncGenerator<[room: string, line: string]> {
  for (let after: string | null = "";;) {
    const page: StoreRecordPage = await store.list(TOPIC_LINES, after, RECORDS_A_PAGE);
    for (const { key, value } of page.records) {
      yield [key.slice(TOPIC_LINES.length), decodeTextLeniently(value)];
    }
    if (page.after === null) return;
    after = page.after;
  }
}
