/**
 * The header that says where in a trace the sender of a message stands.
 */
import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { EventSchema } from "../../../lib/gen/parley/v1/event_pb.ts";
import { CallSchema } from "../../../lib/gen/parley/v1/service_pb.ts";
import { JobSchema } from "../../../lib/gen/parley/v1/queue_pb.ts";
import { parseTraceParent, traceParentOf } from "../../../lib/services/tracing/trace_parent.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const SAMPLED = `00-${TRACE}-${SPAN}-01`;
const FOUND = { traceId: TRACE, spanId: SPAN };

Deno.test("traceparent: what is sampled is followed, anything else is not", () => {
  assert.deepEqual(parseTraceParent(SAMPLED), FOUND);
  assert.deepEqual(parseTraceParent(`00-${TRACE}-${SPAN}-03`), FOUND);
  // A later version may say more.
  assert.deepEqual(parseTraceParent(`01-${TRACE}-${SPAN}-01-more`), FOUND);
  for (
    const wrong of [
      "",
      `00-${TRACE}-${SPAN}-00`,
      `00-${TRACE}-${SPAN}-02`,
      `ff-${TRACE}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}-01-more`,
      `00-${"0".repeat(32)}-${SPAN}-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      `00-${TRACE.toUpperCase()}-${SPAN}-01`,
      `00-${TRACE.slice(1)}-${SPAN}-01`,
      ` ${SAMPLED}`,
    ]
  ) assert.equal(parseTraceParent(wrong), null, wrong);
});

Deno.test("traceparent: found in events, calls and jobs, whatever stands around it", () => {
  const headers = { a: "b", traceparent: SAMPLED, z: "y" };
  const payload = new TextEncoder().encode(SAMPLED);
  const bodies = [
    toBinary(EventSchema, create(EventSchema, { topic: "t", payload, headers })),
    toBinary(CallSchema, create(CallSchema, { method: "a/B", payload, headers })),
    toBinary(JobSchema, create(JobSchema, { queue: "q", payload, headers, priority: 3 })),
  ];
  for (const body of bodies) {
    const around = new Uint8Array(body.length + 20).fill(0xff);
    around.set(body, 7);
    assert.deepEqual(traceParentOf(around, 7, 7 + body.length), FOUND);
  }
});

Deno.test("traceparent: case does not matter, and what only looks like it is not it", () => {
  const find = (headers: Record<string, string>) => {
    const body = toBinary(EventSchema, create(EventSchema, { topic: "t", headers }));
    return traceParentOf(body, 0, body.length);
  };
  assert.deepEqual(find({ TraceParent: SAMPLED }), FOUND);
  assert.equal(find({ traceparents: SAMPLED }), null);
  assert.equal(find({ tracestate: SAMPLED }), null);
  assert.equal(find({ traceparent: "x".repeat(10_000) }), null);
  assert.equal(find({}), null);
});
