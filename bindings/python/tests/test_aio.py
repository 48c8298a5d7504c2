"""The coroutines: they do not block the loop, accept cancellation, and lose no message."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from pathlib import Path
from typing import Any, Callable, Coroutine, Iterator, List, TypeVar

import pytest

import libpims
import libpims.aio
from conftest import DEADLINE, PHONE_NUMBER, PIN
from libpims._bridge import bridge

T = TypeVar("T")
PHONE = "pims.authentication.trustedphonenumber"
ACCOUNT = "pims.authentication.account"
ACTIVATED = {"actionType": "strong", "type": "isDeviceActivated"}


def run(main: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(main, DEADLINE))


class SilentService:
    """A service that accepts connections and never answers, until it closes them."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

        self._listener.settimeout(DEADLINE)
        self._connections: List[socket.socket] = []

    def wait_for_call(self) -> None:
        self._connections.append(self._listener.accept()[0])

    def hang_up(self) -> None:
        self._listener.close()
        for connection in self._connections:
            connection.close()


@pytest.fixture
def silent_service() -> Iterator[SilentService]:
    service = SilentService()
    yield service
    service.hang_up()


def pointed_at(service: SilentService, folder: Path) -> libpims.Parameters:
    credential = {"inWeboURL": service.url, "macID": "0123456789abcdef0123456789abcdef"}
    return {"storage": {"path": folder}, "credential": credential, "account": {"accessToken": "a-token"}}


def test_a_component_goes_the_whole_way(tmp_path: Path, sms: Callable[[], str]) -> None:
    async def main() -> None:
        async with libpims.aio.session({"storage": {"path": tmp_path}}) as device:
            assert not await device.is_activated()
            await device.request_phone_number_code(PHONE_NUMBER)
            await device.add_phone_number(sms, PHONE_NUMBER)
            await device.request_enrollment_code()
            assert await device.accept_enrollment_code(sms) is libpims.EnrollmentStatus.NOT_ENROLLED
            await device.enroll(PIN)
            await device.change_pin(PIN, "4321")
            await device.request_reset_code()
            await device.reset_pin("567890", sms)
            assert await device.trusted_phone_number() == PHONE_NUMBER
            assert await device.account_state() is libpims.AccountState.NOT_BLOCKED
            verify = {"action": "verify", "otp": await device.otp("567890")}
            assert await device.set("pims.authority.otp", verify) == {"verified": True}
            with pytest.raises(libpims.PimsError) as caught:
                await device.otp("9999")
            assert caught.value.attempts_left == 4
            await device.remove_enrollments()
        with pytest.raises(libpims.PimsError, match="2001"):
            await device.is_activated()

    run(main())
    assert bridge.pending == 0


def test_calls_that_wait_together_get_their_own_messages(tmp_path: Path) -> None:
    async def main() -> None:
        async with libpims.aio.session({"storage": {"path": tmp_path}}) as device:
            calls = [device.get(ACCOUNT, ACTIVATED if number % 2 else None) for number in range(400)]
            for number, told in enumerate(await asyncio.gather(*calls, return_exceptions=True)):
                if number % 2:
                    assert told == {"isDeviceActivated": False}
                else:
                    assert isinstance(told, libpims.PimsError) and told.code == libpims.Code.MISSING_PARAMETER

    run(main())
    assert bridge.pending == 0


def test_a_queue_that_is_full_says_so(tmp_path: Path, silent_service: SilentService) -> None:
    async def main() -> None:
        await libpims.aio.init(pointed_at(silent_service, tmp_path))
        calls = [asyncio.ensure_future(libpims.aio.get(PHONE)) for _ in range(1100)]
        full, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_EXCEPTION)
        assert full and all(isinstance(call.exception(), libpims.QueueFull) for call in full)
        await libpims.aio.free()
        told = await asyncio.gather(*calls, return_exceptions=True)
        codes = {error.code for error in told if isinstance(error, libpims.PimsError)}
        assert {libpims.Code.NOT_INITIALIZED} <= codes <= {libpims.Code.NO_INTERNET, libpims.Code.NOT_INITIALIZED}
        assert sum(isinstance(error, libpims.QueueFull) for error in told) >= 1100 - 1024 - 1

    run(main())
    assert bridge.pending == 0


