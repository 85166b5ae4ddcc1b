"""The client against a real server, whose URL is PARLEY_TEST_URL; it keeps `kept.>`."""

import asyncio
import datetime
import os
import ssl
import unittest

import parley
from parley import ErrorCode, ParleyError
from parley.v1 import demo_pb2, error_pb2

URL = os.environ["PARLEY_TEST_URL"]
UNIX_URL = os.environ.get("PARLEY_TEST_UNIX_URL", "")
TLS_URL = os.environ.get("PARLEY_TEST_TLS_URL", "")
USERS_URL = os.environ.get("PARLEY_TEST_USERS_URL", "")


def connect(**options):
    return parley.connect(URL, **options)


class Codes(unittest.TestCase):
    def test_codes_and_reasons_are_those_of_the_protocol(self):
        for kind, wire, prefix in (
            (parley.ErrorCode, error_pb2.ErrorCode, "ERROR_CODE_"),
            (parley.CloseReason, error_pb2.CloseReason, "CLOSE_REASON_"),
        ):
            expected = {name.removeprefix(prefix): number for name, number in wire.items()}
            self.assertEqual({each.name: each.value for each in kind}, expected)


class Requests(unittest.IsolatedAsyncioTestCase):
    async def test_echo_add_and_ping(self):
        async with connect(name="tests") as client:
            self.assertEqual(await client.echo("Grüße 👋"), "Grüße 👋")
            self.assertEqual(await client.add(-5, 3), -2)
            self.assertGreaterEqual(await client.ping(), 0)
            self.assertEqual(sum(await asyncio.gather(*(client.add(n, n) for n in range(1000)))), 999_000)
            self.assertEqual(client.status, "connected")
            self.assertTrue(client.welcome.session_id)
        self.assertEqual(client.status, "closed")
        with self.assertRaises(ParleyError) as raised:
            await client.echo("late")
        self.assertEqual(raised.exception.code, ErrorCode.FAILED_PRECONDITION)

    async def test_await_without_a_context(self):
        client = await connect()
        self.assertEqual(await client.add(40, 2), 42)
        await client.close()

    @unittest.skipUnless(UNIX_URL, "there is no unix socket")
    async def test_unix(self):
        async with parley.connect(UNIX_URL) as client:
            self.assertEqual(await client.add(40, 2), 42)

    @unittest.skipUnless(TLS_URL, "there is no listener with TLS")
    async def test_tls(self):
        context = ssl.create_default_context(cafile=os.environ["PARLEY_TEST_CA"])
        async with parley.connect(TLS_URL, tls=context) as client:
            self.assertEqual(await client.add(40, 2), 42)
        with self.assertRaises(ParleyError) as raised:
            await parley.connect(TLS_URL)
        self.assertIn("cafile=", raised.exception.message)

    @unittest.skipUnless(USERS_URL, "there is no server with users")
    async def test_credentials(self):
        async def password():
            return "ada's secret"

        for secret in ("ada's secret", password):
            async with parley.connect(USERS_URL, user="ada", password=secret) as client:
                self.assertEqual(client.welcome.user, "ada")
        named = USERS_URL.replace("//", "//ada:ada's%20secret@")
        async with parley.connect(named) as client:
            self.assertEqual((client.welcome.user, client.url), ("ada", USERS_URL))
        with self.assertRaises(ParleyError) as raised:
            await parley.connect(USERS_URL, user="ada", password="another")
        self.assertEqual(raised.exception.code, ErrorCode.UNAUTHENTICATED)

    async def test_refusals(self):
        async with connect() as client:
            with self.assertRaises(ParleyError) as raised:
                await client.add(2_147_483_647, 1)
            self.assertEqual(raised.exception.code, ErrorCode.INVALID_ARGUMENT)
            self.assertIn("INVALID_ARGUMENT: cannot add 2147483647 and 1", str(raised.exception))
            with self.assertRaises(ParleyError) as raised:
                await client.echo("x" * 2_000_000)
            self.assertEqual(raised.exception.code, ErrorCode.RESOURCE_EXHAUSTED)
            with self.assertRaises(ParleyError) as raised:
                await client.publish("a.b", {"id": 7})
            self.assertIn("cannot publish a dict (accepted: bytes, str", str(raised.exception))
            self.assertEqual(await client.add(1, 1), 2)

    async def test_connect_fails_or_waits(self):
        with self.assertRaises(ParleyError) as raised:
            await parley.connect("parley://127.0.0.1:1")
        self.assertEqual(raised.exception.code, ErrorCode.UNAVAILABLE)
        with self.assertRaises(ParleyError):
            await parley.connect("parley://127.0.0.1:1", wait=0.3)
        with self.assertRaises(ParleyError) as raised:
            await parley.connect("http://localhost")
        self.assertIn('the scheme "http" is not known', str(raised.exception))


