from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

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

class WaitingKey(_message.Message):
    __slots__ = ["configured", "key", "running"]
    CONFIGURED_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    configured: str
    key: str
    running: str
    def __init__(self, key: _Optional[str] = ..., running: _Optional[str] = ..., configured: _Optional[str] = ...) -> None: ...
