"""Strong authentication of the PIMS mobile SDK, over libpims.

A :class:`Session` is one account: ``session`` makes it, and it has a method for each operation. A
process can have several. Its methods run a request on the calling thread; :mod:`libpims.aio` has
the same for asyncio.

A process also has one default facade, as in C: ``init`` makes it, the functions ``get``, ``set``,
``subscribe``, ``unsubscribe`` and the class :class:`StrongAuthentication` use it, and ``free``
releases it. It is independent of all sessions.

A value among the parameters may be a function without arguments. The package calls it while it
makes the request. So a PIN or a key can come from a secret store, and no variable of the program
holds it.
"""

from __future__ import annotations

from typing import Any, Callable, Literal, Mapping, Optional, cast, overload

from . import _library
from ._bridge import bridge
from ._errors import Code, ForkedError, NextAction, PimsError, QueueFull, ShutdownError
from ._parameters import Parameters, Secret, encode
from ._session import Session
from ._strong import StrongAuthentication
from ._subscription import Subscription, end
from ._typed import get as get
from ._typed import set as set
from .operations import AccountDevice, AccountNotice, AccountState, Approval, ApprovalState, EnrollmentStatus, Keystore
from .results import Account, Info, Result, WrongPins

# Without get and set: `from libpims import *` would hide the builtin.
__all__ = [
    "Account",
    "AccountDevice",
    "AccountNotice",
    "AccountState",
    "Approval",
    "ApprovalState",
    "Code",
    "EnrollmentStatus",
    "ForkedError",
    "Info",
    "Keystore",
    "NextAction",
    "Parameters",
    "PimsError",
    "QueueFull",
    "Result",
    "Secret",
    "Session",
    "ShutdownError",
    "StrongAuthentication",
    "Subscription",
    "WrongPins",
    "free",
    "info",
    "init",
    "library_path",
    "session",
    "subscribe",
    "unsubscribe",
    "version",
]


def init(config: Optional[Parameters] = None) -> None:
    """Makes the default facade of the process. Configuration: docs/configuration.md."""
    try:
        bridge.init(encode(config))
    finally:
        del config


def free() -> None:
    """Releases the default facade, ends its subscriptions, and waits for its current call. A second
    call has no effect. Sessions go on."""
    bridge.free()


def session(config: Optional[Parameters] = None) -> Session:
    """Makes a session, for a ``with``: ``with libpims.session(config) as device: device.otp(pin)``.
    Configuration: docs/configuration.md."""
    try:
        return Session(config)
    finally:
        del config


def info(result: Mapping[str, Any]) -> Info:
    """Returns the ``info`` beside a result of ``get`` or ``set``; empty if the message has none."""
    return result.info if isinstance(result, Result) else cast(Info, {})


@overload
def subscribe(
    api: Literal["pims.authentication.account"], parameters: Optional[Parameters], on_event: Callable[[Account], None]
) -> Subscription: ...
@overload
def subscribe(api: str, parameters: Optional[Parameters], on_event: Callable[[Any], None]) -> Subscription: ...
def subscribe(api: str, parameters: Optional[Parameters], on_event: Callable[[Any], None]) -> Subscription:
    """Asks for events. ``on_event`` gets the result of each event, on the library's thread. There
    it may call every function but this one.

    Keep the returned subscription: if it is garbage-collected, it ends, with a ``ResourceWarning``.
    """
    try:
        return Subscription(api, parameters, on_event)
    finally:
        del parameters


def unsubscribe(api: str, parameters: Optional[Parameters] = None) -> None:
    """Ends the subscription to an api, no matter which code made it. It succeeds without one,
    too."""
    try:
        end(api, encode(parameters))
    finally:
        del parameters


def version() -> str:
    """Returns the version of the loaded library."""
    return bridge.version()


def library_path() -> str:
    """Returns the path from which the library is loaded."""
    return _library.path()
