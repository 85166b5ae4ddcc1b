"""A client of one server: what a program does with it, and the connection that it keeps."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import random
import ssl
import time
from types import TracebackType
from typing import Any, Awaitable, Callable, Mapping, Sequence, Union

from .acks import PublishAck, level_name
from .address import Address
from .connection import Connection, OnAnswer, open_connection
from .destinations import Destinations
from .errors import CloseReason, ErrorCode, ParleyError, error_of
from .events import Gap
from .payload import Payload, encode
from .positions import Since
from .queues import Queue, QueueInfo, Queues
from .renewal import keep_login
from .rooms import Room, Rooms, RoomSummary
from .services import Answer, Handler, Service, Services
from .subscriptions import Subscription, Subscriptions
from .v1 import envelope_pb2, session_pb2
from .version import VERSION

#: A secret, or a function that gives it (or an awaitable of it) each time a connection is opened.
Secret = Union[str, Callable[[], Union[str, Awaitable[str]]]]

_FINAL_CODES = {
    ErrorCode.UNAUTHENTICATED,
    ErrorCode.PERMISSION_DENIED,
    ErrorCode.UNIMPLEMENTED,
    ErrorCode.FAILED_PRECONDITION,
}
_FINAL_REASONS = {CloseReason.REPLACED, CloseReason.KICKED}


@dataclasses.dataclass(frozen=True)
class Reconnect:
    """How a lost connection is opened again: after a random time, in seconds, whose bound doubles with each attempt."""

    least: float = 0.1
    most: float = 10.0
    attempts: int | None = None


class Client:
    """A client of one server; `connect` makes them. Times are in seconds.

    Requests raise ParleyError: the server's own, DEADLINE_EXCEEDED (no answer in time) and UNAVAILABLE (the connection was
    lost while the request was in flight). While there is no connection, requests wait for the next one.
    """

    def __init__(
        self,
        addresses: Sequence[Address],
        *,
        name: str,
        user: str,
        password: Secret,
        token: Secret,
        tls: ssl.SSLContext | None,
        request_timeout: float,
        connect_timeout: float,
        reconnect: Reconnect | None,
        follow_hints: bool,
        on_status: Callable[[str, ParleyError | None], None] | None,
        on_error: Callable[[ParleyError], None] | None,
    ) -> None:
        #: Where it is connected to, or tries to be.
        self.url = addresses[0].url
        #: "connecting", "connected", "reconnecting" or "closed".
        self.status = "connecting"
        self.request_timeout = request_timeout
        self._destinations = Destinations(addresses, follow_hints)
        self._place = addresses[0]
        self._renewal: asyncio.Task[None] | None = None
        self._name = name
        self._user = user
        self._password = password
        self._token = token
        self._tls = tls
        self._connect_timeout = connect_timeout
        self._reconnect = reconnect
        self._on_status = on_status
        self._on_error = on_error
        self._connection: Connection | None = None
        self._draining: set[Connection] = set()
        self._opened = asyncio.Event()
        self._failure: ParleyError | None = None
        self._reopening: asyncio.Task[None] | None = None
        self._welcome = session_pb2.Welcome()
        self._subscriptions = Subscriptions(self)
        self._services = Services(self)
        self._queues = Queues(self)
        self._rooms = Rooms(self, self._subscriptions)

    @property
    def welcome(self) -> session_pb2.Welcome:
        """What the server said of itself, its limits and the login when the connection was last opened or the login renewed."""
        return self._welcome if self._connection is None else self._connection.welcome

    async def echo(self, content: str, *, timeout: float | None = None) -> str:
        """Sends `content` and gives back what the server returned: the same."""
        answer = await self.request(echo_message={"content": content}, timeout=timeout)
        return str(answer.echo_message.content)

    async def add(self, a: int, b: int, *, timeout: float | None = None) -> int:
        """Lets the server add two int32. A sum that is no int32 raises INVALID_ARGUMENT."""
        answer = await self.request(add_request={"a": a, "b": b}, timeout=timeout)
        return int(answer.add_response.result)

    async def ping(self, *, timeout: float | None = None) -> float:
        """Asks for a sign of life and gives the time to the answer."""
        start = time.perf_counter()
        await self.request(ping={}, timeout=timeout)
        return time.perf_counter() - start

    async def publish(
        self,
        topic: str,
        payload: Payload = b"",
        *,
        type: str = "",
        headers: Mapping[str, str] | None = None,
        message_id: str = "",
        ack: bool = True,
        timeout: float | None = None,
    ) -> PublishAck:
        """Publishes an event, in the order of the calls, and gives the server's acknowledgement.

        With `ack=False` it returns as soon as there is room to send it; a refusal is told to `on_error` alone.
        """
        data, type = encode(payload, type, "publish")
        event = {
            "topic": topic,
            "payload": data,
            "type": type,
            "headers": dict(headers or {}),
            "message_id": message_id,
        }
        if not ack:
            connection = await self._connected(time.monotonic() + (timeout or self.request_timeout))
            await connection.send(event=event)
            return PublishAck("", None, 0, False)
        said = (await self.request(event=event, timeout=timeout)).ack
        receivers = None if said.seq else said.receivers
        return PublishAck(level_name(said.level), receivers, said.seq, said.duplicate)

    async def subscribe(
        self,
        pattern: str = "",
        *,
        type: str = "",
        group: str = "",
        echo: bool = False,
        since: Since = "new",
        overflow: str = "catch_up",
        buffer_events: int = 4096,
        on_gap: Callable[[Gap], None] | None = None,
        timeout: float | None = None,
    ) -> Subscription:
        """Subscribes, and returns when the server has acknowledged it. `async for event in …` gives the events.

        `since` begins in the history of kept topics: "all", "new", Seq(n), Last(n), a datetime, or an age as a timedelta.
        """
        subscription = Subscription(
            self._subscriptions,
            pattern,
            type=type,
            group=group,
            echo=echo,
            since=since,
            overflow=overflow,
            buffer_events=buffer_events,
            on_gap=on_gap,
        )
        await self._subscriptions.add(subscription, timeout)
        return subscription

    async def call(
        self,
        method: str,
        payload: Payload = b"",
        *,
        type: str = "",
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Calls a method and gives its answer. Raises the service's error, and UNAVAILABLE when nobody serves it."""
        data, type = encode(payload, type, "call with")
        seconds = self.request_timeout if timeout is None else timeout
        call = {
            "method": method,
            "payload": data,
            "type": type,
            "headers": dict(headers or {}),
            "timeout_ms": max(1, round(seconds * 1000)),
        }
        answer = (await self.request(call=call, timeout=seconds, cancels=True)).answer
        return Answer(answer.payload, answer.type, dict(answer.headers))

    async def serve(self, method: str, handler: Handler, *, concurrency: int = 64) -> Service:
        """Answers the calls of `method` with `handler(call)`: an async function, or one that runs in a thread."""
        return await self._services.serve(method, handler, concurrency)

    def queue(self, name: str) -> Queue:
        """A queue by its name, to push jobs to, pull them from, work on and look after."""
        return Queue(self._queues, name)

    async def queues(self, pattern: str = "", *, timeout: float | None = None) -> list[QueueInfo]:
        """The queues of the server whose names match `pattern`, by name; by default all of them."""
        return await self._queues.list(pattern, timeout)

    async def room(
        self,
        name: str,
        nick: str,
        *,
        token: str = "",
        history: int = 50,
        on_gap: Callable[[Gap], None] | None = None,
        timeout: float | None = None,
    ) -> Room:
        """Comes into a room under the name `nick`; `history` messages of before are read first."""
        return await self._rooms.open(name, nick, token, history, on_gap, timeout)

    async def rooms(self, *, timeout: float | None = None) -> list[RoomSummary]:
        """The rooms of the server that have members or a history, by name."""
        return await self._rooms.list(timeout)

    async def request(
        self,
        *,
        timeout: float | None = None,
        cancels: bool = False,
        on_answer: OnAnswer | None = None,
        on: Connection | None = None,
        **member: Any,
    ) -> envelope_pb2.ServerMessage:
        """Sends any member of ClientMessage that is answered, and gives the answer.

        With `cancels` the server is told when it is given up; `on_answer` is told of the answer as it is read; `on` is the
        only connection that it may go to.
        """
        seconds = self.request_timeout if timeout is None else timeout
        deadline = time.monotonic() + seconds
        connection = on or await self._connected(deadline)
        request_id, answer = connection.begin(on_answer, **member)
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                await connection.drain()
                return await answer
        except TimeoutError:
            raise _too_late(seconds, f"{self.url} has not answered it yet") from None
        finally:
            if connection.give_up(request_id) and cancels and connection.open:
                connection.post(request_id, cancel={})

    async def close(self) -> None:
        """Leaves its rooms, lets services and workers finish what they have begun, gives back jobs, and closes."""
        if self._failure is None:
            await asyncio.gather(self._services.stop(), self._queues.stop(), return_exceptions=True)
            await self._rooms.leave_all()
            await self._subscriptions.leave_groups()
        self._fail(ParleyError(ErrorCode.FAILED_PRECONDITION, f"cannot send a request to {self.url}: the client is closed"))
        await asyncio.sleep(0)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # What follows is for this package only.

    @property
    def connection(self) -> Connection | None:
        """The connection that takes requests; None while there is none."""
        connection = self._connection
        return connection if connection is not None and connection.open else None

    def tell(self, error: ParleyError) -> None:
        """Tells the program an error that nothing else tells."""
        if self._on_error is not None:
            self._on_error(error)

    async def open_any(self) -> None:
        """An attempt with each server, until one takes the client. Raises ParleyError of the last."""
        while True:
            is_last = self._destinations.is_at_last
            try:
                return await self.open()
            except ParleyError as reason:
                self._destinations.missed(self._place)
                if is_last or _is_final(reason):
                    raise

    async def _connected(self, deadline: float) -> Connection:
        while True:
            if self._failure is not None:
                raise self._failure
            if (connection := self.connection) is not None:
                return connection
            try:
                async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                    await self._opened.wait()
            except TimeoutError:
                raise _too_late(None, f"there is no connection to {self.url}") from None

    async def open(self) -> None:
        """One attempt: a connection, Hello and Welcome. Raises ParleyError."""
        connection: Connection | None = None
        address = self._place = self._destinations.present
        self.url = address.url
        try:
            async with asyncio.timeout(self._connect_timeout):
                connection = await open_connection(address, self._tls, self._incoming, self._ended)
                await connection.hello(**await self._hello())
        except TimeoutError:
            late = ParleyError(
                ErrorCode.DEADLINE_EXCEEDED,
                f"cannot connect to {self.url}: no Welcome within {self._connect_timeout:g} s; is it the tcp or unix "
                "listener of a Parley server, and can this machine reach it?",
                retryable=True,
            )
            if connection is not None:
                connection.end(late)
            raise late from None
        except ParleyError as reason:
            if connection is not None:
                connection.end(reason)
            raise
        self._connection = connection
        self._welcome = connection.welcome
        if self._renews:
            self._renewal = asyncio.create_task(
                keep_login(connection, self._hello, self._connect_timeout, self.tell)
            )
        self._set_status("connected", None)
        # Before anything that waited: what is published next must find the subscriptions.
        self._subscriptions.reopened(connection)
        self._services.reopened(connection)
        self._queues.reopened(connection)
        self._rooms.reopened()
        self._opened.set()

    @property
    def _renews(self) -> bool:
        """Whether a secret may be another one each time."""
        return callable(self._password) or callable(self._token)

    async def _hello(self) -> dict[str, Any]:
        """Who the client is, with secrets as they are now."""
        address = self._place
        return {
            "client_name": self._name,
            "library": f"parley-py/{VERSION}",
            "user": self._user or address.user,
            "password": await _said(self._password) or address.password,
            "token": await _said(self._token),
        }

    def _incoming(self, connection: Connection, kind: str, message: envelope_pb2.ServerMessage) -> None:
        if kind == "event":
            self._subscriptions.take_event(message.event)
        elif kind == "missed":
            self._subscriptions.take_missed(message.missed)
        elif kind == "call":
            self._services.take_call(connection, message)
        elif kind == "cancel":
            self._services.take_cancel(connection, message.id)
        elif kind == "job":
            self._queues.take_job(connection, message.job)
        elif kind == "error":
            self.tell(error_of(message.error))
        elif kind == "draining":
            self._draining.add(connection)
            self._left(connection, error_of(message.error))

    def _ended(self, connection: Connection, reason: ParleyError) -> None:
        self._draining.discard(connection)
        self._services.lost(connection)
        self._queues.lost(connection)
        self._left(connection, reason)

    def _left(self, connection: Connection, reason: ParleyError) -> None:
        """A connection takes no requests any more."""
        if connection is not self._connection:
            return
        self._connection = None
        self._opened.clear()
        if self._renewal is not None:
            self._renewal.cancel()
        self._destinations.hinted(reason.go_to)
        self._destinations.missed(self._place)
        if self._failure is not None:
            return
        # A login that ended is no refusal for who gives another secret each time.
        login_ended = reason.close_reason == CloseReason.REVOKED and self._renews
        if self._reconnect is None or _is_final(reason) and not login_ended:
            return self._fail(reason)
        self._set_status("reconnecting", reason)
        self._reopening = asyncio.create_task(self._reopen(self._reconnect))

    async def _reopen(self, settings: Reconnect) -> None:
        attempt = 0
        while True:
            bound = min(settings.most, settings.least * 2 ** min(attempt, 31))
            await asyncio.sleep(random.random() * bound)
            attempt += 1
            try:
                return await self.open()
            except ParleyError as reason:
                if _is_final(reason) or attempt == settings.attempts:
                    return self._fail(reason)
                self._destinations.missed(self._place)

    def _fail(self, reason: ParleyError) -> None:
        """There will be no connection any more."""
        if self._failure is not None:
            return
        self._failure = reason
        closed = reason.code == ErrorCode.FAILED_PRECONDITION
        if self._reopening is not None and self._reopening is not asyncio.current_task():
            self._reopening.cancel()
        if self._renewal is not None:
            self._renewal.cancel()
        connections = [*self._draining, *([self._connection] if self._connection else [])]
        self._connection = None
        for connection in connections:
            connection.end(reason)
        self._subscriptions.end_all(None if closed else reason)
        self._queues.fail(None if closed else reason)
        self._rooms.end_all(None if closed else reason)
        self._opened.set()
        self._set_status("closed", None if closed else reason)

    def _set_status(self, status: str, reason: ParleyError | None) -> None:
        if status == self.status:
            return
        self.status = status
        if self._on_status is not None:
            self._on_status(status, reason)


async def _said(secret: Secret) -> str:
    if isinstance(secret, str):
        return secret
    said = secret()
    return await said if inspect.isawaitable(said) else said


def _is_final(reason: ParleyError) -> bool:
    return reason.code in _FINAL_CODES or reason.close_reason in _FINAL_REASONS


def _too_late(seconds: float | None, why: str) -> ParleyError:
    within = "in time" if seconds is None else f"within {seconds:g} s"
    return ParleyError(ErrorCode.DEADLINE_EXCEEDED, f"the request had no answer {within}: {why}", retryable=True)
