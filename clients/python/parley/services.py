"""Methods that a program answers, and the answers of others."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import inspect
import typing
from typing import Any, Awaitable, Callable, Union

from .errors import ErrorCode, ParleyError, invalid_argument, wire_error
from .events import time_of
from .payload import HasPayload, Payload, encode
from .v1 import envelope_pb2

if typing.TYPE_CHECKING:
    from .client import Client
    from .connection import Connection


@dataclasses.dataclass(frozen=True)
class Answer(HasPayload):
    """What a method answered, or what a handler answers with when it wants to say more than the payload."""

    payload: bytes
    type: str = ""
    headers: dict[str, str] = dataclasses.field(default_factory=dict)

    def _name(self) -> str:
        return "the answer"


@dataclasses.dataclass(frozen=True)
class Call(HasPayload):
    """A call that a handler answers."""

    method: str
    payload: bytes
    type: str
    headers: dict[str, str]
    #: The session that calls.
    sender: str
    #: When the server took it.
    time: datetime.datetime
    #: How long the caller waits, in seconds from `time`; 0 when it left that to the server.
    timeout: float

    def _name(self) -> str:
        return f'the call of "{self.method}"'


#: Answers a call: an async function, or one that runs in a thread. A ParleyError that it raises reaches the caller as it is,
#: anything else as INTERNAL. A handler whose caller has given up is cancelled.
Handler = Callable[[Call], Union[Answer, Payload, Awaitable[Union[Answer, Payload]]]]


class Service:
    """A method that this program answers; `client.serve` makes them."""

    def __init__(self, owner: Services, method: str, handler: Handler, concurrency: int) -> None:
        if concurrency < 1:
            raise invalid_argument(f"cannot serve with concurrency {concurrency}", "a whole number from 1")
        self.method = method
        self.handler = handler
        self.registered = False
        self._owner = owner
        self._turns = asyncio.Semaphore(concurrency)
        self._running: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """Takes no new calls, and returns when those that it has are answered."""
        await self._owner.unregister(self)
        if self._running:
            await asyncio.wait(self._running)

    async def __aenter__(self) -> Service:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # What follows is for this package only.

    def take(self, connection: Connection, message_id: int, call: Call) -> asyncio.Task[None]:
        """Runs the handler for a call, and sends what it answers."""
        task = asyncio.create_task(self._answer(connection, message_id, call))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _answer(self, connection: Connection, message_id: int, call: Call) -> None:
        try:
            async with self._turns:
                answer = await run(self.handler, call)
            if not isinstance(answer, Answer):
                data, type = encode(answer, "", f'answer "{self.method}" with')
                answer = Answer(data, type)
            fields: dict[str, Any] = {"payload": answer.payload, "type": answer.type, "headers": answer.headers}
        except Exception as problem:  # noqa: BLE001: whatever a handler raises is its answer
            fields = {"error": wire_error(problem)}
            if not isinstance(problem, ParleyError):
                self._owner.failed(self.method, problem)
        try:
            await connection.send(message_id, answer=fields)
        except ParleyError as reason:
            if connection.open:
                connection.post(message_id, answer={"error": wire_error(reason)})


class Services:
    """The services of one client."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._services: dict[str, Service] = {}
        self._running: dict[tuple[Connection, int], asyncio.Task[None]] = {}
        self._registering: set[asyncio.Task[None]] = set()

    async def serve(self, method: str, handler: Handler, concurrency: int) -> Service:
        """Registers a method, and returns when the server has acknowledged it."""
        if method in self._services:
            raise ParleyError(ErrorCode.ALREADY_EXISTS, f'cannot serve "{method}": this client serves it already')
        service = self._services[method] = Service(self, method, handler, concurrency)
        try:
            await self._client.request(register={"method": method})
        except BaseException:
            del self._services[method]
            raise
        service.registered = True
        return service

    async def unregister(self, service: Service) -> None:
        """Takes no new calls of it."""
        if self._services.get(service.method) is not service:
            return
        try:
            if self._client.connection is not None:
                await self._client.request(unregister={"method": service.method})
        except ParleyError:
            pass  # The connection is lost, and took it along.
        self._services.pop(service.method, None)

    async def stop(self) -> None:
        """Stops all of them."""
        await asyncio.gather(*(service.stop() for service in list(self._services.values())))

    def reopened(self, connection: Connection) -> None:
        """The connection is open anew: everything is registered again."""
        for service in self._services.values():
            if service.registered:
                task = asyncio.create_task(self._register_again(connection, service))
                self._registering.add(task)
                task.add_done_callback(self._registering.discard)

    def take_call(self, connection: Connection, message: envelope_pb2.ServerMessage) -> None:
        """A call arrived."""
        wire = message.call
        service = self._services.get(wire.method)
        if service is None:
            gone = ParleyError(ErrorCode.UNAVAILABLE, f'"{wire.method}" is not served here any more')
            return connection.post(message.id, answer={"error": wire_error(gone)})
        call = Call(
            method=wire.method,
            payload=wire.payload,
            type=wire.type,
            headers=dict(wire.headers),
            sender=wire.sender,
            time=time_of(wire.time_unix_micros),
            timeout=wire.timeout_ms / 1000,
        )
        key = (connection, message.id)
        task = self._running[key] = service.take(connection, message.id, call)
        task.add_done_callback(lambda _: self._running.pop(key, None))

    def take_cancel(self, connection: Connection, message_id: int) -> None:
        """Nobody waits for the answer of a call any more."""
        task = self._running.pop((connection, message_id), None)
        if task is not None:
            task.cancel()

    def lost(self, connection: Connection) -> None:
        """A connection is over, and nobody waits for the answers of its calls."""
        for key in [each for each in self._running if each[0] is connection]:
            self._running.pop(key).cancel()

    def failed(self, method: str, problem: Exception) -> None:
        """A handler failed, which its program has to know."""
        error = ParleyError(ErrorCode.INTERNAL, f'the handler of "{method}" failed: {problem}')
        error.__cause__ = problem
        self._client.tell(error)

    async def _register_again(self, connection: Connection, service: Service) -> None:
        try:
            await self._client.request(register={"method": service.method})
        except ParleyError as reason:
            if connection.open:
                self._client.tell(reason)


async def run(handler: Callable[..., Any], *arguments: Any) -> Any:
    """Runs an async function here, and any other in a thread, where it may block."""
    if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None)):
        return await handler(*arguments)
    result = await asyncio.to_thread(handler, *arguments)
    return await result if inspect.isawaitable(result) else result
