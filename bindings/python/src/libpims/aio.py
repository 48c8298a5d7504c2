"""The same functions for asyncio: ``await libpims.aio.get(...)``.

The package hands a call to the library's queue. The message comes on the library's thread and goes
to the event loop that awaits it. If the program cancels an await, it discards the message, not the
operation. The operation goes on, because no message says how far it came.
"""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from types import TracebackType
from typing import Any, AsyncGenerator, AsyncIterator, Callable, Coroutine, Generic, List, Literal, Optional, Type, TypeVar, overload

from . import results
from ._aio_call import call, on_loop, resolving
from ._aio_typed import AsyncCalls, AsyncOperations
from ._aio_typed import get as get
from ._aio_typed import set as set
from ._bridge import Message, bridge, ignore, result, warn_of_loss
from ._errors import Code, PimsError
from ._library import DEFAULT_FACADE
from ._parameters import AsyncSecret as Secret
from ._parameters import Draft, Encoded, Parameters, encode_awaiting
from ._request import ACCOUNT, Request, topics
from .results import Account, WrongPins

# Without get and set: `from libpims.aio import *` would hide the builtin.
__all__ = ["Events", "Secret", "Session", "StrongAuthentication", "free", "init", "session", "subscribe", "unsubscribe"]

T = TypeVar("T")


async def init(config: Optional[Parameters] = None) -> None:
    """Makes the default facade of the process. Configuration: docs/configuration.md. Another thread
    reads and creates the files and calls the functions of the configuration. The loop awaits their
    return values."""
    try:
        encoding = _encode(config)
    finally:
        del config
    encoded = await encoding
    await _on_other_thread(lambda: bridge.init(encoded))


async def free() -> None:
    """Releases the default facade and ends its subscriptions. Another thread waits for the current
    call. A second call has no effect. Sessions go on."""
    # On this thread: a forked child does not have the threads of its parent's loop.
    bridge.refuse_forked()
    await _on_other_thread(bridge.free)


def _encode(config: Optional[Parameters]) -> Coroutine[Any, Any, Encoded]:
    """Returns a coroutine that encodes a configuration. No frame of it keeps the configuration."""
    try:
        bridge.refuse_forked()
        # The work below empties this list: no frame and no other thread keeps the configuration.
        box = [config]
    finally:
        del config

    async def encode() -> Encoded:
        drafts: List[Draft] = []
        await _on_other_thread(lambda: drafts.append(Draft(box.pop())))
        await drafts[0].resolve()
        return drafts.pop().encode()

    return encode()


@contextlib.asynccontextmanager
async def session(config: Optional[Parameters] = None) -> AsyncGenerator[Session, None]:
    """Opens a session, and closes it at the end of the block. Configuration:
    docs/configuration.md."""
    try:
        opening = Session.open(config)
    finally:
        del config
    async with await opening as opened:
        yield opened


async def unsubscribe(api: str, parameters: Optional[Parameters] = None) -> None:
    """Ends the subscription to an api, no matter which code made it. It succeeds without one,
    too."""
    try:
        ending = _unsubscribe(api, parameters, DEFAULT_FACADE)
    finally:
        del parameters
    await ending


async def _unsubscribe(api: str, parameters: Optional[Parameters], facade: int) -> None:
    try:
        encoded = await encode_awaiting(parameters)
    finally:
        del parameters
    if bridge.is_inside:
        # The acknowledgment comes after the callback.
        bridge.start("unsubscribe", api, encoded, ignore, facade)
    else:
        await call("unsubscribe", api, encoded, facade)


@overload
def subscribe(api: Literal["pims.authentication.account"], parameters: Optional[Parameters] = None) -> Events[Account]: ...
@overload
def subscribe(api: str, parameters: Optional[Parameters] = None) -> Events[Any]: ...
def subscribe(api: str, parameters: Optional[Parameters] = None) -> Events[Any]:
    """Returns the events of an api:
    ``async with libpims.aio.subscribe(...) as events: async for event in events: ...``"""
    return Events(api, parameters)


