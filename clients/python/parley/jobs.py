"""Jobs: what is known of one, and the verbs that say what becomes of it."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import time
import typing

from .errors import ErrorCode, ParleyError
from .events import time_of
from .payload import HasPayload
from .v1 import queue_pb2

if typing.TYPE_CHECKING:
    from .connection import Connection
    from .queues import Puller

_MAX_ERROR_BYTES = 1024
_DONE_BY = {"ACK": "acked", "NACK": "nacked", "REJECT": "rejected", "RELEASE": "released"}


@dataclasses.dataclass(frozen=True)
class Death:
    """How a job became a dead letter. `reason` is "max_deliveries" or "rejected"."""

    reason: str
    attempts: int
    #: What the last consumer said of it, or that its lease ended.
    last_error: str
    time: datetime.datetime
    #: The queue that it was in, and its id there.
    queue: str
    id: int


class JobRecord(HasPayload):
    """A job as it was pushed, and what the server says of it."""

    def __init__(self, wire: queue_pb2.Job) -> None:
        self.queue: str = wire.queue
        #: Its number in its queue, from 1.
        self.id: int = wire.id
        self.payload: bytes = wire.payload
        self.type: str = wire.type
        self.headers: dict[str, str] = dict(wire.headers)
        self.message_id: str = wire.message_id
        self.priority: int = wire.priority
        self.key: str = wire.key
        #: The session that pushed it.
        self.sender: str = wire.sender
        #: How often it was delivered, this delivery included.
        self.attempt: int = wire.attempt
        #: Whether it may have been delivered before.
        self.redelivered: bool = wire.redelivered
        #: When the server took it first.
        self.time: datetime.datetime = time_of(wire.time_unix_micros)
        #: The topic of the event that became this job, or empty.
        self.topic: str = wire.topic
        #: Why it was given up; None unless it is a dead letter.
        self.death: Death | None = _death_of(wire.death) if wire.HasField("death") else None

    def _name(self) -> str:
        return f'job {self.id} of "{self.queue}"'


class Job(JobRecord):
    """A job that this client holds. It is settled once, by `ack`, `nack`, `reject` or `release`."""

    def __init__(self, puller: Puller, connection: Connection, wire: queue_pb2.Job) -> None:
        super().__init__(wire)
        self.connection = connection
        self.consumer: int = wire.consumer
        #: How long its lease is, in seconds.
        self.lease: float = wire.lease_ms / 1000
        #: Whether a verb has said, or is saying, what becomes of it.
        self.settled = False
        #: Whether its lease is lost: somebody else will get it.
        self.lost = False
        self.token: int = wire.token
        self.handed = False
        self._puller = puller
        self._verdict = ""
        self._lease_ends = time.monotonic() + self.lease
        self._extending: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._on_lost: asyncio.Task[None] | None = None
        self._arm()

    async def ack(self) -> None:
        """Says that the job is done: it leaves the queue."""
        await self._settle("ACK")

    async def nack(self, *, delay: float | None = None, error: str = "") -> None:
        """Says that the job could not be done now; it is tried again after `delay` seconds, or as its queue says."""
        await self._settle("NACK", delay=delay, error=error)

    async def reject(self, *, error: str = "") -> None:
        """Says that the job can never be done: it becomes a dead letter at once."""
        await self._settle("REJECT", error=error)

    async def release(self) -> None:
        """Says that the job was not tried: it goes back to its place, and this delivery does not count."""
        await self._settle("RELEASE")

    async def extend(self, seconds: float | None = None) -> None:
        """Says that the job is still under way: the lease begins anew, for `seconds` or as long as usual."""
        self._refuse("EXTEND")
        sent = time.monotonic()
        try:
            await self._puller.settle(self, "EXTEND", seconds, "")
        except ParleyError as reason:
            self._late(reason)
            raise
        self._lease_ends = sent + (seconds or self.lease)
        self._arm()

    # What follows is for this package only.

    def lose(self) -> None:
        """Its lease is lost: no verb can change anything any more."""
        self.lost = True
        self.stop()
        if self._on_lost is not None:
            self._on_lost.cancel()

    def stop(self) -> None:
        """Looks after the lease no more."""
        if self._timer is not None:
            self._timer.cancel()

    def cancel_when_lost(self, task: asyncio.Task[None] | None) -> None:
        """The task that works on it is cancelled when its lease is lost."""
        self._on_lost = task

    async def _settle(self, verdict: str, *, delay: float | None = None, error: str = "") -> None:
        self._refuse(verdict)
        self.settled, self._verdict = True, verdict
        try:
            await self._puller.settle(self, verdict, delay, _cut(error))
        except ParleyError as reason:
            self._late(reason)
            # Nothing has changed: it may be tried again, if the lease is not over.
            self.settled = False
            raise
        self.stop()
        self._puller.over(self)

    def _refuse(self, verdict: str) -> None:
        if self.settled:
            why = f"it was {_DONE_BY[self._verdict]} already"
        elif self.lost:
            why = "its lease is lost; the job will be delivered again"
        else:
            return
        raise ParleyError(ErrorCode.FAILED_PRECONDITION, f"cannot {verdict.lower()} {self._name()}: {why}")

    def _late(self, reason: ParleyError) -> None:
        if reason.code == ErrorCode.FAILED_PRECONDITION:
            self.lose()
            self._puller.over(self)

    def _arm(self) -> None:
        """Looks after the lease when half of it is over, or, if nobody extends it, when it ends."""
        self.stop()
        if self.lease <= 0:
            return
        due = self._lease_ends - (self.lease / 2 if self._puller.auto_extend else 0)
        self._timer = asyncio.get_running_loop().call_later(max(0.0, due - time.monotonic()), self._look)

    def _look(self) -> None:
        if self.settled or self.lost:
            return
        if not self._puller.auto_extend:
            self.lose()
            return self._puller.over(self)
        self._extending = asyncio.create_task(self._extend())

    async def _extend(self) -> None:
        try:
            await self.extend()
        except ParleyError:
            if self.lost or self.settled:
                return
            if time.monotonic() >= self._lease_ends:
                self.lose()
                self._puller.over(self)
            else:
                self._timer = asyncio.get_running_loop().call_later(self.lease / 8, self._look)


def _death_of(wire: queue_pb2.Death) -> Death:
    reason: str = queue_pb2.DeathReason.Name(wire.reason).removeprefix("DEATH_REASON_").lower()
    return Death(reason, wire.attempts, wire.last_error, time_of(wire.time_unix_micros), wire.queue, wire.id)


def _cut(error: str) -> str:
    return error.encode()[:_MAX_ERROR_BYTES].decode(errors="ignore")
