"""Queues: push jobs, pull or work on them, and look after them."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import datetime
import itertools
import typing
from typing import Any, AsyncIterator, Callable, Iterable, Mapping, TypeVar

from google.protobuf.message import Message

from .acks import PushAck, level_name
from .errors import ParleyError, invalid_argument
from .events import time_of
from .jobs import Job, JobRecord
from .payload import Payload, encode
from .v1 import queue_pb2
from .workers import JobHandler, Worker

if typing.TYPE_CHECKING:
    from .client import Client
    from .connection import Connection

M = TypeVar("M", bound=Message)

@dataclasses.dataclass(frozen=True)
class QueueInfo:
    """What a queue holds."""

    name: str
    #: Jobs that can be handed out now.
    ready: int
    delayed: int
    leased: int
    #: Jobs that wait for another one of their key.
    blocked: int
    #: Jobs in its queue of dead letters.
    dead: int
    bytes: int
    consumers: int
    paused: bool
    #: When its oldest job was pushed; None when there is none.
    oldest: datetime.datetime | None


@dataclasses.dataclass(frozen=True)
class PeekedJob:
    """A job that was looked at. `state` is "ready", "delayed", "leased" or "blocked", `until` when that changes."""

    job: JobRecord
    state: str
    until: datetime.datetime | None


class Queue:
    """A queue; `client.queue` makes them. `NAME.dead` is the queue of its dead letters."""

    def __init__(self, owner: Queues, name: str) -> None:
        self.name = name
        self._owner = owner

    async def push(
        self,
        payload: Payload = b"",
        *,
        type: str = "",
        headers: Mapping[str, str] | None = None,
        message_id: str = "",
        priority: int = 0,
        key: str = "",
        delay: float = 0,
        run_at: datetime.datetime | None = None,
        timeout: float | None = None,
    ) -> PushAck:
        """Pushes a job, and returns when it is as safe as the answer's `level` says.

        With a `message_id` a push may be repeated: the job is queued once. It is handed out after `delay` seconds, or at
        `run_at`; of higher `priority` (0 to 9) first.
        """
        if not 0 <= priority <= 9:
            raise invalid_argument(f'cannot push to "{self.name}" with priority {priority}', "a whole number from 0 to 9")
        if delay and run_at is not None or delay < 0:
            raise invalid_argument(f'cannot push to "{self.name}" with delay {delay}', "seconds from 0, or run_at alone")
        data, type = encode(payload, type, "push")
        job: dict[str, Any] = {
            "queue": self.name,
            "payload": data,
            "type": type,
            "headers": dict(headers or {}),
            "message_id": message_id,
            "priority": priority,
            "key": key,
            "delay_ms": round(delay * 1000),
        }
        if run_at is not None:
            job["run_at_unix_micros"] = max(0, int(run_at.timestamp() * 1_000_000))
        said = (await self._owner.client.request(job=job, timeout=timeout)).ack
        return PushAck(said.seq, level_name(said.level), said.duplicate)

    def pull(self, *, prefetch: int = 64, auto_extend: bool = True) -> Puller:
        """Takes jobs: `async for job in queue.pull(): …; await job.ack()`. Leaving the loop gives back what is not settled."""
        return Puller(self._owner, self.name, prefetch, auto_extend)

    def work(
        self,
        handler: JobHandler,
        *,
        concurrency: int = 1,
        prefetch: int | None = None,
        on_error: Callable[[BaseException, Job], None] | None = None,
    ) -> Worker:
        """Runs `handler` for each job from now on, so many side by side, and says what became of it.

        One that returns has done its job; one that raises has not, and the job comes again after a while, or, for Reject
        and INVALID_ARGUMENT, becomes a dead letter at once. Leases are extended meanwhile.
        """
        if concurrency < 1:
            raise invalid_argument(f'cannot work on "{self.name}" with concurrency {concurrency}', "a whole number from 1")
        puller = self.pull(prefetch=prefetch or min(10_000, 2 * concurrency))
        return Worker(self._owner, puller, handler, concurrency, on_error)

    async def info(self, *, timeout: float | None = None) -> QueueInfo:
        """What the queue holds."""
        return _info_of((await self._ask("Info", queue_pb2.InfoQueueResponse, timeout)).info)

    async def peek(self, *, after: int = 0, limit: int = 10, timeout: float | None = None) -> list[PeekedJob]:
        """Looks at jobs behind the id `after` without taking them."""
        request = queue_pb2.PeekQueueRequest(queue=self.name, after=after, limit=limit)
        answer = await self._owner.ask("Peek", request, queue_pb2.PeekQueueResponse, timeout)
        return [
            PeekedJob(
                JobRecord(each.job),
                queue_pb2.JobState.Name(each.state).removeprefix("JOB_STATE_").lower(),
                time_of(each.until_unix_micros) if each.until_unix_micros else None,
            )
            for each in answer.jobs
        ]

    async def purge(self, *, timeout: float | None = None) -> int:
        """Drops all jobs that nobody holds, for good; gives how many."""
        return int((await self._ask("Purge", queue_pb2.PurgeQueueResponse, timeout)).dropped)

    async def remove(self, *, force: bool = False, timeout: float | None = None) -> int:
        """Removes the queue with its dead letters; with `force` also when it holds jobs. Gives how many were dropped."""
        request = queue_pb2.RemoveQueueRequest(queue=self.name, force=force)
        return int((await self._owner.ask("Remove", request, queue_pb2.RemoveQueueResponse, timeout)).dropped)

    async def redrive(self, ids: Iterable[int] = (), *, timeout: float | None = None) -> int:
        """Puts dead letters back into the queue they came from: those with these ids, or all. Gives how many."""
        request = queue_pb2.RedriveQueueRequest(queue=self.name, ids=list(ids))
        return int((await self._owner.ask("Redrive", request, queue_pb2.RedriveQueueResponse, timeout)).redriven)

    async def pause(self, *, timeout: float | None = None) -> QueueInfo:
        """Stops it from handing out jobs; it goes on taking them."""
        return _info_of((await self._ask("Pause", queue_pb2.PauseQueueResponse, timeout)).info)

    async def resume(self, *, timeout: float | None = None) -> QueueInfo:
        """Lets it hand out jobs again."""
        return _info_of((await self._ask("Resume", queue_pb2.ResumeQueueResponse, timeout)).info)

    async def _ask(self, method: str, answer: type[M], timeout: float | None) -> M:
        # All requests that only name a queue have the same form.
        return await self._owner.ask(method, queue_pb2.InfoQueueRequest(queue=self.name), answer, timeout)


class Puller:
    """Takes the jobs of a queue; `queue.pull` makes them. After a reconnect it pulls again."""

    def __init__(self, owner: Queues, queue: str, prefetch: int, auto_extend: bool) -> None:
        if not 1 <= prefetch <= 10_000:
            raise invalid_argument(f'cannot pull "{queue}" with prefetch {prefetch}', "a whole number from 1 to 10,000")
        self.queue = queue
        self.prefetch = prefetch
        self.auto_extend = auto_extend
        self._owner = owner
        self._waiting: collections.deque[Job] = collections.deque()
        self._held: set[Job] = set()
        self._consumer: tuple[Connection, int] | None = None
        self._wake = asyncio.Event()
        self._started = False
        self._stopping = False
        self._error: BaseException | None = None

    async def next(self, timeout: float | None = None) -> Job:
        """The next job. Raises TimeoutError after `timeout` seconds, StopAsyncIteration when it is closed, or its error."""
        self._start()
        async with asyncio.timeout(timeout):
            while not self._waiting:
                if self._error is not None:
                    raise self._error
                if self._stopping:
                    raise StopAsyncIteration
                self._wake.clear()
                await self._wake.wait()
        job = self._waiting.popleft()
        job.handed = True
        if not self._waiting and not self._stopping:
            self._wake.clear()
        return job

    async def __aiter__(self) -> AsyncIterator[Job]:
        try:
            while True:
                try:
                    job = await self.next()
                except StopAsyncIteration:
                    return
                yield job
        finally:
            await self.close()

    async def close(self) -> None:
        """Takes no more jobs, and gives back those that are not settled."""
        await self.stop()
        for job in list(self._held):
            if not job.settled:
                job.lose()
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await self._pull(consumer, close=True)
        self._owner.leave(self)

    async def __aenter__(self) -> Puller:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # What follows is for this package only.

    async def stop(self) -> None:
        """Takes no more jobs, gives back what is not taken, and keeps what is."""
        if self._stopping:
            return
        self._stopping = True
        self._wake.set()
        if self._consumer is not None:
            await self._pull(self._consumer, prefetch=0)
        waiting, self._waiting = list(self._waiting), collections.deque()
        await asyncio.gather(*(job.release() for job in waiting), return_exceptions=True)

    @property
    def consumer(self) -> tuple[Connection, int] | None:
        """The connection that it pulls on, and its number there."""
        return self._consumer

    def attach(self, connection: Connection) -> None:
        """Pulls on a new connection."""
        if not self._stopping:
            number = self._owner.number()
            self._consumer = (connection, number)
            self._owner.spawn(self._begin(connection, number))

    def take(self, connection: Connection, wire: queue_pb2.Job) -> None:
        """A job came."""
        job = Job(self, connection, wire)
        self._held.add(job)
        if self._stopping:
            return self._owner.spawn(self._give_back(job))
        self._waiting.append(job)
        self._wake.set()

    async def settle(self, job: Job, verdict: str, delay: float | None, error: str) -> None:
        """Sends a verdict. Raises FAILED_PRECONDITION when the job is late."""
        fields: dict[str, Any] = {
            "consumer": job.consumer,
            "tokens": [job.token],
            "verdict": queue_pb2.Verdict.Value(f"VERDICT_{verdict}"),
            "error": error,
        }
        if delay is not None:
            fields["delay_ms"] = max(0, round(delay * 1000))
        await self._owner.client.request(on=job.connection, settle=fields)

    def over(self, job: Job) -> None:
        """A job is settled or lost."""
        self._held.discard(job)
        if not job.handed and job in self._waiting:
            self._waiting.remove(job)

    def lost(self, connection: Connection) -> None:
        """A connection is over, and the server has taken back what came on it."""
        for job in [each for each in self._held if each.connection is connection]:
            job.lose()
            self.over(job)
        if self._consumer is not None and self._consumer[0] is connection:
            self._consumer = None

    def fail(self, error: BaseException | None) -> None:
        """There will be no jobs any more."""
        self._error = self._error or error
        self._stopping = True
        self._wake.set()

    def _start(self) -> None:
        if not self._started and not self._stopping:
            self._started = True
            self._owner.join(self)

    async def _begin(self, connection: Connection, number: int) -> None:
        try:
            pull = {"consumer": number, "queue": self.queue, "prefetch": self.prefetch}
            await self._owner.client.request(on=connection, pull=pull)
        except ParleyError as reason:
            if connection.open:  # Otherwise the next connection pulls again.
                self.fail(reason)

    async def _pull(self, consumer: tuple[Connection, int], **what: Any) -> None:
        connection, number = consumer
        try:
            await self._owner.client.request(on=connection, pull={"consumer": number, "queue": self.queue, **what})
        except ParleyError:
            pass  # With the connection lost, everything went back as well.

    async def _give_back(self, job: Job) -> None:
        try:
            await job.release()
        except ParleyError:
            pass  # It comes again when its lease ends.


class Queues:
    """The pullers and workers of one client."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.workers: set[Worker] = set()
        self._pullers: list[Puller] = []
        self._consumers: dict[tuple[Connection, int], Puller] = {}
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, method: str, request: Message, answer: type[M], timeout: float | None) -> M:
        """Calls one of the methods that look after queues."""
        said = await self.client.call(f"parley.v1.Queues/{method}", request.SerializeToString(), timeout=timeout)
        return answer.FromString(said.payload)

    async def list(self, pattern: str, timeout: float | None) -> list[QueueInfo]:
        """The queues whose names match."""
        found: list[QueueInfo] = []
        while True:
            request = queue_pb2.ListQueuesRequest(pattern=pattern, after=found[-1].name if found else "")
            page = await self.ask("List", request, queue_pb2.ListQueuesResponse, timeout)
            found += [_info_of(each) for each in page.queues]
            if not page.more or not page.queues:
                return found

    def number(self) -> int:
        """A number for a consumer, which no other consumer of the client ever has."""
        return next(self._numbers)

    def join(self, puller: Puller) -> None:
        """A puller wants jobs from now on."""
        self._pullers.append(puller)
        if self.client.connection is not None:
            self._attach(puller, self.client.connection)

    def leave(self, puller: Puller) -> None:
        """A puller wants no jobs any more."""
        if puller in self._pullers:
            self._pullers.remove(puller)
        self._consumers = {key: each for key, each in self._consumers.items() if each is not puller}

    async def stop(self) -> None:
        """Stops all workers, and closes all pullers."""
        await asyncio.gather(*(worker.stop() for worker in list(self.workers)))
        await asyncio.gather(*(puller.close() for puller in list(self._pullers)))

    def reopened(self, connection: Connection) -> None:
        """The connection is open anew."""
        for puller in list(self._pullers):
            self._attach(puller, connection)

    def take_job(self, connection: Connection, wire: queue_pb2.Job) -> None:
        """A job arrived."""
        puller = self._consumers.get((connection, wire.consumer))
        if puller is not None:
            puller.take(connection, wire)

    def lost(self, connection: Connection) -> None:
        """A connection is over."""
        for puller in list(self._pullers):
            puller.lost(connection)
        self._consumers = {key: each for key, each in self._consumers.items() if key[0] is not connection}

    def fail(self, reason: ParleyError | None) -> None:
        """There will be no jobs any more."""
        for puller in self._pullers:
            puller.fail(reason)

    def spawn(self, coroutine: Any) -> None:
        """Runs something that nobody waits for."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _attach(self, puller: Puller, connection: Connection) -> None:
        puller.attach(connection)
        consumer = puller.consumer
        if consumer is not None:
            self._consumers[consumer] = puller


def _info_of(wire: queue_pb2.QueueInfo) -> QueueInfo:
    oldest = wire.oldest_time_unix_micros
    return QueueInfo(
        name=wire.queue,
        ready=wire.ready,
        delayed=wire.delayed,
        leased=wire.leased,
        blocked=wire.blocked,
        dead=wire.dead,
        bytes=wire.bytes,
        consumers=wire.consumers,
        paused=wire.paused,
        oldest=time_of(oldest) if oldest else None,
    )