class Events(AsyncIterator[T], Generic[T]):
    """The results of a subscription's events. The subscription lasts as long as the ``async with``.
    If the facade is released, the iteration ends.

    A subscription ends with a ``ResourceWarning`` if it is garbage-collected or its event loop is
    closed.
    """

    # 0 before the subscription begins, and after its end.
    _key = 0

    def __init__(self, api: str, parameters: Optional[Parameters], facade: int = DEFAULT_FACADE) -> None:
        self._facade = facade
        self._api = api
        self._parameters = parameters
        self._queue: Optional[_Queue] = None

    async def __aenter__(self) -> Events[T]:
        if bridge.is_inside:
            raise RuntimeError("a callback cannot wait for another one: subscribe from another thread")
        loop = asyncio.get_running_loop()
        encoded = await encode_awaiting(self._parameters)
        queue = _Queue()
        acknowledged: asyncio.Future[Message] = loop.create_future()

        def dispatch(message: Message) -> None:
            if acknowledged.done():
                queue.put(message)
            else:
                acknowledged.set_result(message)

        api, key, deliver = self._api, bridge.new_key(), on_loop(loop, dispatch)

        def receive(message: Message) -> None:
            # This function refers to no `Events`, so an `Events` can be dropped.
            if not deliver(message) and bridge.cancel(key):
                warn_of_loss(api, "the event loop of a subscription was closed before the subscription ended")

        def end() -> None:
            on_loop(loop, queue.put)(None)

        try:
            bridge.subscribe(key, api, encoded, receive, end, loop.is_closed, self._facade)
            result(await acknowledged)
            self._key, self._queue = key, queue
            return self
        except BaseException:
            # The caller was cancelled. The subscription may exist already or begin later, and no
            # other code would end it. A refused subscription is in no table.
            bridge.cancel(key)
            raise

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        if self._queue is not None:
            self._queue.close()
        key, self._key = self._key, 0
        if bridge.is_forked:
            # The subscription and the loop belong to the parent. A forked child that leaves its
            # block does not end the subscription.
            return
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Message] = loop.create_future()
        try:
            if not bridge.cancel(key, on_loop(loop, resolving(ended))) or bridge.is_inside:
                return
            result(await ended)
        except PimsError as refused:
            # If the facade was released, nothing is left to end.
            if refused.code != Code.NOT_INITIALIZED:
                raise

    def __del__(self) -> None:
        if self._key and bridge.drop(self._key):
            warn_of_loss(self._api, "a subscription was dropped before its `async with` ended", self)

    async def __anext__(self) -> T:
        if self._queue is None:
            raise RuntimeError("a subscription begins with `async with`")
        message = await self._queue.get()
        if message is None:
            raise StopAsyncIteration
        event: T = result(message)
        return event


