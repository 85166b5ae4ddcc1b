/**
 * The methods `parley.v1.Services/…`: which methods clients answer, who answers them, how long that takes, and which calls
 * wait.
 *
 * Everything is of the moment. Lists are bounded, and others have their turn while one is made.
 */
import { ErrorCode, ParleyError } from "../../../base/errors.ts";
import { quote } from "../../../base/quote.ts";
import type {
  CallsUnderWayRequest,
  ListMethodsRequest,
  Services,
} from "../../../gen/parley/v1/service_pb.ts";
import type { CallRecord } from "../../../logic/calls/request_table.ts";
import { checkMethod, type OfferedMethod } from "../../../logic/calls/method_table.ts";
import type { CallEndpoint } from "../../../logic/calls/call_lists.ts";
import type { Calls } from "../../calls/calls.ts";
import { knownCountsOf } from "../../calls/method_counts.ts";
import type { Peer } from "../../connection/peer.ts";
import type { Features } from "../../features.ts";
import { administrationFor } from "./admin.ts";
import type { Methods } from "./method.ts";
import { firstNames, madeLater } from "./name_page.ts";

/** The most elements of a list. */
const MAX_LISTED = 1000;
/** The number of calls that are looked at before others may have their turn. */
const LOOKED_AT_ONCE = 1024;

/** The methods of the service Services. */
export const SERVICE_METHODS: Methods<typeof Services> = {
  list: { list: "methods", run: list },
  instances: { list: "instances", run: instances },
  calls: { list: "calls", run: callsUnderWay },
};

async function list(features: Features, peer: Peer, request: ListMethodsRequest) {
  administrationFor(features, peer, "list methods");
  const { methods } = features.calls;
  const { prefix, after, limit } = request;
  const most = Math.min(limit || MAX_LISTED, MAX_LISTED);
  const names = beginningWith(methods.names(), prefix);
  const page = await firstNames(names, { after, most, turn: peer.callsTurn });
  const info = (name: string) => {
    const method = methods.find(name);
    return method === null ? null : infoOf(method);
  };
  return { methods: madeLater(page.names, info), more: page.more };
}

function* beginningWith(names: Iterable<string>, prefix: string): Generator<string> {
  // One that does not begin so is looked at, too, so that others have their turn all the same.
  for (const name of names) yield name.startsWith(prefix) ? name : "";
}

function infoOf(method: OfferedMethod<CallEndpoint<Peer>>) {
  const counts = knownCountsOf(method);
  const ended = counts?.ended;
  return {
    method: method.name,
    instances: method.here.list.length,
    callsUnderWay: counts?.underWay ?? 0,
    answered: BigInt(ended?.answered ?? 0),
    failed: BigInt(ended?.failed ?? 0),
    expired: BigInt(ended?.expired ?? 0),
    cancelled: BigInt(ended?.cancelled ?? 0),
    abandoned: BigInt(ended?.abandoned ?? 0),
    averageMicros: micros(counts?.averageMs ?? 0),
    p50Micros: micros(counts?.withinMs(0.5) ?? 0),
    p99Micros: micros(counts?.withinMs(0.99) ?? 0),
    maxMicros: micros(counts?.maxMs ?? 0),
  };
}

function instances(features: Features, peer: Peer, { method }: { method: string }) {
  administrationFor(features, peer, "list who answers a method");
  checkMethod(method, "list who answers");
  const offered = features.calls.methods.find(method);
  if (offered === null) {
    throw new ParleyError(
      ErrorCode.NOT_FOUND,
      `cannot list who answers ${quote(method)}: nobody does`,
      { accepted: "a method that parley.v1.Services/List tells of" },
    );
  }
  return {
    instances: offered.here.list.slice(0, MAX_LISTED).map(({ owner, answeringCount }) => ({
      sessionId: owner.sessionId,
      user: owner.identity?.user ?? "",
      clientName: owner.client?.name ?? "",
      peer: owner.link.peer,
      callsUnderWay: answeringCount,
    })),
    total: offered.here.list.length,
  };
}

async function callsUnderWay(features: Features, peer: Peer, request: CallsUnderWayRequest) {
  administrationFor(features, peer, "list calls");
  const { method, limit } = request;
  if (method !== "") checkMethod(method, "list calls of");
  const most = Math.min(limit || MAX_LISTED, MAX_LISTED);
  const { oldest, total } = await oldestCalls(features.calls, peer, method, most);
  const nowMs = peer.context.clock.monotonicMs();
  return { calls: oldest.map((record) => callOf(record, nowMs)), total };
}

/** The calls that wait longest, and how many there are. */
async function oldestCalls(calls: Calls, peer: Peer, method: string, most: number) {
  let oldest: CallRecord<Peer>[] = [];
  const cut = () => {
    oldest = oldest.toSorted((one, other) => one.askedMs - other.askedMs).slice(0, most);
  };
  const turn = peer.callsTurn;
  await turn.admit();
  let total = 0;
  let looked = 0;
  for (const record of calls.underWay()) {
    if (++looked % LOOKED_AT_ONCE === 0) await turn.did(LOOKED_AT_ONCE);
    if (record === null || method !== "" && knownCountsOf(record)?.method !== method) continue;
    total++;
    oldest.push(record);
    if (oldest.length >= 2 * most) cut();
  }
  cut();
  return { oldest, total };
}

function callOf(record: CallRecord<Peer>, nowMs: number) {
  const { caller: { owner: caller }, responder: { owner: responder } } = record;
  return {
    method: knownCountsOf(record)?.method ?? "",
    caller: caller.sessionId,
    callerUser: caller.identity?.user ?? "",
    responder: responder.sessionId,
    responderUser: responder.identity?.user ?? "",
    ageMs: wholeMs(nowMs - record.askedMs),
    leftMs: wholeMs(record.deadlineMs - nowMs),
  };
}

function micros(ms: number): bigint {
  return BigInt(Math.round(ms * 1000));
}

function wholeMs(ms: number): bigint {
  return BigInt(Math.max(0, Math.round(ms)));
}
