from parley.v1 import event_pb2 as _event_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
POLICY_ORIGIN_BUILT_IN: PolicyOrigin
POLICY_ORIGIN_CONFIGURATION: PolicyOrigin
POLICY_ORIGIN_RUNTIME: PolicyOrigin
POLICY_ORIGIN_UNSPECIFIED: PolicyOrigin

class ExplainTopicRequest(_message.Message):
    __slots__ = ["topic", "type", "user"]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    topic: str
    type: str
    user: str
    def __init__(self, topic: _Optional[str] = ..., type: _Optional[str] = ..., user: _Optional[str] = ...) -> None: ...

class ExplainTopicResponse(_message.Message):
    __slots__ = ["check_rejects", "checked_type", "checked_type_known", "denied", "info", "matching", "publish", "queues", "receivers", "subscribe", "subscriptions"]
    CHECKED_TYPE_FIELD_NUMBER: _ClassVar[int]
    CHECKED_TYPE_KNOWN_FIELD_NUMBER: _ClassVar[int]
    CHECK_REJECTS_FIELD_NUMBER: _ClassVar[int]
    DENIED_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    MATCHING_FIELD_NUMBER: _ClassVar[int]
    PUBLISH_FIELD_NUMBER: _ClassVar[int]
    QUEUES_FIELD_NUMBER: _ClassVar[int]
    RECEIVERS_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIPTIONS_FIELD_NUMBER: _ClassVar[int]
    check_rejects: bool
    checked_type: str
    checked_type_known: bool
    denied: int
    info: TopicInfo
    matching: int
    publish: Ruling
    queues: _containers.RepeatedScalarFieldContainer[str]
    receivers: int
    subscribe: Ruling
    subscriptions: _containers.RepeatedCompositeFieldContainer[MatchingSubscription]
    def __init__(self, publish: _Optional[_Union[Ruling, _Mapping]] = ..., subscribe: _Optional[_Union[Ruling, _Mapping]] = ..., subscriptions: _Optional[_Iterable[_Union[MatchingSubscription, _Mapping]]] = ..., matching: _Optional[int] = ..., receivers: _Optional[int] = ..., denied: _Optional[int] = ..., info: _Optional[_Union[TopicInfo, _Mapping]] = ..., queues: _Optional[_Iterable[str]] = ..., checked_type: _Optional[str] = ..., check_rejects: bool = ..., checked_type_known: bool = ...) -> None: ...

class KeepPolicy(_message.Message):
    __slots__ = ["forget_after_ms", "max_age_ms", "max_bytes", "max_events", "origin", "pattern", "set_by", "set_time_unix_micros"]
    FORGET_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_AGE_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_EVENTS_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    SET_BY_FIELD_NUMBER: _ClassVar[int]
    SET_TIME_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    forget_after_ms: int
    max_age_ms: int
    max_bytes: int
    max_events: int
    origin: PolicyOrigin
    pattern: str
    set_by: str
    set_time_unix_micros: int
    def __init__(self, pattern: _Optional[str] = ..., max_events: _Optional[int] = ..., max_age_ms: _Optional[int] = ..., max_bytes: _Optional[int] = ..., forget_after_ms: _Optional[int] = ..., origin: _Optional[_Union[PolicyOrigin, str]] = ..., set_by: _Optional[str] = ..., set_time_unix_micros: _Optional[int] = ...) -> None: ...

class KeepTopicsRequest(_message.Message):
    __slots__ = ["policy"]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    policy: KeepPolicy
    def __init__(self, policy: _Optional[_Union[KeepPolicy, _Mapping]] = ...) -> None: ...

class KeepTopicsResponse(_message.Message):
    __slots__ = ["policy"]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    policy: KeepPolicy
    def __init__(self, policy: _Optional[_Union[KeepPolicy, _Mapping]] = ...) -> None: ...

