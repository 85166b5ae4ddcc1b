"""The subscriptions of one client.

The server sends a connection an event once, however many subscriptions match, so matching is done again here. After a
reconnect all are made anew: in kept topics each goes on where it was, and each is told when events may be missing.
"""

from __future__ import annotations

import asyncio
import collections
import typing
from typing import Any, AsyncIterator, Callable

from .errors import ErrorCode, ParleyError, invalid_argument
from .events import DIRECT_TOPIC, Event, Gap, event_of, matches
from .positions import Positions, Since
from .v1 import event_pb2

if typing.TYPE_CHECKING:
    from .client import Client
    from .connection import Connection

_OVERFLOW = {
    "disconnect": event_pb2.OVERFLOW_POLICY_DISCONNECT,
    "drop_oldest": event_pb2.OVERFLOW_POLICY_DROP_OLDEST,
    "drop_newest": event_pb2.OVERFLOW_POLICY_DROP_NEWEST,
    "catch_up": event_pb2.OVERFLOW_POLICY_CATCH_UP,
}


class Subscription:
    """A subscription; `client.subscribe` makes them. `async for` gives its events; leaving the loop ends it.

    What is not taken yet waits here, up to `buffer_events`. Then `overflow` decides: "catch_up" fetches events of kept
    topics again once there is room, and is "disconnect" for others; "disconnect" ends the subscription with an error;
    "drop_oldest" and "drop_newest" drop events and tell `on_gap`.
    """

    def __init__(
        self,
        owner: Subscriptions,
        pattern: str,
        *,
        type: str,
        group: str,
        echo: bool,
        since: Since,
        overflow: str,
        buffer_events: int,
        on_gap: Callable[[Gap], None] | None,
    ) -> None:
        if not pattern and not type:
            raise invalid_argument(
                "cannot subscribe without a pattern and without a type",
                'a pattern (">" for every topic), a type, or both',
            )
        if overflow not in _OVERFLOW:
            raise invalid_argument(f"cannot subscribe with overflow {overflow!r}", ", ".join(_OVERFLOW))
        if buffer_events < 1:
            raise invalid_argument(f"cannot subscribe with buffer_events {buffer_events}", "a whole number from 1")
        if group and since != "new":
            raise invalid_argument("cannot begin in the history with a group: a group shares what is new", "one of the two")
        self.pattern = pattern or ">"
        self.type = type
        self.group = group
        self.echo = echo
        self.overflow = overflow
        #: Whether it gets no more events.
        self.ended = False
        self._owner = owner
        self._positions = None if group else Positions(since)
        self._buffer_events = buffer_events
        self._on_gap = on_gap
        self._waiting: collections.deque[Event] = collections.deque()
        self._behind = False
        self._error: BaseException | None = None
        self._wake = asyncio.Event()

    async def next(self, timeout: float | None = None) -> Event:
        """The next event. Raises TimeoutError after `timeout` seconds, StopAsyncIteration when it has ended, or its error."""
        async with asyncio.timeout(timeout):
            while not self._waiting:
                if self._error is not None:
                    raise self._error
                if self.ended:
                    raise StopAsyncIteration
                self._wake.clear()
                await self._wake.wait()
        event = self._waiting.popleft()
        if self._behind and len(self._waiting) <= self._buffer_events // 2:
            self._behind = False
            self._owner.catch_up(self)
        return event

    async def __aiter__(self) -> AsyncIterator[Event]:
        try:
            while True:
                try:
                    event = await self.next()
                except StopAsyncIteration:
                    return
                yield event
        finally:
            await self.unsubscribe()

    async def unsubscribe(self) -> None:
        """Ends it. In a group it ends when the server knows: what it got until then has nobody else to come to."""
        await self._owner.remove(self)

    async def __aenter__(self) -> Subscription:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.unsubscribe()

    # What follows is for this package only.

    @property
    def positions(self) -> Positions | None:
        """How far it has come in kept topics; None in a group."""
        return self._positions

    def deliver(self, event: Event, micros: int) -> None:
        """Takes an event from the connection."""
        positions = self._positions if event.seq else None
        if self.ended or (positions and (self._behind or not positions.takes(event.topic, event.seq, micros))):
            return
        if len(self._waiting) >= self._buffer_events and not self._make_room(event, positions is not None):
            if positions is not None and not self._behind:
                positions.took(event.topic, event.seq)
            return
        if positions is not None:
            positions.took(event.topic, event.seq)
        self._waiting.append(event)
        self._wake.set()

    def _make_room(self, event: Event, kept: bool) -> bool:
        """Does what `overflow` says; gives whether the event is taken."""
        if self.overflow == "drop_oldest":
            self.gap(Gap("missed", self._waiting.popleft().topic, 1))
            return True
        if self.overflow == "drop_newest":
            self.gap(Gap("missed", event.topic, 1))
        elif self.overflow == "catch_up" and kept:
            self._behind = True
        else:
            waiting = len(self._waiting)
            self._owner.drop(
                self,
                ParleyError(
                    ErrorCode.RESOURCE_EXHAUSTED,
                    f'the subscription to "{self.pattern}" ended: the program left {waiting} events waiting',
                    accepted="a program that keeps up, more buffer_events, or an overflow that drops events",
                ),
            )
        return False

    def gap(self, gap: Gap) -> None:
        """Tells a gap."""
        if not self.ended and self._on_gap is not None:
            self._on_gap(gap)

    def end(self, error: BaseException | None) -> None:
        """Ends it without telling the server."""
        if not self.ended:
            self.ended = True
            self._error = error
            self._wake.set()


