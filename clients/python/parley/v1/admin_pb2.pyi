from parley.v1 import user_pb2 as _user_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ConnectionRightsRequest(_message.Message):
    __slots__ = ["session_id"]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    def __init__(self, session_id: _Optional[str] = ...) -> None: ...

class ConnectionRightsResponse(_message.Message):
    __slots__ = ["everything", "more", "roles", "rules", "user"]
    EVERYTHING_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    everything: bool
    more: bool
    roles: _containers.RepeatedScalarFieldContainer[str]
    rules: _containers.RepeatedCompositeFieldContainer[_user_pb2.RoleInfo]
    user: str
    def __init__(self, user: _Optional[str] = ..., roles: _Optional[_Iterable[str]] = ..., everything: bool = ..., rules: _Optional[_Iterable[_Union[_user_pb2.RoleInfo, _Mapping]]] = ..., more: bool = ...) -> None: ...

class ConnectionSummary(_message.Message):
    __slots__ = ["client_name", "consumers", "kind", "library", "outbox_bytes", "peer", "session_id", "silent_ms", "subscriptions", "time_unix_micros", "user"]
    CLIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    CONSUMERS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LIBRARY_FIELD_NUMBER: _ClassVar[int]
    OUTBOX_BYTES_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    SILENT_MS_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIPTIONS_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    client_name: str
    consumers: int
    kind: str
    library: str
    outbox_bytes: int
    peer: str
    session_id: str
    silent_ms: int
    subscriptions: int
    time_unix_micros: int
    user: str
    def __init__(self, session_id: _Optional[str] = ..., kind: _Optional[str] = ..., peer: _Optional[str] = ..., user: _Optional[str] = ..., client_name: _Optional[str] = ..., library: _Optional[str] = ..., time_unix_micros: _Optional[int] = ..., silent_ms: _Optional[int] = ..., outbox_bytes: _Optional[int] = ..., subscriptions: _Optional[int] = ..., consumers: _Optional[int] = ...) -> None: ...

class ConnectionsRequest(_message.Message):
    __slots__ = ["address", "after", "kind", "limit", "session_id", "user"]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    address: str
    after: str
    kind: str
    limit: int
    session_id: str
    user: str
    def __init__(self, session_id: _Optional[str] = ..., user: _Optional[str] = ..., address: _Optional[str] = ..., kind: _Optional[str] = ..., after: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ConnectionsResponse(_message.Message):
    __slots__ = ["connections", "more"]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    connections: _containers.RepeatedCompositeFieldContainer[ConnectionSummary]
    more: bool
    def __init__(self, connections: _Optional[_Iterable[_Union[ConnectionSummary, _Mapping]]] = ..., more: bool = ...) -> None: ...

class DrainRequest(_message.Message):
    __slots__ = ["go_to"]
    GO_TO_FIELD_NUMBER: _ClassVar[int]
    go_to: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, go_to: _Optional[_Iterable[str]] = ...) -> None: ...

class DrainResponse(_message.Message):
    __slots__ = ["connections"]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    connections: int
    def __init__(self, connections: _Optional[int] = ...) -> None: ...

class EndBackupRequest(_message.Message):
    __slots__ = ["backup_id"]
    BACKUP_ID_FIELD_NUMBER: _ClassVar[int]
    backup_id: str
    def __init__(self, backup_id: _Optional[str] = ...) -> None: ...

class EndBackupResponse(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class KickRequest(_message.Message):
    __slots__ = ["address", "reason", "session_ids", "user"]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SESSION_IDS_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    address: str
    reason: str
    session_ids: _containers.RepeatedScalarFieldContainer[str]
    user: str
    def __init__(self, session_ids: _Optional[_Iterable[str]] = ..., user: _Optional[str] = ..., address: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class KickResponse(_message.Message):
    __slots__ = ["kicked"]
    KICKED_FIELD_NUMBER: _ClassVar[int]
    kicked: int
    def __init__(self, kicked: _Optional[int] = ...) -> None: ...

class LogLevel(_message.Message):
    __slots__ = ["category", "configured", "level", "set_by", "set_time_unix_micros"]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    CONFIGURED_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    SET_BY_FIELD_NUMBER: _ClassVar[int]
    SET_TIME_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    category: str
    configured: str
    level: str
    set_by: str
    set_time_unix_micros: int
    def __init__(self, category: _Optional[str] = ..., level: _Optional[str] = ..., configured: _Optional[str] = ..., set_by: _Optional[str] = ..., set_time_unix_micros: _Optional[int] = ...) -> None: ...

class LogLevelsRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class LogLevelsResponse(_message.Message):
    __slots__ = ["levels"]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    levels: _containers.RepeatedCompositeFieldContainer[LogLevel]
    def __init__(self, levels: _Optional[_Iterable[_Union[LogLevel, _Mapping]]] = ...) -> None: ...

class ReadBackupRequest(_message.Message):
    __slots__ = ["backup_id", "offset"]
    BACKUP_ID_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    backup_id: str
    offset: int
    def __init__(self, backup_id: _Optional[str] = ..., offset: _Optional[int] = ...) -> None: ...

class ReadBackupResponse(_message.Message):
    __slots__ = ["data", "sha256"]
    DATA_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    sha256: bytes
    def __init__(self, data: _Optional[bytes] = ..., sha256: _Optional[bytes] = ...) -> None: ...

class ReloadRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ReloadResponse(_message.Message):
    __slots__ = ["applied", "waiting"]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    applied: _containers.RepeatedScalarFieldContainer[str]
    waiting: _containers.RepeatedCompositeFieldContainer[WaitingKey]
    def __init__(self, applied: _Optional[_Iterable[str]] = ..., waiting: _Optional[_Iterable[_Union[WaitingKey, _Mapping]]] = ...) -> None: ...

class SetLogLevelRequest(_message.Message):
    __slots__ = ["category", "level"]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    category: str
    level: str
    def __init__(self, category: _Optional[str] = ..., level: _Optional[str] = ...) -> None: ...

class SetLogLevelResponse(_message.Message):
    __slots__ = ["levels"]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    levels: _containers.RepeatedCompositeFieldContainer[LogLevel]
    def __init__(self, levels: _Optional[_Iterable[_Union[LogLevel, _Mapping]]] = ...) -> None: ...

class StartBackupRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class StartBackupResponse(_message.Message):
    __slots__ = ["backup_id", "bytes"]
    BACKUP_ID_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    backup_id: str
    bytes: int
    def __init__(self, backup_id: _Optional[str] = ..., bytes: _Optional[int] = ...) -> None: ...

class StatsRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class StatsResponse(_message.Message):
    __slots__ = ["values"]
    class ValuesEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.ScalarMap[str, int]
    def __init__(self, values: _Optional[_Mapping[str, int]] = ...) -> None: ...

class WaitingKey(_message.Message):
    __slots__ = ["configured", "key", "running"]
    CONFIGURED_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    configured: str
    key: str
    running: str
    def __init__(self, key: _Optional[str] = ..., running: _Optional[str] = ..., configured: _Optional[str] = ...) -> None: ...
