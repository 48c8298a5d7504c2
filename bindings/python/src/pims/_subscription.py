"""Subscriptions without asyncio: events come to a function, on the library's thread."""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Any, Callable, Optional, Type

from ._bridge import Message, Parameters, bridge, result
from ._errors import Code, PimsError

_log = logging.getLogger("pims")


class Subscription:
    """Events of an api, until it is closed or the facade is released. Also a context manager."""

    def __init__(self, api: str, parameters: Optional[Parameters], on_event: Callable[[Any], None]) -> None:
        if bridge.is_inside:
            raise RuntimeError("a callback cannot wait for another one: subscribe from another thread")
        self._api = api
        self._on_event = on_event
        self._acknowledgment = _Acknowledgment()
        # Held while an event is delivered.
        self._delivering = threading.RLock()
        self._is_closed = False
        self._key = bridge.new_key()
        try:
            bridge.subscribe(self._key, api, parameters, self._take, lambda: None)
            self._acknowledgment.wait()
        except BaseException:
            # Ctrl-C: it may be there already, or come yet, and nobody would end it. One that was refused is gone.
            bridge.leave(self._key)
            raise

    def close(self) -> None:
        """Ends it. When this returns, the function has returned from its last event, and the library has no such subscription any more; where
        the queue is full, the library ends it as soon as there is a place. Inside a callback this waits for nothing: the event under way is
        the last one. Twice is harmless."""
        ended = _Acknowledgment()
        is_told = bridge.leave(self._key, ended.take)
        self._is_closed = True
        if bridge.is_inside:
            return
        # An event may be under way to the function since before.
        with self._delivering:
            pass
        if not is_told:
            return
        try:
            ended.wait()
        except PimsError as error:
            # Where the facade was released, nothing is left to end.
            if error.code != Code.NOT_INITIALIZED:
                raise

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        self.close()

    def _take(self, message: Message) -> None:
        if not self._acknowledgment.is_there:
            self._acknowledgment.take(message)
            return
        with self._delivering:
            if self._is_closed:
                return
            try:
                self._on_event(result(message))
            except Exception:
                _log.exception("what takes the events of %s failed", self._api)


def end(api: str, parameters: Optional[Parameters]) -> None:
    """Ends the subscription to an api. From inside a callback it does not wait: the acknowledgment would come after that callback."""
    acknowledgment = _Acknowledgment()
    bridge.start("unsubscribe", api, parameters, acknowledgment.take)
    if not bridge.is_inside:
        acknowledgment.wait()


class _Acknowledgment:
    """A message that the library's thread brings, and that this one waits for."""

    def __init__(self) -> None:
        self._message: Optional[Message] = None
        self._arrived = threading.Event()

    @property
    def is_there(self) -> bool:
        return self._arrived.is_set()

    def take(self, message: Message) -> None:
        self._message = message
        self._arrived.set()

    def wait(self) -> Any:
        self._arrived.wait()
        assert self._message is not None
        return result(self._message)
