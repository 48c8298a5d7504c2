"""The same for asyncio: ``await pims.aio.get(...)``.

A call is handed to the library's queue; its message comes on the library's thread and goes to the event loop that awaits it. An await that
is cancelled gives up the message, not the operation: that goes on, as no message says how far it came.
"""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Any, AsyncGenerator, AsyncIterator, Callable, Optional, Type, TypeVar

from . import operations
from ._bridge import Message, Parameters, bridge, result, to_nobody
from ._errors import Code, PimsError
from .operations import AccountState, EnrollmentStatus, Request, Secret

__all__ = ["Events", "StrongAuthentication", "free", "get", "init", "session", "set", "subscribe", "unsubscribe"]

T = TypeVar("T")


async def init(config: Optional[Parameters] = None) -> None:
    """Makes the facade of the process, see docs/configuration.md. Files are read and made on another thread."""
    await _elsewhere(lambda: bridge.execute("init", None, config))


async def free() -> None:
    """Releases the facade and ends its subscriptions; another thread waits for the call under way. Twice is harmless."""
    await _elsewhere(bridge.free)


@contextlib.asynccontextmanager
async def session(config: Optional[Parameters] = None) -> AsyncGenerator[StrongAuthentication, None]:
    """``init``, the component, and ``free`` at the end."""
    made = asyncio.ensure_future(init(config))
    try:
        await _whole(made)
    except asyncio.CancelledError:
        # It is made all the same, and nobody else would release it.
        if not made.cancelled() and made.exception() is None:
            await _whole(asyncio.ensure_future(free()))
        raise
    try:
        yield StrongAuthentication()
    finally:
        await _whole(asyncio.ensure_future(free()))


async def get(api: str, parameters: Optional[Parameters] = None) -> Any:
    """Requests data, see docs/api.md. Gives the result, or raises :class:`pims.PimsError`."""
    return await _call("get", api, parameters)


async def set(api: str, parameters: Optional[Parameters] = None) -> Any:
    """Changes data or performs an action; as ``get``."""
    return await _call("set", api, parameters)


async def unsubscribe(api: str, parameters: Optional[Parameters] = None) -> None:
    """Ends the subscription to an api, whoever made it. Without one it succeeds too."""
    if bridge.is_inside:
        # The acknowledgment comes after the callback.
        bridge.start("unsubscribe", api, parameters, to_nobody)
    else:
        await _call("unsubscribe", api, parameters)


def subscribe(api: str, parameters: Optional[Parameters] = None) -> Events:
    """Events of an api: ``async with pims.aio.subscribe(...) as events: async for event in events: ...``"""
    return Events(api, parameters)


class Events(AsyncIterator[Any]):
    """The results of the events of a subscription. It lasts as long as the ``async with``; where the facade is released, the iteration ends."""

    def __init__(self, api: str, parameters: Optional[Parameters]) -> None:
        self._api = api
        self._parameters = parameters
        self._queue: Optional[_Queue] = None
        self._key = 0

    async def __aenter__(self) -> Events:
        if bridge.is_inside:
            raise RuntimeError("a callback cannot wait for another one: subscribe from another thread")
        loop = asyncio.get_running_loop()
        queue = _Queue()
        acknowledged: asyncio.Future[Message] = loop.create_future()

        def sort(message: Message) -> None:
            if acknowledged.done():
                queue.put(message)
            else:
                acknowledged.set_result(message)

        key = bridge.new_key()
        try:
            bridge.subscribe(key, self._api, self._parameters, _in(loop, sort), lambda: _in(loop, queue.put)(None))
            result(await acknowledged)
            self._key, self._queue = key, queue
            return self
        except BaseException:
            # Cancelled: it may be there already, or come yet, and nobody would end it. One that was refused is gone.
            bridge.leave(key)
            raise

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]
    ) -> None:
        if self._queue is not None:
            self._queue.close()
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Message] = loop.create_future()
        if not bridge.leave(self._key, _in(loop, _settling(ended))) or bridge.is_inside:
            return
        try:
            result(await ended)
        except PimsError as refused:
            # Where the facade was released, nothing is left to end.
            if refused.code != Code.NOT_INITIALIZED:
                raise

    async def __anext__(self) -> Any:
        if self._queue is None:
            raise RuntimeError("a subscription begins with `async with`")
        message = await self._queue.get()
        if message is None:
            raise StopAsyncIteration
        return result(message)


