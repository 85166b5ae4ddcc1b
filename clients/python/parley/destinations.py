"""Where a client connects to: the server that the program named, or another that a server pointed to as it stopped.

A hint is followed only where the program allows it, and never from TLS to a connection without. When a place cannot be
reached the next one has its turn, the program's own among them: a wrong hint costs an attempt and no more.
"""

from __future__ import annotations

import dataclasses
from typing import Iterable

from .address import Address, parse_address
from .errors import ParleyError

#: The most places that one server may point to.
_MAX_HINTS = 16


class Destinations:
    """The places of one client."""

    def __init__(self, own: Address, follows_hints: bool) -> None:
        self._own = own
        self._follows_hints = follows_hints
        self._places = [own]
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
        if not places or [*places, self._own] == self._places:
            return
        self._places = [*places, self._own]
        self._at = 0

    def missed(self) -> None:
        """The present place could not be reached: the next one has its turn."""
        self._at = (self._at + 1) % len(self._places)

    def _place_of(self, url: str) -> list[Address]:
        try:
            place = parse_address(url)
        except ParleyError:
            return []
        if self._own.tls and not place.tls:
            return []
        return [dataclasses.replace(place, user=self._own.user, password=self._own.password)]
