/**
 * The keys of the table `limits` that are about rates: what a connection, and an address, may send in a second.
 */
import type { RateLimits } from "../../base/limits.ts";
import { duration, whole } from "./fields.ts";

const MOST_MESSAGES = 1_000_000_000;
const MOST_BYTES = 1024 * 1024 * 1024 * 1024;
const PAUSE = "Past it the connection is not read for a moment; nothing is lost. 0 for no limit.";

function rate(what: string, most: number) {
  return whole(0, 0, most, `${what} ${PAUSE}`);
}

function burst(what: string, most: number) {
  return whole(0, 0, most, `${what} 0 for as many as may come in a second.`);
}

/** The keys. */
export const rateFields = {
  rate_messages_per_second: rate("Messages a second of one connection.", MOST_MESSAGES),
  rate_messages_burst: burst("Messages of one connection at once, after a rest.", MOST_MESSAGES),
  rate_bytes_per_second: rate("Bytes a second of one connection.", MOST_BYTES),
  rate_bytes_burst: burst("Bytes of one connection at once, after a rest.", MOST_BYTES),
  rate_messages_per_second_per_address: rate(
    "Messages a second of all connections of one address together.",
    MOST_MESSAGES,
  ),
  rate_messages_burst_per_address: burst(
    "Messages of one address at once, after a rest.",
    MOST_MESSAGES,
  ),
  rate_bytes_per_second_per_address: rate(
    "Bytes a second of all connections of one address together.",
    MOST_BYTES,
  ),
  rate_bytes_burst_per_address: burst("Bytes of one address at once, after a rest.", MOST_BYTES),
  rate_close_after_ms: duration(
    0,
    "A connection that sends more than its rates allow for this long, without a rest in which half of its burst " +
      "came together again, is closed with RATE_LIMIT; 0 for never, it is only slowed down.",
    0,
  ),
};

/** Each burst, and the rate without which it means nothing. */
export const BURSTS: readonly (readonly [burst: string, rate: string])[] = [
  ["rate_messages_burst", "rate_messages_per_second"],
  ["rate_bytes_burst", "rate_bytes_per_second"],
  ["rate_messages_burst_per_address", "rate_messages_per_second_per_address"],
  ["rate_bytes_burst_per_address", "rate_bytes_per_second_per_address"],
];

/** The rates as the rest of the server names them. */
export function rateLimitsOf(
  limits: { readonly [Key in keyof typeof rateFields]: number },
): RateLimits {
  return {
    rateMessagesPerSecond: limits.rate_messages_per_second,
    rateMessagesBurst: limits.rate_messages_burst,
    rateBytesPerSecond: limits.rate_bytes_per_second,
    rateBytesBurst: limits.rate_bytes_burst,
    rateMessagesPerSecondPerAddress: limits.rate_messages_per_second_per_address,
    rateMessagesBurstPerAddress: limits.rate_messages_burst_per_address,
    rateBytesPerSecondPerAddress: limits.rate_bytes_per_second_per_address,
    rateBytesBurstPerAddress: limits.rate_bytes_burst_per_address,
    rateCloseAfterMs: limits.rate_close_after_ms,
  };
}
