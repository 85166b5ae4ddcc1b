"""What the server says of what it was given: how safe it is, and under which number."""

from __future__ import annotations

import dataclasses

from .v1 import session_pb2


@dataclasses.dataclass(frozen=True)
class PublishAck:
    """What the server said of a publish."""

    #: How safe the event is: "routed", "fsynced" or "replicated"; "" when no acknowledgement was asked for.
    level: str
    #: The number of connections that it was handed to; None where that is not known, as on kept topics.
    receivers: int | None
    #: The number of the event in its kept topic; 0 when the topic is not kept.
    seq: int
    #: Whether an event with this `message_id` was there already, with this seq: it was not kept again.
    duplicate: bool


@dataclasses.dataclass(frozen=True)
class PushAck:
    """What the server said of a push."""

    #: The number of the job in its queue.
    id: int
    #: How safe the job is, as in PublishAck.
    level: str
    #: Whether a job with this `message_id` was there already, with this id: it was not queued again.
    duplicate: bool


def level_name(level: int) -> str:
    """The name of an AckLevel, in lower case; "" when nothing had to be kept."""
    name: str = session_pb2.AckLevel.Name(level).removeprefix("ACK_LEVEL_").lower()
    return "" if name == "unspecified" else name
