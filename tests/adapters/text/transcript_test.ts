/**
 * What people at plain terminals see, to the character: through sockets, through `nc`, and through `nc` in a
 * terminal of its own.
 */
import assert from "node:assert/strict";
import { TEXT_HELP } from "../../../lib/adapters/text/banner.ts";
import { storeTest } from "../../services/kept/kept_support.ts";
import { Person } from "../../services/rooms/rooms_support.ts";
import { startServer } from "../../support/server.ts";
import {
  at,
  GREETING,
  Guest,
  hasProgram,
  ncGuest,
  standingClock,
  terminalGuest,
  TIME,
} from "./text_support.ts";

const HAS_NC = hasProgram("nc");
const HAS_PTY = HAS_NC && hasProgram("/usr/bin/python3");

/** Three come, talk, one leaves, and a fourth sees the history: what each of them saw. */
async function threeAndAFourth(join: () => Guest | Promise<Guest>): Promise<Guest[]> {
  const guests: Guest[] = [];
  const come = async (name: string) => {
    const guest = await join();
    guests.push(guest);
    await guest.shows(GREETING.slice(-20));
    await guest.line(name, at(name));
    for (const other of guests.slice(0, -1)) {
      if (other.ended) continue;
      await other.shows(`${name} has joined our chat...`);
      await other.shows("]:");
    }
  };
  const say = async (speaker: number, name: string, text: string) => {
    await guests[speaker].type(`${text}\n`);
    for (const guest of guests) {
      if (guest.ended) continue;
      if (guest !== guests[speaker]) await guest.shows(`${at(name)}${text}`);
      await guest.shows("]:");
    }
  };
  await come("ann");
  await say(0, "ann", "hello?");
  await come("bob");
  await say(1, "bob", "hi");
  await come("cat");
  await say(2, "cat", "good evening");
  await guests[1].line("/quit", "Goodbye.");
  // Some versions of nc stay until their input ends, too.
  await guests[1].end().catch(() => {});
  await guests[1].whole();
  for (const stays of [guests[0], guests[2]]) {
    await stays.shows("bob has left our chat...");
    await stays.shows("]:");
  }
  await come("dan");
  return guests;
}

/** The transcript of the first of them, whose terminal shows `echo` for what is typed. */
function transcripts(echo: (line: string) => string): string[] {
  const [ann, bob, cat, dan] = ["ann", "bob", "cat", "dan"].map(at);
  return [
    `${GREETING}${echo("ann")}${ann}${echo("hello?")}${ann}` +
    `\nbob has joined our chat...\n${ann}\n${bob}hi\n${ann}` +
    `\ncat has joined our chat...\n${ann}\n${cat}good evening\n${ann}` +
    `\nbob has left our chat...\n${ann}\ndan has joined our chat...\n${ann}`,
    `${GREETING}${echo("bob")}${ann}hello?\n${bob}${echo("hi")}${bob}` +
    `\ncat has joined our chat...\n${bob}\n${cat}good evening\n${bob}${echo("/quit")}Goodbye.\n`,
    `${GREETING}${echo("cat")}${ann}hello?\n${bob}hi\n${cat}` +
    `${echo("good evening")}${cat}` +
    `\nbob has left our chat...\n${cat}\ndan has joined our chat...\n${cat}`,
    `${GREETING}${echo("dan")}${ann}hello?\n${bob}hi\n${cat}good evening\n${dan}`,
  ];
}

storeTest("three talk, one leaves, and a fourth sees the history", async (data) => {
  await using server = await startServer({ data }, { clock: standingClock() });
  await using stack = new AsyncDisposableStack();
  const guests = await threeAndAFourth(async () => stack.use(await Guest.connect(server)));
  const expected = transcripts(() => "");
  for (const [index, guest] of guests.entries()) assert.equal(guest.seen, expected[index]);
});

Deno.test({
  name: "the same through nc",
  ignore: !HAS_NC,
  fn: async () => {
    await using server = await startServer({}, { clock: standingClock() });
    await using stack = new AsyncDisposableStack();
    const guests = await threeAndAFourth(() => stack.use(ncGuest(server)));
    const expected = transcripts(() => "");
    for (const [index, guest] of guests.entries()) assert.equal(guest.seen, expected[index]);
  },
});

Deno.test({
  name: "the same through nc in a terminal, which shows what is typed as well",
  ignore: !HAS_PTY,
  fn: async () => {
    await using server = await startServer({}, { clock: standingClock() });
    await using stack = new AsyncDisposableStack();
    const guests = await threeAndAFourth(() => stack.use(terminalGuest(server)));
    const expected = transcripts((line) => `${line}\n`);
    for (const [index, guest] of guests.entries()) {
      assert.equal(guest.seen.replaceAll("\r\n", "\n"), expected[index]);
    }
  },
});

