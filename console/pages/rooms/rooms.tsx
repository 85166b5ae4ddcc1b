/**
 * Rooms: which there are, who is in them, what was said, and talking in one.
 */
/// <reference lib="dom" />
import { fromBinary } from "@bufbuild/protobuf";
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { detached } from "../../../lib/base/detached.ts";
import type { Room } from "../../../lib/client/browser.ts";
import type { Event } from "../../../lib/gen/parley/v1/event_pb.ts";
import { RoomEventSchema, type RoomInfo, Rooms } from "../../../lib/gen/parley/v1/room_pb.ts";
import { ask, connected, inWords } from "../../data/ask.ts";
import { client } from "../../data/connection.ts";
import { usePolled } from "../../data/polled.ts";
import { may, mayCall } from "../../data/rights.ts";
import { counted, exact } from "../../format/numbers.ts";
import { confirm, useSubmit } from "../../parts/dialog.tsx";
import { Field, SearchField } from "../../parts/fields.tsx";
import { Icon } from "../../parts/icons.tsx";
import { Badge, Empty, Known, Note, NotSeen } from "../../parts/states.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { Time } from "../../parts/time.tsx";
import { done, failed } from "../../parts/toasts.tsx";
import { href, navigate, route, setQuery } from "../../router.ts";
import type { Place } from "../../shell/places.ts";

/** The most messages that are shown of a room. */
const SHOWN_MESSAGES = 100;
const LOOK_MS = 1_500;

/** The page. */
export const rooms: Place = {
  id: "rooms",
  title: "Rooms",
  icon: "rooms",
  key: "r",
  View: RoomsView,
  commands: async (text, signal) =>
    (await ask(Rooms.method.list, {}, { signal })).rooms
      .filter(({ name }) => name.includes(text)).slice(0, 20)
      .map(({ name }) => ({ title: name, kind: "Room", run: () => navigate(["rooms", name]) })),
};

/** The room that the person is in, by the connection that it belongs to. */
const here = signal<{ readonly room: Room; readonly of: unknown } | null>(null);

/** The room of that name, if the person is in it. */
function joined(name: string): Room | null {
  const { room, of } = here.value ?? {};
  return room !== undefined && of === client.value && room.name === name && !room.ended
    ? room
    : null;
}

function RoomsView({ path }: { path: readonly string[] }) {
  const [name] = path;
  return name !== undefined && name !== "" ? <RoomView name={name} /> : <RoomList />;
}

const COLUMNS: readonly Column<RoomInfo>[] = [
  {
    id: "name",
    title: "Room",
    width: "minmax(120px, 1fr)",
    cell: ({ name }) => <a class="mono cut" href={href(["rooms", name])}>{name}</a>,
  },
  {
    id: "topic",
    title: "Topic line",
    width: "minmax(120px, 2fr)",
    from: 560,
    cell: ({ topicLine }) => <span class="cut">{topicLine}</span>,
  },
  { id: "online", title: "There", width: "80px", end: true, cell: ({ online }) => exact(online) },
  {
    id: "seq",
    title: "Events so far",
    width: "120px",
    end: true,
    cell: ({ lastSeq }) => exact(lastSeq),
  },
];

function RoomList() {
  const { find = "" } = route.value.query;
  const list = usePolled("rooms", async (signal) => {
    const rooms: RoomInfo[] = [];
    for (let after = "", more = true; more && rooms.length < 10_000;) {
      const page = await ask(Rooms.method.list, { after }, { signal });
      rooms.push(...page.rooms);
      more = page.more && page.rooms.length > 0;
      after = page.rooms.at(-1)?.name ?? "";
    }
    return rooms;
  });
  return (
    <>
      <div class="page-head">
        <h1>Rooms</h1>
      </div>
      <SearchField
        label="Find rooms"
        value={find}
        onChange={(value) => setQuery({ find: value })}
      />
      <Known of={list}>
        {(rooms) => {
          const fitting = rooms.filter(({ name, topicLine }) =>
            name.includes(find) || topicLine.includes(find)
          );
          return (
            <Table
              label="Rooms"
              rows={fitting}
              columns={COLUMNS}
              idOf={({ name }) => name}
              onOpen={({ name }) => navigate(["rooms", name])}
              foot={counted(fitting.length, "room")}
              empty={!mayCall(Rooms.method.members)
                ? (
                  <NotSeen what="rooms">
                    That needs the permission to join them or to subscribe to their topics.
                  </NotSeen>
                )
                : find !== ""
                ? <Empty title="No room is called that" />
                : (
                  <Empty title="No rooms">
                    <span>A room is made when the first person comes in: parley chat lobby</span>
                  </Empty>
                )}
            />
          );
        }}
      </Known>
    </>
  );
}

