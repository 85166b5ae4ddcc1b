/**
 * One commit can be the end of hundreds of calls, when ten people say what they can at once: they are answered in turns,
 * with the others in between. The clock goes on with what is answered, so that turns are counted in answers.
 */
import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import { openMemoryStore } from "../../../lib/adapters/memory/store.ts";
import { DEFAULT_LIMITS } from "../../../lib/base/limits.ts";
import {
  ClaimNameRequestSchema,
  JoinRequestSchema,
  SayRequestSchema,
} from "../../../lib/gen/parley/v1/room_pb.ts";
import { QueuePolicies } from "../../../lib/logic/queues/policies.ts";
import { KeepPolicies } from "../../../lib/logic/topics/keep_policies.ts";
import { TURN_MS } from "../../../lib/services/connection/fair_turns.ts";
import { call } from "../../support/bus_messages.ts";
import { FakePoll } from "../../support/fake_poll.ts";
import { makeFeatures } from "../../support/features.ts";
import { addMessage } from "../../support/frames.ts";
import { MemoryPeer } from "../../support/memory_bus.ts";
import { settles, until } from "../../support/until.ts";

const SPEAKERS = 10;
const SAID = 50;
/** As many answers as fill a turn. */
const ANSWERS_A_TURN = 20;

Deno.test("hundreds of calls that one commit ends leave others their turn", async () => {
  const poll = new FakePoll();
  let answered = () => 0;
  const clock = {
    wallMs: () => 0,
    monotonicMs: () => answered() * TURN_MS / ANSWERS_A_TURN,
  };
  const host = makeFeatures(DEFAULT_LIMITS, clock, "say", poll);
  const { traffic } = host.context.counters;
  answered = () => traffic.messagesOut;
  const store = openMemoryStore();
  host.keep(store, new KeepPolicies([{ pattern: "room.>" }]), new QueuePolicies([]));
  const speakers = Array.from({ length: SPEAKERS }, () => new MemoryPeer(host, "tcp"));
  const innocent = new MemoryPeer(host, "tcp");
  const came = (count: number) => until(() => traffic.messagesOut >= count, `${count} answers`);
  try {
    speakers.forEach((speaker, index) => {
      const name = create(ClaimNameRequestSchema, { name: `speaker-${index}` });
      const claim = { method: "parley.v1.Rooms/ClaimName" };
      speaker.send(call({ ...claim, payload: toBinary(ClaimNameRequestSchema, name) }, 1n));
    });
    await came(SPEAKERS);
    const join = toBinary(JoinRequestSchema, create(JoinRequestSchema, { room: "hall" }));
    for (const speaker of speakers) {
      speaker.send(call({ method: "parley.v1.Rooms/Join", payload: join }, 2n));
    }
    await came(2 * SPEAKERS);
    let askedAfter = 0;
    let answeredAfter = 0;
    poll.onPoll = () => {
      const { messagesOut } = traffic;
      if (askedAfter === 0 && messagesOut > 2 * SPEAKERS) {
        askedAfter = messagesOut;
        innocent.send(addMessage(1, 2, 7n));
      } else if (answeredAfter === 0 && innocent.link.writes.length > 0) {
        answeredAfter = messagesOut;
      }
    };
    const say = create(SayRequestSchema, { room: "hall", text: "hello" });
    const said = call({ method: "parley.v1.Rooms/Say", payload: toBinary(SayRequestSchema, say) });
    for (const speaker of speakers) {
      speaker.send(
        ...Array.from({ length: SAID }, (_, index) => ({ ...said, id: BigInt(index + 3) })),
      );
    }
    await came((2 + SAID) * SPEAKERS);
    await until(() => innocent.link.writes.length > 0, "the innocent's answer");
    assert(askedAfter > 0 && answeredAfter > 0, "the innocent asked, and was answered, meanwhile");
    const before = answeredAfter - askedAfter;
    assert(before <= 4 * ANSWERS_A_TURN, `${before} others were answered before the innocent`);
    for (const speaker of speakers) {
      const ids = speaker.take().slice(2).map(({ id }) => Number(id));
      assert.deepEqual(ids, Array.from({ length: SAID }, (_, index) => index + 3));
    }
  } finally {
    for (const peer of [...speakers, innocent]) peer.session.abort();
    await settles(Promise.all([...speakers, innocent].map((peer) => peer.ended)), "the end");
    host.calls.close();
    host.queues?.close();
    await store.close();
  }
});
