"""The client for scripts that know no asyncio: the same words, and each call waits for its end.

    with parley.sync.connect("parley://localhost") as client:
        client.publish("orders.eu.created", "42 pieces")
        for event in client.subscribe("orders.>", since="all"):
            print(event.topic, event.text())

The connection lives on a thread of its own, so pings are answered and leases extended while the script does something else.
Handlers of `serve` and `work` run on threads. Objects may be used from several threads.
"""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Any, Callable, Coroutine, Generic, Iterator, Sequence, TypeVar

from . import client as asynchronous
from .acks import PublishAck, PushAck
from .connecting import connect as connect_asynchronously
from .events import Event
from .jobs import Job as AsyncJob
from .payload import Payload
from .queues import PeekedJob, QueueInfo
from .queues import Puller as AsyncPuller
from .queues import Queue as AsyncQueue
from .rooms import Room as AsyncRoom
from .rooms import RoomMember, RoomMessage, RoomSummary
from .services import Answer, Call
from .services import Service as AsyncService
from .subscriptions import Subscription as AsyncSubscription
from .workers import Worker as AsyncWorker

T = TypeVar("T")
I = TypeVar("I")


class _Thread:
    """An event loop on a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="parley", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine there, and waits for it."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """Ends the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class _Reader(Generic[I]):
    """What gives one thing after the other: `for` gives them, `next` one within a time."""

    def __init__(self, thread: _Thread, source: Any) -> None:
        self._thread = thread
        self._source = source

    def next(self, timeout: float | None = None) -> I:
        """The next one. Raises TimeoutError after `timeout` seconds, and StopIteration at the end."""
        try:
            return self._wrap(self._thread.run(self._source.next(timeout)))
        except StopAsyncIteration:
            raise StopIteration from None

    def __iter__(self) -> Iterator[I]:
        try:
            while True:
                try:
                    one = self.next()
                except StopIteration:
                    return
                yield one
        finally:
            self._left()

    def _wrap(self, one: Any) -> I:
        wrapped: I = one
        return wrapped

    def _left(self) -> None:
        """A loop was left."""


class Subscription(_Reader[Event]):
    """A subscription. Leaving a loop over it ends it."""

    _source: AsyncSubscription

    def unsubscribe(self) -> None:
        """Ends it."""
        self._thread.run(self._source.unsubscribe())

    def _left(self) -> None:
        self.unsubscribe()


class Job:
    """A job that this client holds; its fields are those of parley.Job."""

    def __init__(self, thread: _Thread, job: AsyncJob) -> None:
        self._thread = thread
        self._job = job

    def __getattr__(self, name: str) -> Any:
        return getattr(self._job, name)

    def ack(self) -> None:
        """Says that the job is done."""
        self._thread.run(self._job.ack())

    def nack(self, *, delay: float | None = None, error: str = "") -> None:
        """Says that the job is to be tried again."""
        self._thread.run(self._job.nack(delay=delay, error=error))

    def reject(self, *, error: str = "") -> None:
        """Says that the job can never be done."""
        self._thread.run(self._job.reject(error=error))

    def release(self) -> None:
        """Says that the job was not tried."""
        self._thread.run(self._job.release())

    def extend(self, seconds: float | None = None) -> None:
        """Says that the job is still under way; leases are extended by themselves, too."""
        self._thread.run(self._job.extend(seconds))


class Puller(_Reader[Job]):
    """Takes the jobs of a queue. Leaving a loop over it gives back what is not settled."""

    _source: AsyncPuller

    def close(self) -> None:
        """Takes no more jobs, and gives back those that are not settled."""
        self._thread.run(self._source.close())

    def _wrap(self, one: Any) -> Job:
        return Job(self._thread, one)

    def _left(self) -> None:
        self.close()


class Worker:
    """Runs a handler for the jobs of a queue, until it is stopped."""

    def __init__(self, thread: _Thread, worker: AsyncWorker) -> None:
        self._thread = thread
        self._worker = worker

    def __getattr__(self, name: str) -> Any:
        return getattr(self._worker, name)

    def stop(self) -> None:
        """Takes no more jobs, and returns when those that run are done."""
        self._thread.run(self._worker.stop())

    def join(self) -> None:
        """Returns when it has stopped; raises why it could not go on."""
        self._thread.run(self._worker.join())


class Service:
    """A method that this program answers, until it is stopped."""

    def __init__(self, thread: _Thread, service: AsyncService) -> None:
        self._thread = thread
        self._service = service

    def stop(self) -> None:
        """Takes no new calls, and returns when those that it has are answered."""
        self._thread.run(self._service.stop())


