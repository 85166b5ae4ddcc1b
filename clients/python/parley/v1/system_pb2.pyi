from parley.v1 import error_pb2 as _error_pb2
from parley.v1 import queue_pb2 as _queue_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
USER_CHANGE_ADDED: UserChange
USER_CHANGE_CHANGED: UserChange
USER_CHANGE_REMOVED: UserChange
USER_CHANGE_UNSPECIFIED: UserChange

class ClusterNodeJoined(_message.Message):
    __slots__ = ["name", "node", "server_version"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    node: str
    server_version: str
    def __init__(self, node: _Optional[str] = ..., name: _Optional[str] = ..., server_version: _Optional[str] = ...) -> None: ...

class ClusterNodeLeft(_message.Message):
    __slots__ = ["name", "node", "reason"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    node: str
    reason: str
    def __init__(self, node: _Optional[str] = ..., name: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ClusterWriterChanged(_message.Message):
    __slots__ = ["address", "name", "node"]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    address: str
    name: str
    node: str
    def __init__(self, node: _Optional[str] = ..., name: _Optional[str] = ..., address: _Optional[str] = ...) -> None: ...

class ConfigurationReloaded(_message.Message):
    __slots__ = ["applied", "waiting"]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    applied: _containers.RepeatedScalarFieldContainer[str]
    waiting: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, applied: _Optional[_Iterable[str]] = ..., waiting: _Optional[_Iterable[str]] = ...) -> None: ...

class Connected(_message.Message):
    __slots__ = ["connection"]
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    connection: ConnectionInfo
    def __init__(self, connection: _Optional[_Union[ConnectionInfo, _Mapping]] = ...) -> None: ...

class ConnectionInfo(_message.Message):
    __slots__ = ["client_name", "connection", "library", "listener", "peer", "session_id", "user"]
    CLIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    LIBRARY_FIELD_NUMBER: _ClassVar[int]
    LISTENER_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    client_name: str
    connection: int
    library: str
    listener: str
    peer: str
    session_id: str
    user: str
    def __init__(self, connection: _Optional[int] = ..., session_id: _Optional[str] = ..., listener: _Optional[str] = ..., peer: _Optional[str] = ..., user: _Optional[str] = ..., client_name: _Optional[str] = ..., library: _Optional[str] = ...) -> None: ...

class DeadLetterAdded(_message.Message):
    __slots__ = ["death"]
    DEATH_FIELD_NUMBER: _ClassVar[int]
    death: _queue_pb2.Death
    def __init__(self, death: _Optional[_Union[_queue_pb2.Death, _Mapping]] = ...) -> None: ...

class Disconnected(_message.Message):
    __slots__ = ["close_reason", "connection", "reason"]
    CLOSE_REASON_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    close_reason: _error_pb2.CloseReason
    connection: ConnectionInfo
    reason: str
    def __init__(self, connection: _Optional[_Union[ConnectionInfo, _Mapping]] = ..., close_reason: _Optional[_Union[_error_pb2.CloseReason, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class EventsLeftOut(_message.Message):
    __slots__ = ["count", "topic"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    count: int
    topic: str
    def __init__(self, topic: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class Identified(_message.Message):
    __slots__ = ["connection"]
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    connection: ConnectionInfo
    def __init__(self, connection: _Optional[_Union[ConnectionInfo, _Mapping]] = ...) -> None: ...

class LimitHit(_message.Message):
    __slots__ = ["address", "connection", "limit", "reason"]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    address: str
    connection: ConnectionInfo
    limit: str
    reason: str
    def __init__(self, limit: _Optional[str] = ..., reason: _Optional[str] = ..., connection: _Optional[_Union[ConnectionInfo, _Mapping]] = ..., address: _Optional[str] = ...) -> None: ...

class LoginRefused(_message.Message):
    __slots__ = ["connection", "user"]
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    connection: ConnectionInfo
    user: str
    def __init__(self, connection: _Optional[_Union[ConnectionInfo, _Mapping]] = ..., user: _Optional[str] = ...) -> None: ...

class SlowConsumer(_message.Message):
    __slots__ = ["connection", "ended", "topic"]
    CONNECTION_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    connection: ConnectionInfo
    ended: bool
    topic: str
    def __init__(self, connection: _Optional[_Union[ConnectionInfo, _Mapping]] = ..., ended: bool = ..., topic: _Optional[str] = ...) -> None: ...

class UserChanged(_message.Message):
    __slots__ = ["change", "user"]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    change: UserChange
    user: str
    def __init__(self, user: _Optional[str] = ..., change: _Optional[_Union[UserChange, str]] = ...) -> None: ...

class UserChange(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
