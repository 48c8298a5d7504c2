"""The calls into the library, and its callbacks.

One C callback serves all calls. A table holds a Python function for each call, under the number
that travels as ``ctx``. The entry of a call stays until its message has come, that of a
subscription until it ends.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import itertools
import json
import logging
import os
import sys
import threading
import time
import warnings
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import _library
from ._errors import Code, ForkedError, PimsError, QueueFull, ShutdownError
from ._library import DEFAULT_FACADE
from ._parameters import Encoded
from .results import Answer

_log = logging.getLogger("libpims")

#: The time for which one callback may delay the end of the interpreter. The program then ends
#: without waiting for the callback.
EXIT_GRACE_SECONDS = 10.0

# A signal that comes just before a wait does not end the wait. So Python sees Ctrl-C after this
# many seconds at the latest.
_LONGEST_WAIT_SECONDS = 0.5

# In Python 3.12 a function of atexit can start no thread.
_THREAD_BEFORE_EXIT = sys.version_info[:2] == (3, 12)


def _is_set_in_time(event: threading.Event, seconds: float) -> bool:
    """Waits for an event. Returns true if it came in time. Ctrl-C ends the wait."""
    end = time.monotonic() + seconds
    while not event.wait(max(0.0, min(_LONGEST_WAIT_SECONDS, end - time.monotonic()))):
        if time.monotonic() >= end:
            return False
    return True


class Message:
    """A message of the library. It may hold a password, and an event loop prints its handlers with
    their arguments. So its printed form shows nothing of the text."""

    __slots__ = ("_text",)

    def __init__(self, text: bytes) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "<a message of libpims>"

    def read(self) -> Any:
        """Returns the JSON of the message."""
        return json.loads(self._text.decode())


Handler = Callable[[Message], object]


def ignore(_message: Message) -> None:
    """Ignores a message that no caller waits for."""


#: The message for callers that wait for the end of a subscription, whatever ended it.
ENDED = Message(b'{"status":"SUCCEEDED"}')


class PendingCall:
    """An entry of the table: a call to a facade, and the handler of its messages."""

    __slots__ = ("api", "facade", "handler", "is_doubtful", "method", "transaction")

    def __init__(self, facade: int, method: str, api: str, handler: Handler, transaction: Optional[str] = None) -> None:
        self.facade = facade
        self.method = method
        self.api = api
        self.handler = handler
        # The id of a subscription's messages, set by its acknowledgment. In a call that ends a
        # subscription, the id of that one; without an id, the call ends the only subscription of
        # the api.
        self.transaction = transaction
        # A signal interrupted the call on its way to the library, so its message may come or not.
        self.is_doubtful = False


class PendingSubscription(PendingCall):
    """An entry of a subscription, with the handlers of its end."""

    __slots__ = ("generation", "is_ending", "is_cancelled", "is_orphan", "on_end", "waiting")

    def __init__(
        self, facade: int, api: str, handler: Handler, on_end: Callable[[], None], is_orphan: Callable[[], bool], generation: int
    ) -> None:
        super().__init__(facade, "subscribe", api, handler)
        self.on_end = on_end
        # A function that returns true once the event loop is closed: then no event can be delivered
        # any more.
        self.is_orphan = is_orphan
        # The handlers of callers that ended the subscription and wait for its end.
        self.waiting: List[Handler] = []
        # The number of the default facade, see ``Bridge``.
        self.generation = generation
        # The library was asked to end the subscription.
        self.is_ending = False
        # The owner ended the subscription.
        self.is_cancelled = False

    @property
    def is_active(self) -> bool:
        """True after the acknowledgment: events may come, and the subscription can end."""
        return self.transaction is not None

    def cancel(self, handler: Handler) -> None:
        """Discards further events. ``handler`` gets a message when the subscription ends."""
        self.is_cancelled = True
        self.handler = ignore
        self.on_end = lambda: None
        self.waiting.append(handler)

    def report(self, message: Message) -> None:
        """Passes a message to the handlers that wait for the end."""
        waiting, self.waiting = self.waiting, []
        for handler in waiting:
            handler(message)


class Closer(threading.Thread):
    """The thread that closes the facade of a session at the interpreter's end. Each facade has its
    own, because a callback that does not return holds its facade open."""

    def __init__(self) -> None:
        super().__init__(name="libpims at exit", daemon=True)
        # 0 before the facade is open, and after it was closed.
        self.facade = 0
        self._is_needed = threading.Event()

    def run(self) -> None:
        self._is_needed.wait()
        if self.facade:
            _library.load().pims_close(self.facade)

    def close(self) -> None:
        """Lets the thread close the facade."""
        if not self.ident:
            self.start()
        self._is_needed.set()

    def cancel(self) -> None:
        """Ends the thread: the facade was closed."""
        self.facade = 0
        self._is_needed.set()


class Bridge:
    """The library as this process uses it: its default facade, and one for each session."""

    def __init__(self) -> None:
        self._pending: Dict[int, PendingCall] = {}
        self._keys = itertools.count(1)
        # The callback lives as long as the process, so no message can reach a collected callback.
        self._callback = _library.CALLBACK(self._deliver)
        self._inside = threading.local()
        self._process: Optional[int] = None
        # The number of the default facade: of those that the process made, one after the other.
        self._generation = 0
        # The open facades of sessions, by their handles.
        self._closers: Dict[int, Closer] = {}
        # The facades of sessions that the garbage collection dropped, or that a callback closed,
        # for which nothing could wait there.
        self._dropped_facades: List[int] = []
        # The subscriptions that the garbage collection dropped. It may run at any point of the
        # program, so it only adds them to this list.
        self._dropped: List[int] = []
        # The threads inside the library, with their depth: a callback may call the library again.
        self._depths: Dict[int, int] = {}
        # Reentrant: the handler of a signal may take it again.
        self._lock = threading.RLock()
        self._all_out = threading.Condition(self._lock)
        self._is_exiting = False
        # The state of the interpreter's end: the thread that ends the interpreter, the start of the
        # end, and the release of the facade.
        self._exiting_thread = 0
        self._is_releasing = False
        self._end_begins = threading.Event()
        self._released = threading.Event()
        # The current callbacks, by their threads: each facade has one. Each has a number, and the
        # api of its call.
        self._callbacks = itertools.count(1)
        self._current: Dict[int, Tuple[int, str]] = {}

    def init(self, config: Encoded) -> None:
        """Makes the default facade."""
        library = self._enter_library()
        try:
            message = _take(library, library.pims_execute(b"init", None, config.text))
        finally:
            self._exit_library()
        answer(message)
        with self._lock:
            self._generation += 1

    def open(self, config: Encoded) -> int:
        """Makes a facade beside the others, and returns its handle."""
        self.refuse_forked()
        self._close_dropped()
        closer = Closer()
        if _THREAD_BEFORE_EXIT:
            closer.start()
        try:
            library = self._enter_library()
            try:
                message = _take(library, library.pims_execute(b"open", None, config.text))
                facade: int = answer(message).result["facade"]
                closer.facade = facade
                with self._lock:
                    self._closers[facade] = closer
            finally:
                self._exit_library()
        except BaseException:
            closer.cancel()
            raise
        return facade

    def execute(self, method: str, api: str, parameters: Encoded, facade: int = DEFAULT_FACADE) -> Answer:
        """Runs a request on this thread, also inside a callback. Returns its answer."""
        called = name(api)
        library = self._enter_library()
        try:
            message = _take(library, library.pims_facade_execute(facade, method.encode(), called, parameters.text))
        finally:
            self._exit_library()
        try:
            return answer(message)
        except PimsError as error:
            if facade != DEFAULT_FACADE and error.code == Code.NOT_INITIALIZED:
                raise _closed(facade) from None
            raise

    def start(self, method: str, api: str, parameters: Encoded, handler: Handler, facade: int = DEFAULT_FACADE) -> None:
        """Hands a call to the library. Its message goes to ``handler``, on the facade's thread."""
        _refuse_eventlet()
        transaction = _ended_by(parameters) if method == "unsubscribe" else None
        self._submit(next(self._keys), PendingCall(facade, method, api, handler, transaction), parameters)

    def new_key(self) -> int:
        """Returns the key of a new subscription. The owner gets the key first. So the owner can end
        the subscription even if a signal interrupts its start."""
        self.refuse_forked()
        _refuse_eventlet()
        return next(self._keys)

    def subscribe(
        self,
        key: int,
        api: str,
        parameters: Encoded,
        handler: Handler,
        on_end: Callable[[], None],
        is_orphan: Callable[[], bool],
        facade: int = DEFAULT_FACADE,
    ) -> None:
        """Hands a subscription to the library under a new key. Its acknowledgment and each event go
        to ``handler``.

        ``on_end`` is called if the subscription ends by other means than ``cancel``. If this
        function raises, the owner must still call ``cancel``.
        """
        name(api)
        self._cancel_orphans(facade, api)
        self._end_dropped()
        self._submit(key, PendingSubscription(facade, api, handler, on_end, is_orphan, self._generation), parameters)

    def cancel(self, key: int, handler: Handler = ignore) -> bool:
        """Ends a subscription, and no other one. Its handler gets no further events. Returns true
        if ``handler`` will get a message at the end, and false if the subscription has ended
        already."""
        # Before the lock: a thread that does not exist in this process may hold it.
        self.refuse_forked()
        with self._lock:
            subscription = self._pending.get(key)
            if not isinstance(subscription, PendingSubscription):
                return False
            subscription.cancel(handler)
            self._end(key, subscription)
            return True

    def drop(self, key: int) -> bool:
        """Ends a subscription whose owner is garbage-collected. Returns true if the subscription
        was still in the table and ``cancel`` was not called.

        The function waits for no lock, because this thread may hold any lock.
        """
        subscription = self._pending.get(key)
        if self._is_exiting or self.is_forked or not isinstance(subscription, PendingSubscription) or subscription.is_cancelled:
            return False
        self._dropped.append(key)
        if self._lock.acquire(blocking=False):
            try:
                self._end_dropped()
            finally:
                self._lock.release()
        return True

    def drop_facade(self, facade: int) -> bool:
        """Remembers the facade of a session that is garbage-collected: the next session closes it,
        or the interpreter's end. Returns true if it was open. The function waits for nothing,
        because this thread may hold any lock."""
        if self._is_exiting or self.is_forked or facade not in self._closers:
            return False
        self._dropped_facades.append(facade)
        return True

    def free(self) -> None:
        """Releases the default facade, and tells its subscriptions that they ended."""
        # Before the lock: a thread that does not exist in this process may hold it.
        self.refuse_forked()
        with self._lock:
            released = self._generation
        self._release_facade(DEFAULT_FACADE, lambda subscription: subscription.generation <= released)

    def close(self, facade: int) -> None:
        """Closes the facade of a session, and tells its subscriptions that they ended. It has no
        effect on a closed one."""
        self.refuse_forked()
        self._release_facade(facade, lambda subscription: True)
        if self.is_inside:
            # The facade is there until the callback returns.
            if facade in self._closers:
                self._dropped_facades.append(facade)
            return
        with self._lock:
            closer = self._closers.pop(facade, None)
        if closer is not None:
            closer.cancel()

    def _release_facade(self, facade: int, is_over: Callable[[PendingSubscription], bool]) -> None:
        with self._lock:
            doubtful = [key for key, call in self._pending.copy().items() if call.facade == facade and call.is_doubtful]
        library = self._enter_library()
        try:
            if facade == DEFAULT_FACADE:
                library.pims_free()
            else:
                library.pims_close(facade)
        finally:
            self._exit_library()
        # A subscription without an acknowledgment gets a message from the library.
        with self._lock:
            ended = self._remove_ended(lambda subscription: subscription.facade == facade and is_over(subscription))
            # All messages have come now. Inside a callback they have not.
            for key in [] if self.is_inside else doubtful:
                self._pending.pop(key, None)
        _report_ends(ended)

    def _close_dropped(self) -> None:
        """Closes the facades of dropped sessions, and those that a callback closed. Inside a
        callback it does nothing, because nothing can wait there."""
        while not self.is_inside:
            try:
                facade = self._dropped_facades.pop()
            except IndexError:
                return
            self.close(facade)

    def version(self) -> str:
        """Returns the library's version."""
        text: bytes = _library.load().pims_version()
        return text.decode()

    @property
    def is_inside(self) -> bool:
        """True if this thread runs a callback. Then it cannot wait for another callback."""
        return getattr(self._inside, "depth", 0) > 0

    @property
    def pending(self) -> int:
        """The number of calls and subscriptions for which a message may still come."""
        return len(self._pending)

    @property
    def is_forked(self) -> bool:
        """True if a parent of this process used the library."""
        return self._process not in (None, os.getpid())

    def refuse_forked(self) -> None:
        """Raises ``ForkedError`` if a parent of this process used the library."""
        if self.is_forked:
            raise ForkedError(
                "the library was used before this process was forked, and its thread is not here: "
                'fork first, or start processes with multiprocessing\'s "spawn"'
            )

    def at_exit(self) -> None:
        """Ends pending calls while Python still runs, and lets no call begin. A callback after the
        interpreter's end would end the process. If a callback does not return in time, the program
        ends without it: a program always ends."""
        if self._process != os.getpid():
            return
        self._is_exiting = True
        released = self._released
        # On another thread: this thread could neither give up, nor could Ctrl-C interrupt it.
        self._exiting_thread = threading.get_ident()
        self._end_begins.set()
        if not self._is_releasing:
            self._start_releasing()
        before = self._current.copy()
        while not _is_set_in_time(released, EXIT_GRACE_SECONDS):
            now = self._current.copy()
            staying = [api for thread, (number, api) in now.items() if before.get(thread, (0, ""))[0] == number]
            for api in staying:
                _log.error("a callback of %s does not return: the program ends without it", api)
            if staying:
                return
            before = now

    def _start_releasing(self) -> None:
        """Starts the thread that releases the facades at the interpreter's end."""
        threading.Thread(target=self._release, name="libpims at exit", daemon=True).start()
        self._is_releasing = True

    def _release(self) -> None:
        self._end_begins.wait()
        library = _library.load()
        with self._lock:
            closers = list(self._closers.values())
        # This ends pending calls, also those that wait for a server.
        for closer in closers:
            closer.close()
        library.pims_free()
        for closer in closers:
            closer.join()
        ending = (self._exiting_thread, threading.get_ident())
        with self._lock:
            while any(thread not in ending for thread in self._depths):
                self._all_out.wait()
            made = [facade for facade, closer in self._closers.items() if closer not in closers]
        # Threads were making these facades at that moment. No call has reached them.
        library.pims_free()
        for facade in made:
            library.pims_close(facade)
        self._released.set()

    def _submit(self, key: int, call: PendingCall, parameters: Encoded) -> None:
        api = name(call.api)
        self.refuse_forked()
        function = getattr(_library.load(), "pims_facade_" + call.method)
        try:
            self._enter_library(key, call)
            try:
                status = function(call.facade, api, parameters.text, self._callback, key)
                if status != _library.OK:
                    del self._pending[key]
            finally:
                self._exit_library()
        except BaseException:
            call.is_doubtful = True
            raise
        if status != _library.OK:
            raise _misuse(status, call.facade)

    def _end(self, key: int, subscription: PendingSubscription) -> None:
        """Asks the library to end a subscription after ``cancel``. If the subscription has no
        acknowledgment yet, its acknowledgment ends it. The caller holds the lock."""
        if subscription.is_ending or subscription.transaction is None:
            return
        subscription.is_ending = True
        unsubscription = PendingCall(
            subscription.facade,
            "unsubscribe",
            subscription.api,
            lambda message: self._report_end(key, message),
            subscription.transaction,
        )
        try:
            self._submit(next(self._keys), unsubscription, _end_parameters(subscription.transaction))
        except (PimsError, QueueFull):
            # The session was closed. Or the queue is full: the library has a place reserved for
            # this call, so the subscription has ended, or another call that ends it waits already.
            self._report_end(key, ENDED)
        except BaseException:
            subscription.is_ending = False
            raise

    def _end_now(self, facade: int, api: str, transaction: str) -> None:
        """Ends a subscription inside the callback of its acknowledgment. That is before the calls
        in the queue: one of them may be the next subscription."""
        library = _library.load()
        parameters = _end_parameters(transaction).text
        library.pims_string_free(library.pims_facade_execute(facade, b"unsubscribe", name(api), parameters))

    def _report_end(self, key: int, message: Message) -> None:
        """Removes a subscription from the table and passes a message to the handlers that wait for
        its end. It has no effect if the subscription was removed already."""
        with self._lock:
            subscription = self._pending.pop(key, None)
            if isinstance(subscription, PendingSubscription):
                subscription.report(message)

    def _cancel_orphans(self, facade: int, api: str) -> None:
        """Ends the subscriptions of an api whose event loop is closed."""
        for key, subscription in self._pending.copy().items():
            if not isinstance(subscription, PendingSubscription) or (subscription.facade, subscription.api) != (facade, api):
                continue
            if subscription.is_orphan() and self.cancel(key):
                warn_of_loss(api, "the event loop of a subscription was closed before the subscription ended")

    def _remove_ended(self, is_over: Callable[[PendingSubscription], bool]) -> List[PendingSubscription]:
        """Removes the active subscriptions that ended from the table, and returns them: no message
        comes for them any more. The caller holds the lock, and calls their handlers after it has
        released the lock."""
        ended = {
            key: subscription
            for key, subscription in self._pending.copy().items()
            if isinstance(subscription, PendingSubscription) and subscription.is_active and is_over(subscription)
        }
        for key in ended:
            del self._pending[key]
        return list(ended.values())

    def _enter_library(self, key: int = 0, call: Optional[PendingCall] = None) -> ctypes.CDLL:
        """Runs before each call of the library. From here on the table has an entry for the message
        of the call. So a thread that holds the lock sees each call that may reach the library."""
        self.refuse_forked()
        library = _library.load()
        if _THREAD_BEFORE_EXIT and not self._is_releasing:
            self._start_releasing()
        thread = threading.get_ident()
        with self._lock:
            if self._is_exiting:
                raise ShutdownError("the interpreter ends, the library was released")
            self._process = os.getpid()
            self._depths[thread] = self._depths.get(thread, 0) + 1
            if call is not None:
                self._pending[key] = call
        return library

    def _exit_library(self) -> None:
        thread = threading.get_ident()
        with self._lock:
            depth = self._depths.pop(thread) - 1
            if depth > 0:
                self._depths[thread] = depth
            elif self._is_exiting:
                self._all_out.notify_all()

    def _deliver(self, message: bytes, key: int) -> None:
        call = self._pending.get(key)
        if call is None:
            return
        delivered = Message(message)
        self._inside.depth = getattr(self._inside, "depth", 0) + 1
        thread = threading.get_ident()
        outer = self._current.get(thread)
        self._current[thread] = (next(self._callbacks), call.api)
        try:
            self._update(key, call, delivered)
            call.handler(delivered)
        except BaseException:
            # Also an exit: it would end the library's thread, which must go on.
            _log.exception("a callback of %s failed", call.api)
        finally:
            if outer is None:
                del self._current[thread]
            else:
                self._current[thread] = outer
            self._inside.depth -= 1
            self._end_dropped()

    def _update(self, key: int, call: PendingCall, message: Message) -> None:
        """Updates the table with the first message of a call. Messages come in the order of the
        calls. So the active subscriptions at the acknowledgment of an end are the ones that the
        call ended."""
        if isinstance(call, PendingSubscription):
            if call.is_active:
                return
            acknowledgment = message.read()
            transaction = acknowledgment["transactionId"]
            with self._lock:
                is_active_now = acknowledgment["status"] == "SUCCEEDED"
                if is_active_now and call.is_cancelled:
                    self._end_now(call.facade, call.api, transaction)
                    is_active_now = False
                if is_active_now:
                    call.transaction = transaction
                else:
                    del self._pending[key]
            if not is_active_now:
                call.report(ENDED)
            return
        ended: List[PendingSubscription] = []
        # In one step: a caller of ``cancel`` sees that a call will end the subscription, or that it
        # has ended.
        with self._lock:
            del self._pending[key]
            if call.method == "unsubscribe" and _succeeded(message):
                ended = self._remove_ended(
                    lambda subscription: (
                        (subscription.facade, subscription.api) == (call.facade, call.api)
                        and call.transaction in (None, subscription.transaction)
                    )
                )
        _report_ends(ended)

    def _end_dropped(self) -> None:
        """Ends the subscriptions that the garbage collection dropped."""
        if not self._dropped:
            return
        with self._lock:
            while self._dropped:
                key = self._dropped.pop()
                subscription = self._pending.get(key)
                if isinstance(subscription, PendingSubscription) and not self._is_exiting:
                    subscription.cancel(ignore)
                    # At the interpreter's end all subscriptions end.
                    with contextlib.suppress(ShutdownError):
                        self._end(key, subscription)


