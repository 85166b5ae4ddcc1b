/**
 * Tests where a client goes that is pointed elsewhere: in the order of the hints, back to its own server in the end, and
 * never from TLS to a connection without.
 */
import assert from "node:assert/strict";
import { Destinations } from "../../../lib/client/connection/destinations.ts";
import { parseTarget } from "../../../lib/client/transport/url.ts";

function destinations(url: string, follows = true): Destinations {
  return several([url], follows);
}

function several(urls: readonly string[], follows = true, first = 0): Destinations {
  return new Destinations(urls.map((url) => ({ url, target: parseTarget(url) })), follows, first);
}

/** The places that are tried one after the other. */
function order(places: Destinations, count: number): string[] {
  return Array.from({ length: count }, () => {
    const { present } = places;
    places.missed(present);
    return present.url;
  });
}

Deno.test("hints are tried in their order, then the server of the program, and again", () => {
  const places = destinations("parley://a");
  assert.deepEqual(order(places, 2), ["parley://a", "parley://a"]);
  places.hinted(["parley://b", "wss://c/ws"]);
  assert.deepEqual(order(places, 4), ["parley://b", "wss://c/ws", "parley://a", "parley://b"]);
});

Deno.test("a hint that is told again changes nothing, another one does", () => {
  const places = destinations("parley://a");
  places.hinted(["parley://b", "parley://c"]);
  places.missed(places.present);
  places.hinted(["parley://b", "parley://c"]);
  assert.equal(places.present.url, "parley://c");
  places.hinted(["parley://d"]);
  assert.equal(places.present.url, "parley://d");
  places.hinted([]);
  assert.equal(places.present.url, "parley://d");
});

Deno.test("no hint is followed that the program does not allow, or that is none", () => {
  const deaf = destinations("parley://a", false);
  deaf.hinted(["parley://b"]);
  assert.equal(deaf.present.url, "parley://a");
  const places = destinations("parley://a");
  places.hinted(["", "b", "http://b", "parley://user:secret@b", "parley://b:99999"]);
  assert.equal(places.present.url, "parley://a");
  places.hinted(["nothing", "parley://b"]);
  assert.equal(places.present.url, "parley://b");
});

Deno.test("nothing leads from TLS to a connection without", () => {
  const plain = ["parley://b", "ws://b/ws", "unix:///b.sock"];
  for (const own of ["parleys://a", "wss://a/ws"]) {
    const places = destinations(own);
    places.hinted(plain);
    assert.equal(places.present.url, own);
    places.hinted([...plain, "parleys://b", "wss://b/ws"]);
    assert.deepEqual(order(places, 4), ["parleys://b", "wss://b/ws", own, "parleys://b"]);
  }
});

Deno.test("a server points to a bounded number of places", () => {
  const places = destinations("parley://a");
  places.hinted(Array.from({ length: 100 }, (_, index) => `parley://b${index}`));
  const tried = order(places, 17);
  assert.deepEqual([tried[15], tried[16]], ["parley://b15", "parley://a"]);
});

Deno.test("several servers are tried in their order, from the one that was tried first", () => {
  const places = several(["parley://a", "parley://b", "parley://c"], false, 1);
  assert.deepEqual(order(places, 4), ["parley://b", "parley://c", "parley://a", "parley://b"]);
  places.hinted(["parley://d"]);
  assert.equal(places.present.url, "parley://c", "hints are not followed");
});

Deno.test("a place that several connections have missed is passed over once", () => {
  const places = several(["parley://a", "parley://b", "parley://c"]);
  const { present } = places;
  for (let times = 0; times < 3; times++) places.missed(present);
  assert.equal(places.present.url, "parley://b");
});

Deno.test("behind hints all servers of the program have their turn", () => {
  const places = several(["parleys://a", "parleys://b"]);
  places.hinted(["parley://plain", "parleys://c"]);
  assert.deepEqual(order(places, 4), ["parleys://c", "parleys://a", "parleys://b", "parleys://c"]);
});
