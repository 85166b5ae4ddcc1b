"""Workers: a handler that runs for each job of a queue, so many side by side."""

from __future__ import annotations

import asyncio
import typing
from typing import Awaitable, Callable, Union

from .errors import ErrorCode, ParleyError, Reject
from .jobs import Job
from .services import run

if typing.TYPE_CHECKING:
    from .queues import Puller, Queues

JobHandler = Callable[[Job], Union[None, Awaitable[None]]]
"""Does a job: an async function, or one that runs in a thread."""


class Worker:
    """Runs a handler for the jobs of a queue; `queue.work` makes them."""

    def __init__(
        self,
        owner: Queues,
        puller: Puller,
        handler: JobHandler,
        concurrency: int,
        on_error: Callable[[BaseException, Job], None] | None,
    ) -> None:
        self.queue = puller.queue
        self.acked = self.nacked = self.rejected = self.failed = 0
        self._owner = owner
        self._puller = puller
        self._handler = handler
        self._on_error = on_error
        owner.workers.add(self)
        self._turns = [asyncio.create_task(self._work()) for _ in range(concurrency)]

    async def join(self) -> None:
        """Returns when it has stopped; raises the server's refusal, or why the client has given up."""
        await asyncio.gather(*self._turns)

    async def stop(self) -> None:
        """Takes no more jobs, gives back those that no handler has begun, and returns when the others are done."""
        await self._puller.stop()
        await asyncio.gather(*self._turns, return_exceptions=True)
        await self._puller.close()
        self._owner.workers.discard(self)

    async def __aenter__(self) -> Worker:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _work(self) -> None:
        while True:
            try:
                job = await self._puller.next()
            except StopAsyncIteration:
                return
            running = asyncio.ensure_future(run(self._handler, job))
            job.cancel_when_lost(running)
            try:
                await running
            except asyncio.CancelledError:
                if not running.done() or not job.lost:
                    raise
                self.failed += 1
                continue
            except Exception as problem:  # noqa: BLE001: whatever a handler raises is said of its job
                await self._settle_failed(job, problem)
                continue
            finally:
                job.cancel_when_lost(None)
            if not job.settled and await self._say(job, job.ack()):
                self.acked += 1

    async def _settle_failed(self, job: Job, problem: Exception) -> None:
        if self._on_error is not None:
            self._on_error(problem, job)
        if job.settled:
            return
        invalid = isinstance(problem, ParleyError) and problem.code == ErrorCode.INVALID_ARGUMENT
        if isinstance(problem, Reject) or invalid:
            self.rejected += await self._say(job, job.reject(error=str(problem)))
        else:
            self.nacked += await self._say(job, job.nack(error=str(problem) or type(problem).__name__))

    async def _say(self, job: Job, verdict: Awaitable[None]) -> bool:
        try:
            await verdict
            return True
        except ParleyError as reason:
            self.failed += 1
            job.stop()
            if self._on_error is not None:
                self._on_error(reason, job)
            return False
