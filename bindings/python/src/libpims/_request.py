"""One call as data, see :mod:`libpims.operations`."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Generic, Optional, TypeVar

from ._errors import Code
from ._parameters import Parameters

T = TypeVar("T")

ACCOUNT = "pims.authentication.account"


def topics(notices: bool, approval: bool) -> Parameters:
    """Returns the parameters of a subscription to the changes of the account."""
    wanted = {"isDeviceActivated": True, "isAccountBlocked": True, "notices": notices, "approval": approval}
    return {"actionType": "strong", "type": [name for name, is_wanted in wanted.items() if is_wanted]}


class Request(Generic[T]):
    """One call. It holds secrets, and its printed form shows nothing."""

    __slots__ = ("api", "method", "parameters", "read", "done", "proves_pin")

    def __init__(
        self,
        method: str,
        api: str,
        parameters: Optional[Parameters],
        read: Callable[[Any], T],
        done: Optional[Code] = None,
        proves_pin: bool = False,
    ) -> None:
        self.method = method
        self.api = api
        self.parameters = parameters
        self.read = read
        #: The code of the error that counts as a success: 2316 means that a change is done. Only a
        #: synchronization is left, which the next operation makes.
        self.done = done
        #: True if its answer reports wrong PINs.
        self.proves_pin = proves_pin

    def __repr__(self) -> str:
        return f"<a request of {self.api}>"


def read_text_or_none(member: Any) -> Optional[str]:
    """Reads a member of a result that is text or null."""
    return None if member is None else str(member)


def read_nothing(_result: Any) -> None:
    """Reads the result of an operation that has none."""


def read_text(value: Any) -> str:
    """Reads a text."""
    return str(value)


def read_flag(value: Any) -> bool:
    """Reads true or false."""
    return bool(value)


def read_time(value: Any) -> datetime:
    """Reads a time, in milliseconds since 1970 in UTC."""
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=value)


def read_seconds(value: Any) -> int:
    """Reads a whole number of seconds."""
    return int(value)


def read_optional(read: Callable[[Any], T], value: Any) -> Optional[T]:
    """Reads a value unless it is ``None``."""
    return None if value is None else read(value)
