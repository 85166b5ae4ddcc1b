from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Optional as _Optional, Union as _Union

CLOSE_REASON_AUTH_TIMEOUT: CloseReason
CLOSE_REASON_IDLE: CloseReason
CLOSE_REASON_INTERNAL: CloseReason
CLOSE_REASON_KICKED: CloseReason
CLOSE_REASON_PROTOCOL_ERROR: CloseReason
CLOSE_REASON_RATE_LIMIT: CloseReason
CLOSE_REASON_REPLACED: CloseReason
CLOSE_REASON_REVOKED: CloseReason
CLOSE_REASON_SHUTDOWN: CloseReason
CLOSE_REASON_SLOW_CONSUMER: CloseReason
CLOSE_REASON_SLOW_SENDER: CloseReason
CLOSE_REASON_TOO_MANY_CONNECTIONS: CloseReason
CLOSE_REASON_UNSPECIFIED: CloseReason
DESCRIPTOR: _descriptor.FileDescriptor
ERROR_CODE_ALREADY_EXISTS: ErrorCode
ERROR_CODE_DEADLINE_EXCEEDED: ErrorCode
ERROR_CODE_FAILED_PRECONDITION: ErrorCode
ERROR_CODE_INTERNAL: ErrorCode
ERROR_CODE_INVALID_ARGUMENT: ErrorCode
ERROR_CODE_NOT_FOUND: ErrorCode
ERROR_CODE_PERMISSION_DENIED: ErrorCode
ERROR_CODE_RESOURCE_EXHAUSTED: ErrorCode
ERROR_CODE_UNAUTHENTICATED: ErrorCode
ERROR_CODE_UNAVAILABLE: ErrorCode
ERROR_CODE_UNIMPLEMENTED: ErrorCode
ERROR_CODE_UNSPECIFIED: ErrorCode

class Error(_message.Message):
    __slots__ = ["accepted", "close_reason", "code", "go_to", "message", "retryable"]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    CLOSE_REASON_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    GO_TO_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    accepted: str
    close_reason: CloseReason
    code: ErrorCode
    go_to: _containers.RepeatedScalarFieldContainer[str]
    message: str
    retryable: bool
    def __init__(self, code: _Optional[_Union[ErrorCode, str]] = ..., message: _Optional[str] = ..., retryable: bool = ..., accepted: _Optional[str] = ..., close_reason: _Optional[_Union[CloseReason, str]] = ..., go_to: _Optional[_Iterable[str]] = ...) -> None: ...

class ErrorCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class CloseReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