def warn_of_loss(api: str, reason: str, source: Any = None) -> None:
    """Warns the program that it did not end a subscription, and that the package ends it now."""
    text = f"{api}: {reason}: it is ended"
    _log.warning("%s", text)
    warnings.warn(text, ResourceWarning, stacklevel=3, source=source)


def _report_ends(ended: List[PendingSubscription]) -> None:
    for subscription in ended:
        subscription.on_end()
        subscription.report(ENDED)


def answer(message: Message) -> Answer:
    """Returns the answer of a message. Raises ``PimsError`` for a failure."""
    content = message.read()
    if content["status"] == "FAILED":
        error = content["error"]
        raise PimsError(error["code"], error["label"], error.get("detail"), error.get("info"))
    return Answer(content.get("result"), content.get("info", {}))


def result(message: Message) -> Any:
    """Returns the result of a message. Raises ``PimsError`` for a failure."""
    return answer(message).result


def _succeeded(message: Message) -> bool:
    return bool(message.read()["status"] == "SUCCEEDED")


def _end_parameters(transaction: str) -> Encoded:
    """Returns the parameters that end the subscription whose messages have this id."""
    return Encoded(json.dumps({"transactionId": transaction}).encode())


def _ended_by(parameters: Encoded) -> Optional[str]:
    """Returns the id of the subscription that these parameters end; ``None`` if they name none."""
    transaction = json.loads(parameters.text or b"{}").get("transactionId")
    return transaction if isinstance(transaction, str) else None


