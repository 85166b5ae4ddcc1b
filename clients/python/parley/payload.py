"""Payloads: bytes, text, or a message of protobuf, whose full name is then the type; and how they are read."""

from __future__ import annotations

import json
from typing import Any, Type, TypeVar, Union

from google.protobuf.message import DecodeError, Message

from .errors import ParleyError, invalid_argument

#: What may be sent: bytes as they are, text as UTF-8, or a generated message.
Payload = Union[bytes, bytearray, memoryview, str, Message]

M = TypeVar("M", bound=Message)


def encode(payload: Payload, type: str, action: str) -> tuple[bytes, str]:
    """The bytes of a payload, and its type: that of a message unless `type` says another."""
    if isinstance(payload, str):
        return payload.encode(), type
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload), type
    if isinstance(payload, Message):
        return payload.SerializeToString(), type or payload.DESCRIPTOR.full_name
    raise invalid_argument(
        f"cannot {action} a {payload.__class__.__name__}",
        "bytes, str or a message of protobuf; json.dumps(value) for JSON",
    )


class HasPayload:
    """What came with a payload, and its forms."""

    payload: bytes
    type: str

    def text(self) -> str:
        """The payload as text. Raises INVALID_ARGUMENT when it is no UTF-8."""
        try:
            return self.payload.decode()
        except UnicodeDecodeError:
            raise self._unreadable("as text: it is no UTF-8") from None

    def json(self) -> Any:
        """The value that the payload says in JSON. Raises INVALID_ARGUMENT when it is none."""
        try:
            return json.loads(self.text())
        except ValueError as reason:
            raise self._unreadable(f"as JSON: {reason}") from None

    def message(self, kind: Type[M]) -> M:
        """The payload as a generated message. Raises INVALID_ARGUMENT when it is another one, or none."""
        name: str = kind.DESCRIPTOR.full_name
        if self.type not in ("", name):
            raise self._unreadable(f"as {name}: it is a {self.type}")
        try:
            return kind.FromString(self.payload)
        except DecodeError:
            raise self._unreadable(f"as {name}: it is none") from None

    def _name(self) -> str:
        return "a payload"

    def _unreadable(self, how: str) -> ParleyError:
        return invalid_argument(f"cannot read {self._name()} {how}", "a payload of that form")
