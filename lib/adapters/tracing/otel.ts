/**
 * Tracing by OpenTelemetry: spans of its API, which the runtime's own exporter sends on (OTEL_DENO=true).
 */
import {
  ROOT_CONTEXT,
  type Span as OtelSpan,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Tracer,
} from "@opentelemetry/api";
import { VERSION } from "../../base/version.ts";
import type { Span, SpanAttributes, TraceContext, Tracing } from "../../ports/tracing.ts";

/** The tracing of this process; null when nobody records what it would tell. */
export function openTracing(): Tracing | null {
  const tracer = trace.getTracer("parley", VERSION);
  const probe = tracer.startSpan("start", { root: true });
  const isRecorded = probe.isRecording();
  probe.end();
  return isRecorded ? new OtelTracing(tracer) : null;
}

class OtelTracing implements Tracing {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  begin({ traceId, spanId }: TraceContext, name: string, attributes: SpanAttributes): Span {
    const traceFlags = TraceFlags.SAMPLED;
    const behind = trace.setSpanContext(ROOT_CONTEXT, {
      traceId,
      spanId,
      traceFlags,
      isRemote: true,
    });
    const options = { kind: SpanKind.SERVER, attributes: { ...attributes } };
    return new TracedWork(this.#tracer, this.#tracer.startSpan(name, options, behind));
  }
}

/** One span. */
class TracedWork implements Span {
  readonly #tracer: Tracer;
  readonly #span: OtelSpan;
  #ended = false;

  constructor(tracer: Tracer, span: OtelSpan) {
    this.#tracer = tracer;
    this.#span = span;
  }

  child(name: string): Span {
    const inside = trace.setSpan(ROOT_CONTEXT, this.#span);
    return new TracedWork(this.#tracer, this.#tracer.startSpan(name, {}, inside));
  }

  note(attributes: SpanAttributes): void {
    this.#span.setAttributes({ ...attributes });
  }

  end(failure?: string): void {
    if (this.#ended) return;
    this.#ended = true;
    if (failure !== undefined) {
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
    }
    this.#span.end();
  }
}
