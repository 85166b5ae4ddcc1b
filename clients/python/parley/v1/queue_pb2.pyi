from parley.v1 import session_pb2 as _session_pb2
from parley.v1 import topic_pb2 as _topic_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DEATH_REASON_MAX_DELIVERIES: DeathReason
DEATH_REASON_REJECTED: DeathReason
DEATH_REASON_UNSPECIFIED: DeathReason
DESCRIPTOR: _descriptor.FileDescriptor
JOB_STATE_BLOCKED: JobState
JOB_STATE_DELAYED: JobState
JOB_STATE_LEASED: JobState
JOB_STATE_READY: JobState
JOB_STATE_UNSPECIFIED: JobState
VERDICT_ACK: Verdict
VERDICT_EXTEND: Verdict
VERDICT_NACK: Verdict
VERDICT_REJECT: Verdict
VERDICT_RELEASE: Verdict
VERDICT_UNSPECIFIED: Verdict

class CountMatchingRequest(_message.Message):
    __slots__ = ["after", "filter", "queue"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    after: int
    filter: JobFilter
    queue: str
    def __init__(self, queue: _Optional[str] = ..., filter: _Optional[_Union[JobFilter, _Mapping]] = ..., after: _Optional[int] = ...) -> None: ...

class CountMatchingResponse(_message.Message):
    __slots__ = ["held", "looked", "matched", "more", "newest", "next"]
    HELD_FIELD_NUMBER: _ClassVar[int]
    LOOKED_FIELD_NUMBER: _ClassVar[int]
    MATCHED_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    NEWEST_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    held: int
    looked: int
    matched: int
    more: bool
    newest: int
    next: int
    def __init__(self, matched: _Optional[int] = ..., looked: _Optional[int] = ..., next: _Optional[int] = ..., more: bool = ..., newest: _Optional[int] = ..., held: _Optional[int] = ...) -> None: ...

class Death(_message.Message):
    __slots__ = ["attempts", "id", "last_error", "queue", "reason", "time_unix_micros"]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    attempts: int
    id: int
    last_error: str
    queue: str
    reason: DeathReason
    time_unix_micros: int
    def __init__(self, reason: _Optional[_Union[DeathReason, str]] = ..., attempts: _Optional[int] = ..., last_error: _Optional[str] = ..., time_unix_micros: _Optional[int] = ..., queue: _Optional[str] = ..., id: _Optional[int] = ...) -> None: ...

class DropMatchingRequest(_message.Message):
    __slots__ = ["after", "filter", "queue"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    after: int
    filter: JobFilter
    queue: str
    def __init__(self, queue: _Optional[str] = ..., filter: _Optional[_Union[JobFilter, _Mapping]] = ..., after: _Optional[int] = ...) -> None: ...

class DropMatchingResponse(_message.Message):
    __slots__ = ["dropped", "held", "looked", "more", "next"]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    LOOKED_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    dropped: int
    held: int
    looked: int
    more: bool
    next: int
    def __init__(self, dropped: _Optional[int] = ..., looked: _Optional[int] = ..., next: _Optional[int] = ..., more: bool = ..., held: _Optional[int] = ...) -> None: ...

class InfoQueueRequest(_message.Message):
    __slots__ = ["queue"]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    queue: str
    def __init__(self, queue: _Optional[str] = ...) -> None: ...

class InfoQueueResponse(_message.Message):
    __slots__ = ["info"]
    INFO_FIELD_NUMBER: _ClassVar[int]
    info: QueueInfo
    def __init__(self, info: _Optional[_Union[QueueInfo, _Mapping]] = ...) -> None: ...

class Job(_message.Message):
    __slots__ = ["attempt", "consumer", "death", "delay_ms", "headers", "id", "key", "lease_ms", "message_id", "payload", "priority", "queue", "redelivered", "run_at_unix_micros", "sender", "time_unix_micros", "token", "topic", "type"]
    class HeadersEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    DEATH_FIELD_NUMBER: _ClassVar[int]
    DELAY_MS_FIELD_NUMBER: _ClassVar[int]
    HEADERS_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    LEASE_MS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    REDELIVERED_FIELD_NUMBER: _ClassVar[int]
    RUN_AT_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    SENDER_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    consumer: int
    death: Death
    delay_ms: int
    headers: _containers.ScalarMap[str, str]
    id: int
    key: str
    lease_ms: int
    message_id: str
    payload: bytes
    priority: int
    queue: str
    redelivered: bool
    run_at_unix_micros: int
    sender: str
    time_unix_micros: int
    token: int
    topic: str
    type: str
    def __init__(self, queue: _Optional[str] = ..., payload: _Optional[bytes] = ..., type: _Optional[str] = ..., headers: _Optional[_Mapping[str, str]] = ..., message_id: _Optional[str] = ..., priority: _Optional[int] = ..., key: _Optional[str] = ..., delay_ms: _Optional[int] = ..., run_at_unix_micros: _Optional[int] = ..., sender: _Optional[str] = ..., id: _Optional[int] = ..., time_unix_micros: _Optional[int] = ..., attempt: _Optional[int] = ..., token: _Optional[int] = ..., lease_ms: _Optional[int] = ..., redelivered: bool = ..., consumer: _Optional[int] = ..., death: _Optional[_Union[Death, _Mapping]] = ..., topic: _Optional[str] = ...) -> None: ...

class JobFilter(_message.Message):
    __slots__ = ["contains", "ids", "reason", "state", "up_to"]
    CONTAINS_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    UP_TO_FIELD_NUMBER: _ClassVar[int]
    contains: str
    ids: _containers.RepeatedScalarFieldContainer[int]
    reason: DeathReason
    state: JobState
    up_to: int
    def __init__(self, contains: _Optional[str] = ..., state: _Optional[_Union[JobState, str]] = ..., ids: _Optional[_Iterable[int]] = ..., up_to: _Optional[int] = ..., reason: _Optional[_Union[DeathReason, str]] = ...) -> None: ...

class ListQueuesRequest(_message.Message):
    __slots__ = ["after", "limit", "pattern"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    after: str
    limit: int
    pattern: str
    def __init__(self, pattern: _Optional[str] = ..., after: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListQueuesResponse(_message.Message):
    __slots__ = ["more", "queues"]
    MORE_FIELD_NUMBER: _ClassVar[int]
    QUEUES_FIELD_NUMBER: _ClassVar[int]
    more: bool
    queues: _containers.RepeatedCompositeFieldContainer[QueueInfo]
    def __init__(self, queues: _Optional[_Iterable[_Union[QueueInfo, _Mapping]]] = ..., more: bool = ...) -> None: ...

class PauseQueueRequest(_message.Message):
    __slots__ = ["queue"]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    queue: str
    def __init__(self, queue: _Optional[str] = ...) -> None: ...

class PauseQueueResponse(_message.Message):
    __slots__ = ["info"]
    INFO_FIELD_NUMBER: _ClassVar[int]
    info: QueueInfo
    def __init__(self, info: _Optional[_Union[QueueInfo, _Mapping]] = ...) -> None: ...

class PeekQueueRequest(_message.Message):
    __slots__ = ["after", "filter", "limit", "queue"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    after: int
    filter: JobFilter
    limit: int
    queue: str
    def __init__(self, queue: _Optional[str] = ..., after: _Optional[int] = ..., limit: _Optional[int] = ..., filter: _Optional[_Union[JobFilter, _Mapping]] = ...) -> None: ...

class PeekQueueResponse(_message.Message):
    __slots__ = ["jobs", "looked", "more", "next"]
    JOBS_FIELD_NUMBER: _ClassVar[int]
    LOOKED_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[PeekedJob]
    looked: int
    more: bool
    next: int
    def __init__(self, jobs: _Optional[_Iterable[_Union[PeekedJob, _Mapping]]] = ..., more: bool = ..., next: _Optional[int] = ..., looked: _Optional[int] = ...) -> None: ...

class PeekedJob(_message.Message):
    __slots__ = ["holder", "job", "last_error", "state", "until_unix_micros"]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    LAST_ERROR_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    holder: str
    job: Job
    last_error: str
    state: JobState
    until_unix_micros: int
    def __init__(self, job: _Optional[_Union[Job, _Mapping]] = ..., state: _Optional[_Union[JobState, str]] = ..., until_unix_micros: _Optional[int] = ..., last_error: _Optional[str] = ..., holder: _Optional[str] = ...) -> None: ...

class Pull(_message.Message):
    __slots__ = ["close", "consumer", "prefetch", "queue"]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    PREFETCH_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    close: bool
    consumer: int
    prefetch: int
    queue: str
    def __init__(self, consumer: _Optional[int] = ..., queue: _Optional[str] = ..., prefetch: _Optional[int] = ..., close: bool = ...) -> None: ...

class PurgeQueueRequest(_message.Message):
    __slots__ = ["queue"]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    queue: str
    def __init__(self, queue: _Optional[str] = ...) -> None: ...

class PurgeQueueResponse(_message.Message):
    __slots__ = ["dropped"]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    dropped: int
    def __init__(self, dropped: _Optional[int] = ...) -> None: ...

class QueueInfo(_message.Message):
    __slots__ = ["blocked", "bytes", "consumers", "dead", "delayed", "done", "leased", "oldest_time_unix_micros", "paused", "pushed", "queue", "ready", "redelivered", "settings"]
    BLOCKED_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    CONSUMERS_FIELD_NUMBER: _ClassVar[int]
    DEAD_FIELD_NUMBER: _ClassVar[int]
    DELAYED_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    LEASED_FIELD_NUMBER: _ClassVar[int]
    OLDEST_TIME_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    PUSHED_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    READY_FIELD_NUMBER: _ClassVar[int]
    REDELIVERED_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    blocked: int
    bytes: int
    consumers: int
    dead: int
    delayed: int
    done: int
    leased: int
    oldest_time_unix_micros: int
    paused: bool
    pushed: int
    queue: str
    ready: int
    redelivered: int
    settings: QueueSettings
    def __init__(self, queue: _Optional[str] = ..., ready: _Optional[int] = ..., delayed: _Optional[int] = ..., leased: _Optional[int] = ..., blocked: _Optional[int] = ..., dead: _Optional[int] = ..., bytes: _Optional[int] = ..., oldest_time_unix_micros: _Optional[int] = ..., consumers: _Optional[int] = ..., paused: bool = ..., settings: _Optional[_Union[QueueSettings, _Mapping]] = ..., pushed: _Optional[int] = ..., done: _Optional[int] = ..., redelivered: _Optional[int] = ...) -> None: ...

class QueuePoliciesRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class QueuePoliciesResponse(_message.Message):
    __slots__ = ["policies"]
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    policies: _containers.RepeatedCompositeFieldContainer[QueuePolicy]
    def __init__(self, policies: _Optional[_Iterable[_Union[QueuePolicy, _Mapping]]] = ...) -> None: ...

class QueuePolicy(_message.Message):
    __slots__ = ["backoff_max_ms", "backoff_min_ms", "bind", "deliver_at_once", "deliver_secrets", "deliver_to", "drops_oldest", "lease_ms", "max_bytes", "max_deliveries", "max_jobs", "name", "ordered", "origin", "set_by", "set_time_unix_micros", "unbind"]
    BACKOFF_MAX_MS_FIELD_NUMBER: _ClassVar[int]
    BACKOFF_MIN_MS_FIELD_NUMBER: _ClassVar[int]
    BIND_FIELD_NUMBER: _ClassVar[int]
    DELIVER_AT_ONCE_FIELD_NUMBER: _ClassVar[int]
    DELIVER_SECRETS_FIELD_NUMBER: _ClassVar[int]
    DELIVER_TO_FIELD_NUMBER: _ClassVar[int]
    DROPS_OLDEST_FIELD_NUMBER: _ClassVar[int]
    LEASE_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    MAX_JOBS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ORDERED_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    SET_BY_FIELD_NUMBER: _ClassVar[int]
    SET_TIME_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    UNBIND_FIELD_NUMBER: _ClassVar[int]
    backoff_max_ms: int
    backoff_min_ms: int
    bind: _containers.RepeatedScalarFieldContainer[str]
    deliver_at_once: int
    deliver_secrets: _containers.RepeatedScalarFieldContainer[str]
    deliver_to: str
    drops_oldest: bool
    lease_ms: int
    max_bytes: int
    max_deliveries: int
    max_jobs: int
    name: str
    ordered: bool
    origin: _topic_pb2.PolicyOrigin
    set_by: str
    set_time_unix_micros: int
    unbind: bool
    def __init__(self, name: _Optional[str] = ..., lease_ms: _Optional[int] = ..., max_deliveries: _Optional[int] = ..., max_jobs: _Optional[int] = ..., max_bytes: _Optional[int] = ..., drops_oldest: bool = ..., ordered: bool = ..., backoff_min_ms: _Optional[int] = ..., backoff_max_ms: _Optional[int] = ..., bind: _Optional[_Iterable[str]] = ..., unbind: bool = ..., origin: _Optional[_Union[_topic_pb2.PolicyOrigin, str]] = ..., set_by: _Optional[str] = ..., set_time_unix_micros: _Optional[int] = ..., deliver_to: _Optional[str] = ..., deliver_secrets: _Optional[_Iterable[str]] = ..., deliver_at_once: _Optional[int] = ...) -> None: ...

class QueueSettings(_message.Message):
    __slots__ = ["backoff_max_ms", "backoff_min_ms", "bind", "drops_oldest", "lease_ms", "max_bytes", "max_deliveries", "max_jobs", "ordered"]
    BACKOFF_MAX_MS_FIELD_NUMBER: _ClassVar[int]
    BACKOFF_MIN_MS_FIELD_NUMBER: _ClassVar[int]
    BIND_FIELD_NUMBER: _ClassVar[int]
    DROPS_OLDEST_FIELD_NUMBER: _ClassVar[int]
    LEASE_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_DELIVERIES_FIELD_NUMBER: _ClassVar[int]
    MAX_JOBS_FIELD_NUMBER: _ClassVar[int]
    ORDERED_FIELD_NUMBER: _ClassVar[int]
    backoff_max_ms: int
    backoff_min_ms: int
    bind: _containers.RepeatedScalarFieldContainer[str]
    drops_oldest: bool
    lease_ms: int
    max_bytes: int
    max_deliveries: int
    max_jobs: int
    ordered: bool
    def __init__(self, lease_ms: _Optional[int] = ..., max_deliveries: _Optional[int] = ..., max_jobs: _Optional[int] = ..., max_bytes: _Optional[int] = ..., drops_oldest: bool = ..., ordered: bool = ..., bind: _Optional[_Iterable[str]] = ..., backoff_min_ms: _Optional[int] = ..., backoff_max_ms: _Optional[int] = ...) -> None: ...

class RedriveMatchingRequest(_message.Message):
    __slots__ = ["after", "filter", "queue"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    after: int
    filter: JobFilter
    queue: str
    def __init__(self, queue: _Optional[str] = ..., filter: _Optional[_Union[JobFilter, _Mapping]] = ..., after: _Optional[int] = ...) -> None: ...

class RedriveMatchingResponse(_message.Message):
    __slots__ = ["held", "looked", "more", "next", "redriven"]
    HELD_FIELD_NUMBER: _ClassVar[int]
    LOOKED_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    REDRIVEN_FIELD_NUMBER: _ClassVar[int]
    held: int
    looked: int
    more: bool
    next: int
    redriven: int
    def __init__(self, redriven: _Optional[int] = ..., looked: _Optional[int] = ..., next: _Optional[int] = ..., more: bool = ..., held: _Optional[int] = ...) -> None: ...

class RedriveQueueRequest(_message.Message):
    __slots__ = ["ids", "queue"]
    IDS_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[int]
    queue: str
    def __init__(self, queue: _Optional[str] = ..., ids: _Optional[_Iterable[int]] = ...) -> None: ...

class RedriveQueueResponse(_message.Message):
    __slots__ = ["redriven"]
    REDRIVEN_FIELD_NUMBER: _ClassVar[int]
    redriven: int
    def __init__(self, redriven: _Optional[int] = ...) -> None: ...

class RemoveQueueRequest(_message.Message):
    __slots__ = ["force", "queue"]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    force: bool
    queue: str
    def __init__(self, queue: _Optional[str] = ..., force: bool = ...) -> None: ...

class RemoveQueueResponse(_message.Message):
    __slots__ = ["dropped"]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    dropped: int
    def __init__(self, dropped: _Optional[int] = ...) -> None: ...

class ResumeQueueRequest(_message.Message):
    __slots__ = ["queue"]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    queue: str
    def __init__(self, queue: _Optional[str] = ...) -> None: ...

class ResumeQueueResponse(_message.Message):
    __slots__ = ["info"]
    INFO_FIELD_NUMBER: _ClassVar[int]
    info: QueueInfo
    def __init__(self, info: _Optional[_Union[QueueInfo, _Mapping]] = ...) -> None: ...

class SetQueueRequest(_message.Message):
    __slots__ = ["create", "policy"]
    CREATE_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    create: bool
    policy: QueuePolicy
    def __init__(self, policy: _Optional[_Union[QueuePolicy, _Mapping]] = ..., create: bool = ...) -> None: ...

class SetQueueResponse(_message.Message):
    __slots__ = ["policy"]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    policy: QueuePolicy
    def __init__(self, policy: _Optional[_Union[QueuePolicy, _Mapping]] = ...) -> None: ...

class Settle(_message.Message):
    __slots__ = ["consumer", "delay_ms", "error", "tokens", "verdict"]
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    DELAY_MS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    consumer: int
    delay_ms: int
    error: str
    tokens: _containers.RepeatedScalarFieldContainer[int]
    verdict: Verdict
    def __init__(self, consumer: _Optional[int] = ..., tokens: _Optional[_Iterable[int]] = ..., verdict: _Optional[_Union[Verdict, str]] = ..., delay_ms: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

class Settled(_message.Message):
    __slots__ = ["late_tokens", "level"]
    LATE_TOKENS_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    late_tokens: _containers.RepeatedScalarFieldContainer[int]
    level: _session_pb2.AckLevel
    def __init__(self, late_tokens: _Optional[_Iterable[int]] = ..., level: _Optional[_Union[_session_pb2.AckLevel, str]] = ...) -> None: ...

class UnsetQueueRequest(_message.Message):
    __slots__ = ["name"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class UnsetQueueResponse(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class DeathReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class JobState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
