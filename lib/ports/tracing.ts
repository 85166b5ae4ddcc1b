/**
 * The tracing port: where spans go that tell what the server did with a message, and for how long.
 *
 * A span is made only for a message whose sender follows it. Nothing here waits or raises.
 */

/** The place in a trace at which the sender of a message stands: ids as W3C Trace Context writes them. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
}

/** What is known of a span, by names as OpenTelemetry has them. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** A piece of work that is timed. */
export interface Span {
  /** Begins a part of it. */
  child(name: string): Span;
  /** Adds to what is known of it. */
  note(attributes: SpanAttributes): void;
  /** Ends it; `failure` says why it came to nothing. Once is enough, later calls do nothing. */
  end(failure?: string): void;
}

/** Makes spans. */
export interface Tracing {
  /** Begins a span behind the place at which the sender stands. */
  begin(behind: TraceContext, name: string, attributes: SpanAttributes): Span;
}
