"""How far a subscription has come in each kept topic: it goes on from there after a reconnect, and gets each event once."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any, Union

from .errors import invalid_argument
from .v1 import session_pb2

_MAX_POSITIONS = 1000


@dataclasses.dataclass(frozen=True)
class Seq:
    """Begin with this seq; for a pattern without wildcards."""

    seq: int


@dataclasses.dataclass(frozen=True)
class Last:
    """Begin with the last so many events of each topic."""

    count: int


#: "all", "new", Seq(n), Last(n), a time, or an age.
Since = Union[str, Seq, Last, datetime.datetime, datetime.timedelta]

_ALL = {"all": True}


def start_of(since: Since) -> dict[str, Any]:
    """The wire's form of `since`: the fields of Start; none for what is new. Raises INVALID_ARGUMENT."""
    if since == "new":
        return {}
    if since == "all":
        return _ALL
    if isinstance(since, Seq) and since.seq >= 0:
        return {"seq": since.seq}
    if isinstance(since, Last) and since.count >= 1:
        return {"last": since.count}
    if isinstance(since, datetime.timedelta):
        since = datetime.datetime.now(datetime.timezone.utc) - since
    if isinstance(since, datetime.datetime):
        return {"time_unix_micros": max(0, int(since.timestamp() * 1000)) * 1000}
    raise invalid_argument(
        f"cannot begin a subscription at {since!r}",
        '"all", "new", Seq(n) from 0, Last(n) from 1, a datetime or a timedelta',
    )


class Positions:
    """The places of one subscription. At most 1,000 topics are known; past that resuming is not exact, and told."""

    def __init__(self, since: Since) -> None:
        self._since = start_of(since)
        #: Whether every topic that can match is kept.
        self.all_kept = False
        self._epoch = ""
        self._begun = False
        self._asking = True
        self._complete = False
        self._forgot = False
        self._last: dict[str, int] = {}

    @property
    def kept(self) -> bool:
        """Whether kept topics matter to it at all."""
        return self.all_kept or bool(self._last) or bool(self._since)

    def takes(self, topic: str, seq: int, micros: int) -> bool:
        """Whether it gets the event with this seq; `took` says that it has got it."""
        if self._asking:
            return False
        last = self._last.get(topic)
        if last is not None:
            return seq > last
        return micros // 1000 >= int(self._since.get("time_unix_micros", 0)) // 1000

    def took(self, topic: str, seq: int) -> None:
        """The event with this seq was given to the program."""
        if topic not in self._last and len(self._last) >= _MAX_POSITIONS:
            del self._last[next(iter(self._last))]
            self._forgot = True
        self._last[topic] = seq

    @property
    def resumes_unasked(self) -> bool:
        """Whether it resumes though the program did not ask for history: a server may refuse that."""
        return self._begun and not self._since

    def hold(self) -> None:
        """Counts no event until the server has been asked anew, and has answered."""
        self._asking = True

    def reopened(self, epoch: str) -> str:
        """How it goes on over a new connection: "whole", "partly", or "history_lost"."""
        self._asking = True
        if not self.kept:
            self.forget()
            return "partly"
        if epoch != self._epoch:
            self.forget()
            return "history_lost"
        return "whole" if self.all_kept and self._others() else "partly"

    def forget(self) -> None:
        """Begins anew, as it began at first; a seq of another history means nothing."""
        self._last.clear()
        self._begun = self._complete = self.all_kept = self._forgot = False
        if "seq" in self._since:
            self._since = _ALL

    def start(self) -> dict[str, Any] | None:
        """What the server is asked for; None for what is new."""
        if not self._begun:
            return self._since or None
        if not self.kept:
            return None
        positions = [{"topic": topic, "seq": seq} for topic, seq in self._last.items()]
        return {**self._others(), "positions": positions, "history_epoch": self._epoch}

    def acknowledged(self, ack: session_pb2.Ack, epoch: str) -> bool:
        """The server has answered: what comes from now on counts. Gives whether history was lost unexpectedly."""
        self._asking = False
        self.all_kept = ack.all_kept
        ends = {position.topic: position.seq for position in ack.positions}
        if not self._begun:
            self._begun = True
            self._epoch = epoch
            self._complete = ack.positions_complete
            for topic, end in ends.items():
                self._begin(topic, end)
            return False
        if not ack.history_lost:
            return False
        # What it got is gone from the server's history, whose seqs will be given out again.
        self._last = {topic: min(seq, ends[topic]) for topic, seq in self._last.items() if topic in ends}
        return True

    def _others(self) -> dict[str, Any]:
        """Where topics without a place begin after a reconnect."""
        if self._forgot:
            return {}
        if "all" in self._since or "time_unix_micros" in self._since:
            return self._since
        return _ALL if self._complete else {}

    def _begin(self, topic: str, end: int) -> None:
        if not self._since:
            self._last[topic] = end
        elif "seq" in self._since:
            self._last[topic] = max(0, int(self._since["seq"]) - 1)
        elif "last" in self._since:
            self._last[topic] = max(0, end - int(self._since["last"]))
