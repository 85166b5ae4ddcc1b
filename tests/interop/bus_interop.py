"""Python against a Parley server: events, groups, stamps and calls, with the official protobuf runtime.

Prints a line that begins with "ok: " for each thing that held; fails with a traceback.
"""

import queue
import sys
import time

from parley.v1 import event_pb2

from bus import Bus
from parley_client import ParleyError


def code_of(action):
    try:
        action()
    except ParleyError as error:
        return error.code
    return "no error"


def main(host, port):
    with Bus(host, port) as one, Bus(host, port) as other, Bus(host, port) as publisher:
        one.subscribe("a.*")
        other.subscribe("a.>")
        other.subscribe(type="T")
        headers = {"größe": "é", "empty": ""}
        before = time.time()
        assert publisher.publish("a.b", b"\x00\xff", type="T", headers=headers) == 2
        after = time.time()
        for client in (one, other):
            event = client.next_event()
            assert (event.topic, event.payload, event.type) == ("a.b", b"\x00\xff", "T"), event
            assert dict(event.headers) == headers, event
            assert event.sender and not event.group and not event.seq, event
            assert before - 1 < event.time_unix_micros / 1e6 < after + 1, event
        print("ok: an event arrives whole, with its stamps")

        forged = event_pb2.Event(topic="a.b", sender="root")
        assert code_of(lambda: publisher._request(event=forged)) == "INVALID_ARGUMENT"
        assert code_of(lambda: publisher.publish("a.*")) == "INVALID_ARGUMENT"
        assert code_of(lambda: publisher.subscribe()) == "INVALID_ARGUMENT"
        assert code_of(lambda: publisher.unsubscribe("never")) == "NOT_FOUND"
        print("ok: what is wrong is refused with a code")

        for number in range(2000):
            publisher.publish_unacknowledged("a.n", str(number).encode())
        for client in (one, other):
            numbers = [int(client.next_event().payload) for _ in range(2000)]
            assert numbers == list(range(2000)), "in order, none missing"
        print("ok: 2000 events in order")

        one.unsubscribe("a.*")
        other.unsubscribe("a.>")
        for client in (one, other):
            client.subscribe("g", group="workers")
        for number in range(500):
            assert publisher.publish("g", str(number).encode()) == 1
        numbers = [int(client.next_event().payload) for client in (one, other) for _ in range(250)]
        assert sorted(numbers) == list(range(500)), "each once, shared equally"
        print("ok: a group shares its events")

        def double(call):
            if call.type != "text":
                raise ValueError(f"cannot double {call.type!r}")
            return {"payload": call.payload * 2, "type": call.type, "headers": {"by": call.sender}}

        one.serve("acme.Text/Double", double)
        answer = other.call("acme.Text/Double", b"ab", type="text")
        assert (answer.payload, answer.type) == (b"abab", "text"), answer
        assert answer.headers["by"], answer
        assert code_of(lambda: other.call("acme.Text/Double")) == "INVALID_ARGUMENT"
        assert code_of(lambda: other.call("acme.Text/Nobody")) == "UNAVAILABLE"
        assert code_of(lambda: other.serve("parley.v1.Demo/Echo", double)) == "PERMISSION_DENIED"
        print("ok: calls are answered, or refused with a code")

    with Pinged(host, port) as idle:
        # The next ping comes only when the one before was answered.
        for _ in range(3):
            idle.pings.get(timeout=30)
        print("ok: an idle client answers pings")


class Pinged(Bus):
    """Takes note of pings."""

    def __init__(self, host, port):
        self.pings = queue.Queue()
        super().__init__(host, port)

    def _take(self, message):
        super()._take(message)
        if message.WhichOneof("message") == "ping":
            self.pings.put(message)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
