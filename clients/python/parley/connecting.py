"""How programs get a client."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from types import TracebackType
from typing import Any, Callable, Generator, Sequence

from .address import parse_addresses
from .client import Client, Reconnect, Secret
from .errors import ParleyError


class Connecting:
    """A client that is being connected: `await` it, or enter it with `async with`."""

    def __init__(self, client: Client, wait: float | None) -> None:
        self._client = client
        self._wait = wait

    def __await__(self) -> Generator[Any, None, Client]:
        return self._connect().__await__()

    async def __aenter__(self) -> Client:
        return await self._connect()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()

    async def _connect(self) -> Client:
        deadline = time.monotonic() + (self._wait or 0)
        while True:
            try:
                await self._client.open_any()
                return self._client
            except ParleyError as reason:
                left = deadline - time.monotonic()
                if left <= 0 or not reason.retryable:
                    await self._client.close()
                    raise
                await asyncio.sleep(min(left, 0.1 + random.random() * 0.4))


def connect(
    url: str | Sequence[str] = "parley://localhost",
    *,
    name: str = "",
    user: str = "",
    password: Secret = "",
    token: Secret = "",
    tls: ssl.SSLContext | None = None,
    request_timeout: float = 10.0,
    connect_timeout: float = 5.0,
    reconnect: Reconnect | None = Reconnect(),
    follow_hints: bool = False,
    wait: float | None = None,
    on_status: Callable[[str, ParleyError | None], None] | None = None,
    on_error: Callable[[ParleyError], None] | None = None,
) -> Connecting:
    """Connects to a server: `async with parley.connect("parley://localhost") as client:`, or `client = await …`.

    Several URLs are those of servers that act as one (a cluster): they are tried in their order until one takes the client, and when
    that one is lost, or stops, the client goes on at the next. A user in the first counts for all.

    URLs are `parley://host[:port]`, `parleys://host[:port]` for TLS, `unix:///path`; `parley://user:password@host` says who
    one is, as `user`, `password` and `token` do. It tries each once, or, with `wait`, for so many seconds. A connection that is
    lost later is opened again as `reconnect` says; None lets the client end with it. With `follow_hints` it goes where a server
    that stops points to, never from TLS to a connection without. A `password` or `token` that is a function is asked again before
    a login ends, which is then renewed in the same connection.
    """
    client = Client(
        parse_addresses([url] if isinstance(url, str) else url),
        name=name,
        user=user,
        password=password,
        token=token,
        tls=tls,
        request_timeout=request_timeout,
        connect_timeout=connect_timeout,
        reconnect=reconnect,
        follow_hints=follow_hints,
        on_status=on_status,
        on_error=on_error,
    )
    return Connecting(client, wait)
