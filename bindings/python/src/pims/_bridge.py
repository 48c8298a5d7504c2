"""Calls into the library, and its callbacks.

One C callback serves all calls. What belongs to a call is a Python function in a table, under the number that travels as ``ctx``: it stays
there exactly until its message came, or, of a subscription, until it ends.
"""

from __future__ import annotations

import atexit
import ctypes
import itertools
import json
import os
import threading
from pathlib import PurePath
from typing import Any, Callable, Dict, Mapping, Optional

from . import _library
from ._errors import ForkedError, PimsError, QueueFull, ShutdownError

Parameters = Mapping[str, Any]
Handler = Callable[[bytes], None]


class Kept:
    """What the table has of a call: what its messages go to, and, of a subscription, who hears that the facade is gone."""

    __slots__ = ("api", "handler", "on_end")

    def __init__(self, api: str, handler: Handler, on_end: Optional[Callable[[], None]]) -> None:
        self.api = api
        self.handler = handler
        self.on_end = on_end


class Bridge:
    """The library as this process uses it. There is one: a process has one facade."""

    def __init__(self) -> None:
        self._kept: Dict[int, Kept] = {}
        self._keys = itertools.count(1)
        # It lives as long as the process, so no message can come to a callback that was collected.
        self._callback = _library.CALLBACK(self._deliver)
        self._inside = threading.local()
        self._user: Optional[int] = None
        # Which threads are in the library, and how deep: a callback may call it again.
        self._within: Dict[int, int] = {}
        self._gate = threading.Lock()
        self._left = threading.Condition(self._gate)
        self._is_over = False

    def execute(self, method: str, api: Optional[str], parameters: Optional[Parameters]) -> Any:
        """Runs a request on this thread, also inside a callback, and gives its result."""
        # Before the library is entered: what fetches a secret may wait for a person.
        text = encode(parameters)
        try:
            library = self._enter()
            try:
                pointer = library.pims_execute(method.encode(), name(api), text)
                if not pointer:
                    raise ValueError("an argument has more than 1 MiB")
                message: bytes = ctypes.string_at(pointer)
                library.pims_string_free(pointer)
            finally:
                self._leave()
        finally:
            del text
        return result(message)

    def start(
        self,
        method: str,
        api: str,
        parameters: Optional[Parameters],
        handler: Handler,
        on_end: Optional[Callable[[], None]] = None,
    ) -> int:
        """Hands in a call. Its message goes to ``handler``, on the library's thread; with ``on_end``, all that follow too."""
        key = next(self._keys)
        text = encode(parameters)
        try:
            library = self._enter()
            try:
                api_name = name(api)
                self._kept[key] = Kept(api, handler, on_end)
                status = getattr(library, "pims_" + method)(api_name, text, self._callback, key)
            finally:
                self._leave()
        finally:
            del text
        if status != _library.OK:
            self.forget(key)
            raise _misuse(status)
        return key

    def forget(self, key: int) -> None:
        """The messages of this call, should any come, go to nobody."""
        self._kept.pop(key, None)

    def free(self) -> None:
        """Releases the facade; its subscriptions hear of it."""
        library = self._enter()
        try:
            library.pims_free()
        finally:
            self._leave()
        self.end_subscriptions()

    def end_subscriptions(self, api: Optional[str] = None) -> None:
        """Nothing more comes for the subscriptions to an api, or for all of them: whoever waits for events hears of it."""
        for key, kept in list(self._kept.items()):
            if kept.on_end is not None and api in (None, kept.api):
                self.forget(key)
                kept.on_end()

    def version(self) -> str:
        """The library's version."""
        text: bytes = _library.load().pims_version()
        return text.decode()

    @property
    def is_inside(self) -> bool:
        """Whether this thread runs a callback: then it cannot wait for another one."""
        return getattr(self._inside, "depth", 0) > 0

    @property
    def kept(self) -> int:
        """How many calls and subscriptions a message may still come for."""
        return len(self._kept)

    def at_exit(self) -> None:
        """Ends what is under way while Python still runs, and lets nothing begin: a callback that comes when the interpreter is gone ends
        the process."""
        if self._user != os.getpid():
            return
        self._is_over = True
        library = _library.load()
        # This ends what waits, also for a server; and then a facade that a thread was just making.
        library.pims_free()
        me = threading.get_ident()
        with self._gate:
            while any(thread != me for thread in self._within):
                self._left.wait()
        library.pims_free()

    def _enter(self) -> ctypes.CDLL:
        process = os.getpid()
        if self._user not in (None, process):
            raise ForkedError(
                "the library was used before this process was forked, and its thread is not here: "
                'fork first, or start processes with multiprocessing\'s "spawn"'
            )
        library = _library.load()
        thread = threading.get_ident()
        with self._gate:
            if self._is_over:
                raise ShutdownError("the interpreter ends, the library was released")
            self._user = process
            self._within[thread] = self._within.get(thread, 0) + 1
        return library

    def _leave(self) -> None:
        thread = threading.get_ident()
        with self._gate:
            depth = self._within.pop(thread) - 1
            if depth > 0:
                self._within[thread] = depth
            elif self._is_over:
                self._left.notify_all()

    def _deliver(self, message: bytes, key: int) -> None:
        kept = self._kept.get(key)
        if kept is None:
            return
        if kept.on_end is None:
            self.forget(key)
        self._inside.depth = getattr(self._inside, "depth", 0) + 1
        try:
            kept.handler(message)
        finally:
            self._inside.depth -= 1


def encode(parameters: Optional[Parameters]) -> bytes:
    """Parameters as JSON. No frame of an exception may hold the text, or what a function fetched: a traceback shows variables."""
    # Escapes keep it ASCII: a text that is no Unicode is judged by the library, not told by an exception that carries all of it.
    return b"" if parameters is None else _ENCODER.encode(dict(parameters)).encode()


def result(message: bytes) -> Any:
    """The result of a message; a failed one is raised."""
    told = json.loads(message.decode())
    if told["status"] == "FAILED":
        error = told["error"]
        raise PimsError(error["code"], error["label"], error.get("detail"), error.get("info"))
    return told.get("result")


def name(api: Optional[str]) -> Optional[bytes]:
    """The name of an api for C, where a NUL would end it."""
    if api is None:
        return None
    if "\0" in api:
        raise ValueError("the name of an api has no NUL")
    return api.encode("utf-8", "replace")


def _reveal(value: Any) -> Any:
    if callable(value):
        return value()
    if isinstance(value, PurePath):
        return str(value)
    kind = type(value).__name__
    del value
    raise TypeError(f"a value of type {kind} is not JSON")


_ENCODER = json.JSONEncoder(default=_reveal, allow_nan=False, separators=(",", ":"))


def _misuse(status: int) -> Exception:
    if status == _library.ERROR_QUEUE_FULL:
        return QueueFull("1,024 calls wait already: call again later")
    if status == _library.ERROR_TOO_LONG:
        return ValueError("an argument has more than 1 MiB")
    return ValueError(f"the library refused the call: {status}")


bridge = Bridge()
atexit.register(bridge.at_exit)