Deno.test({
  name: "what is piped into nc at once is taken line by line, and answered to its end",
  ignore: !HAS_NC,
  fn: async () => {
    await using server = await startServer({}, { clock: standingClock() });
    await using first = ncGuest(server, "-N");
    await first.type("\nno good\nann\r\none\n\n   \n//two\nlast, without an end");
    await first.end();
    const seen = await first.whole();
    assert(seen.startsWith(`${GREETING}Cannot take the name "": a name is not empty.`), seen);
    assert.match(seen, /Cannot take the name "no good": a name has letters and digits/);
    assert(!/one|two|last/.test(seen), `own lines are not shown again: ${seen}`);
    await using second = ncGuest(server, "-N");
    await second.type("bob\n");
    await second.end();
    const history = ["one", "/two", "last, without an end"].map((each) => `${at("ann")}${each}\n`);
    assert.equal(await second.whole(), `${GREETING}${history.join("")}${at("bob")}`);
  },
});

Deno.test("a name that is bad or taken is asked for again, with the reason", async () => {
  await using server = await startServer({}, { clock: standingClock() });
  await using person = await Person.connect(server, "ann", "ws");
  await using guest = await Guest.connect(server);
  await guest.shows(GREETING);
  const accepted =
    "Accepted: 1 to 32 letters or digits of any script, or . _ -.\n[ENTER YOUR NAME]: ";
  await guest.line("", `Cannot take the name "": a name is not empty. ${accepted}`);
  await guest.line("a".repeat(33), `: a name has at most 32 characters. ${accepted}`);
  await guest.line("\u001b[2J", accepted);
  await guest.line(
    "ANN",
    'Cannot take the name "ANN": it is taken. Accepted: another name.\n[ENTER YOUR NAME]: ',
  );
  await guest.line("аnn", 'Cannot take the name "аnn": it looks like "ann", which is taken.');
  await guest.shows("[ENTER YOUR NAME]: ");
  await guest.line("  bob  ", at("bob"));
  assert(!guest.seen.includes("\u001b"));
  await assert.rejects(person.claim("Bob"), /taken/);
});

Deno.test("every command does what the help says", async () => {
  await using server = await startServer({}, { clock: standingClock() });
  await using guest = await Guest.named(server, "ann");
  await using other = await Guest.named(server, "bob");
  await guest.shows("bob has joined our chat...");
  await guest.shows(at("ann"));
  await guest.line("/help", `${TEXT_HELP}\n${at("ann")}`);
  for (const command of ["/who", "/names"]) {
    await guest.line(command, `2 online: ann, bob\n${at("ann")}`);
  }
  for (const command of ["/rooms", "/list"]) {
    await guest.line(command, `lobby (2 online)\n${at("ann")}`);
  }
  await guest.line("/history", `Nothing has been said yet.\n${at("ann")}`);
  await guest.line("hello", at("ann"));
  await other.shows(`\n${at("ann")}hello\n${at("bob")}`);
  await guest.line("/me", `/me TEXT\n${at("ann")}`);
  await guest.line("/me waves", `[${TIME}]* ann waves\n${at("ann")}`);
  await other.shows(`\n[${TIME}]* ann waves\n${at("bob")}`);
  await guest.line("/topic", `The room has no topic line.\n${at("ann")}`);
  await guest.line("/topic tea at five", `ann has set the topic: tea at five\n${at("ann")}`);
  await guest.line("/topic", `Topic: tea at five\n${at("ann")}`);
  await other.shows(`\nann has set the topic: tea at five\n${at("bob")}`);
  await other.line("/topic", `Topic: tea at five\n${at("bob")}`);
  await guest.line("/topic -", `ann has taken the topic away.\n${at("ann")}`);
  await guest.line("/history 5", `${at("ann")}hello\n[${TIME}]* ann waves\n${at("ann")}`);
  await guest.line("/msg bob psst, you", `${at("ann -> bob")}psst, you\n${at("ann")}`);
  await other.shows(`\n${at("ann -> you")}psst, you\n${at("bob")}`);
  await guest.line("/msg nobody hi", 'Cannot tell "nobody": nobody goes by that name.');
  await guest.line("/msg bob", `/msg NAME TEXT\n${at("ann")}`);
  await guest.line("/name bob", 'Cannot take the name "bob": it is taken.');
  await guest.line("/name", `You are ann: /name NAME changes that.\n${at("ann")}`);
  await guest.line("/nick Anna", `ann is Anna now.\n${at("Anna")}`);
  await other.shows(`ann is Anna now.\n${at("bob")}`);
  await guest.line("/join", `/join ROOM\n${at("Anna")}`);
  await guest.line("/join no.good", "Cannot use the room");
  await guest.line("/join lobby", `You are in lobby already.\n${at("Anna")}`);
  await guest.line("/j Tea", at("Anna"));
  await other.shows("Anna has left our chat...");
  await guest.line("/who", `1 online: Anna\n${at("Anna")}`);
  await guest.line("in tea", at("Anna"));
  await guest.line("/part", "You have left the room: /join ROOM to come into another.\n");
  await guest.line("lost words", "You are in no room: /join ROOM, or /rooms to see them.\n");
  for (const command of ["/who", "/history", "/leave", "/me waves", "/topic"]) {
    await guest.line(command, `You are in no room.\n${at("Anna")}`);
  }
  await guest.line("/name ann", at("ann"));
  await guest.line("/rooms", `lobby (1 online)\ntea (0 online)\n${at("ann")}`);
  await guest.line("/nonsense\u0007", "There is no /nonsense\\x07: /help tells what there is.\n");
  await guest.line("/join #lobby", `${at("ann")}hello\n[${TIME}]* ann waves\n${at("ann")}`);
  await other.shows("ann has joined our chat...");
  await guest.type("/quit\n");
  assert((await guest.whole()).endsWith(`${at("ann")}Goodbye.\n`));
  await other.shows("ann has left our chat...");
  assert.equal(other.seen.match(/has left/g)!.length, 2);
  // Who has said good-bye can come back under the same name at once.
  await using again = await Guest.named(server, "ann");
  await again.line("/who", "2 online: ann, bob\n");
});

