"""The functions that wait: results, errors, secrets, and the table of calls."""

from __future__ import annotations

import asyncio
import gc
import logging
import pickle
import queue
import threading
import traceback
from datetime import timezone
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

import libpims
import libpims.aio
from conftest import DEADLINE, PHONE_NUMBER, PIN
from libpims import _library
from libpims import _subscription as subscriptions
from libpims._bridge import Message, bridge, ignore, result
from libpims._parameters import encode

ACCOUNT = "pims.authentication.account"
OTP = "pims.authentication.otp"
CHANGES = {"actionType": "strong", "type": ["isDeviceActivated", "isAccountBlocked"]}


class Held:
    """A handler that takes an event and returns only when the test permits it. Meanwhile the
    library's thread does nothing else."""

    def __init__(self) -> None:
        self.is_there = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, _event: Any) -> None:
        self.is_there.set()
        self.go_on.wait(DEADLINE)


@pytest.fixture
def held() -> Iterator[Held]:
    held = Held()
    yield held
    held.go_on.set()


def test_the_devices_of_the_account_are_listed_renamed_and_removed(enrolled: libpims.StrongAuthentication) -> None:
    (own,) = enrolled.devices()
    assert own.this_device and own.keystore is None and len(own.device_id) >= 8
    assert own.last_used is not None and own.since <= own.last_used and own.since.tzinfo is timezone.utc
    with pytest.raises(libpims.PimsError) as caught:
        enrolled.rename_device(own.device_id, "Car")
    assert (caught.value.code, caught.value.label) == (libpims.Code.MISSING_PARAMETER, "Missing pinCode parameter")
    enrolled.rename_device(own.device_id, "Zoë 🚗", lambda: PIN)
    assert [device.name for device in enrolled.devices()] == ["Zoë 🚗"]
    (members,) = libpims.get("pims.authentication.devices")["devices"]
    assert libpims.AccountDevice.read({**members, "keystore": "hardware", "lastUsed": None}) == libpims.AccountDevice(
        own.device_id, "Zoë 🚗", own.since, None, True, libpims.Keystore.HARDWARE
    )
    enrolled.remove_device(own.device_id, PIN)
    assert not enrolled.is_activated()
    with pytest.raises(libpims.PimsError) as caught:
        enrolled.remove_device(own.device_id)
    assert caught.value.code == libpims.Code.INVALID_PARAMETER


def test_a_failed_message_is_an_exception_with_all_of_it(enrolled: libpims.StrongAuthentication) -> None:
    with pytest.raises(libpims.PimsError) as caught:
        enrolled.otp("9999")
    error = caught.value
    assert (error.code, error.label) == (libpims.Code.ACCESS_REFUSED, "inwebo: access refused")
    assert (error.attempts_left, error.next_action, error.retry_after_seconds) == (4, "retryPin", None)
    assert str(error) == "2308 inwebo: access refused: the PIN is wrong, or this is not the device"
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.code, copy.label, copy.detail, copy.info) == (error.code, error.label, error.detail, error.info)


def test_a_component_goes_the_whole_way(tmp_path: Path, sms: Callable[[], str]) -> None:
    with libpims.session({"storage": {"path": tmp_path}}) as device:
        assert not device.is_activated()
        assert device.account_state() is libpims.AccountState.UNKNOWN
        device.request_phone_number_code(PHONE_NUMBER)
        device.add_phone_number(sms, PHONE_NUMBER)
        device.request_enrollment_code()
        assert device.accept_enrollment_code(sms) is libpims.EnrollmentStatus.NOT_ENROLLED
        device.enroll(PIN)
        assert device.is_activated()
        assert device.account_state() is libpims.AccountState.NOT_BLOCKED
        device.change_pin(PIN, "4321")
        device.request_phone_number_code("+33698765432")
        device.modify_phone_number(sms, "+33698765432")
        assert device.trusted_phone_number() == "+33698765432"
        device.request_reset_code()
        device.reset_pin("567890", sms)
        verify = {"action": "verify", "otp": device.otp("567890")}
        assert device.set("pims.authority.otp", verify) == {"verified": True}
        with pytest.raises(libpims.PimsError, match="without a PIN"):
            device.otp_without_pin()
        device.set_access_token("a-token")
        device.remove_enrollments()
        assert not device.is_activated()
    with pytest.raises(libpims.PimsError, match="2001"):
        device.is_activated()


