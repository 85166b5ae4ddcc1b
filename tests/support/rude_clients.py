"""Clients with bad manners, many at once: python3 rude_clients.py MODE NUMBER ADDRESS...

An address is a port on 127.0.0.1, or the path of a unix socket; with several each is taken in turn.

  resets N       N connections, one after the other, each reset as soon as it is there
  rate N         as many a second, for as long as standard input stays open
  crowd N        N connections at the same moment, which say nothing, until standard input ends

Prints a line when it is done, or when all of a crowd have tried.
"""

import errno
import os
import resource
import select
import socket
import struct
import sys
import time


def begin(address):
    """Begins a connection, and does not wait for it."""
    path = not address.isdigit()
    client = socket.socket(socket.AF_UNIX if path else socket.AF_INET, socket.SOCK_STREAM)
    client.setblocking(False)
    error = client.connect_ex(address if path else ("127.0.0.1", int(address)))
    return client, error in (0, errno.EINPROGRESS)


def reset(address):
    client, _ = begin(address)
    select.select([], [client], [], 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def input_ended():
    return bool(select.select([sys.stdin], [], [], 0)[0]) and os.read(0, 1) == b""


mode, number, addresses = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
if mode == "resets":
    for index in range(number):
        reset(addresses[index % len(addresses)])
    print("done", flush=True)
elif mode == "rate":
    started, index = time.monotonic(), 0
    while not input_ended():
        reset(addresses[index % len(addresses)])
        index += 1
        time.sleep(max(0, started + index / number - time.monotonic()))
    print(index, flush=True)
elif mode == "crowd":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = [begin(addresses[index % len(addresses)]) for index in range(number)]
    print(sum(begun for _, begun in crowd), flush=True)
    while not input_ended():
        time.sleep(0.01)