Deno.test("lines that come in one go are answered one after the other, each by what was before it", async () => {
  await using server = await startServer({}, { clock: standingClock() });
  await using guest = await Guest.connect(server);
  const lines = ["ann", "/join tea", "/WHO", "one", "two", "/history", "/topic T", "/topic"];
  await guest.type([...lines, "/history 0", "/nope", "/topic -", "/topic", "/quit", ""].join("\n"));
  const seen = await guest.whole();
  const answers = [
    "1 online: ann",
    `${at("ann")}one\n${at("ann")}two\n`,
    "ann has set the topic: T",
    "Topic: T",
    "/history [COUNT], from 1",
    "There is no /nope",
    "ann has taken the topic away.",
    "The room has no topic line.",
    "Goodbye.",
  ];
  let from = 0;
  for (const answer of answers) {
    const found = seen.indexOf(answer, from);
    assert(found >= 0, `${answer} behind ${seen.slice(0, from)} in ${seen}`);
    from = found + answer.length;
  }
});

Deno.test("who has no name yet can take leave", async () => {
  await using server = await startServer();
  await using guest = await Guest.connect(server);
  await guest.type("/quit\n");
  assert((await guest.whole()).endsWith("Goodbye.\n"));
});

Deno.test("people on text, tcp, unix sockets and WebSockets are in the same room", async () => {
  await using server = await startServer({ chat: { first_room: "tea" } }, {
    clock: standingClock(),
  });
  await using guest = await Guest.named(server, "guest");
  await using stack = new AsyncDisposableStack();
  for (const kind of ["tcp", "unix", "ws"] as const) {
    const person = stack.use(await Person.connect(server, kind, kind));
    await person.enter("tea");
    await guest.shows(`\n${kind} has joined our chat...\n${at("guest")}`);
    await person.say("tea", `hi from ${kind}`);
    await guest.shows(`\n${at(kind)}hi from ${kind}\n${at("guest")}`);
    await guest.line("hi all", at("guest"));
    const seen = await person.whenSeen(3);
    assert.equal(seen[2], "guest: hi all");
    await person.setTopicLine("tea", kind);
    await guest.shows(`\n${kind} has set the topic: ${kind}\n${at("guest")}`);
  }
  await using late = await Guest.connect(server);
  await late.type("late\n");
  await late.shows("Topic: ws\n");
});

Deno.test("a server that stops tells the person, and a full room too", async () => {
  await using server = await startServer({ limits: { max_room_members: 1 } });
  await using guest = await Guest.connect(server);
  await guest.line("ann", "][ann]:");
  await using second = await Guest.connect(server);
  await second.type("bob\n");
  await second.shows('Cannot join "lobby": the room is full. Accepted: at most 1 members.\n');
  await second.shows("][bob]:");
  await using third = await Guest.connect(server);
  await third.shows(GREETING);
  const stopping = server.server.stop();
  for (const each of [guest, second, third]) {
    assert.match(
      await each.whole(),
      /\nThe connection ends: the server stops: connect again later.\n$/,
    );
  }
  await Promise.all([guest, second, third].map((each) => each[Symbol.asyncDispose]()));
  await stopping;
});
