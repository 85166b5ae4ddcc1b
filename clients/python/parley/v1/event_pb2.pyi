from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
OVERFLOW_POLICY_CATCH_UP: OverflowPolicy
OVERFLOW_POLICY_DISCONNECT: OverflowPolicy
OVERFLOW_POLICY_DROP_NEWEST: OverflowPolicy
OVERFLOW_POLICY_DROP_OLDEST: OverflowPolicy
OVERFLOW_POLICY_UNSPECIFIED: OverflowPolicy

class Event(_message.Message):
    __slots__ = ["group", "headers", "message_id", "payload", "sender", "seq", "time_unix_micros", "topic", "type"]
    class HeadersEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    GROUP_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    group: str
    headers: _containers.ScalarMap[str, str]
    message_id: str
    payload: bytes
    sender: str
    seq: int
    time_unix_micros: int
    topic: str
    type: str
    def __init__(self, topic: _Optional[str] = ..., payload: _Optional[bytes] = ..., type: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ..., message_id: _Optional[str] = ..., sender: _Optional[str] = ..., seq: _Optional[int] = ..., time_unix_micros: _Optional[int] = ..., group: _Optional[str] = ...) -> None: ...

class Missed(_message.Message):
    __slots__ = ["count", "topic"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    count: int
    topic: str
    def __init__(self, topic: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class Start(_message.Message):
    __slots__ = ["all", "history_epoch", "last", "positions", "seq", "time_unix_micros"]
    ALL_FIELD_NUMBER: _ClassVar[int]
    HISTORY_EPOCH_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    all: bool
    history_epoch: str
    last: int
    positions: _containers.RepeatedCompositeFieldContainer[TopicPosition]
    seq: int
    time_unix_micros: int
    def __init__(self, seq: _Optional[int] = ..., time_unix_micros: _Optional[int] = ..., last: _Optional[int] = ..., all: bool = ..., positions: _Optional[_Iterable[_Union[TopicPosition, _Mapping]]] = ..., history_epoch: _Optional[str] = ...) -> None: ...

class Subscribe(_message.Message):
    __slots__ = ["echo", "group", "overflow", "pattern", "start", "tell_positions", "type"]
    ECHO_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    OVERFLOW_FIELD_NUMBER: _ClassVar[int]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    TELL_POSITIONS_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    echo: bool
    group: str
    overflow: OverflowPolicy
    pattern: str
    start: Start
    tell_positions: bool
    type: str
    def __init__(self, pattern: _Optional[str] = ..., type: _Optional[str] = ..., group: _Optional[str] = ..., echo: bool = ..., overflow: _Optional[_Union[OverflowPolicy, str]] = ..., start: _Optional[_Union[Start, _Mapping]] = ..., tell_positions: bool = ...) -> None: ...

class TopicPosition(_message.Message):
    __slots__ = ["seq", "topic"]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    seq: int
    topic: str
    def __init__(self, topic: _Optional[str] = ..., seq: _Optional[int] = ...) -> None: ...

class Unsubscribe(_message.Message):
    __slots__ = ["after_events", "group", "pattern", "type"]
    AFTER_EVENTS_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    after_events: int
    group: str
    pattern: str
    type: str
    def __init__(self, pattern: _Optional[str] = ..., type: _Optional[str] = ..., group: _Optional[str] = ..., after_events: _Optional[int] = ...) -> None: ...

class OverflowPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
