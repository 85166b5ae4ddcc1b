from parley.v1 import event_pb2 as _event_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ClaimNameRequest(_message.Message):
    __slots__ = ["name", "token"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    name: str
    token: str
    def __init__(self, name: _Optional[str] = ..., token: _Optional[str] = ...) -> None: ...

class ClaimNameResponse(_message.Message):
    __slots__ = ["name", "token"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    name: str
    token: str
    def __init__(self, name: _Optional[str] = ..., token: _Optional[str] = ...) -> None: ...

class DirectMessage(_message.Message):
    __slots__ = ["text", "to"]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    text: str
    to: str
    def __init__(self, to: _Optional[str] = ..., text: _Optional[str] = ..., **kwargs) -> None: ...

class HistoryRequest(_message.Message):
    __slots__ = ["before_seq", "limit", "room"]
    BEFORE_SEQ_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    ROOM_FIELD_NUMBER: _ClassVar[int]
    before_seq: int
    limit: int
    room: str
    def __init__(self, room: _Optional[str] = ..., before_seq: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class HistoryResponse(_message.Message):
    __slots__ = ["events", "more"]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_event_pb2.Event]
    more: bool
    def __init__(self, events: _Optional[_Iterable[_Union[_event_pb2.Event, _Mapping]]] = ..., more: bool = ...) -> None: ...

class JoinRequest(_message.Message):
    __slots__ = ["room", "without_members"]
    ROOM_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_MEMBERS_FIELD_NUMBER: _ClassVar[int]
    room: str
    without_members: bool
    def __init__(self, room: _Optional[str] = ..., without_members: bool = ...) -> None: ...

class JoinResponse(_message.Message):
    __slots__ = ["members", "room", "seq"]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    ROOM_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    members: _containers.RepeatedCompositeFieldContainer[Member]
    room: RoomInfo
    seq: int
    def __init__(self, room: _Optional[_Union[RoomInfo, _Mapping]] = ..., members: _Optional[_Iterable[_Union[Member, _Mapping]]] = ..., seq: _Optional[int] = ...) -> None: ...

class Joined(_message.Message):
    __slots__ = ["name", "online"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ONLINE_FIELD_NUMBER: _ClassVar[int]
    name: str
    online: int
    def __init__(self, name: _Optional[str] = ..., online: _Optional[int] = ...) -> None: ...

class LeaveRequest(_message.Message):
    __slots__ = ["room"]
    ROOM_FIELD_NUMBER: _ClassVar[int]
    room: str
    def __init__(self, room: _Optional[str] = ...) -> None: ...

class LeaveResponse(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class Left(_message.Message):
    __slots__ = ["lost", "name", "online"]
    LOST_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ONLINE_FIELD_NUMBER: _ClassVar[int]
    lost: bool
    name: str
    online: int
    def __init__(self, name: _Optional[str] = ..., online: _Optional[int] = ..., lost: bool = ...) -> None: ...

class ListRequest(_message.Message):
    __slots__ = ["after"]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    after: str
    def __init__(self, after: _Optional[str] = ...) -> None: ...

class ListResponse(_message.Message):
    __slots__ = ["more", "rooms"]
    MORE_FIELD_NUMBER: _ClassVar[int]
    ROOMS_FIELD_NUMBER: _ClassVar[int]
    more: bool
    rooms: _containers.RepeatedCompositeFieldContainer[RoomInfo]
    def __init__(self, rooms: _Optional[_Iterable[_Union[RoomInfo, _Mapping]]] = ..., more: bool = ...) -> None: ...

class Member(_message.Message):
    __slots__ = ["idle", "joined_unix_micros", "name"]
    IDLE_FIELD_NUMBER: _ClassVar[int]
    JOINED_UNIX_MICROS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    idle: bool
    joined_unix_micros: int
    name: str
    def __init__(self, name: _Optional[str] = ..., idle: bool = ..., joined_unix_micros: _Optional[int] = ...) -> None: ...

class MembersRequest(_message.Message):
    __slots__ = ["room"]
    ROOM_FIELD_NUMBER: _ClassVar[int]
    room: str
    def __init__(self, room: _Optional[str] = ...) -> None: ...

class MembersResponse(_message.Message):
    __slots__ = ["members"]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    members: _containers.RepeatedCompositeFieldContainer[Member]
    def __init__(self, members: _Optional[_Iterable[_Union[Member, _Mapping]]] = ...) -> None: ...

class PresenceChanged(_message.Message):
    __slots__ = ["idle", "name", "online"]
    IDLE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ONLINE_FIELD_NUMBER: _ClassVar[int]
    idle: bool
    name: str
    online: int
    def __init__(self, name: _Optional[str] = ..., idle: bool = ..., online: _Optional[int] = ...) -> None: ...

class RemoveRequest(_message.Message):
    __slots__ = ["room"]
    ROOM_FIELD_NUMBER: _ClassVar[int]
    room: str
    def __init__(self, room: _Optional[str] = ...) -> None: ...

class RemoveResponse(_message.Message):
    __slots__ = ["dropped"]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    dropped: int
    def __init__(self, dropped: _Optional[int] = ...) -> None: ...

class Renamed(_message.Message):
    __slots__ = ["to"]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    to: str
    def __init__(self, to: _Optional[str] = ..., **kwargs) -> None: ...

class RoomEvent(_message.Message):
    __slots__ = ["joined", "left", "presence_changed", "renamed", "said", "topic_line_set"]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    PRESENCE_CHANGED_FIELD_NUMBER: _ClassVar[int]
    RENAMED_FIELD_NUMBER: _ClassVar[int]
    SAID_FIELD_NUMBER: _ClassVar[int]
    TOPIC_LINE_SET_FIELD_NUMBER: _ClassVar[int]
    joined: Joined
    left: Left
    presence_changed: PresenceChanged
    renamed: Renamed
    said: Said
    topic_line_set: TopicLineSet
    def __init__(self, said: _Optional[_Union[Said, _Mapping]] = ..., joined: _Optional[_Union[Joined, _Mapping]] = ..., left: _Optional[_Union[Left, _Mapping]] = ..., renamed: _Optional[_Union[Renamed, _Mapping]] = ..., topic_line_set: _Optional[_Union[TopicLineSet, _Mapping]] = ..., presence_changed: _Optional[_Union[PresenceChanged, _Mapping]] = ...) -> None: ...

class RoomInfo(_message.Message):
    __slots__ = ["last_seq", "name", "online", "topic_line"]
    LAST_SEQ_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ONLINE_FIELD_NUMBER: _ClassVar[int]
    TOPIC_LINE_FIELD_NUMBER: _ClassVar[int]
    last_seq: int
    name: str
    online: int
    topic_line: str
    def __init__(self, name: _Optional[str] = ..., topic_line: _Optional[str] = ..., online: _Optional[int] = ..., last_seq: _Optional[int] = ...) -> None: ...

class Said(_message.Message):
    __slots__ = ["action", "name", "text"]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    action: bool
    name: str
    text: str
    def __init__(self, name: _Optional[str] = ..., text: _Optional[str] = ..., action: bool = ...) -> None: ...

class SayRequest(_message.Message):
    __slots__ = ["action", "message_id", "room", "text"]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    ROOM_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    action: bool
    message_id: str
    room: str
    text: str
    def __init__(self, room: _Optional[str] = ..., text: _Optional[str] = ..., message_id: _Optional[str] = ..., action: bool = ...) -> None: ...

class SayResponse(_message.Message):
    __slots__ = ["seq"]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    seq: int
    def __init__(self, seq: _Optional[int] = ...) -> None: ...

class SetTopicLineRequest(_message.Message):
    __slots__ = ["room", "text"]
    ROOM_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    room: str
    text: str
    def __init__(self, room: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class SetTopicLineResponse(_message.Message):
    __slots__ = ["seq"]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    seq: int
    def __init__(self, seq: _Optional[int] = ...) -> None: ...

class TellRequest(_message.Message):
    __slots__ = ["text", "to"]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    text: str
    to: str
    def __init__(self, to: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class TellResponse(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class TopicLineSet(_message.Message):
    __slots__ = ["name", "text"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    name: str
    text: str
    def __init__(self, name: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...
