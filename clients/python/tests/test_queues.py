"""Queues, rooms and the facade for scripts, against a real server."""

import asyncio
import os
import time
import unittest

import parley
import parley.sync
from parley import ErrorCode, ParleyError

URL = os.environ["PARLEY_TEST_URL"]


def connect(**options):
    return parley.connect(URL, **options)


class Queues(unittest.IsolatedAsyncioTestCase):
    async def test_push_and_pull(self):
        async with connect() as client:
            emails = client.queue("py.emails")
            ack = await emails.push('{"to": "ann"}', message_id="ann", headers={"k": "v"})
            self.assertEqual((ack.id, ack.level, ack.duplicate), (1, "fsynced", False))
            self.assertTrue((await emails.push("again", message_id="ann")).duplicate)
            await emails.push("later", delay=3600)
            info = await emails.info()
            self.assertEqual((info.ready, info.delayed, info.dead), (1, 1, 0))
            self.assertEqual([each.state for each in await emails.peek()], ["ready", "delayed"])
            async for job in emails.pull(prefetch=1):
                self.assertEqual((job.json(), job.attempt, job.headers), ({"to": "ann"}, 1, {"k": "v"}))
                await job.ack()
                with self.assertRaises(ParleyError) as raised:
                    await job.nack()
                self.assertIn("acked already", raised.exception.message)
                break
            self.assertEqual(await emails.purge(), 1)
            self.assertIn("py.emails", [each.name for each in await client.queues("py.*")])

    async def test_verdicts(self):
        async with connect() as client:
            queue = client.queue("py.verdicts")
            await queue.push("one")
            puller = queue.pull(prefetch=1)
            await (await puller.next(10)).nack(delay=0, error="not now")
            job = await puller.next(10)
            self.assertEqual(job.attempt, 2)
            await job.extend(60)
            await job.release()
            job = await puller.next(10)
            self.assertEqual((job.attempt, job.redelivered), (2, True))
            await job.reject(error="never")
            (letter,) = await client.queue("py.verdicts.dead").peek()
            self.assertEqual((letter.job.death.reason, letter.job.death.last_error), ("rejected", "never"))
            self.assertEqual(await queue.redrive(), 1)
            self.assertEqual((await queue.info()).ready + (await queue.info()).leased, 1)
            await puller.close()
            self.assertEqual(await queue.remove(force=True), 1)

    async def test_closing_gives_back_what_was_not_begun(self):
        async with connect() as client, connect() as other:
            queue = client.queue("py.back")
            for number in range(5):
                await queue.push(str(number))
            puller = queue.pull(prefetch=5)
            job = await puller.next(10)
            await puller.close()
            self.assertTrue(job.lost)
            attempts = []
            async with other.queue("py.back").pull(prefetch=1) as rest:
                for _ in range(5):
                    job = await rest.next(10)
                    attempts.append(job.attempt)
                    await job.ack()
            self.assertEqual(sorted(attempts), [1, 1, 1, 1, 2])

    async def test_work_extends_leases(self):
        # The queue's lease is half a second; the handler takes three times as long, and blocks its thread.
        async with connect() as client:
            queue = client.queue("py.quick")
            await queue.push("slow")
            attempts = []

            def handler(job):
                time.sleep(1.5)
                attempts.append(job.attempt)

            worker = queue.work(handler)
            while not worker.acked:
                await asyncio.sleep(0.05)
            await worker.stop()
            self.assertEqual(attempts, [1])
            self.assertEqual((await queue.info()).ready, 0)

    async def test_work_says_what_became_of_jobs(self):
        async with connect() as client:
            queue = client.queue("py.work")
            for text in ("good", "bad", "flaky"):
                await queue.push(text)
            seen = []

            async def handler(job):
                seen.append(job.text())
                if job.text() == "bad":
                    raise parley.Reject("it is bad")
                if job.text() == "flaky" and job.attempt == 1:
                    raise RuntimeError("not now")

            errors = []
            worker = queue.work(handler, concurrency=2, on_error=lambda error, job: errors.append(str(error)))
            async with asyncio.timeout(30):
                while worker.acked < 2:
                    await asyncio.sleep(0.02)
            await worker.stop()
            self.assertEqual((worker.acked, worker.nacked, worker.rejected, worker.failed), (2, 1, 1, 0))
            self.assertEqual(sorted(errors), ["it is bad", "not now"])
            self.assertEqual((await queue.info()).dead, 1)

    async def test_wrong_arguments(self):
        async with connect() as client:
            queue = client.queue("py.wrong")
            for wrong in (lambda: queue.push(priority=10), lambda: queue.push(delay=-1)):
                with self.assertRaises(ParleyError) as raised:
                    await wrong()
                self.assertEqual(raised.exception.code, ErrorCode.INVALID_ARGUMENT)
            with self.assertRaises(ParleyError):
                queue.pull(prefetch=0)


class Rooms(unittest.IsolatedAsyncioTestCase):
    async def test_talk(self):
        async with connect() as client, connect() as other:
            tea = await client.room("py-tea", "Cyd")
            also = await other.room("py-tea", "Dan")
            seq = await tea.say("Good morning!")
            async for message in also:
                if message.kind == "said":
                    self.assertEqual((message.name, message.text, message.seq), ("Cyd", "Good morning!", seq))
                    break
            self.assertEqual([each.name for each in await tea.members()], ["Cyd", "Dan"])
            await tea.set_topic_line("Tea, mostly")
            await also.tell("Cyd", "psst")
            kinds = set()
            while "direct" not in kinds:
                message = await tea.next(10)
                kinds.add(message.kind)
            self.assertEqual(message.text, "psst")
            self.assertEqual((await also.history(limit=1))[0].kind, "topic_line")
            self.assertIn("py-tea", [each.name for each in await client.rooms()])
            await also.rename("Dora")
            self.assertEqual(also.nick, "Dora")
            await also.leave()
            with self.assertRaises(ParleyError) as raised:
                await other.room("py-tea", "cyd")
            self.assertEqual(raised.exception.code, ErrorCode.ALREADY_EXISTS)


class Scripts(unittest.TestCase):
    def test_everything_without_asyncio(self):
        with parley.sync.connect(URL) as client:
            self.assertEqual((client.echo("hi"), client.add(40, 2), client.status), ("hi", 42, "connected"))
            events = client.subscribe("py.sync", echo=True)
            client.publish("py.sync", "one")
            self.assertEqual([event.text() for _, event in zip(range(1), events)], ["one"])
            service = client.serve("py.Sync/Upper", lambda call: call.text().upper())
            self.assertEqual(client.call("py.Sync/Upper", "hi").text(), "HI")
            service.stop()
            queue = client.queue("py.sync")
            self.assertEqual(queue.push("job").level, "fsynced")
            for job in queue.pull(prefetch=1):
                self.assertEqual((job.text(), job.attempt), ("job", 1))
                job.ack()
                break
            queue.push("more")
            done = []
            worker = queue.work(lambda job: done.append(job.text()))
            while worker.acked < 1:
                time.sleep(0.02)
            worker.stop()
            self.assertEqual(done, ["more"])
            room = client.room("py-sync", "Eve")
            room.say("hello")
            self.assertEqual(next(each.text for each in room if each.kind == "said"), "hello")
            with self.assertRaises(TimeoutError):
                room.next(0.1)
        with self.assertRaises(ParleyError):
            parley.sync.connect("parley://127.0.0.1:1")


if __name__ == "__main__":
    unittest.main()
