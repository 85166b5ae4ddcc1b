"""A client that knows no framing: one bare message out, one read of at most 1,024 bytes in.

    PYTHONPATH=generated python3 examples/python/raw_client.py localhost 7312

New programs are better off with the framing of parley_client.py. The raw listener is for those that
exist already. A second family of them puts four bytes of big-endian length before each message.
"""

import socket
import struct
import sys

from parley.v1 import envelope_pb2


def ask_bare(connection, request):
    """Writes one bare ClientMessage and reads one bare ServerMessage."""
    connection.sendall(request.SerializeToString())
    return envelope_pb2.ServerMessage.FromString(connection.recv(1024))


def ask_prefixed(connection, request):
    """The same with a length of four bytes before each message, both ways."""
    message = request.SerializeToString()
    connection.sendall(struct.pack(">I", len(message)) + message)
    reply = connection.recv(1024)
    (length,) = struct.unpack(">I", reply[:4])
    return envelope_pb2.ServerMessage.FromString(reply[4 : 4 + length])


if __name__ == "__main__":
    # The first bytes of a connection choose between the two, so each of them needs its own.
    for ask in (ask_bare, ask_prefixed):
        with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
            request = envelope_pb2.ClientMessage(echo_message={"content": "Hello, World!"})
            print(ask(connection, request).echo_message.content)
            request = envelope_pb2.ClientMessage(add_request={"a": -5, "b": 3})
            print(ask(connection, request).add_response.result)
