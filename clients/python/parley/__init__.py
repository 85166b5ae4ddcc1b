"""The client of Parley, a message server: topics, calls, queues and rooms over one typed connection.

    async with parley.connect("parley://localhost") as client:
        print(await client.echo("Hello, World!"), await client.add(-5, 3))

`parley.sync` is the same for scripts that know no asyncio.
"""

from .acks import PublishAck, PushAck
from .client import Client, Reconnect
from .connecting import Connecting, connect
from .errors import CloseReason, ErrorCode, ParleyError, Reject
from .events import Event, Gap
from .jobs import Death, Job, JobRecord
from .positions import Last, Seq
from .queues import PeekedJob, Puller, Queue, QueueInfo
from .rooms import Room, RoomMember, RoomMessage, RoomSummary
from .services import Answer, Call, Service
from .subscriptions import Subscription
from .version import VERSION as __version__
from .workers import Worker

__all__ = [
    "Answer",
    "Call",
    "Client",
    "CloseReason",
    "Connecting",
    "Death",
    "ErrorCode",
    "Event",
    "Gap",
    "Job",
    "JobRecord",
    "Last",
    "ParleyError",
    "PeekedJob",
    "PublishAck",
    "Puller",
    "PushAck",
    "Queue",
    "QueueInfo",
    "Reconnect",
    "Reject",
    "Room",
    "RoomMember",
    "RoomMessage",
    "RoomSummary",
    "Seq",
    "Service",
    "Subscription",
    "Worker",
    "__version__",
    "connect",
]