class _Queue:
    """The events of one subscription, until it ends: of that everybody hears who waits for events, and whoever asks for them later."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[Optional[Message]] = asyncio.Queue()
        self._is_closed = False

    def put(self, message: Optional[Message]) -> None:
        """An event, or ``None``: there will be no other one."""
        self._events.put_nowait(message)

    def close(self) -> None:
        """Nobody wants the events that are left."""
        self._is_closed = True
        self._events.put_nowait(None)

    async def get(self) -> Optional[Message]:
        """The next event; ``None`` when there will be none."""
        message = await self._events.get()
        if message is None or self._is_closed:
            # For the next one who waits.
            self._events.put_nowait(None)
            return None
        return message


class StrongAuthentication:
    """The operations of docs/api.md, on the facade of this process, as coroutines; see :class:`pims.StrongAuthentication`."""

    async def request_enrollment_code(self) -> None:
        """Has an SMS code for an enrollment sent to the trusted phone number."""
        return await _run(operations.request_code("enrollment"))

    async def accept_enrollment_code(self, sms_code: Secret) -> EnrollmentStatus:
        """Shows the code to the service, which says whether the account has a PIN. ``enroll`` without a code finishes."""
        return await _run(operations.accept_code(sms_code))

    async def enroll(self, pin: Secret, sms_code: Secret = " ") -> None:
        """Enrolls the device: with a code in one step, without one after ``accept_enrollment_code``."""
        return await _run(operations.enroll("enroll", pin, sms_code))

    async def enroll_with_phone_number(self, pin: Secret, sms_code: Secret, phone_number: str) -> None:
        """Enrolls the device and registers the trusted phone number, with a code of ``request_phone_number_code``."""
        return await _run(operations.enroll("enrollWithPhoneNumber", pin, sms_code, phoneNumber=phone_number))

    async def remove_enrollments(self) -> None:
        """Removes every enrollment of the account, with its PIN and a block, then this device's."""
        return await _run(operations.remove_enrollments())

    async def request_phone_number_code(self, phone_number: str) -> None:
        """Has an SMS code sent to a phone number that is to become the trusted one."""
        return await _run(operations.request_code("phoneNumberCertification", phoneNumber=phone_number))

    async def add_phone_number(self, sms_code: Secret, phone_number: str) -> None:
        """Registers the account's first trusted phone number."""
        return await _run(operations.change_number("addPhoneNumber", sms_code, phone_number))

    async def modify_phone_number(self, sms_code: Secret, phone_number: str) -> None:
        """Puts another trusted phone number in place of the account's."""
        return await _run(operations.change_number("modifyPhoneNumber", sms_code, phone_number))

    async def trusted_phone_number(self) -> str:
        """The account's trusted phone number; 2307 where there is none."""
        return await _run(operations.trusted_phone_number())

    async def change_pin(self, old_pin: Secret, new_pin: Secret) -> None:
        """Changes the PIN."""
        return await _run(operations.change_pin(old_pin, new_pin))

    async def request_reset_code(self) -> None:
        """Has an SMS code sent with which the PIN can be set anew."""
        return await _run(operations.request_code("resetPIN"))

    async def reset_pin(self, new_pin: Secret, sms_code: Secret) -> None:
        """Sets a new PIN with a code of ``request_reset_code``, and lifts a block of the PIN."""
        return await _run(operations.reset_pin(new_pin, sms_code))

    async def otp(self, pin: Secret) -> str:
        """A one-time password. A wrong PIN is 2308, with ``attempts_left``."""
        return await _run(operations.otp(pin))

    async def otp_without_pin(self) -> str:
        """A one-time password that proves the device and nothing of the person, where the service allows it."""
        return await _run(operations.otp(None))

    async def is_activated(self) -> bool:
        """Whether this device is enrolled, from its own state."""
        return await _run(operations.is_activated())

    async def account_state(self) -> AccountState:
        """Whether the account is blocked; the service is asked where the device is enrolled."""
        return await _run(operations.account_state())

    async def set_access_token(self, token: Secret) -> None:
        """Replaces ``account.accessToken``."""
        return await _run(operations.set_access_token(token))

    def watch(self) -> Events:
        """Changes of ``isDeviceActivated`` and ``isAccountBlocked``."""
        return Events(operations.ACCOUNT, operations.CHANGES)


async def _run(request: Request[T]) -> T:
    try:
        told = await _call(request.method, request.api, request.parameters)
    except PimsError as error:
        if error.code != request.done:
            raise
        told = None
    return request.read(told)


async def _call(method: str, api: str, parameters: Optional[Parameters]) -> Any:
    if bridge.is_inside:
        return bridge.execute(method, api, parameters)
    loop = asyncio.get_running_loop()
    told: asyncio.Future[Message] = loop.create_future()
    bridge.start(method, api, parameters, _in(loop, _settling(told)))
    return result(await told)


def _settling(told: asyncio.Future[Message]) -> Callable[[Message], None]:
    """What gives a message to those who still wait for it."""

    def settle(message: Message) -> None:
        if not told.done():
            told.set_result(message)

    return settle


async def _elsewhere(work: Callable[[], Any]) -> None:
    """On another thread, or, inside a callback, which that one would wait for, on this."""
    if bridge.is_inside:
        work()
    else:
        await asyncio.to_thread(work)


async def _whole(task: asyncio.Future[None]) -> None:
    """Waits for the end of a task. Who is cancelled meanwhile, also more than once, hears of it then."""
    cancelled = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()


def _in(loop: asyncio.AbstractEventLoop, take: Callable[[Any], None]) -> Callable[[Any], None]:
    """``take``, run by the loop whatever thread brings the message. A loop that was closed takes none."""

    def bring(message: Any) -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(take, message)

    return bring

