"""Where a client connects to: the servers that the program named, in its order, or others that a server pointed to as it stopped.

Who loses its server, or cannot reach it, goes to the next one, and after the last to the first again. A hint is followed only
where the program allows it, and never from TLS to a connection without; the program's own servers have their turn behind it: a
wrong hint costs an attempt and no more.
"""

from __future__ import annotations

import dataclasses
from typing import Iterable, Sequence

from .address import Address, parse_address
from .errors import ParleyError

#: The most places that one server may point to.
_MAX_HINTS = 16


class Destinations:
    """The places of one client."""

    def __init__(self, own: Sequence[Address], follows_hints: bool) -> None:
        self._own = list(own)
        self._follows_hints = follows_hints
        self._places = list(own)
        self._at = 0

    @property
    def present(self) -> Address:
        """Where to connect to next, with the program's user and password."""
        return self._places[self._at]

    def hinted(self, urls: Iterable[str]) -> None:
        """A server that stops points to other places, in the order in which it wants them tried."""
        if not self._follows_hints:
            return
        places = [place for url in list(urls)[:_MAX_HINTS] for place in self._place_of(url)]
        if not places or [*places, *self._own] == self._places:
            return
        self._places = [*places, *self._own]
        self._at = 0

    def missed(self, place: Address) -> None:
        """`place` could not be reached, or its server is gone: the next one has its turn."""
        if place == self.present:
            self._at = (self._at + 1) % len(self._places)

    @property
    def is_at_last(self) -> bool:
        """Whether all of them have had their turn after the present one."""
        return self._at == len(self._places) - 1

    def _place_of(self, url: str) -> list[Address]:
        try:
            place = parse_address(url)
        except ParleyError:
            return []
        if all(own.tls for own in self._own) and not place.tls:
            return []
        return [dataclasses.replace(place, user=self._own[0].user, password=self._own[0].password)]
