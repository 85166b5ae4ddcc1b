"""The one error class, with a closed set of codes to decide on."""

from __future__ import annotations

import enum

from .v1 import error_pb2


class ErrorCode(enum.IntEnum):
    """What kind of error it is. The names are gRPC's, the numbers are not."""

    UNSPECIFIED = 0
    INVALID_ARGUMENT = 1
    UNAUTHENTICATED = 2
    PERMISSION_DENIED = 3
    NOT_FOUND = 4
    ALREADY_EXISTS = 5
    RESOURCE_EXHAUSTED = 6
    FAILED_PRECONDITION = 7
    DEADLINE_EXCEEDED = 8
    UNAVAILABLE = 9
    UNIMPLEMENTED = 10
    INTERNAL = 11


class CloseReason(enum.IntEnum):
    """Why the server ends a connection."""

    UNSPECIFIED = 0
    SHUTDOWN = 1
    SLOW_CONSUMER = 2
    IDLE = 3
    PROTOCOL_ERROR = 4
    AUTH_TIMEOUT = 5
    REPLACED = 6
    KICKED = 7
    RATE_LIMIT = 8
    TOO_MANY_CONNECTIONS = 9
    INTERNAL = 10
    SLOW_SENDER = 11
    REVOKED = 12


class ParleyError(Exception):
    """An error of the server or of this library.

    Decide on `code`; `message` is for people. `retryable` says that the same request may succeed later, `accepted` what
    would have been taken, `close_reason` why the connection ends, if it does, and `go_to` the URLs of servers that one which
    stops points to.
    """

    def __init__(
        self,
        code: ErrorCode | int,
        message: str,
        *,
        retryable: bool | None = None,
        accepted: str = "",
        close_reason: CloseReason | int = CloseReason.UNSPECIFIED,
        go_to: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = code == ErrorCode.UNAVAILABLE if retryable is None else retryable
        self.accepted = accepted
        self.close_reason = close_reason
        self.go_to = go_to

    @property
    def code_name(self) -> str:
        """The code's name, like `INVALID_ARGUMENT`."""
        return self.code.name if isinstance(self.code, ErrorCode) else f"CODE_{self.code}"

    def __str__(self) -> str:
        accepted = f" (accepted: {self.accepted})" if self.accepted else ""
        return f"{self.code_name}: {self.message}{accepted}"


class Reject(Exception):
    """Raised by the handler of a worker: the job can never be done, and becomes a dead letter at once."""


def invalid_argument(message: str, accepted: str) -> ParleyError:
    """A request that is wrong by itself."""
    return ParleyError(ErrorCode.INVALID_ARGUMENT, message, accepted=accepted)


def error_of(wire: error_pb2.Error) -> ParleyError:
    """The error that the server says. A code that this version does not know is kept as its number."""
    return ParleyError(
        _known(ErrorCode, wire.code),
        wire.message,
        retryable=wire.retryable,
        accepted=wire.accepted,
        close_reason=_known(CloseReason, wire.close_reason),
        go_to=tuple(wire.go_to),
    )


def wire_error(error: BaseException) -> error_pb2.Error:
    """What a caller is told of an exception of a handler."""
    if isinstance(error, ParleyError):
        wire = error_pb2.Error(message=error.message, retryable=error.retryable, accepted=error.accepted)
        wire.code = int(error.code)  # type: ignore[assignment]
        return wire
    return error_pb2.Error(code="ERROR_CODE_INTERNAL", message=str(error) or type(error).__name__)


def _known(kind: type[enum.IntEnum], number: int) -> int:
    try:
        return kind(number)
    except ValueError:
        return number
