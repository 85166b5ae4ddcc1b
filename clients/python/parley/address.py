"""Where to connect to, read from a URL, and who the URL says that one is."""

from __future__ import annotations

import dataclasses
import urllib.parse
from typing import Sequence

from .errors import ParleyError, invalid_argument

#: The most URLs that a program names.
_MAX_URLS = 64
_ACCEPTED = (
    "parley://host, parley://host:port (default 7311), parleys://host:port for TLS (default 7314), "
    "unix:///path/to/socket"
)


@dataclasses.dataclass(frozen=True)
class Address:
    """A place to connect to. `url` is without user and password."""

    url: str
    host: str = ""
    port: int = 0
    path: str = ""
    tls: bool = False
    user: str = ""
    password: str = ""


def parse_address(given: str) -> Address:
    """Reads a URL; HOST:PORT is taken as `parley://HOST:PORT`. Raises ParleyError for everything else."""
    if given.startswith("unix:"):
        path = urllib.parse.unquote(given.removeprefix("unix://"))
        if not given.startswith("unix:///") or path == "/":
            raise _refusal(given, "it names no absolute path of a socket")
        return Address(url=given, path=path)
    url = given if "://" in given else f"parley://{given}"
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port
    except ValueError as reason:
        raise _refusal(given, f"it is no valid URL: {reason}") from None
    if parts.scheme not in ("parley", "parleys"):
        raise _refusal(given, f'the scheme "{parts.scheme}" is not known')
    if not parts.hostname:
        raise _refusal(given, "it names no host")
    if parts.path not in ("", "/") or parts.query or parts.fragment or port == 0:
        raise _refusal(given, "it goes on after the port, or the port is no number from 1 to 65535")
    tls = parts.scheme == "parleys"
    return Address(
        url=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
        host=parts.hostname,
        port=port or (7314 if tls else 7311),
        tls=tls,
        user=urllib.parse.unquote(parts.username or ""),
        password=urllib.parse.unquote(parts.password or ""),
    )


def parse_addresses(given: Sequence[str]) -> list[Address]:
    """Reads the URLs of servers that act as one; the user of the first counts for all. Raises ParleyError."""
    if not 1 <= len(given) <= _MAX_URLS:
        raise invalid_argument(
            f"cannot connect to one of {len(given)} servers", f"1 to {_MAX_URLS} URLs of servers that act as one"
        )
    first, *others = [parse_address(url) for url in given]
    for other in others:
        if (other.user, other.password) not in (("", ""), (first.user, first.password)):
            raise invalid_argument(
                f"cannot connect to {other.url} as another user than to {first.url}",
                "the same user in all URLs, or in the first alone",
            )
    return [first, *(dataclasses.replace(other, user=first.user, password=first.password) for other in others)]


def _refusal(given: str, why: str) -> ParleyError:
    shown = given.rpartition("@")[2]
    return invalid_argument(f'cannot connect to "{shown}": {why}', _ACCEPTED)
