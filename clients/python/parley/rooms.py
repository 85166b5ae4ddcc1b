"""Rooms: people talking, and the name that a client goes by in all of them.

After a reconnect the name is claimed again with its token and every room is joined again; what happened meanwhile comes out of
the room's history.
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import datetime
import time
import typing
import uuid
from typing import Any, AsyncIterator, Callable, TypeVar

from google.protobuf.message import Message

from .errors import ErrorCode, ParleyError
from .events import Event, Gap, event_of, time_of
from .positions import Seq
from .subscriptions import Subscription, Subscriptions
from .v1 import room_pb2

if typing.TYPE_CHECKING:
    from .client import Client

M = TypeVar("M", bound=Message)

#: How long something that is said waits for a connection, and how long a name is claimed that was this client's.
_PATIENCE = 60.0
_CLAIM_EVERY = 0.5
_MAX_DIRECT = 1024


@dataclasses.dataclass(frozen=True)
class RoomMessage:
    """Something that happened in a room. `kind` is "said", "joined", "left", "renamed", "topic_line" or "direct"."""

    kind: str
    #: Who; of somebody who goes by another name, the name until then.
    name: str
    #: What was said, the topic line, or the new name.
    text: str
    #: Its number in the room's history; 0 for what is in none.
    seq: int
    time: datetime.datetime
    #: For "left": whether the connection was lost.
    lost: bool
    #: For "joined" and "left": how many were there then.
    online: int
    #: Whether it happened before this room was joined.
    past: bool
    #: For "said": whether the text tells what they do ("/me waves") instead of what they say.
    action: bool = False


@dataclasses.dataclass(frozen=True)
class RoomMember:
    """Somebody in a room."""

    name: str
    idle: bool
    joined: datetime.datetime


@dataclasses.dataclass(frozen=True)
class RoomSummary:
    """A room as lists show it."""

    name: str
    topic_line: str
    online: int
    last_seq: int


def message_of(event: Event, joined_seq: int = 0) -> RoomMessage | None:
    """The message of an event in a room; None for what is none, or none that this version knows."""

    def made(kind: str, name: str, text: str = "", lost: bool = False, online: int = 0) -> RoomMessage:
        past = 0 < event.seq <= joined_seq
        return RoomMessage(kind, name, text, event.seq, event.time, lost, online, past)

    if event.type == "parley.v1.DirectMessage":
        direct = room_pb2.DirectMessage.FromString(event.payload)
        return made("direct", getattr(direct, "from"), direct.text)
    if event.type != "parley.v1.RoomEvent":
        return None
    happened = room_pb2.RoomEvent.FromString(event.payload)
    kind = happened.WhichOneof("event")
    if kind == "said":
        said = made("said", happened.said.name, happened.said.text)
        return dataclasses.replace(said, action=happened.said.action)
    if kind == "joined":
        return made("joined", happened.joined.name, online=happened.joined.online)
    if kind == "left":
        return made("left", happened.left.name, lost=happened.left.lost, online=happened.left.online)
    if kind == "renamed":
        return made("renamed", getattr(happened.renamed, "from"), happened.renamed.to)
    if kind == "topic_line_set":
        return made("topic_line", happened.topic_line_set.name, happened.topic_line_set.text)
    return None


class Room:
    """A room that this client is in; `client.room` makes them. `async for` gives what happens, the oldest first."""

    def __init__(self, owner: Rooms, name: str, joined_seq: int) -> None:
        self.name = name
        #: The seq behind which everything happened after coming in.
        self.joined_seq = joined_seq
        self._owner = owner
        self._directs: collections.deque[RoomMessage] = collections.deque(maxlen=_MAX_DIRECT)
        self._subscription: Subscription | None = None
        self._upcoming: asyncio.Task[Event | None] | None = None
        self._direct = asyncio.Event()

    @property
    def nick(self) -> str:
        """The name that this client goes by, in all rooms."""
        return self._owner.nick

    @property
    def token(self) -> str:
        """Proves that the name is this client's, to a client of the same person later. Secret."""
        return self._owner.token

    async def say(self, text: str, *, action: bool = False, timeout: float = _PATIENCE) -> int:
        """
        Says something, and gives its seq when it is in the room's history. It is said once, however often it is sent.
        `action` says that the text tells what one does ("/me waves").
        """
        request = room_pb2.SayRequest(room=self.name, text=text, message_id=uuid.uuid4().hex, action=action)
        return int((await self._owner.ask("Say", request, room_pb2.SayResponse, timeout)).seq)

    async def set_topic_line(self, text: str, *, timeout: float = _PATIENCE) -> int:
        """Sets the topic line; an empty one takes it away."""
        request = room_pb2.SetTopicLineRequest(room=self.name, text=text)
        return int((await self._owner.ask("SetTopicLine", request, room_pb2.SetTopicLineResponse, timeout)).seq)

    async def members(self, *, timeout: float = _PATIENCE) -> list[RoomMember]:
        """Who is here, by name."""
        request = room_pb2.MembersRequest(room=self.name)
        answer = await self._owner.ask("Members", request, room_pb2.MembersResponse, timeout)
        return [RoomMember(each.name, each.idle, time_of(each.joined_unix_micros)) for each in answer.members]

    async def history(self, *, before: int = 0, limit: int = 50, timeout: float = _PATIENCE) -> list[RoomMessage]:
        """What happened before the seq `before`, by default last, the oldest first; at most 256 messages."""
        request = room_pb2.HistoryRequest(room=self.name, before_seq=before, limit=limit)
        answer = await self._owner.ask("History", request, room_pb2.HistoryResponse, timeout)
        messages = [message_of(event_of(each), self.joined_seq) for each in answer.events]
        return [each for each in messages if each is not None]

    async def rename(self, nick: str) -> None:
        """Goes by another name from now on, in all rooms of this client."""
        await self._owner.claim(nick, "")

    async def tell(self, name: str, text: str, *, timeout: float | None = None) -> None:
        """Says something to one person alone. NOT_FOUND when nobody goes by that name."""
        request = room_pb2.TellRequest(to=name, text=text)
        await self._owner.call("Tell", request, room_pb2.TellResponse, timeout)

    async def leave(self) -> None:
        """Leaves the room; reading it ends."""
        await self._owner.leave(self)

    async def next(self, timeout: float | None = None) -> RoomMessage:
        """The next message. Raises TimeoutError, StopAsyncIteration when it was left, or why it cannot be followed."""
        async with asyncio.timeout(timeout):
            while True:
                if self._directs:
                    return self._directs.popleft()
                if self._subscription is None:
                    raise StopAsyncIteration
                self._direct.clear()
                self._upcoming = self._upcoming or asyncio.create_task(_next_or_none(self._subscription))
                woken = asyncio.create_task(self._direct.wait())
                try:
                    await asyncio.wait({self._upcoming, woken}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    woken.cancel()
                if not self._upcoming.done():
                    continue
                upcoming, self._upcoming = self._upcoming, None
                event = upcoming.result()
                if event is None:
                    raise StopAsyncIteration
                message = message_of(event, self.joined_seq)
                if message is not None:
                    return message

    async def __aiter__(self) -> AsyncIterator[RoomMessage]:
        while True:
            try:
                message = await self.next()
            except StopAsyncIteration:
                return
            yield message

    async def __aenter__(self) -> Room:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.leave()

    # What follows is for this package only.

    def follow(self, subscription: Subscription) -> None:
        """Follows the room by this subscription."""
        self._subscription = subscription

    def take_direct(self, message: RoomMessage) -> None:
        """A direct message came."""
        self._directs.append(message)
        self._direct.set()

    async def end(self, reason: ParleyError | None) -> None:
        """The room is over."""
        if self._subscription is not None:
            self._subscription.end(reason)
            await self._subscription.unsubscribe()


async def _next_or_none(subscription: Subscription) -> Event | None:
    # A task cannot raise StopAsyncIteration.
    try:
        return await subscription.next()
    except StopAsyncIteration:
        return None


class Rooms:
    """The rooms of one client, and its name."""

    def __init__(self, client: Client, subscriptions: Subscriptions) -> None:
        self.nick = ""
        self.token = ""
        self._client = client
        self._subscriptions = subscriptions
        self._rooms: dict[str, Room] = {}
        self._joined = asyncio.Event()
        self._joined.set()
        self._rejoining: asyncio.Task[None] | None = None
        subscriptions.on_direct = self._take_direct

    async def open(
        self,
        name: str,
        nick: str,
        token: str,
        history: int,
        on_gap: Callable[[Gap], None] | None,
        timeout: float | None,
    ) -> Room:
        """Comes into a room."""
        if name in self._rooms:
            raise ParleyError(ErrorCode.ALREADY_EXISTS, f'cannot open the room "{name}": this client is in it already')
        if nick != self.nick:
            if self._rooms:
                raise ParleyError(
                    ErrorCode.FAILED_PRECONDITION,
                    f'cannot come in as "{nick}": this client goes by "{self.nick}" in its other rooms',
                    accepted=f'"{self.nick}", or rename before',
                )
            await self.claim(nick, token)
        joined = await self._join(name)
        room = self._rooms[name] = Room(self, name, joined.seq)
        since = Seq(max(1, joined.seq + 1 - history))
        try:
            room.follow(
                await self._client.subscribe(f"room.{name}", since=since, echo=True, on_gap=on_gap, timeout=timeout)
            )
        except BaseException:
            await self.leave(room)
            raise
        return room

    async def list(self, timeout: float | None) -> list[RoomSummary]:
        """The rooms of the server."""
        found: list[RoomSummary] = []
        while True:
            request = room_pb2.ListRequest(after=found[-1].name if found else "")
            page = await self.call("List", request, room_pb2.ListResponse, timeout)
            found += [RoomSummary(each.name, each.topic_line, each.online, each.last_seq) for each in page.rooms]
            if not page.more or not page.rooms:
                return found

    async def claim(self, nick: str, token: str) -> None:
        """Takes a name."""
        request = room_pb2.ClaimNameRequest(name=nick, token=token)
        granted = await self.call("ClaimName", request, room_pb2.ClaimNameResponse, None)
        self.nick, self.token = granted.name, granted.token

    async def leave(self, room: Room) -> None:
        """Leaves a room. A connection that is lost has left it."""
        if self._rooms.get(room.name) is not room:
            return
        del self._rooms[room.name]
        await room.end(None)
        if self._client.connection is not None:
            try:
                await self.call("Leave", room_pb2.LeaveRequest(room=room.name), room_pb2.LeaveResponse, None)
            except ParleyError:
                pass  # It went with the connection.

    async def leave_all(self) -> None:
        """Leaves every room."""
        await asyncio.gather(*(self.leave(room) for room in list(self._rooms.values())))

    def end_all(self, reason: ParleyError | None) -> None:
        """There will be no connection any more."""
        self._joined.set()
        if self._rejoining is not None:
            self._rejoining.cancel()
        self._rooms.clear()

    def reopened(self) -> None:
        """The connection is open anew."""
        if not self.nick or not self._rooms:
            return
        if self._rejoining is not None:
            self._rejoining.cancel()
        self._joined.clear()
        self._rejoining = asyncio.create_task(self._rejoin())

    async def ask(self, method: str, request: Message, answer: type[M], timeout: float) -> M:
        """Calls one of the rooms' methods that may be repeated: again after each connection that was lost meanwhile."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            try:
                async with asyncio.timeout(max(0.0, left)):
                    await self._joined.wait()
                return await self.call(method, request, answer, max(0.001, deadline - time.monotonic()))
            except TimeoutError:
                raise ParleyError(
                    ErrorCode.DEADLINE_EXCEEDED, f"the request had no answer within {timeout:g} s", retryable=True
                ) from None
            except ParleyError as reason:
                if reason.code != ErrorCode.UNAVAILABLE or self._client.status == "closed" or left <= 0:
                    raise

    async def call(self, method: str, request: Message, answer: type[M], timeout: float | None) -> M:
        """Calls one of the rooms' methods."""
        said = await self._client.call(f"parley.v1.Rooms/{method}", request.SerializeToString(), timeout=timeout)
        return answer.FromString(said.payload)

    async def _join(self, name: str) -> Any:
        request = room_pb2.JoinRequest(room=name, without_members=True)
        return await self.call("Join", request, room_pb2.JoinResponse, None)

    async def _rejoin(self) -> None:
        """Claims the name and joins the rooms on a new connection."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                await self.claim(self.nick, self.token)
                await asyncio.gather(*(self._join(name) for name in list(self._rooms)))
                return self._joined.set()
            except ParleyError as reason:
                if self._client.connection is None:
                    return  # Lost again: the next connection tries again.
                # Its own lost connection may still count as alive there.
                if not reason.retryable or time.monotonic() > deadline:
                    rooms, self._rooms = list(self._rooms.values()), {}
                    self.nick = self.token = ""
                    self._joined.set()
                    await asyncio.gather(*(room.end(reason) for room in rooms))
                    return
                await asyncio.sleep(_CLAIM_EVERY)

    def _take_direct(self, event: Event) -> None:
        message = message_of(event)
        for room in self._rooms.values():
            if message is not None:
                room.take_direct(message)
            return
