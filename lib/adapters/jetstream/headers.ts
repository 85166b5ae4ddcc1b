/**
 * The headers of the log's messages.
 */

/** The place of a part in its entry; absent where an entry is one message. */
export const PART_HEADER = "Parley-Part";
/** The message id, by which a stream knows what it holds already. */
export const ID_HEADER = "Nats-Msg-Id";