def test_an_operation_that_only_wants_a_synchronization_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(method: str, api: str, parameters: Any, facade: int) -> Any:
        raise libpims.PimsError(libpims.Code.POST_SYNCHRONIZATION, "")

    monkeypatch.setattr(bridge, "execute", answer)
    device = libpims.StrongAuthentication()
    device.enroll(PIN, "123456")
    device.change_pin(PIN, "4321")
    device.reset_pin(PIN, "123456")
    # Without a password there is no result, so this is an error.
    with pytest.raises(libpims.PimsError):
        device.otp_without_pin()


def test_a_secret_stands_in_no_variable_of_this_package_in_a_traceback(enrolled: libpims.StrongAuthentication) -> None:
    secret = "8642" + "0975"
    fetched = []

    def fetch() -> str:
        fetched.append(1)
        return "8642" + "0975"

    def fetch_what_is_not_json() -> Any:
        return {fetch()}

    async def fetch_later() -> str:
        return fetch()

    def fail() -> str:
        raise ValueError("of the app")

    async def fail_later() -> str:
        raise ValueError("of the app")

    long = "x" * (1 << 20)
    asynchronous = libpims.aio.StrongAuthentication()
    for call in (
        lambda: enrolled.otp(fetch),
        lambda: enrolled.change_pin(fetch, "4321"),
        lambda: libpims.get(OTP, {"action": "withPIN", "pinCode": fetch}),
        lambda: libpims.init({"storage": {"key": fetch}}),
        lambda: asyncio.run(libpims.aio.get(OTP, {"action": "withPIN", "pinCode": fetch})),
        # The package refuses these before the library reads them.
        lambda: enrolled.otp(fetch_what_is_not_json),
        lambda: libpims.get(OTP, {"pinCode": fetch, "more": long}),
        lambda: libpims.unsubscribe(OTP, {"pinCode": fetch, "more": long}),
        # Here the secret is a text, beside a value that fails.
        lambda: enrolled.otp(fetch()),
        lambda: enrolled.change_pin(fetch(), fail),
        lambda: enrolled.change_pin(fail, fetch().encode()),
        lambda: libpims.get(OTP, {"action": "withPIN", "pinCode": fetch()}),
        lambda: libpims.get(OTP, {"list": [[fetch(), {1}]]}),
        lambda: libpims.get(OTP, {"pinCode": fetch(), "more": 10**5000, "even more": object()}),
        lambda: libpims.get(OTP, {"more": {fetch: fetch()}}),
        lambda: libpims.get(OTP, {"pinCode": fetch().encode() + b"\xff"}),
        lambda: libpims.init({"storage": {"key": fetch()}}),
        lambda: libpims.subscribe(OTP, {"pinCode": fetch()}, print),
        lambda: libpims.unsubscribe(OTP, {"pinCode": fetch(), "more": long}),
        lambda: asyncio.run(asynchronous.otp(fetch())),
        lambda: asyncio.run(asynchronous.change_pin(fetch(), fail_later)),
        lambda: asyncio.run(asynchronous.change_pin(fetch_later, fail_later)),
        lambda: asyncio.run(libpims.aio.set(OTP, {"action": "withPIN", "pinCode": fetch(), "more": fail})),
        lambda: asyncio.run(libpims.aio.init({"storage": {"key": fetch(), "path": fail}})),
        lambda: asyncio.run(libpims.aio.init({"storage": {"key": fetch_later}})),
    ):
        with pytest.raises((libpims.PimsError, TypeError, ValueError)) as caught:
            call()
        frames = [frame for frame, _ in traceback.walk_tb(caught.tb) if frame.f_globals["__name__"].startswith("libpims")]
        assert frames
        for frame in frames:
            assert secret not in repr(frame.f_locals), frame
        assert secret not in repr(caught.value) + str(caught.value)
    assert len(fetched) == 25


def test_no_secret_is_logged(tmp_path: Path, sms: Callable[[], str], caplog: pytest.LogCaptureFixture) -> None:
    secret = "86420975"
    caplog.set_level(logging.DEBUG)
    libpims.init({"storage": {"path": tmp_path}, "monitoring": {"logLevel": "high"}})
    device = libpims.StrongAuthentication()
    device.request_phone_number_code(PHONE_NUMBER)
    device.enroll_with_phone_number(secret, sms, PHONE_NUMBER)
    password = device.otp(secret)
    log = Path(libpims.get("pims.sdk.log")["logPath"] or "").read_text(encoding="utf-8")
    assert "pims.authentication.otp" in log
    for text in (log, caplog.text):
        assert secret not in text and password not in text and sms() not in text


