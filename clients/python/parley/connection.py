"""One connection to a server: sends requests, matches answers by id, answers pings, and notices when the server is gone.

What answers no request goes to the owner. Nothing here opens a connection again; that is the client's part.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any, Callable

from google.protobuf.message import DecodeError

from .address import Address
from .errors import CloseReason, ErrorCode, ParleyError, error_of
from .v1 import envelope_pb2, session_pb2

#: The largest message that a client takes: the server's own largest limit, and its stamps.
_MAX_INCOMING = 64 * 1024 * 1024 + 4096
_DEFAULT_PING_INTERVAL = 20.0

Incoming = Callable[["Connection", str, envelope_pb2.ServerMessage], None]
"""Takes the messages that answer no request, by their member's name."""

OnAnswer = Callable[[envelope_pb2.ServerMessage], None]
"""Told of an answer as it is read, before the message behind it."""


class Connection:
    """An open connection. `ended` tells why it is over; it is told once."""

    def __init__(
        self,
        address: Address,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        incoming: Incoming,
        ended: Callable[[Connection, ParleyError], None],
    ) -> None:
        self.welcome = session_pb2.Welcome()
        self.leave_reason: ParleyError | None = None
        self._address = address
        self._reader = reader
        self._writer = writer
        self._incoming = incoming
        self._ended = ended
        self._waiting: dict[int, tuple[asyncio.Future[envelope_pb2.ServerMessage], OnAnswer | None]] = {}
        self._last_id = 0
        self._heard = False
        self._tasks = [asyncio.create_task(self._read())]

    @property
    def open(self) -> bool:
        """Whether it takes requests."""
        return self.leave_reason is None

    async def hello(self, **fields: Any) -> None:
        """Says who the client is, and takes the Welcome."""
        await self.renew(**fields)
        self._tasks.append(asyncio.create_task(self._watch()))

    async def renew(self, **fields: Any) -> None:
        """Says Hello, the first time or again, and takes the Welcome."""
        request_id, answer = self.begin(hello={"protocol_version": 1, "answers_pings": True, **fields})
        try:
            self.welcome = (await answer).welcome
        finally:
            self.give_up(request_id)

    def begin(
        self, on_answer: OnAnswer | None = None, **member: Any
    ) -> tuple[int, asyncio.Future[envelope_pb2.ServerMessage]]:
        """Sends one member of ClientMessage at once. Its answer comes as a future, which raises the server's error, or why
        the connection is over; `give_up` lets go of it."""
        if self.leave_reason is not None:
            raise self.leave_reason
        self._last_id += 1
        request_id = self._last_id
        data = _encode(request_id, member)
        self._check_size(len(data))
        answer = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = (answer, on_answer)
        self._write(data)
        return request_id, answer

    def give_up(self, request_id: int) -> bool:
        """Lets go of a request; gives whether it was still waiting for its answer."""
        return self._waiting.pop(request_id, None) is not None

    async def drain(self) -> None:
        """Waits until there is room to send more."""
        try:
            await self._writer.drain()
        except ConnectionError:
            pass  # Whoever waits for an answer is told.

    async def send(self, message_id: int = 0, **member: Any) -> None:
        """Sends what is not answered, as soon as there is room for it."""
        self.post(message_id, **member)
        await self.drain()

    def post(self, message_id: int = 0, **member: Any) -> None:
        """Sends what is not answered, without waiting for room."""
        if self.leave_reason is not None:
            raise self.leave_reason
        data = _encode(message_id, member)
        self._check_size(len(data))
        self._write(data)

    def end(self, reason: ParleyError) -> None:
        """Ends the connection at once; what waits for an answer raises `reason`."""
        if self.leave_reason is not None and not self._tasks:
            return
        self.leave_reason = self.leave_reason or reason
        tasks, self._tasks = self._tasks, []
        current = asyncio.current_task()
        for task in tasks:
            if task is not current:
                task.cancel()
        self._writer.close()
        for answer, _ in self._waiting.values():
            if not answer.done():
                answer.set_exception(reason)
                answer.exception()  # Whoever still waits gets it; nobody has to.
        self._waiting.clear()
        self._ended(self, reason)

    async def _read(self) -> None:
        try:
            while True:
                length = await self._read_length()
                data = await self._reader.readexactly(length)
                self._heard = True
                self._take(envelope_pb2.ServerMessage.FromString(data))
                if not self._tasks:
                    return
        except asyncio.IncompleteReadError:
            self.end(self._lost("the server closed it"))
        except OSError as reason:
            self.end(self._lost(str(reason)))
        except (DecodeError, ValueError) as reason:
            self.end(
                ParleyError(
                    ErrorCode.INTERNAL,
                    f"cannot understand what {self._address.url} sends; is it the tcp or unix listener of a Parley "
                    f"server? ({reason})",
                    close_reason=CloseReason.PROTOCOL_ERROR,
                )
            )

    async def _read_length(self) -> int:
        value = shift = 0
        while True:
            byte = (await self._reader.readexactly(1))[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 28:
                raise ValueError("a length of more than five bytes")
        if value > _MAX_INCOMING:
            raise ValueError(f"a message of {value} bytes")
        return value

    def _take(self, message: envelope_pb2.ServerMessage) -> None:
        kind = message.WhichOneof("message")
        if kind == "ping":
            self.post(pong={"nonce": message.ping.nonce})
        elif kind == "error":
            self._take_error(message)
        elif kind in ("event", "call", "cancel", "job", "missed"):
            self._incoming(self, kind, message)
        elif (waiting := self._waiting.pop(message.id, None)) is not None:
            # Otherwise nobody waits for the answer any more.
            answer, on_answer = waiting
            if on_answer is not None:
                on_answer(message)
            if not answer.done():
                answer.set_result(message)

    def _take_error(self, message: envelope_pb2.ServerMessage) -> None:
        error = error_of(message.error)
        waiting = self._waiting.pop(message.id, None) if message.id else None
        if waiting is not None and not waiting[0].done():
            waiting[0].set_exception(error)
        if error.close_reason == CloseReason.SHUTDOWN:
            # Answers to what was asked still come; new requests go to the next connection.
            self.leave_reason = error
            self._incoming(self, "draining", message)
        elif error.close_reason != CloseReason.UNSPECIFIED:
            self.end(error)
        elif message.id == 0:
            self._incoming(self, "error", message)

    async def _watch(self) -> None:
        """Gives a server up of which nothing is heard for three of its intervals; asks it after two."""
        interval = self.welcome.ping_interval_ms / 1000 or _DEFAULT_PING_INTERVAL
        silent = 0
        while True:
            await asyncio.sleep(interval)
            silent = 0 if self._heard else silent + 1
            self._heard = False
            if silent == 2 and self.open:
                self.post(ping={})
            elif silent >= 3:
                return self.end(self._lost(f"nothing was heard from the server for {silent * interval:g} s"))

    def _check_size(self, size: int) -> None:
        most = self.welcome.limits.max_frame_bytes
        if most and size > most:
            raise ParleyError(
                ErrorCode.RESOURCE_EXHAUSTED,
                f"cannot send a message of {size} bytes to {self._address.url}",
                accepted=f"at most {most} bytes",
            )

    def _write(self, data: bytes) -> None:
        self._writer.write(_varint(len(data)) + data)

    def _lost(self, why: str) -> ParleyError:
        return ParleyError(
            ErrorCode.UNAVAILABLE,
            f"lost the connection to {self._address.url}: {why}; requests in flight may or may not have been carried out",
        )


async def open_connection(
    address: Address,
    tls: ssl.SSLContext | None,
    incoming: Incoming,
    ended: Callable[[Connection, ParleyError], None],
) -> Connection:
    """Opens a connection, without a Hello. Raises ParleyError."""
    try:
        if address.path:
            reader, writer = await asyncio.open_unix_connection(address.path)
        else:
            context = (tls or default_tls()) if address.tls else None
            reader, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    except (OSError, ssl.SSLError) as reason:
        raise ParleyError(ErrorCode.UNAVAILABLE, f"cannot connect to {address.url}: {_why(address, reason)}") from reason
    return Connection(address, reader, writer, incoming, ended)


def default_tls() -> ssl.SSLContext:
    """What is trusted unless said otherwise: the system's authorities."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["parley"])
    return context


def _why(address: Address, reason: OSError) -> str:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return (
            f"its certificate was not accepted: {reason.verify_message}; name its authority with "
            "tls=ssl.create_default_context(cafile=…)"
        )
    if isinstance(reason, FileNotFoundError):
        return f"there is no socket {address.path}; is the server running?"
    if isinstance(reason, ConnectionRefusedError):
        return f"nobody listens there; is the server running, and is {address.port or address.path} its address?"
    if isinstance(reason, socket.gaierror):
        return f"the host {address.host} cannot be found; check its name and this machine's DNS"
    return str(reason)


def _encode(message_id: int, member: dict[str, Any]) -> bytes:
    try:
        data: bytes = envelope_pb2.ClientMessage(id=message_id, **member).SerializeToString()
        return data
    except (TypeError, ValueError, UnicodeError) as reason:
        (name,) = member
        raise ParleyError(ErrorCode.INVALID_ARGUMENT, f"cannot encode {name}: {reason}") from None


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