def test_an_await_that_is_cancelled_gives_up_the_message_and_nothing_breaks(tmp_path: Path, silent_service: SilentService) -> None:
    async def main() -> None:
        await libpims.aio.init(pointed_at(silent_service, tmp_path))
        call = asyncio.ensure_future(libpims.aio.get(PHONE))
        behind = asyncio.ensure_future(libpims.aio.get(ACCOUNT, ACTIVATED))
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(call, 0.01)
        # The message has not come, so the table still has its entry.
        assert bridge.pending == 2
        await libpims.aio.free()
        with pytest.raises(libpims.PimsError, match="2001"):
            await behind

    run(main())
    assert bridge.pending == 0


def test_messages_for_a_loop_that_is_closed_are_dropped(
    tmp_path: Path, silent_service: SilentService, capfd: pytest.CaptureFixture[str]
) -> None:
    async def main() -> None:
        await libpims.aio.init(pointed_at(silent_service, tmp_path))
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(libpims.aio.get(PHONE), 0.01)

    run(main())
    assert bridge.pending == 1
    libpims.free()
    assert bridge.pending == 0
    assert capfd.readouterr().err == ""


def test_the_loop_runs_while_the_service_is_silent(tmp_path: Path, silent_service: SilentService) -> None:
    async def main() -> None:
        async with libpims.aio.session(pointed_at(silent_service, tmp_path)) as device:
            call = asyncio.ensure_future(device.get(PHONE))
            await asyncio.to_thread(silent_service.wait_for_call)
            assert not call.done()
        with pytest.raises(libpims.PimsError, match="2202"):
            await call

    run(main())


def test_events_are_iterated_until_the_subscription_ends(tmp_path: Path, sms: Callable[[], str]) -> None:
    async def main() -> None:
        async with libpims.aio.session({"storage": {"path": tmp_path}}) as device:
            await device.request_phone_number_code(PHONE_NUMBER)
            async with device.watch() as events:
                with pytest.raises(libpims.PimsError, match="2005"):
                    async with device.subscribe(ACCOUNT, ACTIVATED):
                        raise AssertionError("there are two")
                await device.enroll_with_phone_number(PIN, sms, PHONE_NUMBER)
                await device.remove_enrollments()
                assert await events.__anext__() == {"isDeviceActivated": True}
                assert await events.__anext__() == {"isDeviceActivated": False}
            assert [event async for event in events] == []
            assert bridge.pending == 0
            # The library has no subscription either.
            async with device.watch():
                pass

    run(main())
    assert bridge.pending == 0


def test_a_subscription_that_did_not_begin_says_so() -> None:
    async def main() -> None:
        async for _ in libpims.aio.subscribe(ACCOUNT, ACTIVATED):
            raise AssertionError("there is no event")

    with pytest.raises(RuntimeError, match="async with"):
        run(main())


@pytest.mark.parametrize("end", [libpims.aio.free, lambda: libpims.aio.unsubscribe(ACCOUNT, ACTIVATED)])
def test_an_iteration_ends_with_the_facade_or_the_subscription(end: Callable[[], Any], tmp_path: Path) -> None:
    async def main() -> None:
        await libpims.aio.init({"storage": {"path": tmp_path}})
        async with libpims.aio.subscribe(ACCOUNT, ACTIVATED) as events:

            async def collect() -> Any:
                return [event async for event in events]

            collected = asyncio.ensure_future(collect())
            await asyncio.sleep(0)
            await end()
            assert await collected == []

    run(main())
    assert bridge.pending == 0


def test_a_subscription_that_is_cancelled_while_it_begins_is_ended(tmp_path: Path, silent_service: SilentService) -> None:
    async def main() -> None:
        await libpims.aio.init(pointed_at(silent_service, tmp_path))
        before = asyncio.ensure_future(libpims.aio.get(PHONE))
        await asyncio.sleep(0)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(libpims.aio.subscribe(ACCOUNT, ACTIVATED).__aenter__(), 0.01)
        # Now the subscription begins, and no caller waits for it.
        await asyncio.to_thread(silent_service.wait_for_call)
        silent_service.hang_up()
        with pytest.raises(libpims.PimsError, match="2202"):
            await before
        async with libpims.aio.subscribe(ACCOUNT, ACTIVATED):
            assert bridge.pending == 1
        await libpims.aio.free()

    run(main())
    assert bridge.pending == 0


