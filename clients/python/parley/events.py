"""Events, and what may be missing between them."""

from __future__ import annotations

import dataclasses
import datetime

from .payload import HasPayload
from .v1 import event_pb2

#: The topic on which direct messages come, without a subscription.
DIRECT_TOPIC = "direct"


@dataclasses.dataclass(frozen=True)
class Event(HasPayload):
    """An event that was received."""

    topic: str
    payload: bytes
    type: str
    headers: dict[str, str]
    message_id: str
    #: The session that published it.
    sender: str
    #: Its number in its kept topic; 0 when the topic is not kept.
    seq: int
    #: When the server took it.
    time: datetime.datetime
    group: str

    def _name(self) -> str:
        return f'the event on "{self.topic}"'


@dataclasses.dataclass(frozen=True)
class Gap:
    """Something was, or may have been, missed.

    `kind` is "missed" (`count` events of `topic` were dropped, because the program was too slow), "reconnected" (what was
    published on topics that are not kept while there was no connection did not come) or "history_lost".
    """

    kind: str
    topic: str = ""
    count: int = 0


def time_of(micros: int) -> datetime.datetime:
    """The time of a stamp in microseconds since 1970."""
    return datetime.datetime.fromtimestamp(micros / 1_000_000, datetime.timezone.utc)


def event_of(wire: event_pb2.Event) -> Event:
    """An event as programs get it."""
    return Event(
        topic=wire.topic,
        payload=wire.payload,
        type=wire.type,
        headers=dict(wire.headers),
        message_id=wire.message_id,
        sender=wire.sender,
        seq=wire.seq,
        time=time_of(wire.time_unix_micros),
        group=wire.group,
    )


def matches(pattern: str, topic: str) -> bool:
    """Whether a pattern matches a topic: `*` is one level, `>` the rest."""
    wanted, levels = pattern.split("."), topic.split(".")
    if wanted[-1] == ">":
        if len(levels) < len(wanted):
            return False
        wanted, levels = wanted[:-1], levels[: len(wanted) - 1]
    return len(wanted) == len(levels) and all(w in ("*", level) for w, level in zip(wanted, levels))
