"""Renews the login of one connection before it ends: says Hello again, with credentials that are asked for anew.

The time is the server's, as its Welcome says how long the login lasts, so clocks that differ do no harm. What fails is tried
again while the login lasts, and told each time.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Awaitable, Callable

from .connection import Connection
from .errors import ErrorCode, ParleyError

#: The share of its time after which a login is renewed, and that of what is left after which a failure is tried again.
_RENEW_AFTER = 0.75
_AGAIN_AFTER = 0.25
#: The least time between two tries, in seconds.
_LEAST_PAUSE = 0.25


async def keep_login(
    connection: Connection,
    hello: Callable[[], Awaitable[dict[str, Any]]],
    timeout: float,
    failed: Callable[[ParleyError], None],
) -> None:
    """Renews the login of a connection until it takes no requests any more, or a login has no end."""
    while (lasts := connection.welcome.login_ends_in_ms / 1000) > 0:
        ends = time.monotonic() + lasts
        pause = lasts * _RENEW_AFTER
        while True:
            await asyncio.sleep(pause)
            reason = await _renew(connection, hello, timeout)
            if not connection.open:
                return
            if reason is None:
                break
            failed(reason)
            left = ends - time.monotonic()
            if left <= _LEAST_PAUSE:
                return
            pause = max(_LEAST_PAUSE, left * _AGAIN_AFTER)


async def _renew(
    connection: Connection, hello: Callable[[], Awaitable[dict[str, Any]]], timeout: float
) -> ParleyError | None:
    """Says Hello again; gives why it was not renewed."""
    try:
        async with asyncio.timeout(timeout):
            fields = await hello()
            if connection.open:
                await connection.renew(**fields)
            return None
    except ParleyError as reason:
        return ParleyError(
            reason.code,
            f"cannot renew the login: {reason.message}",
            retryable=reason.retryable,
            accepted=reason.accepted,
        )
    except TimeoutError:
        why = f"cannot renew the login: no Welcome within {timeout:g} s"
        return ParleyError(ErrorCode.DEADLINE_EXCEEDED, why, retryable=True)
    except Exception as reason:  # The program's function that gives the secret.
        return ParleyError(ErrorCode.INTERNAL, f"cannot renew the login: {reason}")