class Subscriptions:
    """The subscriptions of one client. Those with the same pattern, type and group share one of the server's."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._members: list[Subscription] = []
        self._made: set[Subscription] = set()
        self._sessions: collections.deque[str] = collections.deque(maxlen=256)
        self._tasks: set[asyncio.Task[None]] = set()
        #: Told of direct messages, which come without a subscription.
        self.on_direct: Callable[[Event], None] | None = None

    async def add(self, subscription: Subscription, timeout: float | None) -> None:
        """Asks the server for it, and takes its events from then on."""
        self._members.append(subscription)
        try:
            await self._ask(subscription, timeout)
        except BaseException:
            self._forget(subscription)
            raise
        self._made.add(subscription)

    async def remove(self, subscription: Subscription) -> None:
        """Ends a subscription, and tells the server unless another one shares its place."""
        if subscription not in self._members:
            return
        if not subscription.group:
            subscription.end(None)
            self._forget(subscription)
        try:
            if self._client.connection is not None and not self._sharing(subscription, but=True):
                await self._client.request(unsubscribe=_key(subscription))
        except ParleyError:
            pass  # Already gone: it ended by itself, or the connection did, and took it along.
        finally:
            subscription.end(None)
            self._forget(subscription)

    async def leave_groups(self) -> None:
        """Leaves all groups in order."""
        await asyncio.gather(*(self.remove(each) for each in list(self._members) if each.group))

    def drop(self, subscription: Subscription, error: ParleyError) -> None:
        """Ends a subscription that cannot go on."""
        subscription.end(error)
        self._spawn(self.remove(subscription))

    def catch_up(self, subscription: Subscription) -> None:
        """Asks for what a subscription could not take."""
        if subscription.positions is not None and self._client.connection is not None and not subscription.ended:
            subscription.positions.hold()
            self._spawn(self._ask_again(subscription))

    def reopened(self, connection: Connection) -> None:
        """The connection is open anew: everything is asked for again."""
        self._sessions.append(connection.welcome.session_id)
        gaps = []
        asked = set()
        for subscription in self._members:
            if subscription not in self._made:
                continue  # Its first request still waits to be sent, or failed with the connection.
            positions = subscription.positions
            how = "partly" if positions is None else positions.reopened(connection.welcome.history_epoch)
            if how != "whole":
                gaps.append((subscription, Gap("history_lost" if how == "history_lost" else "reconnected")))
            key = tuple(_key(subscription).values())
            if key in asked and not (positions and positions.kept):
                continue
            asked.add(key)
            self._spawn(self._ask_again(subscription))
        for subscription, gap in gaps:
            subscription.gap(gap)

    def take_event(self, wire: event_pb2.Event) -> None:
        """An event arrived."""
        event = event_of(wire)
        if event.topic == DIRECT_TOPIC:
            if self.on_direct is not None:
                self.on_direct(event)
            return
        own = event.sender in self._sessions
        receivers = [
            each
            for each in self._members
            if each.group == event.group
            and each.type in ("", event.type)
            and (each.echo or not own)
            and not each.ended
            and matches(each.pattern, event.topic)
        ]
        if event.group and receivers:
            receivers = [min(receivers, key=lambda each: len(each._waiting))]
        for each in receivers:
            each.deliver(event, wire.time_unix_micros)

    def take_missed(self, missed: event_pb2.Missed) -> None:
        """The server dropped events."""
        for each in list(self._members):
            if missed.topic == ">" or matches(each.pattern, missed.topic):
                each.gap(Gap("missed", missed.topic, missed.count))

    def end_all(self, error: ParleyError | None) -> None:
        """There will be no events any more."""
        for each in self._members:
            each.end(error)
        self._members.clear()
        self._made.clear()

    async def _ask(self, subscription: Subscription, timeout: float | None = None) -> None:
        start = None if subscription.positions is None else subscription.positions.start()
        sharing = self._sharing(subscription)
        await self._client.request(
            subscribe={
                **_key(subscription),
                "echo": any(each.echo for each in sharing),
                "overflow": _OVERFLOW[sharing[0].overflow],
                "tell_positions": not subscription.group,
                **({} if start is None else {"start": start}),
            },
            timeout=timeout,
            on_answer=lambda said: self._acknowledged(subscription, said.ack),
        )

    async def _ask_again(self, subscription: Subscription) -> None:
        try:
            await self._ask(subscription)
        except ParleyError as reason:
            positions = subscription.positions
            if self._client.connection is None or subscription.ended:
                return  # Lost again: the next connection tries again.
            if reason.code == ErrorCode.FAILED_PRECONDITION and positions is not None and positions.resumes_unasked:
                # The server keeps these topics no more: it goes on with what is new.
                positions.forget()
                subscription.gap(Gap("history_lost"))
                return await self._ask_again(subscription)
            subscription.end(reason)
            self._forget(subscription)

    def _acknowledged(self, subscription: Subscription, ack: Any) -> None:
        positions = subscription.positions
        if positions is not None and positions.acknowledged(ack, self._client.welcome.history_epoch):
            subscription.gap(Gap("history_lost"))
        # Those that share its place and resume nothing hold for nothing more.
        for each in self._sharing(subscription, but=True):
            if each in self._made and each.positions is not None and not each.positions.kept:
                each.positions.acknowledged(ack, self._client.welcome.history_epoch)

    def _sharing(self, subscription: Subscription, but: bool = False) -> list[Subscription]:
        key = _key(subscription)
        return [each for each in self._members if _key(each) == key and not (but and each is subscription)]

    def _forget(self, subscription: Subscription) -> None:
        if subscription in self._members:
            self._members.remove(subscription)
        self._made.discard(subscription)

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _key(subscription: Subscription) -> dict[str, str]:
    return {"pattern": subscription.pattern, "type": subscription.type, "group": subscription.group}
