"""Logins that are renewed in the same connection, and servers that point to others as they stop."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import time
import unittest

import parley
from parley import ErrorCode, ParleyError
from parley.destinations import Destinations
from parley.address import parse_address
from parley.v1 import admin_pb2
from test_reconnect import QUICK, until


def _part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _token(seconds):
    claims = {"sub": "ada", "aud": "parley", "exp": int(time.time()) + seconds}
    said = b".".join(_part(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims))
    with open(os.environ["PARLEY_TEST_SECRET"], "rb") as file:
        signature = hmac.digest(file.read(), said, hashlib.sha256)
    return b".".join((said, _part(signature))).decode()


class Logins(unittest.IsolatedAsyncioTestCase):
    async def test_a_login_is_renewed_in_the_same_connection(self):
        given = []
        statuses = []

        async def token():
            given.append(None)
            if len(given) == 2:
                raise OSError("the vault is closed")
            return _token(5)

        errors = []
        url = os.environ["PARLEY_TEST_JWT_URL"]
        async with parley.connect(
            url, token=token, on_error=errors.append, on_status=lambda status, _: statuses.append(status)
        ) as client:
            session = client.welcome.session_id
            self.assertGreater(client.welcome.login_ends_in_ms, 0)
            await until(lambda: len(given) >= 4)
            await client.publish("py.logins", "still there")
            self.assertEqual(client.welcome.session_id, session)
            self.assertEqual(statuses, ["connected"])
        self.assertEqual([str(error) for error in errors], ["INTERNAL: cannot renew the login: the vault is closed"])

    async def test_a_secret_that_stays_ends_with_its_login(self):
        async with parley.connect(os.environ["PARLEY_TEST_JWT_URL"], token=_token(4)) as client:
            await until(lambda: client.status == "closed")
            with self.assertRaises(ParleyError) as raised:
                await client.echo("too late")
            self.assertIn(raised.exception.code, (ErrorCode.UNAUTHENTICATED, ErrorCode.PERMISSION_DENIED))


class Hints(unittest.IsolatedAsyncioTestCase):
    async def test_a_client_goes_where_a_server_that_stops_points_to(self):
        there = os.environ["PARLEY_TEST_URL"]
        url = os.environ["PARLEY_TEST_LEAVING_URL"]
        follower = await self.enterAsyncContext(parley.connect(url, reconnect=QUICK, follow_hints=True))
        other = await self.enterAsyncContext(parley.connect(url, reconnect=None))
        events = await follower.subscribe("py.hints")
        hints = ["parley://127.0.0.1:1", "wss://127.0.0.1:1/ws", there]
        request = admin_pb2.DrainRequest(go_to=hints).SerializeToString()
        await other.call("parley.v1.Admin/Drain", request, type="parley.v1.DrainRequest")
        await until(lambda: follower.url == there and follower.status == "connected")
        with self.assertRaises(ParleyError) as raised:
            await other.echo("it is gone")
        self.assertEqual(raised.exception.go_to, tuple(hints))
        async with parley.connect(there) as writer:
            await writer.publish("py.hints", "here")
        self.assertEqual((await events.next(10)).text(), "here")

    def test_hints_are_bounded_and_never_leave_tls(self):
        own = parse_address("parleys://ada:secret@one.example")
        places = Destinations([own], True)
        places.hinted(["parley://two.example", "parleys://three.example"])
        self.assertEqual((places.present.host, places.present.user), ("three.example", "ada"))
        places.missed(places.present)
        self.assertEqual(places.present, own)
        places.hinted([f"parleys://{number}.example" for number in range(100)])
        self.assertEqual(len(places._places), 17)
        still = Destinations([own], False)
        still.hinted(["parleys://three.example"])
        self.assertEqual(still.present, own)


if __name__ == "__main__":
    unittest.main()