class Queue:
    """A queue, with the words of parley.Queue."""

    def __init__(self, thread: _Thread, queue: AsyncQueue) -> None:
        self.name = queue.name
        self._thread = thread
        self._queue = queue

    def push(self, payload: Payload = b"", **options: Any) -> PushAck:
        """Pushes a job; the options are those of parley.Queue.push."""
        return self._thread.run(self._queue.push(payload, **options))

    def pull(self, **options: Any) -> Puller:
        """Takes jobs: `for job in queue.pull(): …; job.ack()`."""

        async def begin() -> AsyncPuller:
            return self._queue.pull(**options)

        return Puller(self._thread, self._thread.run(begin()))

    def work(self, handler: Callable[[AsyncJob], None], **options: Any) -> Worker:
        """Runs `handler` on threads for each job from now on."""

        async def begin() -> AsyncWorker:
            return self._queue.work(handler, **options)

        return Worker(self._thread, self._thread.run(begin()))

    def info(self) -> QueueInfo:
        """What the queue holds."""
        return self._thread.run(self._queue.info())

    def peek(self, **options: Any) -> list[PeekedJob]:
        """Looks at jobs without taking them."""
        return self._thread.run(self._queue.peek(**options))

    def purge(self) -> int:
        """Drops all jobs that nobody holds, for good."""
        return self._thread.run(self._queue.purge())

    def redrive(self, ids: tuple[int, ...] = ()) -> int:
        """Puts dead letters back into the queue they came from."""
        return self._thread.run(self._queue.redrive(ids))

    def remove(self, *, force: bool = False) -> int:
        """Removes the queue with its dead letters."""
        return self._thread.run(self._queue.remove(force=force))

    def pause(self) -> QueueInfo:
        """Stops it from handing out jobs."""
        return self._thread.run(self._queue.pause())

    def resume(self) -> QueueInfo:
        """Lets it hand out jobs again."""
        return self._thread.run(self._queue.resume())


class Room(_Reader[RoomMessage]):
    """A room that this client is in."""

    _source: AsyncRoom

    def say(self, text: str) -> int:
        """Says something, and gives its seq."""
        return self._thread.run(self._source.say(text))

    def tell(self, name: str, text: str) -> None:
        """Says something to one person alone."""
        self._thread.run(self._source.tell(name, text))

    def members(self) -> list[RoomMember]:
        """Who is here."""
        return self._thread.run(self._source.members())

    def history(self, **options: Any) -> list[RoomMessage]:
        """What happened before."""
        return self._thread.run(self._source.history(**options))

    def leave(self) -> None:
        """Leaves the room."""
        self._thread.run(self._source.leave())


class Client:
    """A client of one server; `connect` makes them."""

    def __init__(self, thread: _Thread, client: asynchronous.Client) -> None:
        self._thread = thread
        self._client = client
        self._closed = False

    @property
    def status(self) -> str:
        """ "connected", "reconnecting" or "closed"."""
        return self._client.status

    def echo(self, content: str) -> str:
        """Sends `content` and gives back what the server returned."""
        return self._thread.run(self._client.echo(content))

    def add(self, a: int, b: int) -> int:
        """Lets the server add two int32."""
        return self._thread.run(self._client.add(a, b))

    def ping(self) -> float:
        """Asks for a sign of life and gives the time to the answer."""
        return self._thread.run(self._client.ping())

    def publish(self, topic: str, payload: Payload = b"", **options: Any) -> PublishAck:
        """Publishes an event; the options are those of parley.Client.publish."""
        return self._thread.run(self._client.publish(topic, payload, **options))

    def subscribe(self, pattern: str = "", **options: Any) -> Subscription:
        """Subscribes; the options are those of parley.Client.subscribe."""
        return Subscription(self._thread, self._thread.run(self._client.subscribe(pattern, **options)))

    def call(self, method: str, payload: Payload = b"", **options: Any) -> Answer:
        """Calls a method and gives its answer."""
        return self._thread.run(self._client.call(method, payload, **options))

    def serve(self, method: str, handler: Callable[[Call], Any], *, concurrency: int = 64) -> Service:
        """Answers the calls of `method` with `handler(call)`, which runs on threads."""
        return Service(self._thread, self._thread.run(self._client.serve(method, handler, concurrency=concurrency)))

    def queue(self, name: str) -> Queue:
        """A queue by its name."""
        return Queue(self._thread, self._client.queue(name))

    def queues(self, pattern: str = "") -> list[QueueInfo]:
        """The queues of the server whose names match."""
        return self._thread.run(self._client.queues(pattern))

    def room(self, name: str, nick: str, **options: Any) -> Room:
        """Comes into a room under the name `nick`."""
        return Room(self._thread, self._thread.run(self._client.room(name, nick, **options)))

    def rooms(self) -> list[RoomSummary]:
        """The rooms of the server."""
        return self._thread.run(self._client.rooms())

    def close(self) -> None:
        """Closes the client and its thread; calling it again changes nothing."""
        if not self._closed:
            self._closed = True
            self._thread.run(self._client.close())
            self._thread.stop()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connect(url: str | Sequence[str] = "parley://localhost", **options: Any) -> Client:
    """Connects to a server, or to one of several that act as one; the options are those of parley.connect."""
    thread = _Thread()

    async def begin() -> asynchronous.Client:
        return await connect_asynchronously(url, **options)

    try:
        return Client(thread, thread.run(begin()))
    except BaseException:
        thread.stop()
        raise
