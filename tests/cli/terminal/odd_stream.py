"""Runs a command whose standard output is a stream that does not block, reads it slowly, and passes it on.

odd_stream.py KIND COMMAND...     KIND: pipe, socket or terminal; the exit code is that of the command
"""
import fcntl
import os
import pty
import socket
import subprocess
import sys
import tty

F_SETPIPE_SZ = 1031


def ends(kind):
    """Gives the end to read and the end to write."""
    if kind == "pipe":
        reader, writer = os.pipe()
        fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
    elif kind == "socket":
        one, other = socket.socketpair()
        other.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        reader, writer = one.detach(), other.detach()
    else:
        reader, writer = pty.openpty()
        tty.setraw(writer)
    os.set_blocking(writer, False)
    return reader, writer


reader, writer = ends(sys.argv[1])
child = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, stdout=writer)
os.close(writer)
while True:
    try:
        chunk = os.read(reader, 1000)
    except OSError:  # how a terminal says that nobody has it open any more
        chunk = b""
    if not chunk:
        break
    sys.stdout.buffer.write(chunk)
sys.stdout.buffer.flush()
sys.exit(child.wait())
