from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AddTypesRequest(_message.Message):
    __slots__ = ["allow_breaking", "files"]
    ALLOW_BREAKING_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    allow_breaking: bool
    files: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, files: _Optional[_Iterable[bytes]] = ..., allow_breaking: bool = ...) -> None: ...

class AddTypesResponse(_message.Message):
    __slots__ = ["added", "breaks", "changed"]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    BREAKS_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    added: _containers.RepeatedScalarFieldContainer[str]
    breaks: _containers.RepeatedScalarFieldContainer[str]
    changed: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, added: _Optional[_Iterable[str]] = ..., changed: _Optional[_Iterable[str]] = ..., breaks: _Optional[_Iterable[str]] = ...) -> None: ...

class CheckTypesRequest(_message.Message):
    __slots__ = ["files"]
    FILES_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, files: _Optional[_Iterable[bytes]] = ...) -> None: ...

class CheckTypesResponse(_message.Message):
    __slots__ = ["added", "breaks", "changed"]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    BREAKS_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    added: _containers.RepeatedScalarFieldContainer[str]
    breaks: _containers.RepeatedScalarFieldContainer[str]
    changed: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, added: _Optional[_Iterable[str]] = ..., changed: _Optional[_Iterable[str]] = ..., breaks: _Optional[_Iterable[str]] = ...) -> None: ...

class GetTypesRequest(_message.Message):
    __slots__ = ["type"]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    type: str
    def __init__(self, type: _Optional[str] = ...) -> None: ...

class GetTypesResponse(_message.Message):
    __slots__ = ["files"]
    FILES_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[TypeFile]
    def __init__(self, files: _Optional[_Iterable[_Union[TypeFile, _Mapping]]] = ...) -> None: ...

class ListTypesRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ListTypesResponse(_message.Message):
    __slots__ = ["files", "types"]
    FILES_FIELD_NUMBER: _ClassVar[int]
    TYPES_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[TypeFile]
    types: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, files: _Optional[_Iterable[_Union[TypeFile, _Mapping]]] = ..., types: _Optional[_Iterable[str]] = ...) -> None: ...

class RemoveTypesRequest(_message.Message):
    __slots__ = ["paths"]
    PATHS_FIELD_NUMBER: _ClassVar[int]
    paths: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, paths: _Optional[_Iterable[str]] = ...) -> None: ...

class RemoveTypesResponse(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class TypeFile(_message.Message):
    __slots__ = ["file_descriptor", "path", "time_unix_micros", "user", "version"]
    FILE_DESCRIPTOR_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    file_descriptor: bytes
    path: str
    time_unix_micros: int
    user: str
    version: int
    def __init__(self, path: _Optional[str] = ..., version: _Optional[int] = ..., time_unix_micros: _Optional[int] = ..., user: _Optional[str] = ..., file_descriptor: _Optional[bytes] = ...) -> None: ...
