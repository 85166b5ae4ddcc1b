from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AuthAnswer(_message.Message):
    __slots__ = ["expires_unix_micros", "permissions", "roles", "user"]
    EXPIRES_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    PERMISSIONS_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    expires_unix_micros: int
    permissions: AuthPermissions
    roles: _containers.RepeatedScalarFieldContainer[str]
    user: str
    def __init__(self, user: _Optional[str] = ..., roles: _Optional[_Iterable[str]] = ..., permissions: _Optional[_Union[AuthPermissions, _Mapping]] = ..., expires_unix_micros: _Optional[int] = ...) -> None: ...

class AuthPermissions(_message.Message):
    __slots__ = ["allow", "deny"]
    ALLOW_FIELD_NUMBER: _ClassVar[int]
    DENY_FIELD_NUMBER: _ClassVar[int]
    allow: AuthRules
    deny: AuthRules
    def __init__(self, allow: _Optional[_Union[AuthRules, _Mapping]] = ..., deny: _Optional[_Union[AuthRules, _Mapping]] = ...) -> None: ...

class AuthRequest(_message.Message):
    __slots__ = ["address", "client_name", "library", "listener", "password", "server_id", "session_id", "token", "user"]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    CLIENT_NAME_FIELD_NUMBER: _ClassVar[int]
    LIBRARY_FIELD_NUMBER: _ClassVar[int]
    LISTENER_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    SERVER_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    address: str
    client_name: str
    library: str
    listener: str
    password: str
    server_id: str
    session_id: str
    token: str
    user: str
    def __init__(self, user: _Optional[str] = ..., password: _Optional[str] = ..., token: _Optional[str] = ..., client_name: _Optional[str] = ..., library: _Optional[str] = ..., address: _Optional[str] = ..., listener: _Optional[str] = ..., session_id: _Optional[str] = ..., server_id: _Optional[str] = ...) -> None: ...

class AuthRules(_message.Message):
    __slots__ = ["call", "join", "manage", "publish", "pull", "push", "serve", "subscribe"]
    CALL_FIELD_NUMBER: _ClassVar[int]
    JOIN_FIELD_NUMBER: _ClassVar[int]
    MANAGE_FIELD_NUMBER: _ClassVar[int]
    PUBLISH_FIELD_NUMBER: _ClassVar[int]
    PULL_FIELD_NUMBER: _ClassVar[int]
    PUSH_FIELD_NUMBER: _ClassVar[int]
    SERVE_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    call: _containers.RepeatedScalarFieldContainer[str]
    join: _containers.RepeatedScalarFieldContainer[str]
    manage: _containers.RepeatedScalarFieldContainer[str]
    publish: _containers.RepeatedScalarFieldContainer[str]
    pull: _containers.RepeatedScalarFieldContainer[str]
    push: _containers.RepeatedScalarFieldContainer[str]
    serve: _containers.RepeatedScalarFieldContainer[str]
    subscribe: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, publish: _Optional[_Iterable[str]] = ..., subscribe: _Optional[_Iterable[str]] = ..., call: _Optional[_Iterable[str]] = ..., serve: _Optional[_Iterable[str]] = ..., join: _Optional[_Iterable[str]] = ..., push: _Optional[_Iterable[str]] = ..., pull: _Optional[_Iterable[str]] = ..., manage: _Optional[_Iterable[str]] = ...) -> None: ...
