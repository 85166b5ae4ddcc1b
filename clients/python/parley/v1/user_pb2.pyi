from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AddUserRequest(_message.Message):
    __slots__ = ["password", "roles", "user"]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    password: str
    roles: _containers.RepeatedScalarFieldContainer[str]
    user: str
    def __init__(self, user: _Optional[str] = ..., password: _Optional[str] = ..., roles: _Optional[_Iterable[str]] = ...) -> None: ...

class AddUserResponse(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ListRolesRequest(_message.Message):
    __slots__ = ["after"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    after: str
    def __init__(self, after: _Optional[str] = ...) -> None: ...

class ListRolesResponse(_message.Message):
    __slots__ = ["more", "roles"]
    MORE_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    more: bool
    roles: _containers.RepeatedCompositeFieldContainer[RoleInfo]
    def __init__(self, roles: _Optional[_Iterable[_Union[RoleInfo, _Mapping]]] = ..., more: bool = ...) -> None: ...

class ListUsersRequest(_message.Message):
    __slots__ = ["after", "limit", "user"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    after: str
    limit: int
    user: str
    def __init__(self, user: _Optional[str] = ..., after: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListUsersResponse(_message.Message):
    __slots__ = ["changeable", "more", "users"]
    CHANGEABLE_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    USERS_FIELD_NUMBER: _ClassVar[int]
    changeable: bool
    more: bool
    users: _containers.RepeatedCompositeFieldContainer[UserInfo]
    def __init__(self, users: _Optional[_Iterable[_Union[UserInfo, _Mapping]]] = ..., more: bool = ..., changeable: bool = ...) -> None: ...

class NewTokenRequest(_message.Message):
    __slots__ = ["lasts_ms", "token_name", "user"]
    LASTS_MS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_NAME_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    lasts_ms: int
    token_name: str
    user: str
    def __init__(self, user: _Optional[str] = ..., token_name: _Optional[str] = ..., lasts_ms: _Optional[int] = ...) -> None: ...

class NewTokenResponse(_message.Message):
    __slots__ = ["expires_unix_micros", "token"]
    EXPIRES_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    expires_unix_micros: int
    token: str
    def __init__(self, token: _Optional[str] = ..., expires_unix_micros: _Optional[int] = ...) -> None: ...

class RemoveUserRequest(_message.Message):
    __slots__ = ["user"]
    USER_FIELD_NUMBER: _ClassVar[int]
    user: str
    def __init__(self, user: _Optional[str] = ...) -> None: ...

class RemoveUserResponse(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class RevokeTokenRequest(_message.Message):
    __slots__ = ["token_name", "user"]
    TOKEN_NAME_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    token_name: str
    user: str
    def __init__(self, user: _Optional[str] = ..., token_name: _Optional[str] = ...) -> None: ...

class RevokeTokenResponse(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class RoleInfo(_message.Message):
    __slots__ = ["allow", "deny", "role", "rules"]
    ALLOW_FIELD_NUMBER: _ClassVar[int]
    DENY_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    allow: _containers.RepeatedScalarFieldContainer[str]
    deny: _containers.RepeatedScalarFieldContainer[str]
    role: str
    rules: int
    def __init__(self, role: _Optional[str] = ..., allow: _Optional[_Iterable[str]] = ..., deny: _Optional[_Iterable[str]] = ..., rules: _Optional[int] = ...) -> None: ...

class SetDisabledRequest(_message.Message):
    __slots__ = ["disabled", "user"]
    DISABLED_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    disabled: bool
    user: str
    def __init__(self, user: _Optional[str] = ..., disabled: bool = ...) -> None: ...

class SetDisabledResponse(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class SetPasswordRequest(_message.Message):
    __slots__ = ["password", "user"]
    PASSWORD_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    password: str
    user: str
    def __init__(self, user: _Optional[str] = ..., password: _Optional[str] = ...) -> None: ...

class SetPasswordResponse(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class SetRolesRequest(_message.Message):
    __slots__ = ["roles", "user"]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    roles: _containers.RepeatedScalarFieldContainer[str]
    user: str
    def __init__(self, user: _Optional[str] = ..., roles: _Optional[_Iterable[str]] = ...) -> None: ...

class SetRolesResponse(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class TokenInfo(_message.Message):
    __slots__ = ["ended", "expires_unix_micros", "token_name"]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_NAME_FIELD_NUMBER: _ClassVar[int]
    ended: bool
    expires_unix_micros: int
    token_name: str
    def __init__(self, token_name: _Optional[str] = ..., expires_unix_micros: _Optional[int] = ..., ended: bool = ...) -> None: ...

class UserInfo(_message.Message):
    __slots__ = ["changeable", "connections", "disabled", "has_password", "kept_bytes", "roles", "tokens", "user"]
    CHANGEABLE_FIELD_NUMBER: _ClassVar[int]
    CONNECTIONS_FIELD_NUMBER: _ClassVar[int]
    DISABLED_FIELD_NUMBER: _ClassVar[int]
    HAS_PASSWORD_FIELD_NUMBER: _ClassVar[int]
    KEPT_BYTES_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    changeable: bool
    connections: int
    disabled: bool
    has_password: bool
    kept_bytes: int
    roles: _containers.RepeatedScalarFieldContainer[str]
    tokens: _containers.RepeatedCompositeFieldContainer[TokenInfo]
    user: str
    def __init__(self, user: _Optional[str] = ..., roles: _Optional[_Iterable[str]] = ..., disabled: bool = ..., has_password: bool = ..., tokens: _Optional[_Iterable[_Union[TokenInfo, _Mapping]]] = ..., changeable: bool = ..., connections: _Optional[int] = ..., kept_bytes: _Optional[int] = ...) -> None: ...
