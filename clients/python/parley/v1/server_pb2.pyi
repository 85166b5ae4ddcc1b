from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
PROBLEM_SEVERITY_ERROR: ProblemSeverity
PROBLEM_SEVERITY_UNSPECIFIED: ProblemSeverity
PROBLEM_SEVERITY_WARNING: ProblemSeverity
SERIES_KIND_LEVEL: SeriesKind
SERIES_KIND_MEAN: SeriesKind
SERIES_KIND_PEAK: SeriesKind
SERIES_KIND_RATE: SeriesKind
SERIES_KIND_UNSPECIFIED: SeriesKind

class AboutServerRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class AboutServerResponse(_message.Message):
    __slots__ = ["clustered", "environment", "environment_color", "has_users", "now_unix_micros", "server_id", "server_version", "started_unix_micros"]
    CLUSTERED_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_COLOR_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    HAS_USERS_FIELD_NUMBER: _ClassVar[int]
    NOW_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    SERVER_ID_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    STARTED_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    clustered: bool
    environment: str
    environment_color: str
    has_users: bool
    now_unix_micros: int
    server_id: str
    server_version: str
    started_unix_micros: int
    def __init__(self, server_version: _Optional[str] = ..., server_id: _Optional[str] = ..., started_unix_micros: _Optional[int] = ..., environment: _Optional[str] = ..., environment_color: _Optional[str] = ..., has_users: bool = ..., now_unix_micros: _Optional[int] = ..., clustered: bool = ...) -> None: ...

class HistoryServerRequest(_message.Message):
    __slots__ = ["limit", "names", "queue", "step_ms"]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    STEP_MS_FIELD_NUMBER: _ClassVar[int]
    limit: int
    names: _containers.RepeatedScalarFieldContainer[str]
    queue: str
    step_ms: int
    def __init__(self, step_ms: _Optional[int] = ..., names: _Optional[_Iterable[str]] = ..., queue: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class HistoryServerResponse(_message.Message):
    __slots__ = ["last_unix_micros", "series", "step_ms"]
    LAST_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    STEP_MS_FIELD_NUMBER: _ClassVar[int]
    last_unix_micros: int
    series: _containers.RepeatedCompositeFieldContainer[Series]
    step_ms: int
    def __init__(self, step_ms: _Optional[int] = ..., last_unix_micros: _Optional[int] = ..., series: _Optional[_Iterable[_Union[Series, _Mapping]]] = ...) -> None: ...

class PermissionQuestion(_message.Message):
    __slots__ = ["name", "type", "verb", "whole"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    VERB_FIELD_NUMBER: _ClassVar[int]
    WHOLE_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    verb: str
    whole: bool
    def __init__(self, verb: _Optional[str] = ..., name: _Optional[str] = ..., type: _Optional[str] = ..., whole: bool = ...) -> None: ...

class PermissionsServerRequest(_message.Message):
    __slots__ = ["questions"]
    QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    questions: _containers.RepeatedCompositeFieldContainer[PermissionQuestion]
    def __init__(self, questions: _Optional[_Iterable[_Union[PermissionQuestion, _Mapping]]] = ...) -> None: ...

class PermissionsServerResponse(_message.Message):
    __slots__ = ["allowed", "methods", "roles", "user", "verbs"]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    ROLES_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    VERBS_FIELD_NUMBER: _ClassVar[int]
    allowed: _containers.RepeatedScalarFieldContainer[bool]
    methods: _containers.RepeatedScalarFieldContainer[str]
    roles: _containers.RepeatedScalarFieldContainer[str]
    user: str
    verbs: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, user: _Optional[str] = ..., roles: _Optional[_Iterable[str]] = ..., methods: _Optional[_Iterable[str]] = ..., allowed: _Optional[_Iterable[bool]] = ..., verbs: _Optional[_Iterable[str]] = ...) -> None: ...

class Problem(_message.Message):
    __slots__ = ["count", "kind", "name", "severity", "text"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    count: int
    kind: str
    name: str
    severity: ProblemSeverity
    text: str
    def __init__(self, kind: _Optional[str] = ..., name: _Optional[str] = ..., severity: _Optional[_Union[ProblemSeverity, str]] = ..., text: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class ProblemsServerRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ProblemsServerResponse(_message.Message):
    __slots__ = ["problems", "server_checked", "total"]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    SERVER_CHECKED_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    problems: _containers.RepeatedCompositeFieldContainer[Problem]
    server_checked: bool
    total: int
    def __init__(self, problems: _Optional[_Iterable[_Union[Problem, _Mapping]]] = ..., total: _Optional[int] = ..., server_checked: bool = ...) -> None: ...

class Series(_message.Message):
    __slots__ = ["kind", "name", "values"]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    kind: SeriesKind
    name: str
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[SeriesKind, str]] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...

class ProblemSeverity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class SeriesKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