@pytest.mark.parametrize("value", [b"\xff", {1, 2}, object(), float("nan"), {1: 2}, [10**5000]])
def test_what_is_not_json_is_refused_before_the_call(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        libpims.get(OTP, {"action": value})
    with pytest.raises((TypeError, ValueError)):
        libpims.subscribe(ACCOUNT, {"type": value}, print)
    assert bridge.pending == 0


def test_text_that_is_no_unicode_is_judged_by_the_library(tmp_path: Path) -> None:
    libpims.init({"storage": {"path": tmp_path}})
    with pytest.raises(libpims.PimsError) as caught:
        libpims.get(OTP, {"action": "withPIN", "pinCode": "\ud83d"})
    assert caught.value.code == libpims.Code.INVALID_PARAMETER
    with pytest.raises(libpims.PimsError, match="2002"):
        libpims.get("pims.\ud83d")


def test_misuse_of_the_interface_is_a_python_error(tmp_path: Path) -> None:
    libpims.init({"storage": {"path": tmp_path}})
    with pytest.raises(ValueError, match="NUL"):
        libpims.get("pims.sdk.version\0pims")
    with pytest.raises(ValueError, match="1 MiB"):
        libpims.get("pims.sdk.version", {"text": "x" * (1 << 20)})
    with pytest.raises(ValueError, match="1 MiB"):
        libpims.unsubscribe("x" * (1 << 21))
    assert bridge.pending == 0


def test_events_come_to_a_function_until_the_subscription_is_closed(enrolled: libpims.StrongAuthentication) -> None:
    events: "queue.Queue[Any]" = queue.Queue()
    with enrolled.watch(events.put) as subscription:
        assert bridge.pending == 1
        with pytest.raises(libpims.PimsError, match="2005"):
            enrolled.watch(print)
        assert bridge.pending == 1
        enrolled.remove_enrollments()
        assert events.get(timeout=DEADLINE) == {"isDeviceActivated": False}
    assert bridge.pending == 0
    subscription.close()
    # The library has no subscription either.
    libpims.subscribe(ACCOUNT, CHANGES, print).close()
    assert events.empty()


def test_a_function_that_takes_events_may_call_and_fail_and_close(
    enrolled: libpims.StrongAuthentication, sms: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> None:
    seen: List[Any] = []
    over = threading.Event()

    def on_event(_event: Any) -> None:
        seen.append(libpims.get("pims.sdk.version"))
        with pytest.raises(RuntimeError, match="callback"):
            libpims.subscribe(ACCOUNT, CHANGES, print)
        if len(seen) == 1:
            raise KeyError("of the app")
        subscription.close()
        over.set()

    subscription = enrolled.watch(on_event)
    enrolled.remove_enrollments()
    gc.collect()
    enrolled.request_enrollment_code()
    enrolled.enroll(PIN, sms)
    # The first event's error went to the log, and the second event came all the same.
    assert over.wait(DEADLINE)
    assert len(seen) == 2
    assert "KeyError: 'of the app'" in caplog.text
    # The acknowledgment of the end that the callback asked for comes after the callback.
    libpims.free()
    assert bridge.pending == 0


def test_a_subscription_that_is_interrupted_while_it_begins_is_ended(
    enrolled: libpims.StrongAuthentication, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("libpims._subscription._Acknowledgment.wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            enrolled.watch(print)
    # There is no subscription: a new one is not refused.
    enrolled.watch(print).close()
    libpims.free()
    assert bridge.pending == 0


@pytest.mark.parametrize("end", ["drops it", "drops a cycle", "interrupted", "leaves it"])
def test_the_next_subscription_is_never_refused_for_one_that_is_over(
    end: str, tmp_path: Path, recwarn: pytest.WarningsRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    libpims.init({"storage": {"path": tmp_path}})

    def begin_and_end() -> None:
        if end == "interrupted":
            wait = subscriptions._Acknowledgment.wait

            def interrupted(acknowledgment: Any) -> None:
                if threading.current_thread() is threading.main_thread():
                    raise KeyboardInterrupt
                wait(acknowledgment)

            with monkeypatch.context() as patch:
                patch.setattr(subscriptions._Acknowledgment, "wait", interrupted)
                with pytest.raises(KeyboardInterrupt):
                    libpims.subscribe(ACCOUNT, CHANGES, print)
        elif end == "drops it":
            libpims.subscribe(ACCOUNT, CHANGES, print)
        elif end == "drops a cycle":
            cycle: List[Any] = [libpims.subscribe(ACCOUNT, CHANGES, print)]
            cycle.append(cycle)
            del cycle
            gc.collect()
        else:
            subscription = libpims.subscribe(ACCOUNT, CHANGES, print)
            bridge.cancel(subscription._key)

    # Many calls are in the queue, so the ends wait behind each other.
    stop = threading.Event()

    def unsubscribe() -> None:
        while not stop.is_set():
            with pytest.raises(libpims.PimsError, match="2102"):
                libpims.unsubscribe(ACCOUNT, {"actionType": "strong", "type": "of nothing"})

    others = [threading.Thread(target=unsubscribe, daemon=True) for _ in range(2)]
    for other in others:
        other.start()
    for _ in range(60):
        begin_and_end()
    with libpims.subscribe(ACCOUNT, CHANGES, print):
        pass
    stop.set()
    for other in others:
        other.join(DEADLINE)
    libpims.free()
    assert bridge.pending == 0
    assert any(warning.category is ResourceWarning for warning in recwarn) == end.startswith("drops")


def test_a_dropped_subscription_is_told_and_ended(enrolled: libpims.StrongAuthentication, caplog: pytest.LogCaptureFixture) -> None:
    events: List[Any] = []
    with pytest.warns(ResourceWarning, match="pims.authentication.account: a subscription was dropped and not closed: it is ended"):
        subscription = enrolled.watch(events.append)
        del subscription
        gc.collect()
    assert "it is ended" in caplog.text
    # The end is in the queue before this call.
    enrolled.remove_enrollments()
    with enrolled.watch(print):
        assert bridge.pending == 1
    assert events == []


def test_a_subscription_that_is_closed_or_over_is_dropped_without_a_word(
    tmp_path: Path, recwarn: pytest.WarningsRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    libpims.init({"storage": {"path": tmp_path}})
    libpims.subscribe(ACCOUNT, CHANGES, print).close()
    unsubscribed = libpims.subscribe(ACCOUNT, CHANGES, print)
    libpims.unsubscribe(ACCOUNT)
    released = libpims.subscribe(ACCOUNT, CHANGES, print)
    with pytest.raises(libpims.PimsError, match="2005"):
        libpims.subscribe(ACCOUNT, CHANGES, print)
    libpims.free()
    del unsubscribed, released
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == [] and caplog.text == ""


def test_a_subscription_that_is_dropped_while_another_thread_works_waits_for_no_lock(tmp_path: Path) -> None:
    libpims.init({"storage": {"path": tmp_path}})
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with bridge._lock:
            held.set()
            go_on.wait(DEADLINE)

    subscription = libpims.subscribe(ACCOUNT, CHANGES, print)
    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(DEADLINE)
    with pytest.warns(ResourceWarning):
        # This would wait until the other thread goes on.
        del subscription
        gc.collect()
    go_on.set()
    holder.join(DEADLINE)
    libpims.subscribe(ACCOUNT, CHANGES, print).close()
    assert bridge.pending == 0


def test_a_subscription_that_is_interrupted_while_it_is_refused_ends_no_other_one(
    enrolled: libpims.StrongAuthentication, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: "queue.Queue[Any]" = queue.Queue()

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    with enrolled.watch(events.put):
        with monkeypatch.context() as patch:
            patch.setattr("libpims._subscription._Acknowledgment.wait", interrupted)
            with pytest.raises(KeyboardInterrupt):
                enrolled.watch(print)
        enrolled.remove_enrollments()
        assert events.get(timeout=DEADLINE) == {"isDeviceActivated": False}
    assert bridge.pending == 0


def test_a_subscription_that_was_ended_by_another_call_ends_no_later_one(enrolled: libpims.StrongAuthentication) -> None:
    events: "queue.Queue[Any]" = queue.Queue()
    first = enrolled.watch(print)
    libpims.unsubscribe(ACCOUNT, CHANGES)
    with enrolled.watch(events.put):
        first.close()
        enrolled.remove_enrollments()
        assert events.get(timeout=DEADLINE) == {"isDeviceActivated": False}
    libpims.free()
    assert bridge.pending == 0


def test_a_call_that_ends_another_subscription_leaves_this_one_alone(enrolled: libpims.StrongAuthentication) -> None:
    events: "queue.Queue[Any]" = queue.Queue()
    with enrolled.watch(events.put):
        libpims.unsubscribe(ACCOUNT, {"transactionId": "00000000-0000"})
        assert bridge.pending == 1
        enrolled.remove_enrollments()
        assert events.get(timeout=DEADLINE) == {"isDeviceActivated": False}
    assert bridge.pending == 0


def test_a_subscription_of_a_facade_that_is_gone_ends_none_of_the_next(enrolled: libpims.StrongAuthentication, tmp_path: Path) -> None:
    events: "queue.Queue[Any]" = queue.Queue()
    old = enrolled.watch(print)
    libpims.free()
    libpims.init({"storage": {"path": tmp_path}})
    with enrolled.watch(events.put):
        old.close()
        enrolled.remove_enrollments()
        assert events.get(timeout=DEADLINE) == {"isDeviceActivated": False}
    assert bridge.pending == 0


def test_subscriptions_begin_and_end_on_many_threads_and_nobody_waits_for_ever(tmp_path: Path) -> None:
    libpims.init({"storage": {"path": tmp_path}})
    wrong: List[BaseException] = []

    def begin_and_end(number: int) -> None:
        for turn in range(100):
            try:
                subscription = libpims.subscribe(ACCOUNT, CHANGES, print)
            except libpims.PimsError as error:
                if error.code != libpims.Code.DUPLICATE:
                    wrong.append(error)
                continue
            try:
                if turn % 3 == number % 3:
                    libpims.unsubscribe(ACCOUNT, CHANGES)
                subscription.close()
            except BaseException as error:
                wrong.append(error)

    threads = [threading.Thread(target=begin_and_end, args=(number,), daemon=True) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []
    assert bridge.pending == 0
    # The library has no subscription either.
    libpims.subscribe(ACCOUNT, CHANGES, print).close()


def test_a_subscription_ends_whatever_became_of_the_parameters_it_was_made_with(tmp_path: Path) -> None:
    asked: List[int] = []

    def kind() -> str:
        asked.append(1)
        return "strong"

    libpims.init({"storage": {"path": tmp_path}})
    parameters = {"actionType": kind, "type": ["isDeviceActivated"]}
    subscription = libpims.subscribe(ACCOUNT, parameters, print)
    parameters["type"] = ["of", "the", "next", "call"]
    subscription.close()
    assert bridge.pending == 0
    assert asked == [1]
    # The library has no subscription either.
    libpims.subscribe(ACCOUNT, CHANGES, print).close()


def test_a_subscription_is_ended_where_an_earlier_call_to_end_it_is_refused(enrolled: libpims.StrongAuthentication, held: Held) -> None:
    subscription = enrolled.watch(held)
    enrolled.remove_enrollments()
    assert held.is_there.wait(DEADLINE)
    told: "queue.Queue[Message]" = queue.Queue()
    bridge.start("unsubscribe", ACCOUNT, encode({"type": "of nothing"}), told.put)
    ended: "queue.Queue[Message]" = queue.Queue()
    assert bridge.cancel(subscription._key, ended.put)
    held.go_on.set()
    with pytest.raises(libpims.PimsError, match="2102"):
        result(told.get(timeout=DEADLINE))
    assert result(ended.get(timeout=DEADLINE)) is None
    assert bridge.pending == 0
    libpims.subscribe(ACCOUNT, CHANGES, print).close()


def test_a_subscription_is_ended_where_the_library_does_not_take_another_call_to_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: "queue.Queue[Message]" = queue.Queue()

    class Full:
        def pims_facade_unsubscribe(self, *_: Any) -> int:
            patch.undo()
            assert bridge.cancel(subscription._key, ended.put)
            return _library.ERROR_QUEUE_FULL

    libpims.init({"storage": {"path": tmp_path}})
    subscription = libpims.subscribe(ACCOUNT, CHANGES, print)
    with monkeypatch.context() as patch:
        patch.setattr(_library, "load", Full)
        with pytest.raises(libpims.QueueFull):
            libpims.unsubscribe(ACCOUNT, CHANGES)
    assert result(ended.get(timeout=DEADLINE)) is None
    assert bridge.pending == 0


def test_an_interrupted_call_to_end_a_subscription_keeps_nobody_from_ending_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        def __getattr__(self, name: str) -> Any:
            raise KeyboardInterrupt

    libpims.init({"storage": {"path": tmp_path}})
    subscription = libpims.subscribe(ACCOUNT, CHANGES, print)
    with monkeypatch.context() as patch:
        # The signal comes between the entry in the table and the call of the library.
        patch.setattr(_library, "load", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            libpims.unsubscribe(ACCOUNT, CHANGES)
    ended: "queue.Queue[Message]" = queue.Queue()
    assert bridge.cancel(subscription._key, ended.put)
    assert result(ended.get(timeout=DEADLINE)) is None
    # The library has no subscription either.
    libpims.subscribe(ACCOUNT, CHANGES, print).close()
    # The table does not keep the entry for ever, although its message never comes.
    libpims.free()
    assert bridge.pending == 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_subscription_that_is_interrupted_while_it_is_handed_in_is_ended(
    when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave = bridge._exit_library

    class Interrupted:
        def __getattr__(self, name: str) -> Any:
            patch.undo()
            raise KeyboardInterrupt

    def interrupted() -> None:
        patch.undo()
        leave()
        raise KeyboardInterrupt

    libpims.init({"storage": {"path": tmp_path}})
    with monkeypatch.context() as patch:
        if when == "before":
            patch.setattr(_library, "load", Interrupted)
        else:
            patch.setattr(bridge, "_exit_library", interrupted)
        with pytest.raises(KeyboardInterrupt):
            libpims.subscribe(ACCOUNT, CHANGES, print)
    # There is no subscription: a new one is not refused.
    libpims.subscribe(ACCOUNT, CHANGES, print).close()
    assert bridge.pending == 0


@pytest.mark.parametrize("state", ["the queue is full", "another one closes it"])
def test_no_event_is_delivered_any_more_when_close_returns(state: str, enrolled: libpims.StrongAuthentication, held: Held) -> None:
    order: List[str] = []

    def on_event(event: Any) -> None:
        held(event)
        order.append("delivered")

    subscription = enrolled.watch(on_event)
    enrolled.remove_enrollments()
    assert held.is_there.wait(DEADLINE)
    if state == "the queue is full":
        # Now the queue has no place for another call.
        with pytest.raises(libpims.QueueFull):
            while True:
                bridge.start("get", ACCOUNT, encode(CHANGES), ignore)
    else:
        bridge.cancel(subscription._key)

    def close() -> None:
        subscription.close()
        order.append("closed")

    closer = threading.Thread(target=close, daemon=True)
    closer.start()
    # Time in which `close` must not return.
    closer.join(0.3)
    held.go_on.set()
    closer.join(DEADLINE)
    assert order == ["delivered", "closed"]
    libpims.free()
    assert bridge.pending == 0


def test_a_signal_may_call_where_a_call_was_just_entering(tmp_path: Path) -> None:
    libpims.init({"storage": {"path": tmp_path}})
    with bridge._lock, _library._loading:
        assert libpims.get("pims.sdk.version")


def test_a_message_prints_as_nothing() -> None:
    message = Message(b'{"status":"SUCCEEDED","result":{"otp":"secret"}}')
    assert "secret" not in repr(message) + str(message)
    assert result(message) == {"otp": "secret"}


def test_free_may_be_called_inside_a_callback_and_ends_the_subscription(enrolled: libpims.StrongAuthentication) -> None:
    over = threading.Event()

    def on_event(_event: Any) -> None:
        libpims.free()
        over.set()

    subscription = enrolled.watch(on_event)
    enrolled.remove_enrollments()
    assert over.wait(DEADLINE)
    assert bridge.pending == 0
    subscription.close()
    libpims.free()
    with pytest.raises(libpims.PimsError, match="2001"):
        enrolled.is_activated()


def test_calls_from_many_threads_get_their_own_messages(enrolled: libpims.StrongAuthentication) -> None:
    wrong: List[Any] = []

    def call(number: int) -> None:
        for turn in range(50):
            try:
                libpims.get(f"pims.no.such.{number}.{turn}")
            except libpims.PimsError as error:
                if error.code != libpims.Code.NOT_SUPPORTED:
                    wrong.append(error)
            if not enrolled.is_activated():
                wrong.append(number)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
        assert not thread.is_alive()
    assert wrong == []
