"""A session: an account with a facade of its own."""

from __future__ import annotations

import warnings
from types import TracebackType
from typing import Any, Callable, Literal, Optional, Type, overload

from ._bridge import bridge
from ._parameters import Parameters, encode
from ._strong import StrongAuthentication
from ._subscription import Subscription, end
from ._typed import Calls
from .results import Account


class Session(Calls, StrongAuthentication):
    """A device with a facade of its own: its own storage, account, log, queue and thread. A process
    can have several of them, each with its own folder.

    The facade is open until ``close``, or the end of the ``with``. After that every method raises
    error 2001. Every thread may use the session. A forked child may not: there every method raises
    :class:`ForkedError`.

    A session that is garbage-collected is closed by the next one, with a ``ResourceWarning``.
    """

    # 0 before the facade is open.
    _facade = 0
    _is_closed = False

    def __init__(self, config: Optional[Parameters] = None) -> None:
        try:
            self._facade = bridge.open(encode(config))
        finally:
            del config

    def close(self) -> None:
        """Releases the facade, ends its subscriptions, and waits for its current call. Inside a
        callback it waits for nothing. A second call has no effect."""
        bridge.close(self._facade)
        self._is_closed = True

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]) -> None:
        # The facade belongs to the parent. A forked child that leaves its block does not close it.
        if not bridge.is_forked:
            self.close()

    def __del__(self) -> None:
        if self._facade and not self._is_closed and bridge.drop_facade(self._facade):
            warnings.warn("a session was dropped before it was closed", ResourceWarning, stacklevel=2, source=self)

    @overload
    def subscribe(
        self, api: Literal["pims.authentication.account"], parameters: Optional[Parameters], on_event: Callable[[Account], None]
    ) -> Subscription: ...
    @overload
    def subscribe(self, api: str, parameters: Optional[Parameters], on_event: Callable[[Any], None]) -> Subscription: ...
    def subscribe(self, api: str, parameters: Optional[Parameters], on_event: Callable[[Any], None]) -> Subscription:
        """Asks for the events of this session's account, see :func:`libpims.subscribe`."""
        try:
            return Subscription(api, parameters, on_event, self._facade)
        finally:
            del parameters

    def unsubscribe(self, api: str, parameters: Optional[Parameters] = None) -> None:
        """Ends the session's subscription to an api, see :func:`libpims.unsubscribe`."""
        try:
            end(api, encode(parameters), self._facade)
        finally:
            del parameters
