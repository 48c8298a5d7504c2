"""Subscriptions without asyncio: events come to a function, on the library's thread."""

from __future__ import annotations

import logging
import sys
import threading
import time
from types import TracebackType
from typing import Any, Callable, Optional, Type

from ._bridge import Message, bridge, result, warn_of_loss
from ._errors import Code, PimsError
from ._parameters import Encoded, Parameters, encode

_log = logging.getLogger("pims")


class Subscription:
    """Events of an api, until it is closed, dropped, or the facade is released. Also a context manager.

    Keep it: one that is garbage-collected is ended, with a ``ResourceWarning``.
    """

    # Before there is one.
    _key = 0

    def __init__(self, api: str, parameters: Optional[Parameters], on_event: Callable[[Any], None]) -> None:
        try:
            if bridge.is_inside:
                raise RuntimeError("a callback cannot wait for another one: subscribe from another thread")
            encoded = encode(parameters)
        finally:
            del parameters
        self._api = api
        # The library's table has this, and not the subscription, which can so be dropped.
        self._receiver = _Receiver(api, on_event)
        self._key = bridge.new_key()
        try:
            bridge.subscribe(self._key, api, encoded, self._receiver.take, lambda: None, lambda: False)
            self._receiver.acknowledgment.wait()
        except BaseException:
            # Ctrl-C: it may be there already, or come yet, and nobody would end it. One that was refused is gone.
            self._receiver.is_closed = True
            bridge.leave(self._key)
            raise

    def close(self) -> None:
        """Ends it, and no other one. When this returns, the function has returned from its last event,
        and the library has no such subscription any more. A full queue does not refuse it: this waits
        for its turn. Inside a callback it waits for nothing: the event under way is the last one. Twice
        is harmless."""
        ended = _Acknowledgment()
        is_told = bridge.leave(self._key, ended.take)
        self._receiver.is_closed = True
        if bridge.is_inside:
            return
        # An event may be under way to the function since before.
        with self._receiver.delivering:
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

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]) -> None:
        # The subscription is the parent's: a forked child leaves its blocks, and ends.
        if not bridge.is_forked:
            self.close()

    def __del__(self) -> None:
        if self._key and not self._receiver.is_closed and bridge.drop(self._key):
            warn_of_loss(self._api, "a subscription was dropped and not closed", self)


class _Receiver:
    """What takes the messages of a subscription."""

    def __init__(self, api: str, on_event: Callable[[Any], None]) -> None:
        self._api = api
        self._on_event = on_event
        self.acknowledgment = _Acknowledgment()
        # Held while an event is delivered.
        self.delivering = threading.RLock()
        self.is_closed = False

    def take(self, message: Message) -> None:
        if not self.acknowledgment.is_there:
            self.acknowledgment.take(message)
            return
        with self.delivering:
            if self.is_closed:
                return
            try:
                self._on_event(result(message))
            except BaseException:
                # Also an exit: it would be one of the library's thread, which goes on.
                _log.exception("what takes the events of %s failed", self._api)


def end(api: str, parameters: Encoded) -> None:
    """Ends the subscription to an api. From inside a callback it does not wait: the acknowledgment would come after that callback."""
    acknowledgment = _Acknowledgment()
    bridge.start("unsubscribe", api, parameters, acknowledgment.take)
    if not bridge.is_inside:
        acknowledgment.wait()


def wait_for(event: threading.Event) -> None:
    """Waits for what another thread sets."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        event.wait()
        return
    # Its events do not bear to be set by a thread that gevent does not know while somebody waits: LoopExit, InvalidSwitchError.
    while not event.is_set():
        time.sleep(0.005)


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
        wait_for(self._arrived)
        assert self._message is not None
        return result(self._message)
