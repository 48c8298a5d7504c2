"""The catalogue's codes, and the exceptions. No exception ever holds a PIN, a code, a key or a
token."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, IntEnum
from typing import Any, Mapping, Optional

from .results import WrongPins, time_of, wrong_pins


class Code(IntEnum):
    """The codes of the catalogue, see docs/guide-errors.md."""

    UNKNOWN = 2000
    NOT_INITIALIZED = 2001
    NOT_SUPPORTED = 2002
    NOT_LOADED = 2003
    CONFIGURATION_INVALID = 2004
    DUPLICATE = 2005
    CORE_NOT_CONFIGURED = 2006
    ALREADY_INITIALIZED = 2007
    MISSING_PARAMETER = 2101
    INVALID_PARAMETER = 2102
    TIMEOUT = 2201
    NO_INTERNET = 2202
    INVALID_RETURN = 2203
    SERVER_ERROR = 2204
    PINNING_FAILED = 2208
    NEED_AUTHENTICATION = 2301
    NEED_STRONG_AUTHENTICATION = 2302
    CODE_INVALID = 2305
    CODE_EXPIRED = 2306
    NO_PHONE_NUMBER = 2307
    ACCESS_REFUSED = 2308
    VERSION_ERROR = 2309
    ACCOUNT_BLOCKED = 2310
    WRONG_STATE = 2311
    DEVICE_UNKNOWN = 2312
    NEEDS_OTHER_TOOL = 2313
    NO_SERVICE = 2314
    PIN_REUSED = 2315
    POST_SYNCHRONIZATION = 2316
    FORBIDDEN = 2317
    NOT_CONFIGURED = 2344
    DEPRECATED = 2350
    PHONE_NUMBER_REGISTERED = 2390


class NextAction(str, Enum):
    """The next step after an error, see docs/guide-errors.md. Each member compares and prints as
    its text."""

    #: Ask for the PIN again.
    RETRY_PIN = "retryPin"
    #: Offer a new SMS code.
    REQUEST_SMS_CODE = "requestSmsCode"
    #: Offer a new PIN by SMS.
    RESET_PIN = "resetPin"
    #: Offer to remove all devices of the account.
    REMOVE_ENROLLMENTS = "removeEnrollments"
    #: Offer to remove one device of the account.
    REMOVE_DEVICE = "removeDevice"
    #: Get a fresh access token.
    AUTHENTICATE = "authenticate"
    #: Ask the user to update the app.
    UPDATE = "update"
    #: Offer to enroll this device anew, with an SMS code.
    ENROLL = "enroll"

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, form: str) -> str:
        return format(str(self.value), form)


class PimsError(Exception):
    """An error of the library: a ``FAILED`` message. ``code`` compares with :class:`Code`;
    ``detail`` and ``info`` may be missing."""

    def __init__(self, code: int, label: str, detail: Optional[str] = None, info: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__(code, label, detail, info)
        self.code = code
        self.label = label
        self.detail = detail
        self.info: Mapping[str, Any] = info if info is not None else {}

    def __str__(self) -> str:
        return f"{self.code} {self.label}" + (f": {self.detail}" if self.detail else "")

    @property
    def attempts_left(self) -> Optional[int]:
        """The number of attempts that are left for the PIN or the code."""
        value = self.info.get("attemptsLeft")
        return value if isinstance(value, int) else None

    @property
    def retry_after_seconds(self) -> Optional[int]:
        """The seconds until the program may make the same call again."""
        value = self.info.get("retryAfterSeconds")
        return value if isinstance(value, int) else None

    @property
    def blocked_until(self) -> Optional[datetime]:
        """The end of the account's block by the service's clock, in UTC, if the block ends by
        itself. To wait, use ``retry_after_seconds``."""
        return time_of(self.info.get("blockedUntil"))

    @property
    def gateway(self) -> Optional[str]:
        """The code of a gateway in front of the service that refused the request."""
        value = self.info.get("gateway")
        return value if isinstance(value, str) else None

    @property
    def next_action(self) -> Optional[NextAction]:
        """The next step. ``None`` if there is none. ``info`` alone holds a step that this package
        does not know."""
        try:
            return NextAction(self.info.get("nextAction"))
        except ValueError:
            return None

    @property
    def wrong_pins(self) -> Optional[WrongPins]:
        """Wrong PINs for the account since this device last proved the right one. ``None`` if the
        message reports none."""
        return wrong_pins(self.info)


class QueueFull(RuntimeError):
    """The queue has 1,024 calls already. The call was not accepted: repeat it later."""


class ForkedError(RuntimeError):
    """A parent process used the library before the fork. Its thread does not exist in this
    process."""


class ShutdownError(RuntimeError):
    """The interpreter is ending, and the library is released."""