class _Queue:
    """The events of one subscription, until it ends. Each task that waits for an event sees the
    end, and so does each later one."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[Optional[Message]] = asyncio.Queue()
        self._is_closed = False

    def put(self, message: Optional[Message]) -> None:
        """Adds an event, or ``None`` as the end of the events."""
        self._events.put_nowait(message)

    def close(self) -> None:
        """Discards the events that are left."""
        self._is_closed = True
        self._events.put_nowait(None)

    async def get(self) -> Optional[Message]:
        """Returns the next event, or ``None`` after the last one."""
        message = await self._events.get()
        if message is None or self._is_closed:
            # For the next task that waits.
            self._events.put_nowait(None)
            return None
        return message


class StrongAuthentication(AsyncOperations):
    """The operations of docs/api.md, on the default facade of this process, as coroutines. See
    :class:`libpims.StrongAuthentication`."""

    _facade = DEFAULT_FACADE

    #: Wrong PINs for the account, from the last operation with a PIN, see docs/guide-security.md.
    #: ``None`` if it reported none.
    wrong_pins: Optional[WrongPins] = None

    def watch(self, *, notices: bool = False, approval: bool = False) -> Events[Account]:
        """Returns the changes of ``isDeviceActivated`` and ``isAccountBlocked``, and ``notices``
        and the ``approval`` of a new device, if they are wanted. See
        :meth:`libpims.StrongAuthentication.watch`."""
        return Events(ACCOUNT, topics(notices, approval), self._facade)

    async def _run(self, request: Request[T]) -> T:
        value, wrong_pins = None, None
        try:
            answer = await call(request.method, request.api, await encode_awaiting(request.parameters), self._facade)
            value, wrong_pins = answer.result, results.wrong_pins(answer.info)
        except PimsError as error:
            wrong_pins = error.wrong_pins
            if error.code != request.done:
                raise
        finally:
            if request.proves_pin:
                self.wrong_pins = wrong_pins
        return request.read(value)


class Session(AsyncCalls, StrongAuthentication):
    """A device with a facade of its own, as coroutines. See :class:`libpims.Session`.

    ``open`` makes one, ``close`` or the end of an ``async with`` closes it. Every event loop may
    use it.
    """

    # 0 before the facade is open.
    _facade = 0
    _is_closed = False

    @classmethod
    async def open(cls, config: Optional[Parameters] = None) -> Session:
        """Opens a session. Another thread reads and creates the files and calls the functions of
        the configuration. The loop awaits their return values. A cancellation ends this wait at
        once. If the caller is cancelled later, the session is closed again."""
        try:
            encoding = _encode(config)
        finally:
            del config
        encoded = await encoding
        # Only from here on can there be a facade, which no other code would close.
        opening = asyncio.ensure_future(_open(encoded))
        try:
            await _finished(opening)
        except asyncio.CancelledError:
            if not opening.cancelled() and opening.exception() is None:
                # No other code would close it.
                await opening.result().close()
            raise
        return opening.result()

    async def close(self) -> None:
        """Releases the facade and ends its subscriptions. Another thread waits for the current
        call, also if the caller is cancelled meanwhile. A second call has no effect."""
        # On this thread: a forked child does not have the threads of its parent's loop.
        bridge.refuse_forked()
        await _finished(asyncio.ensure_future(_on_other_thread(lambda: bridge.close(self._facade))))
        self._is_closed = True

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        # The facade belongs to the parent. A forked child that leaves its block does not close it.
        if not bridge.is_forked:
            await self.close()

    def __del__(self) -> None:
        if self._facade and not self._is_closed and bridge.drop_facade(self._facade):
            warnings.warn("a session was dropped before it was closed", ResourceWarning, stacklevel=2, source=self)

    @overload
    def subscribe(self, api: Literal["pims.authentication.account"], parameters: Optional[Parameters] = None) -> Events[Account]: ...
    @overload
    def subscribe(self, api: str, parameters: Optional[Parameters] = None) -> Events[Any]: ...
    def subscribe(self, api: str, parameters: Optional[Parameters] = None) -> Events[Any]:
        """Returns the events of an api of this session, see :func:`libpims.aio.subscribe`."""
        return Events(api, parameters, self._facade)

    async def unsubscribe(self, api: str, parameters: Optional[Parameters] = None) -> None:
        """Ends the session's subscription to an api, see :func:`libpims.aio.unsubscribe`."""
        try:
            ending = _unsubscribe(api, parameters, self._facade)
        finally:
            del parameters
        await ending


async def _open(encoded: Encoded) -> Session:
    session = Session()
    await _on_other_thread(lambda: setattr(session, "_facade", bridge.open(encoded)))
    return session


async def _on_other_thread(work: Callable[[], Any]) -> None:
    """Runs work on another thread. Inside a callback, for which that thread would wait, it runs on
    this one."""
    if bridge.is_inside:
        work()
    else:
        await asyncio.to_thread(work)


async def _finished(task: asyncio.Future[Any]) -> None:
    """Waits for the end of a task. If the caller is cancelled meanwhile, also more than once, the
    cancellation is raised at the end of the task."""
    cancelled = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()
