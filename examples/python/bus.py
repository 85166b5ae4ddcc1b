"""Publish, subscribe and call with Parley from Python: one connection, one thread that reads.

    protoc --proto_path=proto --python_out=generated proto/parley/v1/*.proto
    PYTHONPATH=generated python3 examples/python/bus.py localhost 7311
"""

import queue
import socket
import sys
import threading

from parley.v1 import envelope_pb2, error_pb2

from parley_client import ParleyError, read_varint, write_varint


class Bus:
    """A connection on which events, calls and answers come in whatever order the server sends them."""

    def __init__(self, host="localhost", port=7311):
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = self.socket.makefile("rb")
        self.lock = threading.Lock()
        self.last_id = 0
        self.waiting = {}
        self.services = {}
        self.events = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        # There is always somebody who reads: if this machine vanishes, the server finds out in 45 seconds.
        self._request(hello={"client_name": "bus.py", "answers_pings": True})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def publish(self, topic, payload=b"", type="", headers=None):
        """Publishes and gives the number of connections that the event was handed to."""
        event = {"topic": topic, "payload": payload, "type": type, "headers": headers or {}}
        return self._request(event=event).ack.receivers

    def publish_unacknowledged(self, topic, payload=b""):
        """Publishes without an answer: quicker, and nobody says whether anyone was there."""
        self._send(event={"topic": topic, "payload": payload})

    def subscribe(self, pattern="", type="", group="", echo=False):
        """From now on matching events can be taken from `events`."""
        subscribe = {"pattern": pattern, "type": type, "group": group, "echo": echo}
        self._request(subscribe=subscribe)

    def unsubscribe(self, pattern="", type="", group=""):
        self._request(unsubscribe={"pattern": pattern, "type": type, "group": group})

    def next_event(self, timeout=10):
        """The next event; raises queue.Empty when none comes in time."""
        return self.events.get(timeout=timeout)

    def call(self, method, payload=b"", type="", timeout_ms=5000):
        """Calls a method and gives its Answer; raises ParleyError with the service's error, or the server's."""
        call = {"method": method, "payload": payload, "type": type, "timeout_ms": timeout_ms}
        return self._request(call=call).answer

    def serve(self, method, handler):
        """Answers calls of `method` with what `handler(call)` gives: bytes, or a dict of Answer's fields.

        The handler runs on the thread that reads, so it must not wait for the server itself.
        """
        self.services[method] = handler
        self._request(register={"method": method})

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.reader.join()
        self.input.close()
        self.socket.close()

    def _send(self, id=0, **member):
        message = envelope_pb2.ClientMessage(id=id, **member).SerializeToString()
        with self.lock:
            self.socket.sendall(write_varint(len(message)) + message)

    def _request(self, **member):
        """Sends a message with an id of its own and waits for the one that answers it."""
        answer = queue.Queue(1)
        with self.lock:
            self.last_id += 1
            request_id = self.last_id
            self.waiting[request_id] = answer
        self._send(request_id, **member)
        message = answer.get()
        if message is None:
            raise EOFError("the server closed the connection")
        if message.WhichOneof("message") == "error":
            raise ParleyError(message.error)
        return message

    def _read(self):
        try:
            while True:
                data = self.input.read(read_varint(self.input))
                self._take(envelope_pb2.ServerMessage.FromString(data))
        except (EOFError, OSError, ValueError):
            pass
        for answer in list(self.waiting.values()):
            answer.put(None)

    def _take(self, message):
        kind = message.WhichOneof("message")
        if kind == "event":
            self.events.put(message.event)
        elif kind == "call":
            self._answer(message)
        elif kind == "ping":
            self._send(pong={"nonce": message.ping.nonce})
        elif message.id in self.waiting:
            self.waiting.pop(message.id).put(message)

    def _answer(self, message):
        handler = self.services[message.call.method]
        try:
            reply = handler(message.call)
            fields = reply if isinstance(reply, dict) else {"payload": reply}
        except ValueError as problem:
            code = error_pb2.ERROR_CODE_INVALID_ARGUMENT
            fields = {"error": {"code": code, "message": str(problem)}}
        self._send(message.id, answer=fields)


if __name__ == "__main__":
    host, port = sys.argv[1], int(sys.argv[2])
    with Bus(host, port) as reader, Bus(host, port) as writer:
        reader.subscribe("orders.>", type="acme.v1.OrderCreated")
        reached = writer.publish("orders.eu.created", b"42 pieces", type="acme.v1.OrderCreated")
        event = reader.next_event()
        print(reached, event.topic, event.payload.decode())

        def length(call):
            if not call.payload:
                raise ValueError("there is nothing to measure")
            return str(len(call.payload)).encode()

        reader.serve("acme.Text/Length", length)
        print(writer.call("acme.Text/Length", b"hello").payload.decode())
        try:
            writer.call("acme.Text/Length")
        except ParleyError as error:
            print(error)
        try:
            writer.call("acme.Text/Nobody")
        except ParleyError as error:
            print(error.code)