class ListTopicsRequest(_message.Message):
    __slots__ = ["after", "contains", "limit", "pattern", "plain"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    CONTAINS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    PLAIN_FIELD_NUMBER: _ClassVar[int]
    after: str
    contains: str
    limit: int
    pattern: str
    plain: bool
    def __init__(self, pattern: _Optional[str] = ..., after: _Optional[str] = ..., limit: _Optional[int] = ..., plain: bool = ..., contains: _Optional[str] = ...) -> None: ...

class ListTopicsResponse(_message.Message):
    __slots__ = ["more", "topics"]
    MORE_FIELD_NUMBER: _ClassVar[int]
    TOPICS_FIELD_NUMBER: _ClassVar[int]
    more: bool
    topics: _containers.RepeatedCompositeFieldContainer[TopicInfo]
    def __init__(self, topics: _Optional[_Iterable[_Union[TopicInfo, _Mapping]]] = ..., more: bool = ...) -> None: ...

class MatchingSubscription(_message.Message):
    __slots__ = ["denied", "group", "outbox_bytes", "pattern", "reads_history", "session_id", "type", "user"]
    DENIED_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    OUTBOX_BYTES_FIELD_NUMBER: _ClassVar[int]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    READS_HISTORY_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    denied: bool
    group: str
    outbox_bytes: int
    pattern: str
    reads_history: bool
    session_id: str
    type: str
    user: str
    def __init__(self, session_id: _Optional[str] = ..., user: _Optional[str] = ..., pattern: _Optional[str] = ..., type: _Optional[str] = ..., group: _Optional[str] = ..., denied: bool = ..., reads_history: bool = ..., outbox_bytes: _Optional[int] = ...) -> None: ...

class MeasureTopicsRequest(_message.Message):
    __slots__ = ["pattern", "type"]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    pattern: str
    type: str
    def __init__(self, pattern: _Optional[str] = ..., type: _Optional[str] = ...) -> None: ...

class MeasureTopicsResponse(_message.Message):
    __slots__ = ["elapsed_micros", "other_bytes", "other_events", "topics"]
    ELAPSED_MICROS_FIELD_NUMBER: _ClassVar[int]
    OTHER_BYTES_FIELD_NUMBER: _ClassVar[int]
    OTHER_EVENTS_FIELD_NUMBER: _ClassVar[int]
    TOPICS_FIELD_NUMBER: _ClassVar[int]
    elapsed_micros: int
    other_bytes: int
    other_events: int
    topics: _containers.RepeatedCompositeFieldContainer[MeasuredTopic]
    def __init__(self, topics: _Optional[_Iterable[_Union[MeasuredTopic, _Mapping]]] = ..., elapsed_micros: _Optional[int] = ..., other_events: _Optional[int] = ..., other_bytes: _Optional[int] = ...) -> None: ...

class MeasuredTopic(_message.Message):
    __slots__ = ["bytes", "events", "interval_seconds", "interval_seconds_squared", "intervals", "max_bytes", "max_interval_seconds", "min_bytes", "min_interval_seconds", "topic", "total_events"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    INTERVALS_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_SECONDS_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_SECONDS_SQUARED_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_INTERVAL_SECONDS_FIELD_NUMBER: _ClassVar[int]
    MIN_BYTES_FIELD_NUMBER: _ClassVar[int]
    MIN_INTERVAL_SECONDS_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    TOTAL_EVENTS_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    events: int
    interval_seconds: float
    interval_seconds_squared: float
    intervals: int
    max_bytes: int
    max_interval_seconds: float
    min_bytes: int
    min_interval_seconds: float
    topic: str
    total_events: int
    def __init__(self, topic: _Optional[str] = ..., events: _Optional[int] = ..., total_events: _Optional[int] = ..., bytes: _Optional[int] = ..., min_bytes: _Optional[int] = ..., max_bytes: _Optional[int] = ..., intervals: _Optional[int] = ..., interval_seconds: _Optional[float] = ..., interval_seconds_squared: _Optional[float] = ..., min_interval_seconds: _Optional[float] = ..., max_interval_seconds: _Optional[float] = ...) -> None: ...

class ReadTopicRequest(_message.Message):
    __slots__ = ["backward", "contains", "limit", "seq", "time_unix_micros", "topic", "type"]
    BACKWARD_FIELD_NUMBER: _ClassVar[int]
    CONTAINS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    backward: bool
    contains: str
    limit: int
    seq: int
    time_unix_micros: int
    topic: str
    type: str
    def __init__(self, topic: _Optional[str] = ..., seq: _Optional[int] = ..., time_unix_micros: _Optional[int] = ..., backward: bool = ..., limit: _Optional[int] = ..., contains: _Optional[str] = ..., type: _Optional[str] = ...) -> None: ...

class ReadTopicResponse(_message.Message):
    __slots__ = ["events", "looked", "more", "next"]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    LOOKED_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_event_pb2.Event]
    looked: int
    more: bool
    next: int
    def __init__(self, events: _Optional[_Iterable[_Union[_event_pb2.Event, _Mapping]]] = ..., next: _Optional[int] = ..., more: bool = ..., looked: _Optional[int] = ...) -> None: ...

class RemoveTopicsRequest(_message.Message):
    __slots__ = ["pattern"]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    pattern: str
    def __init__(self, pattern: _Optional[str] = ...) -> None: ...

class RemoveTopicsResponse(_message.Message):
    __slots__ = ["dropped", "kept", "more", "removed"]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    dropped: int
    kept: _containers.RepeatedScalarFieldContainer[str]
    more: bool
    removed: int
    def __init__(self, removed: _Optional[int] = ..., dropped: _Optional[int] = ..., kept: _Optional[_Iterable[str]] = ..., more: bool = ...) -> None: ...

class Ruling(_message.Message):
    __slots__ = ["allowed", "why"]
    ALLOWED_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    allowed: bool
    why: str
    def __init__(self, allowed: bool = ..., why: _Optional[str] = ...) -> None: ...

class TailTopicsRequest(_message.Message):
    __slots__ = ["contains", "end", "events_per_second", "pattern", "tail", "type"]
    CONTAINS_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    EVENTS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    TAIL_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    contains: str
    end: bool
    events_per_second: int
    pattern: str
    tail: int
    type: str
    def __init__(self, tail: _Optional[int] = ..., pattern: _Optional[str] = ..., type: _Optional[str] = ..., contains: _Optional[str] = ..., events_per_second: _Optional[int] = ..., end: bool = ...) -> None: ...

class TailTopicsResponse(_message.Message):
    __slots__ = ["began", "came", "dropped", "elapsed_ms", "events", "fit", "unsearched"]
    BEGAN_FIELD_NUMBER: _ClassVar[int]
    CAME_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_MS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    FIT_FIELD_NUMBER: _ClassVar[int]
    UNSEARCHED_FIELD_NUMBER: _ClassVar[int]
    began: bool
    came: int
    dropped: int
    elapsed_ms: int
    events: _containers.RepeatedCompositeFieldContainer[TailedEvent]
    fit: int
    unsearched: int
    def __init__(self, events: _Optional[_Iterable[_Union[TailedEvent, _Mapping]]] = ..., began: bool = ..., came: _Optional[int] = ..., fit: _Optional[int] = ..., unsearched: _Optional[int] = ..., dropped: _Optional[int] = ..., elapsed_ms: _Optional[int] = ...) -> None: ...

class TailedEvent(_message.Message):
    __slots__ = ["event", "payload_bytes"]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_BYTES_FIELD_NUMBER: _ClassVar[int]
    event: _event_pb2.Event
    payload_bytes: int
    def __init__(self, event: _Optional[_Union[_event_pb2.Event, _Mapping]] = ..., payload_bytes: _Optional[int] = ...) -> None: ...

class TopicInfo(_message.Message):
    __slots__ = ["bytes", "bytes_per_second", "events", "events_per_second", "first_seq", "first_time_unix_micros", "last_seq", "last_time_unix_micros", "policy", "published_bytes", "published_events", "subscribers", "topic"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    BYTES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEQ_FIELD_NUMBER: _ClassVar[int]
    FIRST_TIME_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQ_FIELD_NUMBER: _ClassVar[int]
    LAST_TIME_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_BYTES_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_EVENTS_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBERS_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    bytes_per_second: float
    events: int
    events_per_second: float
    first_seq: int
    first_time_unix_micros: int
    last_seq: int
    last_time_unix_micros: int
    policy: KeepPolicy
    published_bytes: int
    published_events: int
    subscribers: int
    topic: str
    def __init__(self, topic: _Optional[str] = ..., first_seq: _Optional[int] = ..., last_seq: _Optional[int] = ..., events: _Optional[int] = ..., bytes: _Optional[int] = ..., first_time_unix_micros: _Optional[int] = ..., last_time_unix_micros: _Optional[int] = ..., policy: _Optional[_Union[KeepPolicy, _Mapping]] = ..., subscribers: _Optional[int] = ..., published_events: _Optional[int] = ..., published_bytes: _Optional[int] = ..., events_per_second: _Optional[float] = ..., bytes_per_second: _Optional[float] = ...) -> None: ...

class TopicInfoRequest(_message.Message):
    __slots__ = ["topic"]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    topic: str
    def __init__(self, topic: _Optional[str] = ...) -> None: ...

class TopicInfoResponse(_message.Message):
    __slots__ = ["info"]
    INFO_FIELD_NUMBER: _ClassVar[int]
    info: TopicInfo
    def __init__(self, info: _Optional[_Union[TopicInfo, _Mapping]] = ...) -> None: ...

class TopicLevel(_message.Message):
    __slots__ = ["bytes", "events", "is_topic", "name", "topics"]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    IS_TOPIC_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TOPICS_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    events: int
    is_topic: bool
    name: str
    topics: int
    def __init__(self, name: _Optional[str] = ..., topics: _Optional[int] = ..., events: _Optional[int] = ..., bytes: _Optional[int] = ..., is_topic: bool = ...) -> None: ...

class TopicLevelsRequest(_message.Message):
    __slots__ = ["above", "after", "limit"]
    ABOVE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    above: str
    after: str
    limit: int
    def __init__(self, above: _Optional[str] = ..., after: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class TopicLevelsResponse(_message.Message):
    __slots__ = ["levels", "more"]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    levels: _containers.RepeatedCompositeFieldContainer[TopicLevel]
    more: bool
    def __init__(self, levels: _Optional[_Iterable[_Union[TopicLevel, _Mapping]]] = ..., more: bool = ...) -> None: ...

class TopicPoliciesRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class TopicPoliciesResponse(_message.Message):
    __slots__ = ["policies"]
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    policies: _containers.RepeatedCompositeFieldContainer[KeepPolicy]
    def __init__(self, policies: _Optional[_Iterable[_Union[KeepPolicy, _Mapping]]] = ...) -> None: ...

class TrimTopicRequest(_message.Message):
    __slots__ = ["before_seq", "topic"]
    BEFORE_SEQ_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    before_seq: int
    topic: str
    def __init__(self, topic: _Optional[str] = ..., before_seq: _Optional[int] = ...) -> None: ...

class TrimTopicResponse(_message.Message):
    __slots__ = ["dropped", "info"]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    dropped: int
    info: TopicInfo
    def __init__(self, dropped: _Optional[int] = ..., info: _Optional[_Union[TopicInfo, _Mapping]] = ...) -> None: ...

class UnkeepTopicsRequest(_message.Message):
    __slots__ = ["pattern"]
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    pattern: str
    def __init__(self, pattern: _Optional[str] = ...) -> None: ...

class UnkeepTopicsResponse(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class PolicyOrigin(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
