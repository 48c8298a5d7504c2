"""A call of :mod:`libpims.aio`. Its message comes on the library's thread, and goes to the event
loop that awaits it."""

from __future__ import annotations

import asyncio
from typing import Any, Callable

from ._bridge import Message, answer, bridge
from ._library import DEFAULT_FACADE
from ._parameters import Encoded
from .results import Answer


async def call(method: str, api: str, parameters: Encoded, facade: int = DEFAULT_FACADE) -> Answer:
    """Hands a call to the library, and awaits its answer. Inside a callback, for which the loop
    would wait, it runs the call on this thread."""
    if bridge.is_inside:
        return bridge.execute(method, api, parameters, facade)
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[Message] = loop.create_future()
    bridge.start(method, api, parameters, on_loop(loop, resolving(answered)), facade)
    return answer(await answered)


def resolving(future: asyncio.Future[Any]) -> Callable[[Any], None]:
    """Returns a function that passes a message to a caller that still waits for it."""

    def resolve(message: Any) -> None:
        if not future.done():
            future.set_result(message)

    return resolve


def on_loop(loop: asyncio.AbstractEventLoop, handler: Callable[[Any], None]) -> Callable[[Any], bool]:
    """Returns a function for any thread, which has the loop run ``handler`` with a message. It
    returns false if the loop is closed."""

    def deliver(message: Any) -> bool:
        try:
            loop.call_soon_threadsafe(handler, message)
        except RuntimeError:
            return False
        return True

    return deliver