function RoomView({ name }: { name: string }) {
  const history = usePolled(
    `room ${name}`,
    (signal) => ask(Rooms.method.history, { room: name, limit: SHOWN_MESSAGES }, { signal }),
    LOOK_MS,
  );
  const members = usePolled(
    `members ${name}`,
    (signal) => ask(Rooms.method.members, { room: name }, { signal }),
    LOOK_MS,
  );
  const room = joined(name);
  return (
    <>
      <div class="page-head">
        <a class="button icon bare" href={href(["rooms"])} aria-label="All rooms">
          <Icon name="back" />
        </a>
        <h1 class="break">{name}</h1>
        <span class="grow" />
        {room !== null && (
          <button type="button" class="button" onClick={() => leave(room)}>Leave</button>
        )}
        {may("manage", `room.${name}`) && (
          <button
            type="button"
            class="button danger"
            onClick={() => remove(name)}
          >
            Remove
          </button>
        )}
      </div>
      <div class="grid-2">
        <section class="card" aria-label="What was said">
          <div class="card-head">
            <h2>What was said</h2>
          </div>
          <div class="card-body stack">
            <Known of={history}>
              {({ events, more }) =>
                events.length === 0
                  ? <Empty title="Nothing was said yet" />
                  : (
                    <ol class="said" aria-live="polite">
                      {more && <li class="soft">Older messages are not shown.</li>}
                      {events.map((event) => <Said key={String(event.seq)} event={event} />)}
                    </ol>
                  )}
            </Known>
            {may("join", name) &&
              (room === null
                ? <ComeIn name={name} />
                : <Say room={room} refresh={history.refresh} />)}
          </div>
        </section>
        <section class="card" aria-label="Who is there">
          <div class="card-head">
            <h2>Who is there</h2>
          </div>
          <div class="card-body">
            <Known of={members}>
              {(answer) =>
                answer.members.length === 0 ? <p class="soft">Nobody.</p> : (
                  <ul class="plain">
                    {answer.members.map((member) => (
                      <li key={member.name} class="row">
                        <span class="break">{member.name}</span>
                        {member.idle && <Badge>idle</Badge>}
                        {room?.nick === member.name && <Badge tone="good">you</Badge>}
                      </li>
                    ))}
                  </ul>
                )}
            </Known>
          </div>
        </section>
      </div>
    </>
  );
}

/** One thing that happened in a room. */
function Said({ event }: { event: Event }) {
  const { who, text, isSpeech } = happened(event);
  return (
    <li>
      <Time micros={event.timeUnixMicros} /> {isSpeech
        ? (
          <>
            <strong>{who}</strong> <span class="break">{text}</span>
          </>
        )
        : <span class="soft break">{`${who} ${text}`}</span>}
    </li>
  );
}

function happened({ payload }: Event): { who: string; text: string; isSpeech: boolean } {
  try {
    const { event } = fromBinary(RoomEventSchema, payload);
    switch (event.case) {
      case "said":
        return { who: event.value.name, text: event.value.text, isSpeech: true };
      case "joined":
        return { who: event.value.name, text: "came", isSpeech: false };
      case "left":
        return {
          who: event.value.name,
          text: event.value.lost ? "was lost" : "went",
          isSpeech: false,
        };
      case "renamed":
        return { who: event.value.from, text: `is now ${event.value.to}`, isSpeech: false };
      case "topicLineSet":
        return {
          who: event.value.name,
          text: `set the topic line: ${event.value.text}`,
          isSpeech: false,
        };
    }
  } catch {
    // It is no event of a room.
  }
  return { who: "", text: "something else happened", isSpeech: false };
}

function ComeIn({ name }: { name: string }) {
  const [nick, setNick] = useState("");
  const submit = useSubmit(async () => {
    await here.value?.room.leave().catch(() => {});
    const room = await connected().room(name, { nick: nick.trim(), history: 0 });
    here.value = { room, of: client.value };
    detached(read(room), "read a room");
  }, true);
  return (
    <form
      class="row fields"
      onSubmit={(event) => {
        event.preventDefault();
        if (nick.trim() !== "") submit.go();
      }}
    >
      <Field label="Your name" value={nick} onChange={setNick} />
      <button type="submit" class="button main" disabled={submit.busy || nick.trim() === ""}>
        Come in
      </button>
      {submit.error !== null && <Note tone="bad">{inWords(submit.error)}</Note>}
    </form>
  );
}

/** Takes what is said, so that it does not gather: the page shows the history. */
async function read(room: Room): Promise<void> {
  try {
    for await (const _message of room);
  } catch (reason) {
    failed(`You are not in ${room.name} any more`, reason);
  } finally {
    if (here.value?.room === room) here.value = null;
  }
}

function Say({ room, refresh }: { room: Room; refresh: () => void }) {
  const [text, setText] = useState("");
  const submit = useSubmit(async () => {
    await room.say(text);
    setText("");
    refresh();
  }, true);
  return (
    <form
      class="row fields"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() !== "") submit.go();
      }}
    >
      <Field label={`Say something as ${room.nick}`} value={text} onChange={setText} />
      <button type="submit" class="button main" disabled={submit.busy || text.trim() === ""}>
        Say
      </button>
      {submit.error !== null && <Note tone="bad">{inWords(submit.error)}</Note>}
    </form>
  );
}

function leave(room: Room): void {
  here.value = null;
  detached(
    room.leave().then(undefined, (reason) => failed("The room was not left", reason)),
    "leave a room",
  );
}

function remove(name: string): void {
  confirm({
    title: `Remove the room ${name}?`,
    body: <p>What was said in it is dropped and cannot be brought back.</p>,
    action: "Remove",
    danger: true,
    typed: name,
    run: async () => {
      await ask(Rooms.method.remove, { room: name });
      done(`The room ${name} is removed.`);
      navigate(["rooms"]);
    },
  });
}