def test_a_subscription_that_is_cancelled_while_it_is_refused_ends_no_other_one(tmp_path: Path, silent_service: SilentService) -> None:
    async def main() -> None:
        await libpims.aio.init(pointed_at(silent_service, tmp_path))
        async with libpims.aio.subscribe(ACCOUNT, ACTIVATED):
            before = asyncio.ensure_future(libpims.aio.get(PHONE))
            await asyncio.sleep(0)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(libpims.aio.subscribe(ACCOUNT, ACTIVATED).__aenter__(), 0.01)
            await asyncio.to_thread(silent_service.wait_for_call)
            silent_service.hang_up()
            with pytest.raises(libpims.PimsError, match="2202"):
                await before
            # The first subscription still exists.
            with pytest.raises(libpims.PimsError, match="2005"):
                await libpims.aio.subscribe(ACCOUNT, ACTIVATED).__aenter__()
        await libpims.aio.free()

    run(main())
    assert bridge.pending == 0


def test_a_subscription_that_is_left_while_another_call_ends_it_ends_no_later_one(tmp_path: Path, silent_service: SilentService) -> None:
    async def main() -> None:
        await libpims.aio.init(pointed_at(silent_service, tmp_path))
        first, second = libpims.aio.subscribe(ACCOUNT, ACTIVATED), libpims.aio.subscribe(ACCOUNT, ACTIVATED)
        await first.__aenter__()
        before = asyncio.ensure_future(libpims.aio.get(PHONE))
        await asyncio.to_thread(silent_service.wait_for_call)
        # All these calls wait in the library's queue, in this order.
        ending = asyncio.ensure_future(libpims.aio.unsubscribe(ACCOUNT, ACTIVATED))
        beginning = asyncio.ensure_future(second.__aenter__())
        leaving = asyncio.ensure_future(first.__aexit__(None, None, None))
        await asyncio.sleep(0)
        silent_service.hang_up()
        with pytest.raises(libpims.PimsError, match="2202"):
            await before
        await asyncio.gather(ending, beginning, leaving)
        # The second subscription still exists.
        with pytest.raises(libpims.PimsError, match="2005"):
            await libpims.aio.subscribe(ACCOUNT, ACTIVATED).__aenter__()
        assert bridge.pending == 1
        await second.__aexit__(None, None, None)
        await libpims.aio.free()

    run(main())
    assert bridge.pending == 0


def test_subscriptions_that_begin_while_another_ends_hear_of_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with libpims.aio.session({"storage": {"path": tmp_path}}) as device:

            async def begin_and_end(number: int) -> None:
                for turn in range(50):
                    try:
                        async with device.subscribe(ACCOUNT, ACTIVATED):
                            if turn % 3 == number % 3:
                                await device.unsubscribe(ACCOUNT, ACTIVATED)
                    except libpims.PimsError as error:
                        assert error.code == libpims.Code.DUPLICATE

            await asyncio.gather(*(begin_and_end(number) for number in range(6)))
            async with device.subscribe(ACCOUNT, ACTIVATED):
                assert bridge.pending == 1

    run(main())
    assert bridge.pending == 0


def test_all_who_wait_for_events_hear_that_the_subscription_was_left(tmp_path: Path) -> None:
    async def main() -> None:
        async with libpims.aio.session({"storage": {"path": tmp_path}}) as device:
            async with device.subscribe(ACCOUNT, ACTIVATED) as events:

                async def collect() -> Any:
                    return [event async for event in events]

                waiting = [asyncio.ensure_future(collect()) for _ in range(3)]
                await asyncio.sleep(0)
            assert await asyncio.gather(*waiting) == [[], [], []]
            assert [event async for event in events] == []

    run(main())


