from parley.v1 import demo_pb2 as _demo_pb2
from parley.v1 import error_pb2 as _error_pb2
from parley.v1 import event_pb2 as _event_pb2
from parley.v1 import queue_pb2 as _queue_pb2
from parley.v1 import service_pb2 as _service_pb2
from parley.v1 import session_pb2 as _session_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ClientMessage(_message.Message):
    __slots__ = ["add_request", "answer", "call", "cancel", "echo_message", "event", "hello", "id", "job", "ping", "pong", "pull", "register", "settle", "subscribe", "unregister", "unsubscribe"]
    ADD_REQUEST_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    ECHO_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    PONG_FIELD_NUMBER: _ClassVar[int]
    PULL_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    SETTLE_FIELD_NUMBER: _ClassVar[int]
    SUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    UNREGISTER_FIELD_NUMBER: _ClassVar[int]
    UNSUBSCRIBE_FIELD_NUMBER: _ClassVar[int]
    add_request: _demo_pb2.AddRequest
    answer: _service_pb2.Answer
    call: _service_pb2.Call
    cancel: _service_pb2.Cancel
    echo_message: _demo_pb2.EchoMessage
    event: _event_pb2.Event
    hello: _session_pb2.Hello
    id: int
    job: _queue_pb2.Job
    ping: _session_pb2.Ping
    pong: _session_pb2.Pong
    pull: _queue_pb2.Pull
    register: _service_pb2.Register
    settle: _queue_pb2.Settle
    subscribe: _event_pb2.Subscribe
    unregister: _service_pb2.Unregister
    unsubscribe: _event_pb2.Unsubscribe
    def __init__(self, echo_message: _Optional[_Union[_demo_pb2.EchoMessage, _Mapping]] = ..., add_request: _Optional[_Union[_demo_pb2.AddRequest, _Mapping]] = ..., event: _Optional[_Union[_event_pb2.Event, _Mapping]] = ..., hello: _Optional[_Union[_session_pb2.Hello, _Mapping]] = ..., subscribe: _Optional[_Union[_event_pb2.Subscribe, _Mapping]] = ..., unsubscribe: _Optional[_Union[_event_pb2.Unsubscribe, _Mapping]] = ..., ping: _Optional[_Union[_session_pb2.Ping, _Mapping]] = ..., pong: _Optional[_Union[_session_pb2.Pong, _Mapping]] = ..., call: _Optional[_Union[_service_pb2.Call, _Mapping]] = ..., answer: _Optional[_Union[_service_pb2.Answer, _Mapping]] = ..., cancel: _Optional[_Union[_service_pb2.Cancel, _Mapping]] = ..., register: _Optional[_Union[_service_pb2.Register, _Mapping]] = ..., unregister: _Optional[_Union[_service_pb2.Unregister, _Mapping]] = ..., job: _Optional[_Union[_queue_pb2.Job, _Mapping]] = ..., pull: _Optional[_Union[_queue_pb2.Pull, _Mapping]] = ..., settle: _Optional[_Union[_queue_pb2.Settle, _Mapping]] = ..., id: _Optional[int] = ...) -> None: ...

class ServerMessage(_message.Message):
    __slots__ = ["ack", "add_response", "answer", "call", "cancel", "echo_message", "error", "event", "id", "job", "missed", "ping", "pong", "settled", "welcome"]
    ACK_FIELD_NUMBER: _ClassVar[int]
    ADD_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    ECHO_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    MISSED_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    PONG_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    ack: _session_pb2.Ack
    add_response: _demo_pb2.AddResponse
    answer: _service_pb2.Answer
    call: _service_pb2.Call
    cancel: _service_pb2.Cancel
    echo_message: _demo_pb2.EchoMessage
    error: _error_pb2.Error
    event: _event_pb2.Event
    id: int
    job: _queue_pb2.Job
    missed: _event_pb2.Missed
    ping: _session_pb2.Ping
    pong: _session_pb2.Pong
    settled: _queue_pb2.Settled
    welcome: _session_pb2.Welcome
    def __init__(self, echo_message: _Optional[_Union[_demo_pb2.EchoMessage, _Mapping]] = ..., add_response: _Optional[_Union[_demo_pb2.AddResponse, _Mapping]] = ..., event: _Optional[_Union[_event_pb2.Event, _Mapping]] = ..., welcome: _Optional[_Union[_session_pb2.Welcome, _Mapping]] = ..., ack: _Optional[_Union[_session_pb2.Ack, _Mapping]] = ..., error: _Optional[_Union[_error_pb2.Error, _Mapping]] = ..., ping: _Optional[_Union[_session_pb2.Ping, _Mapping]] = ..., pong: _Optional[_Union[_session_pb2.Pong, _Mapping]] = ..., call: _Optional[_Union[_service_pb2.Call, _Mapping]] = ..., answer: _Optional[_Union[_service_pb2.Answer, _Mapping]] = ..., cancel: _Optional[_Union[_service_pb2.Cancel, _Mapping]] = ..., missed: _Optional[_Union[_event_pb2.Missed, _Mapping]] = ..., job: _Optional[_Union[_queue_pb2.Job, _Mapping]] = ..., settled: _Optional[_Union[_queue_pb2.Settled, _Mapping]] = ..., id: _Optional[int] = ...) -> None: ...
