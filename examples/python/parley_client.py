"""A Parley client in Python: nothing but the official protobuf runtime and a socket.

    protoc --proto_path=proto --python_out=generated proto/parley/v1/*.proto
    PYTHONPATH=generated python3 examples/python/parley_client.py localhost 7311
"""

import socket
import sys

from parley.v1 import envelope_pb2, error_pb2


class ParleyError(Exception):
    """The server refused a request: decide on `code`, show the text."""

    def __init__(self, error):
        self.code = error_pb2.ErrorCode.Name(error.code).removeprefix("ERROR_CODE_")
        self.error = error
        super().__init__(f"{self.code}: {error.message}")


class Client:
    """One connection. Requests may be sent ahead; answers come back in order, with the same id.

    Nothing reads it while the program does something else, so it does not offer to answer pings, as bus.py
    does; the server asks this machine's system instead whether the connection is still there.
    """

    def __init__(self, host="localhost", port=7311):
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = self.socket.makefile("rb")
        self.last_id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.input.close()
        self.socket.close()

    def send(self, **member):
        """Sends one ClientMessage, such as send(add_request={"a": 1, "b": 2}); gives its id."""
        self.last_id += 1
        message = envelope_pb2.ClientMessage(id=self.last_id, **member).SerializeToString()
        self.socket.sendall(write_varint(len(message)) + message)
        return self.last_id

    def receive(self):
        """Gives the next ServerMessage; raises ParleyError for an error, EOFError at the end."""
        data = self.input.read(read_varint(self.input))
        message = envelope_pb2.ServerMessage.FromString(data)
        if message.WhichOneof("message") == "error":
            raise ParleyError(message.error)
        return message

    def request(self, **member):
        """Sends one message and waits for its answer."""
        request_id = self.send(**member)
        answer = self.receive()
        assert answer.id == request_id, "answers come in the order of the requests"
        return answer

    def echo(self, content):
        return self.request(echo_message={"content": content}).echo_message.content

    def add(self, a, b):
        return self.request(add_request={"a": a, "b": b}).add_response.result


def write_varint(value):
    """The length before each message: seven bits a byte, the lowest first."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(encoded) + bytes([value])


def read_varint(stream):
    value = shift = 0
    while True:
        byte = stream.read(1)
        if not byte:
            raise EOFError("the server closed the connection")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
        shift += 7


if __name__ == "__main__":
    with Client(sys.argv[1], int(sys.argv[2])) as client:
        print(client.echo("Hello, World!"))
        print(client.add(40, 2))
        try:
            client.add(2147483647, 1)
        except ParleyError as error:
            print(error.code)