def test_a_subscription_that_is_left_while_the_queue_is_full_is_ended_in_its_turn(tmp_path: Path, silent_service: SilentService) -> None:
    async def main() -> None:
        await libpims.aio.init(pointed_at(silent_service, tmp_path))
        events = await libpims.aio.subscribe(ACCOUNT, ACTIVATED).__aenter__()
        first = asyncio.ensure_future(libpims.aio.get(PHONE))
        await asyncio.sleep(0)
        await asyncio.to_thread(silent_service.wait_for_call)
        behind = [asyncio.ensure_future(libpims.aio.get(ACCOUNT, ACTIVATED)) for _ in range(1024)]
        await asyncio.sleep(0)
        with pytest.raises(libpims.QueueFull):
            await libpims.aio.get(ACCOUNT, ACTIVATED)
        leaving = asyncio.ensure_future(events.__aexit__(None, None, None))
        await asyncio.sleep(0)
        assert bridge.pending == 1027
        silent_service.hang_up()
        with pytest.raises(libpims.PimsError, match="2202"):
            await first
        assert await asyncio.gather(*behind) == [{"isDeviceActivated": False}] * 1024
        await leaving
        async with libpims.aio.subscribe(ACCOUNT, ACTIVATED):
            assert bridge.pending == 1
        await libpims.aio.free()

    run(main())
    assert bridge.pending == 0