def name(api: Optional[str]) -> bytes:
    """Returns the name of an api for C. It refuses a NUL, which would end the name."""
    # This check is not only for type checkers: a caller that forgot the api passes the parameters
    # here.
    if not isinstance(api, str):
        raise TypeError(f"the name of an api is text, not {type(api).__name__}")
    if "\0" in api:
        raise ValueError("the name of an api has no NUL")
    return api.encode("utf-8", "replace")


def _refuse_eventlet() -> None:
    """Raises if eventlet replaced the locks of threads. Its locks do not wake one thread from
    another, so the caller would wait for its message without end."""
    patcher = sys.modules.get("eventlet.patcher")
    if patcher is not None and patcher.is_monkey_patched("thread"):
        raise RuntimeError(
            "libpims.subscribe and libpims.aio do not work with eventlet's replacement of threads, which does not see the library's thread: "
            "call eventlet.monkey_patch(thread=False), or use gevent; libpims.get and libpims.set work"
        )


def _take(library: ctypes.CDLL, pointer: Optional[int]) -> Message:
    """Returns a message that the library handed over, and gives its memory back."""
    if not pointer:
        raise ValueError("an argument has more than 1 MiB")
    message = Message(ctypes.string_at(pointer))
    library.pims_string_free(pointer)
    return message


def _closed(facade: int) -> PimsError:
    detail = "the session was closed" if facade else "the session was not opened: await Session.open"
    return PimsError(Code.NOT_INITIALIZED, "Facade not initialized", detail)


def _misuse(status: int, facade: int) -> Exception:
    if status == _library.ERROR_NO_FACADE:
        return _closed(facade)
    if status == _library.ERROR_QUEUE_FULL:
        return QueueFull("1,024 calls wait already: call again later")
    if status == _library.ERROR_TOO_LONG:
        return ValueError("an argument has more than 1 MiB")
    return ValueError(f"the library refused the call: {status}")


bridge = Bridge()
atexit.register(bridge.at_exit)
