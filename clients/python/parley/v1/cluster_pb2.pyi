from parley.v1 import session_pb2 as _session_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

CLUSTER_ROLE_FOLLOWER: ClusterRole
CLUSTER_ROLE_LOST: ClusterRole
CLUSTER_ROLE_UNSPECIFIED: ClusterRole
CLUSTER_ROLE_WRITER: ClusterRole
DESCRIPTOR: _descriptor.FileDescriptor

class ClusterLog(_message.Message):
    __slots__ = ["epoch", "fault", "first_sequence", "fullness", "last_sequence", "level", "refusal", "replicas", "snapshot", "writer", "writer_name"]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    FAULT_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    FULLNESS_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    WRITER_FIELD_NUMBER: _ClassVar[int]
    WRITER_NAME_FIELD_NUMBER: _ClassVar[int]
    epoch: str
    fault: str
    first_sequence: int
    fullness: float
    last_sequence: int
    level: _session_pb2.AckLevel
    refusal: str
    replicas: int
    snapshot: ClusterSnapshot
    writer: str
    writer_name: str
    def __init__(self, epoch: _Optional[str] = ..., first_sequence: _Optional[int] = ..., last_sequence: _Optional[int] = ..., fullness: _Optional[float] = ..., replicas: _Optional[int] = ..., level: _Optional[_Union[_session_pb2.AckLevel, str]] = ..., snapshot: _Optional[_Union[ClusterSnapshot, _Mapping]] = ..., writer: _Optional[str] = ..., writer_name: _Optional[str] = ..., refusal: _Optional[str] = ..., fault: _Optional[str] = ...) -> None: ...

class ClusterNode(_message.Message):
    __slots__ = ["address", "applied_sequence", "id", "lag", "name", "role", "server_version", "started_unix_micros"]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    APPLIED_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    STARTED_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    address: str
    applied_sequence: int
    id: str
    lag: int
    name: str
    role: ClusterRole
    server_version: str
    started_unix_micros: int
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., server_version: _Optional[str] = ..., address: _Optional[str] = ..., started_unix_micros: _Optional[int] = ..., role: _Optional[_Union[ClusterRole, str]] = ..., applied_sequence: _Optional[int] = ..., lag: _Optional[int] = ...) -> None: ...

class ClusterSnapshot(_message.Message):
    __slots__ = ["bytes", "sequence", "time_unix_micros"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    sequence: int
    time_unix_micros: int
    def __init__(self, sequence: _Optional[int] = ..., bytes: _Optional[int] = ..., time_unix_micros: _Optional[int] = ...) -> None: ...

class InfoClusterRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class InfoClusterResponse(_message.Message):
    __slots__ = ["cluster", "log", "node", "nodes", "reachable", "servers", "why_unreachable"]
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    REACHABLE_FIELD_NUMBER: _ClassVar[int]
    SERVERS_FIELD_NUMBER: _ClassVar[int]
    WHY_UNREACHABLE_FIELD_NUMBER: _ClassVar[int]
    cluster: str
    log: ClusterLog
    node: str
    nodes: _containers.RepeatedCompositeFieldContainer[ClusterNode]
    reachable: bool
    servers: _containers.RepeatedScalarFieldContainer[str]
    why_unreachable: str
    def __init__(self, cluster: _Optional[str] = ..., node: _Optional[str] = ..., nodes: _Optional[_Iterable[_Union[ClusterNode, _Mapping]]] = ..., servers: _Optional[_Iterable[str]] = ..., reachable: bool = ..., why_unreachable: _Optional[str] = ..., log: _Optional[_Union[ClusterLog, _Mapping]] = ...) -> None: ...

class StepDownClusterRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class StepDownClusterResponse(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ClusterRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