@pytest.mark.parametrize("when", ["at the next event", "at the next subscription"])
def test_a_subscription_whose_loop_was_closed_is_told_and_ended(
    when: str, tmp_path: Path, sms: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> None:
    libpims.init({"storage": {"path": tmp_path}})
    device = libpims.StrongAuthentication()
    device.request_phone_number_code(PHONE_NUMBER)
    loop = asyncio.new_event_loop()
    events = loop.run_until_complete(libpims.aio.StrongAuthentication().watch().__aenter__())
    loop.close()
    if when == "at the next event":
        device.enroll_with_phone_number(PIN, sms, PHONE_NUMBER)
        # The event is delivered on the library's thread; the message of this call comes after it.
        libpims.unsubscribe("pims.authentication.account")
        with device.watch(print):
            assert bridge.pending == 1
    else:
        with pytest.warns(ResourceWarning, match="the event loop of a subscription was closed"):
            device.watch(print).close()
    assert caplog.text.count("the event loop of a subscription was closed before the subscription ended: it is ended") == 1
    assert events is not None
    assert bridge.pending == 0


def test_events_that_are_dropped_are_told_and_ended(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with libpims.aio.session({"storage": {"path": tmp_path}}) as device:
            with pytest.warns(ResourceWarning, match="a subscription was dropped before its `async with` ended"):
                events: Any = await device.watch().__aenter__()
                del events
                gc.collect()
            for _ in range(20):
                async with device.watch():
                    assert bridge.pending <= 2

    run(main())
    assert caplog.text.count("it is ended") == 1
    assert bridge.pending == 0


def test_a_subscription_begins_when_the_one_that_was_cancelled_is_over(tmp_path: Path, silent_service: SilentService) -> None:
    async def main() -> None:
        await libpims.aio.init(pointed_at(silent_service, tmp_path))
        before = asyncio.ensure_future(libpims.aio.get(PHONE))
        await asyncio.to_thread(silent_service.wait_for_call)
        # All these calls wait in the library's queue.
        for _ in range(3):
            beginning = asyncio.ensure_future(libpims.aio.subscribe(ACCOUNT, ACTIVATED).__aenter__())
            ending = asyncio.ensure_future(libpims.aio.unsubscribe(ACCOUNT))
            await asyncio.sleep(0)
            beginning.cancel()
            await asyncio.gather(beginning, return_exceptions=True)
            assert not ending.done()
        events = libpims.aio.subscribe(ACCOUNT, ACTIVATED)
        next_one = asyncio.ensure_future(events.__aenter__())
        # A subscription that is cancelled and then refused behind the previous one leaves nothing.
        given_up = asyncio.ensure_future(libpims.aio.subscribe(ACCOUNT, ACTIVATED).__aenter__())
        await asyncio.sleep(0)
        given_up.cancel()
        silent_service.hang_up()
        with pytest.raises(libpims.PimsError, match="2202"):
            await before
        await next_one
        # The message of this call comes after that of the cancelled call.
        await libpims.aio.get(ACCOUNT, ACTIVATED)
        assert bridge.pending == 1
        await events.__aexit__(None, None, None)
        await libpims.aio.free()

    run(main())
    assert bridge.pending == 0


def test_inside_a_callback_what_must_wait_for_another_one_is_refused_and_all_else_is_done(tmp_path: Path, sms: Callable[[], str]) -> None:
    seen: List[Any] = []
    over = threading.Event()

    async def inside() -> None:
        seen.append(await libpims.aio.get(ACCOUNT, ACTIVATED))
        with pytest.raises(RuntimeError, match="callback"):
            await libpims.aio.subscribe(ACCOUNT, ACTIVATED).__aenter__()
        await libpims.aio.unsubscribe(ACCOUNT, ACTIVATED)
        await libpims.aio.free()
        with pytest.raises(libpims.PimsError, match="2001"):
            await libpims.aio.get(ACCOUNT, ACTIVATED)

    def on_event(_event: Any) -> None:
        try:
            asyncio.run(inside())
        except BaseException as error:
            seen.append(error)
        over.set()

    libpims.init({"storage": {"path": tmp_path}})
    device = libpims.StrongAuthentication()
    device.request_phone_number_code(PHONE_NUMBER)
    subscription = device.watch(on_event)
    device.enroll_with_phone_number(PIN, sms, PHONE_NUMBER)
    assert over.wait(DEADLINE)
    assert seen == [{"isDeviceActivated": True}]
    subscription.close()
    libpims.free()
    assert bridge.pending == 0


def test_a_session_that_is_cancelled_again_while_it_ends_leaves_no_facade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closing, go_on = threading.Event(), threading.Event()
    close = bridge.close

    def slow(facade: int) -> None:
        closing.set()
        assert go_on.wait(DEADLINE)
        close(facade)

    async def main() -> None:
        async def use() -> None:
            async with libpims.aio.session({"storage": {"path": tmp_path}}):
                monkeypatch.setattr(bridge, "close", slow)
                await asyncio.sleep(DEADLINE)

        using = asyncio.ensure_future(use())
        while bridge.close is not slow:
            await asyncio.sleep(0.001)
        using.cancel()
        await asyncio.to_thread(closing.wait, DEADLINE)
        using.cancel()
        await asyncio.sleep(0)
        assert not using.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await using
        monkeypatch.setattr(bridge, "close", close)
        async with libpims.aio.session({"storage": {"path": tmp_path}}) as device:
            assert not await device.is_activated()

    run(main())


def test_a_session_that_is_cancelled_while_it_begins_leaves_no_facade(tmp_path: Path) -> None:
    async def begin(entered: asyncio.Event) -> None:
        entered.set()
        async with libpims.aio.session({"storage": {"path": tmp_path}}):
            raise AssertionError("it was cancelled")

    async def main() -> None:
        entered = asyncio.Event()
        beginning = asyncio.ensure_future(begin(entered))
        await entered.wait()
        beginning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await beginning
        # There is no facade, which would have locked the storage.
        async with libpims.aio.session({"storage": {"path": tmp_path}}) as device:
            assert not await device.is_activated()

    run(main())


def test_a_session_can_be_cancelled_while_it_waits_for_a_secret(tmp_path: Path) -> None:
    """The secret may come from a dialog that the user leaves open."""

    async def main() -> None:
        asked = asyncio.Event()

        async def never() -> bytes:
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError("nobody has set this event")

        opening = asyncio.ensure_future(libpims.aio.Session.open({"storage": {"path": tmp_path, "key": never}}))
        await asyncio.wait_for(asked.wait(), DEADLINE)
        opening.cancel()
        done, _ = await asyncio.wait({opening}, timeout=DEADLINE)
        assert done and opening.cancelled()
        async with libpims.aio.session({"storage": {"path": tmp_path}}) as device:
            assert not await device.is_activated()

    run(main())


def test_loops_of_several_threads_share_the_facade(tmp_path: Path) -> None:
    libpims.init({"storage": {"path": tmp_path}})
    results: List[Any] = []

    async def main() -> None:
        for _ in range(50):
            results.append(await libpims.aio.get(ACCOUNT, ACTIVATED))

    threads = [threading.Thread(target=run, args=(main(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert results == [{"isDeviceActivated": False}] * 200
