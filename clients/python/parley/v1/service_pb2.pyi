from parley.v1 import error_pb2 as _error_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Answer(_message.Message):
    __slots__ = ["error", "headers", "payload", "type"]
    class HeadersEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ERROR_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    error: _error_pb2.Error
    headers: _containers.ScalarMap[str, str]
    payload: bytes
    type: str
    def __init__(self, payload: _Optional[bytes] = ..., type: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ..., error: _Optional[_Union[_error_pb2.Error, _Mapping]] = ...) -> None: ...

class Call(_message.Message):
    __slots__ = ["headers", "method", "payload", "sender", "time_unix_micros", "timeout_ms", "type"]
    class HeadersEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    headers: _containers.ScalarMap[str, str]
    method: str
    payload: bytes
    sender: str
    time_unix_micros: int
    timeout_ms: int
    type: str
    def __init__(self, method: _Optional[str] = ..., payload: _Optional[bytes] = ..., type: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ..., timeout_ms: _Optional[int] = ..., sender: _Optional[str] = ..., time_unix_micros: _Optional[int] = ...) -> None: ...

class CallUnderWay(_message.Message):
    __slots__ = ["age_ms", "caller", "caller_user", "left_ms", "method", "responder", "responder_user"]
    AGE_MS_FIELD_NUMBER: _ClassVar[int]
    CALLER_FIELD_NUMBER: _ClassVar[int]
    CALLER_USER_FIELD_NUMBER: _ClassVar[int]
    LEFT_MS_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    RESPONDER_FIELD_NUMBER: _ClassVar[int]
    RESPONDER_USER_FIELD_NUMBER: _ClassVar[int]
    age_ms: int
    caller: str
    caller_user: str
    left_ms: int
    method: str
    responder: str
    responder_user: str
    def __init__(self, method: _Optional[str] = ..., caller: _Optional[str] = ..., caller_user: _Optional[str] = ..., responder: _Optional[str] = ..., responder_user: _Optional[str] = ..., age_ms: _Optional[int] = ..., left_ms: _Optional[int] = ...) -> None: ...

class CallsUnderWayRequest(_message.Message):
    __slots__ = ["limit", "method"]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    limit: int
    method: str
    def __init__(self, method: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class CallsUnderWayResponse(_message.Message):
    __slots__ = ["calls", "total"]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    calls: _containers.RepeatedCompositeFieldContainer[CallUnderWay]
    total: int
    def __init__(self, calls: _Optional[_Iterable[_Union[CallUnderWay, _Mapping]]] = ..., total: _Optional[int] = ...) -> None: ...

class Cancel(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ListMethodsRequest(_message.Message):
    __slots__ = ["after", "limit", "prefix"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    after: str
    limit: int
    prefix: str
    def __init__(self, prefix: _Optional[str] = ..., after: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListMethodsResponse(_message.Message):
    __slots__ = ["methods", "more"]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    methods: _containers.RepeatedCompositeFieldContainer[MethodInfo]
    more: bool
    def __init__(self, methods: _Optional[_Iterable[_Union[MethodInfo, _Mapping]]] = ..., more: bool = ...) -> None: ...

class MethodInfo(_message.Message):
    __slots__ = ["abandoned", "answered", "average_micros", "calls_under_way", "cancelled", "expired", "failed", "instances", "max_micros", "method", "p50_micros", "p99_micros"]
    ABANDONED_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_MICROS_FIELD_NUMBER: _ClassVar[int]
    CALLS_UNDER_WAY_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    EXPIRED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    MAX_MICROS_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    P50_MICROS_FIELD_NUMBER: _ClassVar[int]
    P99_MICROS_FIELD_NUMBER: _ClassVar[int]
    abandoned: int
    answered: int
    average_micros: int
    calls_under_way: int
    cancelled: int
    expired: int
    failed: int
    instances: int
    max_micros: int
    method: str
    p50_micros: int
    p99_micros: int
    def __init__(self, method: _Optional[str] = ..., instances: _Optional[int] = ..., calls_under_way: _Optional[int] = ..., answered: _Optional[int] = ..., failed: _Optional[int] = ..., expired: _Optional[int] = ..., cancelled: _Optional[int] = ..., abandoned: _Optional[int] = ..., average_micros: _Optional[int] = ..., p50_micros: _Optional[int] = ..., p99_micros: _Optional[int] = ..., max_micros: _Optional[int] = ...) -> None: ...

class MethodInstance(_message.Message):
    __slots__ = ["calls_under_way", "client_name", "peer", "session_id", "user"]
    CALLS_UNDER_WAY_FIELD_NUMBER: _ClassVar[int]
    CLIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    calls_under_way: int
    client_name: str
    peer: str
    session_id: str
    user: str
    def __init__(self, session_id: _Optional[str] = ..., user: _Optional[str] = ..., client_name: _Optional[str] = ..., peer: _Optional[str] = ..., calls_under_way: _Optional[int] = ...) -> None: ...

class MethodInstancesRequest(_message.Message):
    __slots__ = ["method"]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    method: str
    def __init__(self, method: _Optional[str] = ...) -> None: ...

class MethodInstancesResponse(_message.Message):
    __slots__ = ["instances", "total"]
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    instances: _containers.RepeatedCompositeFieldContainer[MethodInstance]
    total: int
    def __init__(self, instances: _Optional[_Iterable[_Union[MethodInstance, _Mapping]]] = ..., total: _Optional[int] = ...) -> None: ...

class Register(_message.Message):
    __slots__ = ["method"]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    method: str
    def __init__(self, method: _Optional[str] = ...) -> None: ...

class Unregister(_message.Message):
    __slots__ = ["method"]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    method: str
    def __init__(self, method: _Optional[str] = ...) -> None: ...