class Events(unittest.IsolatedAsyncioTestCase):
    async def test_publish_and_subscribe(self):
        async with connect() as reader, connect() as writer:
            async with await reader.subscribe("py.orders.>", type="acme.v1.OrderCreated") as orders:
                ack = await writer.publish(
                    "py.orders.eu", '{"id": 7}', type="acme.v1.OrderCreated", headers={"k": "v"}, message_id="m"
                )
                self.assertEqual((ack.level, ack.receivers, ack.seq), ("routed", 1, 0))
                await writer.publish("py.orders.eu", b"other", type="acme.v1.Other")
                event = await orders.next(10)
                self.assertEqual((event.topic, event.json(), event.headers), ("py.orders.eu", {"id": 7}, {"k": "v"}))
                self.assertEqual((event.message_id, event.sender), ("m", writer.welcome.session_id))
                age = datetime.datetime.now(datetime.timezone.utc) - event.time
                self.assertLess(abs(age), datetime.timedelta(hours=1))
            self.assertTrue(orders.ended)
            self.assertEqual((await writer.publish("py.orders.eu", type="acme.v1.OrderCreated")).receivers, 0)

    async def test_generated_messages(self):
        async with connect() as client:
            events = await client.subscribe("py.typed", echo=True)
            await client.publish("py.typed", demo_pb2.AddRequest(a=1, b=2))
            event = await events.next(10)
            self.assertEqual(event.type, "parley.v1.AddRequest")
            self.assertEqual(event.message(demo_pb2.AddRequest).b, 2)
            with self.assertRaises(ParleyError):
                event.message(demo_pb2.EchoMessage)

    async def test_leaving_a_loop_ends_the_subscription(self):
        async with connect() as client:
            events = await client.subscribe("py.loop", echo=True)
            await client.publish("py.loop", "one")
            async for event in events:
                self.assertEqual(event.text(), "one")
                break
            while not events.ended:
                await asyncio.sleep(0.01)

    async def test_groups_share(self):
        async with connect() as one, connect() as two, connect() as writer:
            members = [await each.subscribe("py.group", group="g") for each in (one, two)]
            for number in range(10):
                await writer.publish("py.group", str(number))
            got = []
            for member in members:
                while True:
                    try:
                        got.append(int((await member.next(0.5)).text()))
                    except TimeoutError:
                        break
            self.assertEqual(sorted(got), list(range(10)))

    async def test_history(self):
        async with connect() as client:
            for number in range(5):
                ack = await client.publish("kept.py.history", str(number), message_id=f"h{number}")
                self.assertEqual((ack.level, ack.seq, ack.receivers), ("fsynced", number + 1, None))
            self.assertTrue((await client.publish("kept.py.history", "4", message_id="h4")).duplicate)
            for since, first in ((parley.Last(2), "3"), ("all", "0"), (parley.Seq(3), "2")):
                async with await client.subscribe("kept.py.history", since=since, echo=True) as history:
                    self.assertEqual((await history.next(10)).text(), first)
            hour = datetime.timedelta(hours=1)
            async with await client.subscribe("kept.py.history", since=hour, echo=True) as history:
                self.assertEqual([(await history.next(10)).seq for _ in range(5)], [1, 2, 3, 4, 5])

    async def test_a_program_that_is_too_slow(self):
        async with connect() as reader, connect() as writer:
            gaps = []
            dropping = await reader.subscribe(
                "py.slow", overflow="drop_oldest", buffer_events=2, on_gap=gaps.append
            )
            ending = await reader.subscribe("py.slow", overflow="disconnect", buffer_events=2)
            catching_up = await reader.subscribe("kept.py.slow", buffer_events=4)
            for number in range(20):
                await writer.publish("kept.py.slow", str(number))
            for number in range(5):
                await writer.publish("py.slow", str(number))
            await reader.echo("everything before has come")
            self.assertEqual([(await dropping.next(10)).text() for _ in range(2)], ["3", "4"])
            self.assertEqual([(each.kind, each.topic, each.count) for each in gaps], [("missed", "py.slow", 1)] * 3)
            self.assertEqual([(await ending.next(10)).text() for _ in range(2)], ["0", "1"])
            with self.assertRaises(ParleyError) as raised:
                await ending.next(10)
            self.assertEqual(raised.exception.code, ErrorCode.RESOURCE_EXHAUSTED)
            self.assertEqual([int((await catching_up.next(10)).text()) for _ in range(20)], list(range(20)))


class Services(unittest.IsolatedAsyncioTestCase):
    async def test_call_and_serve(self):
        async with connect() as server, connect() as client:

            async def length(call: parley.Call):
                if not call.payload:
                    raise ParleyError(ErrorCode.INVALID_ARGUMENT, "there is nothing to measure")
                return parley.Answer(str(len(call.payload)).encode(), headers={"by": call.method})

            service = await server.serve("py.Text/Length", length)
            answer = await client.call("py.Text/Length", "hello")
            self.assertEqual((answer.text(), answer.headers), ("5", {"by": "py.Text/Length"}))
            with self.assertRaises(ParleyError) as raised:
                await client.call("py.Text/Length")
            self.assertEqual(raised.exception.message, "there is nothing to measure")
            await service.stop()
            with self.assertRaises(ParleyError) as raised:
                await client.call("py.Text/Length", "hello")
            self.assertEqual(raised.exception.code, ErrorCode.UNAVAILABLE)

    async def test_handlers_that_block_or_fail(self):
        told = []
        async with connect(on_error=told.append) as server, connect() as client:

            def broken(call):
                raise RuntimeError("out of paper")

            await server.serve("py.Printer/Print", broken)
            await server.serve("py.Text/Upper", lambda call: call.text().upper())
            self.assertEqual((await client.call("py.Text/Upper", "hi")).text(), "HI")
            with self.assertRaises(ParleyError) as raised:
                await client.call("py.Printer/Print")
            self.assertEqual((raised.exception.code, raised.exception.message), (ErrorCode.INTERNAL, "out of paper"))
            self.assertIn("out of paper", told[0].message)

    async def test_a_caller_that_gives_up_cancels_the_handler(self):
        async with connect() as server, connect() as client:
            cancelled = asyncio.Event()

            async def endless(call):
                try:
                    await asyncio.Event().wait()
                finally:
                    cancelled.set()

            await server.serve("py.Wait/Forever", endless)
            with self.assertRaises(ParleyError) as raised:
                await client.call("py.Wait/Forever", timeout=0.2)
            self.assertEqual(raised.exception.code, ErrorCode.DEADLINE_EXCEEDED)
            await asyncio.wait_for(cancelled.wait(), 10)


if __name__ == "__main__":
    unittest.main()
