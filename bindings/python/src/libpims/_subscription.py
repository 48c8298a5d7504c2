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
from ._library import DEFAULT_FACADE
from ._parameters import Encoded, Parameters, encode

_log = logging.getLogger("libpims")


class Subscription:
    """A subscription to an api's events. It ends if it is closed or dropped, or if the facade is
    released. It is a context manager, too.

    Keep it: a subscription that is garbage-collected ends, with a ``ResourceWarning``.
    """

    # 0 before the subscription has a key.
    _key = 0

    def __init__(self, api: str, parameters: Optional[Parameters], on_event: Callable[[Any], None], facade: int = DEFAULT_FACADE) -> None:
        try:
            if bridge.is_inside:
                raise RuntimeError("a callback cannot wait for another one: subscribe from another thread")
            encoded = encode(parameters)
        finally:
            del parameters
        self._api = api
        # The library's table holds the receiver and not the subscription, so the subscription can
        # be dropped.
        self._receiver = _Receiver(api, on_event)
        self._key = bridge.new_key()
        try:
            bridge.subscribe(self._key, api, encoded, self._receiver.receive, lambda: None, lambda: False, facade)
            self._receiver.acknowledgment.wait()
        except BaseException:
            # Ctrl-C came. The subscription may exist already or begin later, and no other code
            # would end it. A refused subscription is in no table.
            self._receiver.is_closed = True
            bridge.cancel(self._key)
            raise

    def close(self) -> None:
        """Ends this subscription, and no other one. When this method returns, the function has
        returned from its last event, and the library has no such subscription any more. A full
        queue does not refuse the end: the method waits for its turn. Inside a callback the method
        waits for nothing: the current event is the last one. A second call has no effect."""
        ended = _Acknowledgment()
        is_reported = bridge.cancel(self._key, ended.receive)
        self._receiver.is_closed = True
        if bridge.is_inside:
            return
        # An earlier event may still be in the function.
        with self._receiver.delivering:
            pass
        if not is_reported:
            return
        try:
            ended.wait()
        except PimsError as error:
            # If the facade was released, nothing is left to end.
            if error.code != Code.NOT_INITIALIZED:
                raise

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]) -> None:
        # The subscription belongs to the parent. A forked child that leaves its block does not end
        # it.
        if not bridge.is_forked:
            self.close()

    def __del__(self) -> None:
        if self._key and not self._receiver.is_closed and bridge.drop(self._key):
            warn_of_loss(self._api, "a subscription was dropped and not closed", self)


class _Receiver:
    """The receiver of a subscription's messages."""

    def __init__(self, api: str, on_event: Callable[[Any], None]) -> None:
        self._api = api
        self._on_event = on_event
        self.acknowledgment = _Acknowledgment()
        # A thread holds it while it delivers an event.
        self.delivering = threading.RLock()
        self.is_closed = False

    def receive(self, message: Message) -> None:
        if not self.acknowledgment.is_there:
            self.acknowledgment.receive(message)
            return
        with self.delivering:
            if self.is_closed:
                return
            try:
                self._on_event(result(message))
            except BaseException:
                # Also an exit: it would end the library's thread, which must go on.
                _log.exception("the handler of the events of %s failed", self._api)


def end(api: str, parameters: Encoded, facade: int = DEFAULT_FACADE) -> None:
    """Ends the subscription to an api. Inside a callback it does not wait, because the
    acknowledgment comes after that callback."""
    acknowledgment = _Acknowledgment()
    bridge.start("unsubscribe", api, parameters, acknowledgment.receive, facade)
    if not bridge.is_inside:
        acknowledgment.wait()


def wait_for(event: threading.Event) -> None:
    """Waits for an event that another thread sets."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        event.wait()
        return
    # An unknown thread must not set an event of gevent while a greenlet waits for it: LoopExit,
    # InvalidSwitchError.
    while not event.is_set():
        time.sleep(0.005)


class _Acknowledgment:
    """A message from the library's thread, for which this thread waits."""

    def __init__(self) -> None:
        self._message: Optional[Message] = None
        self._arrived = threading.Event()

    @property
    def is_there(self) -> bool:
        return self._arrived.is_set()

    def receive(self, message: Message) -> None:
        self._message = message
        self._arrived.set()

    def wait(self) -> Any:
        wait_for(self._arrived)
        assert self._message is not None
        return result(self._message)
