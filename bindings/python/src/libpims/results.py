"""The types of results, for type checkers and readers, see docs/api.md; and the ``info`` beside a
result."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Iterator, Literal, Mapping, Optional, Tuple, TypedDict, cast

from ._result_types import AcceptedCode as AcceptedCode
from ._result_types import Account as Account
from ._result_types import AccountDeviceMembers as AccountDeviceMembers
from ._result_types import AccountDevices as AccountDevices
from ._result_types import AccountNoticeMembers as AccountNoticeMembers
from ._result_types import AccountNotices as AccountNotices
from ._result_types import AccountStateText as AccountStateText
from ._result_types import ApprovalMembers as ApprovalMembers
from ._result_types import ApprovalStateText as ApprovalStateText
from ._result_types import Device as Device
from ._result_types import EnrollmentStatusText as EnrollmentStatusText
from ._result_types import ExportedEnrollment as ExportedEnrollment
from ._result_types import ImportedEnrollment as ImportedEnrollment
from ._result_types import KeystoreText as KeystoreText
from ._result_types import Log as Log
from ._result_types import Logs as Logs
from ._result_types import OneTimePassword as OneTimePassword
from ._result_types import PhoneNumber as PhoneNumber
from ._result_types import Verified as Verified
from ._result_types import Version as Version

#: The values of :class:`libpims.NextAction`.
NextActionText = Literal["retryPin", "requestSmsCode", "resetPin", "removeEnrollments", "removeDevice", "authenticate", "update", "enroll"]


class WrongPinsNote(TypedDict):
    """The member ``info.wrongPinsSince`` in the library's form: ``since`` is in milliseconds since
    1970 in UTC."""

    count: int
    since: int


class Info(TypedDict, total=False):
    """The member ``info`` of an error or beside a result, see docs/guide-errors.md. Any member of
    it may be missing."""

    attemptsLeft: int
    retryAfterSeconds: int
    blockedUntil: int
    word: str
    gateway: str
    nextAction: NextActionText
    wrongPinsSince: WrongPinsNote


@dataclass(frozen=True)
class WrongPins:
    """Wrong PINs for the account since this device last proved the right one. They came from this
    device or another one."""

    #: The number of wrong PINs.
    count: int
    #: The time at which this device last proved the right PIN, in UTC.
    since: datetime


def time_of(milliseconds: Any) -> Optional[datetime]:
    """Reads a time in milliseconds since 1970. Returns ``None`` if it is none."""
    if not isinstance(milliseconds, int):
        return None
    try:
        return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def wrong_pins(info: Mapping[str, Any]) -> Optional[WrongPins]:
    """Reads ``wrongPinsSince`` of an ``info``. Returns ``None`` if it is missing."""
    reported = info.get("wrongPinsSince")
    if reported is None:
        return None
    try:
        since = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=reported["since"])
        return WrongPins(int(reported["count"]), since)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


#: The members of results that are secrets: a one-time password, and an exported enrollment.
SECRET_MEMBERS = ("otp", "state")


class Result(Dict[str, Any]):
    """A result that is an object: a ``dict``, and ``info`` of its message. Its printed form omits
    the one-time password and the exported enrollment.

    ``result["otp"]`` is the password.
    """

    info: Info

    def __init__(self, members: Mapping[str, Any], info: Optional[Info] = None) -> None:
        super().__init__(members)
        self.info = info if info is not None else {}

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{name!r}: {shown}" for name, shown in self._shown()) + "}"

    def __reduce__(self) -> Tuple[Any, ...]:
        return Result, (dict(self), self.info)

    def copy(self) -> Result:
        """Returns a copy with the same printed form."""
        return Result(self, self.info)

    @property
    def wrong_pins(self) -> Optional[WrongPins]:
        """Wrong PINs that the message reported. ``None`` if it reported none."""
        return wrong_pins(self.info)

    def _shown(self) -> Iterator[Tuple[str, str]]:
        for name, value in self.items():
            yield name, "<not shown>" if name in SECRET_MEMBERS else repr(value)


class Answer:
    """The result of a call and the ``info`` beside it. It may hold a password, and its printed form
    shows nothing."""

    __slots__ = ("info", "result")

    def __init__(self, result: Any, info: Info) -> None:
        self.result = Result(cast(Dict[str, Any], result), info) if isinstance(result, dict) else result
        self.info = info

    def __repr__(self) -> str:
        return "<an answer of libpims>"
