from parley.v1 import event_pb2 as _event_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

ACK_LEVEL_FSYNCED: AckLevel
ACK_LEVEL_REPLICATED: AckLevel
ACK_LEVEL_ROUTED: AckLevel
ACK_LEVEL_UNSPECIFIED: AckLevel
DESCRIPTOR: _descriptor.FileDescriptor

class Ack(_message.Message):
    __slots__ = ["all_kept", "duplicate", "history_lost", "level", "positions", "positions_complete", "receivers", "seq"]
    ALL_KEPT_FIELD_NUMBER: _ClassVar[int]
    DUPLICATE_FIELD_NUMBER: _ClassVar[int]
    HISTORY_LOST_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_COMPLETE_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    RECEIVERS_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    all_kept: bool
    duplicate: bool
    history_lost: bool
    level: AckLevel
    positions: _containers.RepeatedCompositeFieldContainer[_event_pb2.TopicPosition]
    positions_complete: bool
    receivers: int
    seq: int
    def __init__(self, level: _Optional[_Union[AckLevel, str]] = ..., receivers: _Optional[int] = ..., seq: _Optional[int] = ..., duplicate: bool = ..., history_lost: bool = ..., positions: _Optional[_Iterable[_Union[_event_pb2.TopicPosition, _Mapping]]] = ..., positions_complete: bool = ..., all_kept: bool = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ["answers_pings", "client_name", "library", "password", "protocol_version", "token", "user"]
    ANSWERS_PINGS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    LIBRARY_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    answers_pings: bool
    client_name: str
    library: str
    password: str
    protocol_version: int
    token: str
    user: str
    def __init__(self, protocol_version: _Optional[int] = ..., client_name: _Optional[str] = ..., library: _Optional[str] = ..., answers_pings: bool = ..., user: _Optional[str] = ..., password: _Optional[str] = ..., token: _Optional[str] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ["max_frame_bytes", "max_subscriptions", "max_topic_bytes", "max_topic_levels"]
    MAX_FRAME_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_SUBSCRIPTIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_TOPIC_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_TOPIC_LEVELS_FIELD_NUMBER: _ClassVar[int]
    max_frame_bytes: int
    max_subscriptions: int
    max_topic_bytes: int
    max_topic_levels: int
    def __init__(self, max_frame_bytes: _Optional[int] = ..., max_subscriptions: _Optional[int] = ..., max_topic_bytes: _Optional[int] = ..., max_topic_levels: _Optional[int] = ...) -> None: ...

class Ping(_message.Message):
    __slots__ = ["nonce"]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    nonce: int
    def __init__(self, nonce: _Optional[int] = ...) -> None: ...

class Pong(_message.Message):
    __slots__ = ["nonce"]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    nonce: int
    def __init__(self, nonce: _Optional[int] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ["history_epoch", "limits", "login_ends_in_ms", "ping_interval_ms", "protocol_version", "roles", "server_id", "server_version", "session_id", "user"]
    HISTORY_EPOCH_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    LOGIN_ENDS_IN_MS_FIELD_NUMBER: _ClassVar[int]
    PING_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    SERVER_ID_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    history_epoch: str
    limits: Limits
    login_ends_in_ms: int
    ping_interval_ms: int
    protocol_version: int
    roles: _containers.RepeatedScalarFieldContainer[str]
    server_id: str
    server_version: str
    session_id: str
    user: str
    def __init__(self, protocol_version: _Optional[int] = ..., server_version: _Optional[str] = ..., session_id: _Optional[str] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., ping_interval_ms: _Optional[int] = ..., server_id: _Optional[str] = ..., history_epoch: _Optional[str] = ..., user: _Optional[str] = ..., roles: _Optional[_Iterable[str]] = ..., login_ends_in_ms: _Optional[int] = ...) -> None: ...

class AckLevel(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
