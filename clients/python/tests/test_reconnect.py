"""What comes back after a lost connection: subscriptions where they were, services, pulls, rooms."""

import asyncio
import unittest

import parley
from parley import ErrorCode, ParleyError
from proxy import Proxy

QUICK = parley.Reconnect(least=0.01, most=0.05)


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


class Reconnecting(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.proxy = await self.enterAsyncContext(Proxy())
        self.statuses = []
        self.client = await self.enterAsyncContext(
            parley.connect(self.proxy.url, reconnect=QUICK, on_status=lambda status, _: self.statuses.append(status))
        )
        self.other = await self.enterAsyncContext(parley.connect(_url()))

    async def back(self):
        await until(lambda: self.client.status == "reconnecting")
        self.proxy.admit()
        self.assertEqual(await self.client.echo("again"), "again")

    async def test_requests_wait_and_those_in_flight_fail(self):
        never = asyncio.Event()

        async def wait(call):
            await never.wait()
            return b""

        await self.other.serve("py.Reconnect/Wait", wait)
        call = asyncio.create_task(self.client.call("py.Reconnect/Wait"))
        await self.client.echo("it is on its way")
        self.proxy.refuse()
        with self.assertRaises(ParleyError) as raised:
            await call
        self.assertEqual(raised.exception.code, ErrorCode.UNAVAILABLE)
        await self.back()
        self.assertEqual(self.statuses, ["connected", "reconnecting", "connected"])
        never.set()

    async def test_kept_topics_go_on_without_gap_or_duplicate(self):
        gaps = []
        events = await self.client.subscribe("kept.py.resume", on_gap=gaps.append)
        await self.other.publish("kept.py.resume", "0")
        self.assertEqual((await events.next(10)).text(), "0")
        self.proxy.refuse()
        for number in range(1, 4):
            await self.other.publish("kept.py.resume", str(number))
        await self.back()
        await self.other.publish("kept.py.resume", "4")
        self.assertEqual([(await events.next(10)).text() for _ in range(4)], ["1", "2", "3", "4"])
        self.assertEqual(gaps, [])

    async def test_plain_topics_tell_a_gap(self):
        gaps = []
        events = await self.client.subscribe("py.resume", on_gap=gaps.append)
        self.proxy.refuse()
        await self.back()
        await self.other.publish("py.resume", "new")
        self.assertEqual((await events.next(10)).text(), "new")
        self.assertEqual([gap.kind for gap in gaps], ["reconnected"])

    async def test_services_and_pulls_are_there_again(self):
        await self.client.serve("py.Resume/Add", lambda call: "answered")
        puller = self.client.queue("py.resume").pull(prefetch=1)
        await self.other.queue("py.resume").push("one")
        lost = await puller.next(10)
        self.proxy.refuse()
        await until(lambda: lost.lost)
        with self.assertRaises(ParleyError) as raised:
            await lost.ack()
        self.assertEqual(raised.exception.code, ErrorCode.FAILED_PRECONDITION)
        await self.back()
        self.assertEqual((await self.other.call("py.Resume/Add")).text(), "answered")
        again = await puller.next(10)
        self.assertEqual((again.id, again.redelivered), (lost.id, True))
        await again.ack()
        await puller.close()

    async def test_rooms_are_joined_again(self):
        room = await self.client.room("py-resume", "Ada", history=0)
        other = await self.other.room("py-resume", "Bob")
        self.proxy.refuse()
        await other.say("while you were away")
        await self.back()
        await room.say("back")
        said = []
        while len(said) < 2:
            message = await room.next(10)
            if message.kind == "said":
                said.append((message.name, message.text))
        self.assertEqual(said, [("Bob", "while you were away"), ("Ada", "back")])

    async def test_a_client_that_gives_up(self):
        proxy = await self.enterAsyncContext(Proxy())
        client = await parley.connect(proxy.url, reconnect=parley.Reconnect(least=0.01, most=0.02, attempts=2))
        events = await client.subscribe("py.given.up")
        proxy.refuse()
        with self.assertRaises(ParleyError):
            await events.next(10)
        with self.assertRaises(ParleyError) as raised:
            await client.echo("nobody")
        self.assertEqual(raised.exception.code, ErrorCode.UNAVAILABLE)
        self.assertEqual(client.status, "closed")


def _url():
    import os

    return os.environ["PARLEY_TEST_URL"]


if __name__ == "__main__":
    unittest.main()
