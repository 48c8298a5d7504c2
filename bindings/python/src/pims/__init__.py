"""Strong authentication of the PIMS mobile SDK, over libpims.

The functions here run a request on the calling thread; :mod:`pims.aio` has the same for asyncio. A process has one facade: ``init`` (or
``session``) makes it, ``free`` releases it. :class:`StrongAuthentication` has a method for each operation.

A value among the parameters may be a function without arguments. It is called while the request is made, so that a PIN or a key can come
from a secret store and stands in no variable of the program.
"""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Generator, Optional

from . import _library
from ._bridge import Parameters, bridge
from ._errors import Code, ForkedError, PimsError, QueueFull, ShutdownError
from ._strong import StrongAuthentication
from ._subscription import Subscription, end
from .operations import AccountState, EnrollmentStatus, Secret

__all__ = [
    "AccountState",
    "Code",
    "EnrollmentStatus",
    "ForkedError",
    "Parameters",
    "PimsError",
    "QueueFull",
    "Secret",
    "ShutdownError",
    "StrongAuthentication",
    "Subscription",
    "free",
    "get",
    "init",
    "library_path",
    "session",
    "set",
    "subscribe",
    "unsubscribe",
    "version",
]


def init(config: Optional[Parameters] = None) -> None:
    """Makes the facade of the process, see docs/configuration.md."""
    bridge.execute("init", None, config)


def free() -> None:
    """Releases the facade, ends its subscriptions, and waits for the call under way. Twice is harmless."""
    bridge.free()


@contextlib.contextmanager
def session(config: Optional[Parameters] = None) -> Generator[StrongAuthentication, None, None]:
    """``init``, the component, and ``free`` at the end."""
    init(config)
    try:
        yield StrongAuthentication()
    finally:
        free()


def get(api: str, parameters: Optional[Parameters] = None) -> Any:
    """Requests data, see docs/api.md. Gives the result, or raises :class:`PimsError`."""
    return bridge.execute("get", api, parameters)


def set(api: str, parameters: Optional[Parameters] = None) -> Any:
    """Changes data or performs an action; as ``get``."""
    return bridge.execute("set", api, parameters)


def subscribe(api: str, parameters: Optional[Parameters], on_event: Callable[[Any], None]) -> Subscription:
    """Asks for events. ``on_event`` gets the result of each, on the library's thread, where it may call everything but this."""
    return Subscription(api, parameters, on_event)


def unsubscribe(api: str, parameters: Optional[Parameters] = None) -> None:
    """Ends the subscription to an api, whoever made it. Without one it succeeds too."""
    end(api, parameters)


def version() -> str:
    """The version of the library that is loaded."""
    return bridge.version()


def library_path() -> str:
    """Where the library is loaded from."""
    return _library.path()
