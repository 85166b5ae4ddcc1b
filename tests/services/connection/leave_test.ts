/**
 * The end of a session when somebody that it takes leave of fails: the others are told, the link is closed, and
 * what others wait for comes to an end.
 */
import assert from "node:assert/strict";
import { onDefect } from "../../../lib/base/defects.ts";
import type { Rooms } from "../../../lib/services/rooms/rooms.ts";
import { echoMessage, frame } from "../../support/frames.ts";
import { register } from "../../support/bus_messages.ts";
import { TestSession } from "../../support/session.ts";

Deno.test("whoever fails when a session leaves, the others are told and the link is closed", async () => {
  const told: string[] = [];
  const stop = onDefect((what) => told.push(what));
  const peer = new TestSession();
  const { host, link, session } = peer;
  const fail = () => {
    throw new TypeError("a fault");
  };
  host.rooms = { gone: fail } as unknown as Rooms;
  const { close } = link;
  link.close = () => {
    close.call(link);
    fail();
  };
  const leaving = host.calls.leave.bind(host.calls);
  host.calls.leave = (leaver) => {
    leaving(leaver);
    fail();
  };
  peer.start();
  link.feed(frame(register("a/B")), frame(echoMessage("hello")));
  await peer.wrote(1);
  link.end();
  await peer.ended();
  stop();
  assert(link.closed);
  assert.equal(session.state, "closed");
  assert.equal(host.calls.methods.pick("a/B"), null, "its methods are gone");
  assert.deepEqual(told, [
    "take a session from the calls",
    "take a session from the rooms",
    "close a connection",
  ]);
  peer.dispose();
});
