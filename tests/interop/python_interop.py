"""What a Python program may expect of Parley, with Debian's protobuf runtime.

    python_interop.py HOST TCP_PORT RAW_PORT

Prints one line for each group of checks and ends with exit code 0; a failed check is a traceback.
PYTHONPATH holds the generated modules and examples/python.
"""

import socket
import struct
import sys
import threading

from parley.v1 import envelope_pb2, error_pb2
from parley_client import Client, ParleyError
from raw_client import ask_bare, ask_prefixed

HOST, TCP_PORT, RAW_PORT = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
TEXTS = ["Hello, World!", "", "Grüße, 世界, 🦀", "nul \0 inside", "x" * 511, "y" * 65536]


def refusal(action):
    try:
        action()
    except ParleyError as error:
        return error.code
    raise AssertionError("the server did not refuse")


def check_echo_and_add():
    with Client(HOST, TCP_PORT) as client:
        for text in TEXTS:
            assert client.echo(text) == text, text[:20]
        for a, b in [(0, 0), (1, 2), (-5, 3), (2147483647, -1), (-2147483648, 0)]:
            assert client.add(a, b) == a + b, (a, b)


def check_typed_errors():
    with Client(HOST, TCP_PORT) as client:
        assert refusal(lambda: client.add(2147483647, 1)) == "INVALID_ARGUMENT"
        assert refusal(lambda: client.add(-2147483648, -1)) == "INVALID_ARGUMENT"
        assert refusal(lambda: client.request()) == "INVALID_ARGUMENT"
        assert client.add(20, 22) == 42, "the connection goes on after a refusal"
    with Client(HOST, TCP_PORT) as client:
        limit = client.request(hello={"client_name": "python"}).welcome.limits.max_frame_bytes
        assert limit > 0
        assert refusal(lambda: client.echo("z" * limit)) == "RESOURCE_EXHAUSTED"


def check_pipelining():
    with Client(HOST, TCP_PORT) as client:
        ids = [client.send(add_request={"a": number, "b": 1}) for number in range(200)]
        for number, request_id in enumerate(ids):
            answer = client.receive()
            assert (answer.id, answer.add_response.result) == (request_id, number + 1)
    with Client(HOST, TCP_PORT) as client:
        ids = [client.send(echo_message={"content": str(number)}) for number in range(20)]
        client.socket.shutdown(socket.SHUT_WR)
        assert [client.receive().id for _ in ids] == ids, "a half-closed client gets every answer"
        try:
            client.receive()
            raise AssertionError("the server does not close")
        except EOFError:
            pass


def check_many_clients():
    failures = []

    def one(number):
        try:
            with Client(HOST, TCP_PORT) as client:
                for turn in range(20):
                    text = f"client {number}, turn {turn}"
                    assert client.echo(text) == text
        except BaseException as reason:
            failures.append(reason)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]


def check_raw_bytes():
    with socket.create_connection((HOST, RAW_PORT)) as connection:
        for request, reply in [
            (b"\x0a\x0f\x0a\x0dHello, World!", b"\x0a\x0f\x0a\x0dHello, World!"),
            (b"\x0a\x00", b"\x0a\x00"),
            (b"\x12\x00", b"\x12\x00"),
            (
                b"\x12\x0d\x08" + b"\xfb" + b"\xff" * 8 + b"\x01" + b"\x10\x03",
                b"\x12\x0b\x08" + b"\xfe" + b"\xff" * 8 + b"\x01",
            ),
        ]:
            connection.sendall(request)
            assert connection.recv(1024) == reply, request


def check_raw(ask):
    def echo(text):
        return envelope_pb2.ClientMessage(echo_message={"content": text})

    with socket.create_connection((HOST, RAW_PORT)) as connection:
        for text in ["Hello, World!", "", "Grüße, 世界, 🦀", "x" * 511, "y" * 1000]:
            assert ask(connection, echo(text)).echo_message.content == text
        for a, b in [(0, 0), (-5, 3), (2147483647, -1)]:
            request = envelope_pb2.ClientMessage(add_request={"a": a, "b": b})
            assert ask(connection, request).add_response.result == a + b
        request = envelope_pb2.ClientMessage(add_request={"a": 2147483647, "b": 1})
        error = ask(connection, request).error
        assert error.code == error_pb2.ERROR_CODE_INVALID_ARGUMENT, error
        assert ask(connection, echo("still here")).echo_message.content == "still here"
    connections = [socket.create_connection((HOST, RAW_PORT)) for _ in range(50)]
    for number, connection in enumerate(connections):
        assert ask(connection, echo(str(number))).echo_message.content == str(number)
    for connection in connections:
        connection.close()


def check_raw_pipelined():
    """Requests that arrive in one piece, and one that arrives in pieces, are answered in order."""
    requests = [
        envelope_pb2.ClientMessage(echo_message={"content": text}).SerializeToString()
        for text in ["one", "two", "x" * 5000, "four"]
    ]
    with socket.create_connection((HOST, RAW_PORT)) as connection:
        connection.sendall(b"".join(requests))
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection) == b"".join(requests), "echo answers with the same bytes"
    framed = b"".join(struct.pack(">I", len(request)) + request for request in requests)
    with socket.create_connection((HOST, RAW_PORT)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for index in range(0, len(framed), 997):
            connection.sendall(framed[index : index + 997])
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection) == framed


def read_all(connection):
    chunks = []
    while chunk := connection.recv(65536):
        chunks.append(chunk)
    return b"".join(chunks)


for name, check in [
    ("echo and add", check_echo_and_add),
    ("typed errors", check_typed_errors),
    ("pipelining and half-close", check_pipelining),
    ("50 clients at once", check_many_clients),
    ("raw, to the byte", check_raw_bytes),
    ("raw, bare", lambda: check_raw(ask_bare)),
    ("raw, four bytes of length", lambda: check_raw(ask_prefixed)),
    ("raw, pipelined", check_raw_pipelined),
]:
    check()
    print(f"ok: {name}", flush=True)
