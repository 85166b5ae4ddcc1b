"""A proxy in front of the server whose connections a test can cut."""

import asyncio
import os
from urllib.parse import urlsplit

_target = urlsplit(os.environ["PARLEY_TEST_URL"])


class Proxy:
    """`async with Proxy() as proxy:` listens at `proxy.url`; `cut` ends all connections, as a network does."""

    async def __aenter__(self):
        self._writers = set()
        self._open = True
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"parley://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self.cut()
        self._server.close()

    def cut(self):
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def refuse(self):
        """Cuts what there is, and takes nothing more until `admit`."""
        self._open = False
        self.cut()

    def admit(self):
        self._open = True

    async def _serve(self, reader, writer):
        if not self._open:
            return writer.transport.abort()
        there_reader, there_writer = await asyncio.open_connection(_target.hostname, _target.port)
        self._writers |= {writer, there_writer}
        await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))


async def _pump(reader, writer):
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()
