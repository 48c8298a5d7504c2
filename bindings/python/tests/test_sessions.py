"""Several sessions in one process: each has a facade, an account and a folder of its own."""

from __future__ import annotations

import asyncio
import gc
import json
import queue
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any, Awaitable, Callable, Iterator, List

import pytest

import libpims
import libpims.aio
from conftest import DEADLINE, PHONE_NUMBER, PIN
from libpims._bridge import bridge

ACCOUNT = "pims.authentication.account"
ACTIVATED = {"actionType": "strong", "type": "isDeviceActivated"}
PHONE = "pims.authentication.trustedphonenumber"
Run = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    yield
    assert bridge.pending == 0
    assert [thread.name for thread in threading.enumerate() if thread.name == "a caller"] == []


def configuration(folder: Path) -> libpims.Parameters:
    return {"storage": {"path": folder}}


def code(folder: Path) -> str:
    text: str = json.loads((folder / "sms-outbox.jsonl").read_text(encoding="utf-8").splitlines()[-1])["code"]
    return text


def waiting(folder: Path, listener: socket.socket) -> libpims.Parameters:
    """Returns the configuration of a session whose service never answers."""
    return {
        "storage": {"path": folder},
        "credential": {
            "inWeboURL": f"http://127.0.0.1:{listener.getsockname()[1]}",
            "macID": "0123456789abcdef0123456789abcdef",
        },
        "account": {"accessToken": "a-token"},
    }


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(DEADLINE)
        yield made


def of_one_account(folder: Path, name: str) -> libpims.Parameters:
    """Returns the configuration of a device of an account whose new devices need an approval."""
    policy = {"activationApproval": True, "deviceNotices": True}
    database = {"database": folder / "authority.db", "policy": policy}
    return {"storage": {"path": folder / name}, "account": {"username": "jane"}, "embedded": database}


def increased(number: str) -> str:
    """Returns another number of two digits."""
    return f"{(int(number) + 1) % 100:02}"


def enroll(device: libpims.Session, folder: Path, pin: str) -> None:
    device.request_phone_number_code(PHONE_NUMBER)
    device.enroll_with_phone_number(pin, lambda: code(folder), PHONE_NUMBER)


def is_closed(error: BaseException) -> bool:
    return str(error) == "2001 Facade not initialized: the session was closed"


def test_two_accounts_work_at_once_each_with_its_own_storage(tmp_path: Path) -> None:
    folders, pins = (tmp_path / "first", tmp_path / "second"), ("1234", "567890")
    with libpims.session(configuration(folders[0])) as first, libpims.session(configuration(folders[1])) as second:
        devices = (first, second)
        failures: List[BaseException] = []
        passwords: List[List[str]] = [[], []]

        def use(number: int) -> None:
            try:
                enroll(devices[number], folders[number], pins[number])
                for _ in range(10):
                    passwords[number].append(devices[number].otp(pins[number]))
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=use, args=[number], name="a caller") for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        assert failures == []
        for number, device in enumerate(devices):
            assert device.verify(passwords[number][-1])
            # Neither the PIN nor a password of the other account.
            assert not device.verify(passwords[1 - number][-1])
            with pytest.raises(libpims.PimsError) as caught:
                device.otp(pins[1 - number])
            assert caught.value.attempts_left == 4
            assert {"authority.db", "device.pims", "pims.lock"} <= {path.name for path in folders[number].iterdir()}
    # Each one is still enrolled in its own folder.
    for folder, pin in zip(folders, pins):
        with libpims.session(configuration(folder)) as device:
            assert device.otp(pin)


def test_two_accounts_work_at_once_on_one_loop(tmp_path: Path) -> None:
    async def use(name: str, pin: str) -> libpims.aio.Session:
        folder = tmp_path / name
        device = await libpims.aio.Session.open(configuration(folder))
        async with device.watch() as events:
            await device.request_phone_number_code(PHONE_NUMBER)
            await device.enroll_with_phone_number(pin, lambda: code(folder), PHONE_NUMBER)
            assert await events.__anext__() == {"isDeviceActivated": True}
        assert await device.verify(await device.otp(pin))
        assert (await device.get(ACCOUNT, ACTIVATED)) == {"isDeviceActivated": True}
        return device

    async def main() -> None:
        first, second = await asyncio.gather(use("first", "1234"), use("second", "567890"))
        assert not await second.verify(await first.otp("1234"))
        await first.close()
        assert await second.verify(await second.otp("567890"))
        with pytest.raises(libpims.PimsError) as caught:
            await first.otp("1234")
        assert is_closed(caught.value)
        await second.close()
        await second.close()

    asyncio.run(asyncio.wait_for(main(), DEADLINE))


def test_a_new_device_is_approved_by_another_one_and_its_changes_are_notices(tmp_path: Path) -> None:
    events: "queue.Queue[libpims.Account]" = queue.Queue()
    with libpims.session(of_one_account(tmp_path, "old")) as old, libpims.session(of_one_account(tmp_path, "new")) as new:
        enroll(old, tmp_path / "old", PIN)
        nobody = libpims.Approval(libpims.ApprovalState.NONE, None, None, None, None, None)
        assert (old.approval(), old.notices()) == (nobody, [])
        new.request_enrollment_code()
        new.enroll(PIN, lambda: code(tmp_path / "new"))
        with pytest.raises(libpims.PimsError) as caught:
            new.otp(PIN)
        assert caught.value.code == libpims.Code.WRONG_STATE
        own, asked = new.approval(), old.approval()
        assert own.state is libpims.ApprovalState.WAITING and own.number is not None and own.device_id is None
        assert asked.state is libpims.ApprovalState.ASKED and asked.device_id is not None and asked.number is None
        assert asked.name and asked.since and asked.lifetime_seconds and 0 < asked.lifetime_seconds <= 300

        def told(name: str) -> libpims.Account:
            """Returns the next event with this member."""
            return next(event for event in iter(lambda: events.get(timeout=DEADLINE), None) if name in event)

        with old.watch(events.put, approval=True):
            event = told("approval")
        assert event["approval"]["deviceId"] == asked.device_id and event["approval"]["state"] == "asked"
        old.approve_new_device(asked.device_id, own.number, PIN)
        new.change_pin(PIN, "4321")
        (notice,) = old.notices()
        assert (notice.event, notice.device_id, notice.name) == ("pinChange", None, None) and notice.at >= asked.since
        with old.watch(events.put, notices=True):
            event = told("notices")
        assert [one["event"] for one in event["notices"]] == ["pinChange"]


def test_a_new_device_is_rejected_or_ends_by_a_wrong_number_on_a_loop(tmp_path: Path) -> None:
    async def told(events: libpims.aio.Events[libpims.Account], name: str) -> libpims.Account:
        """Returns the next event with this member."""
        while name not in (event := await events.__anext__()):
            pass
        return event

    async def wait(new: libpims.aio.Session) -> str:
        await new.request_enrollment_code()
        await new.enroll(PIN, lambda: code(tmp_path / "new"))
        number = (await new.approval()).number
        assert number is not None
        return number

    async def main() -> None:
        async with libpims.aio.session(of_one_account(tmp_path, "old")) as old, libpims.aio.session(of_one_account(tmp_path, "new")) as new:
            await old.request_phone_number_code(PHONE_NUMBER)
            await old.enroll_with_phone_number(PIN, lambda: code(tmp_path / "old"), PHONE_NUMBER)
            number = await wait(new)
            device_id = (await old.approval()).device_id
            assert device_id is not None
            with pytest.raises(libpims.PimsError) as caught:
                await old.approve_new_device(device_id, increased(number), PIN)
            assert caught.value.code == libpims.Code.WRONG_STATE
            with pytest.raises(libpims.PimsError) as caught:
                await new.otp(PIN)
            assert caught.value.code == libpims.Code.DEVICE_UNKNOWN
            await wait(new)
            async with old.watch(notices=True, approval=True) as events:
                asked = await told(events, "approval")
                assert asked["approval"]["state"] == "asked"
                await old.reject_new_device(str(asked["approval"]["deviceId"]))
                assert (await told(events, "isAccountBlocked"))["isAccountBlocked"] == "PinBlocked"
            assert await old.account_state() is libpims.AccountState.PIN_BLOCKED
            assert await old.notices() == []

    asyncio.run(asyncio.wait_for(main(), DEADLINE))


def test_a_session_is_closed_while_another_one_works(tmp_path: Path, listener: socket.socket) -> None:
    first, second = libpims.Session(configuration(tmp_path / "first")), libpims.Session(waiting(tmp_path / "second", listener))
    failures: List[libpims.PimsError] = []

    def ask() -> None:
        with pytest.raises(libpims.PimsError) as caught:
            second.get(PHONE)
        failures.append(caught.value)

    caller = threading.Thread(target=ask, name="a caller")
    caller.start()
    connection, _ = listener.accept()
    # The call of the second session waits for its service.
    assert first.get(ACCOUNT, ACTIVATED) == {"isDeviceActivated": False}
    first.close()
    assert caller.is_alive() and failures == []
    assert second.get("pims.sdk.version")["versionCore"] == libpims.version()
    second.close()
    caller.join(DEADLINE)
    assert failures[0].code in (libpims.Code.NO_INTERNET, libpims.Code.NOT_INITIALIZED)
    connection.close()


def test_a_closed_session_refuses_every_call(tmp_path: Path) -> None:
    with libpims.session(configuration(tmp_path)) as device:
        subscription = device.watch(print)
        dropped = device.watch
    calls: List[Callable[[], object]] = [
        device.is_activated,
        lambda: device.otp(PIN),
        lambda: device.get(ACCOUNT, ACTIVATED),
        lambda: device.set("pims.authentication.token", {"type": "cvs", "token": "t"}),
        lambda: device.subscribe(ACCOUNT, ACTIVATED, print),
        lambda: dropped(print),
        lambda: device.unsubscribe(ACCOUNT),
    ]
    # Also after another session was opened: a handle is given once.
    for _ in range(2):
        for call in calls:
            with pytest.raises(libpims.PimsError) as caught:
                call()
            assert is_closed(caught.value)
        libpims.Session(configuration(tmp_path)).close()
    device.close()
    subscription.close()


def test_a_closed_session_refuses_every_await(tmp_path: Path) -> None:
    async def main() -> None:
        async with libpims.aio.session(configuration(tmp_path)) as device:
            pass
        calls: List[Callable[[], Awaitable[object]]] = [
            device.is_activated,
            lambda: device.otp(PIN),
            lambda: device.get(ACCOUNT, ACTIVATED),
            lambda: device.set("pims.authentication.token", {"type": "cvs", "token": "t"}),
            lambda: device.subscribe(ACCOUNT, ACTIVATED).__aenter__(),
            lambda: device.watch().__aenter__(),
            lambda: device.unsubscribe(ACCOUNT),
        ]
        for call in calls:
            with pytest.raises(libpims.PimsError) as caught:
                await call()
            assert is_closed(caught.value)

    asyncio.run(asyncio.wait_for(main(), DEADLINE))


def test_a_session_that_was_not_opened_says_so() -> None:
    async def main() -> None:
        device = libpims.aio.Session()
        for call in (device.is_activated(), device.unsubscribe(ACCOUNT)):
            with pytest.raises(libpims.PimsError, match=r"2001 .*: the session was not opened: await Session.open"):
                await call
        await device.close()

    asyncio.run(asyncio.wait_for(main(), DEADLINE))


def test_threads_that_use_a_session_while_another_one_closes_it_are_told(tmp_path: Path) -> None:
    session = libpims.Session(configuration(tmp_path))
    begun = threading.Barrier(5)
    errors: List[libpims.PimsError] = []

    def call() -> None:
        session.is_activated()
        begun.wait(DEADLINE)
        try:
            while True:
                session.is_activated()
        except libpims.PimsError as error:
            errors.append(error)

    async def call_and_await() -> None:
        asyncio_session = libpims.aio.Session()
        asyncio_session._facade = session._facade
        try:
            while True:
                await asyncio_session.is_activated()
        except libpims.PimsError as error:
            errors.append(error)
        asyncio_session._facade = 0

    def awaits() -> None:
        begun.wait(DEADLINE)
        asyncio.run(call_and_await())

    threads = [threading.Thread(target=target, name="a caller") for target in (call, call, awaits, awaits)]
    for thread in threads:
        thread.start()
    begun.wait(DEADLINE)
    session.close()
    for thread in threads:
        thread.join(DEADLINE)
    assert [error.code for error in errors] == [libpims.Code.NOT_INITIALIZED] * 4


def test_the_default_facade_and_the_sessions_are_independent(tmp_path: Path) -> None:
    libpims.init(configuration(tmp_path / "default"))
    with libpims.session(configuration(tmp_path / "session")) as device:
        enroll(device, tmp_path / "session", PIN)
        assert libpims.get(ACCOUNT, ACTIVATED) == {"isDeviceActivated": False}
        subscription = device.watch(print)
        own = libpims.StrongAuthentication().watch(print)
        libpims.free()
        with pytest.raises(libpims.PimsError, match="2001"):
            libpims.get(ACCOUNT, ACTIVATED)
        assert device.otp(PIN)
        # The subscription of the session goes on.
        assert bridge.pending == 1
        libpims.init(configuration(tmp_path / "default"))
        subscription.close()
        own.close()
    assert libpims.get(ACCOUNT, ACTIVATED) == {"isDeviceActivated": False}


def test_events_come_to_the_session_whose_account_changed(tmp_path: Path) -> None:
    told: List["queue.Queue[Any]"] = [queue.Queue(), queue.Queue()]
    first, second = (libpims.Session(configuration(tmp_path / name)) for name in ("first", "second"))
    first_subscription, second_subscription = first.watch(told[0].put), second.watch(told[1].put)
    enroll(first, tmp_path / "first", PIN)
    # The end of one subscription leaves that of the other session.
    second.unsubscribe(ACCOUNT)
    assert bridge.pending == 1
    first.remove_enrollments()
    assert [told[0].get(timeout=DEADLINE) for _ in range(2)] == [{"isDeviceActivated": True}, {"isDeviceActivated": False}]
    first_subscription.close()
    second_subscription.close()
    assert told[0].empty() and told[1].empty()
    subscription = second.watch(print)
    first.close()
    assert bridge.pending == 1
    second.close()
    assert bridge.pending == 0
    subscription.close()


def test_two_sessions_on_one_folder_are_refused(tmp_path: Path) -> None:
    with libpims.session(configuration(tmp_path)) as device:
        with pytest.raises(libpims.PimsError, match="2006") as caught:
            libpims.Session(configuration(tmp_path))
        assert "pims.lock" in str(caught.value)
        assert not device.is_activated()


def test_a_session_that_did_not_open_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(libpims.PimsError, match="2004"):
        libpims.Session({"storage": {"path": tmp_path}, "nothing": {"of": "the kind"}, "limits": {"activations": "many"}})

    async def main() -> None:
        with pytest.raises(libpims.PimsError, match="2004"):
            await libpims.aio.Session.open({"limits": {"activations": "many"}})

    asyncio.run(asyncio.wait_for(main(), DEADLINE))
    assert bridge._closers == {}


def test_a_dropped_session_is_told_and_closed_by_the_next_one(tmp_path: Path) -> None:
    session = libpims.Session(configuration(tmp_path))
    with pytest.warns(ResourceWarning, match="a session was dropped before it was closed"):
        del session
        gc.collect()
    with libpims.session(configuration(tmp_path)) as device:
        assert not device.is_activated()

    async def main() -> None:
        opened = await libpims.aio.Session.open(configuration(tmp_path))
        with pytest.warns(ResourceWarning, match="a session was dropped before it was closed"):
            del opened
            gc.collect()
        async with libpims.aio.session(configuration(tmp_path)) as device:
            assert not await device.is_activated()

    asyncio.run(asyncio.wait_for(main(), DEADLINE))
    assert bridge._closers == {}


def test_a_callback_closes_its_session_and_another_one(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    sessions = [libpims.Session(configuration(tmp_path / name)) for name in ("first", "second")]
    closed = threading.Event()

    def close_all(_event: Any) -> None:
        while sessions:
            sessions.pop().close()
        closed.set()

    subscription = sessions[0].watch(close_all)
    enroll(sessions[0], tmp_path / "first", PIN)
    assert closed.wait(DEADLINE)
    subscription.close()
    # They were closed, so nothing warns of them.
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []
    # The next session waits until the callback has returned, so the folders are free.
    for name in ("first", "second"):
        with libpims.session(configuration(tmp_path / name)):
            pass
    assert bridge._closers == {}


BEGIN = """
import asyncio, os, socket, sys, threading, time
import libpims, libpims.aio
listener = socket.create_server(("127.0.0.1", 0))
service = f"http://127.0.0.1:{listener.getsockname()[1]}"
def waiting(name):
    return {
        "storage": {"path": os.path.join(sys.argv[1], name)},
        "credential": {"inWeboURL": service, "macID": "0123456789abcdef0123456789abcdef"},
        "account": {"accessToken": "a-token"},
    }
ASK = "pims.authentication.trustedphonenumber"
ACCOUNT = "pims.authentication.account"
ACTIVATED = {"actionType": "strong", "type": "isDeviceActivated"}
first, second = libpims.Session(waiting("first")), libpims.Session(waiting("second"))
"""


@pytest.mark.parametrize(
    "program",
    [
        # Both wait for a server.
        """
def ask(session):
    try:
        session.get(ASK)
    except libpims.PimsError:
        pass
connections = []
for session in (first, second):
    threading.Thread(target=ask, args=[session], daemon=True).start()
    connections.append(listener.accept())
""",
        # Subscriptions, and a session that is dropped.
        """
subscriptions = [first.watch(print), second.watch(print)]
import warnings
warnings.simplefilter("ignore")
del first
""",
        # Daemon threads that open and close sessions, and call them.
        """
def open_and_close(number):
    while True:
        with libpims.session(waiting(f"more{number}")) as device:
            device.is_activated()
def call():
    while True:
        first.is_activated()
# The messages of a daemon at the end are not tested.
threading.excepthook = lambda told: None
for number in range(3):
    threading.Thread(target=open_and_close, args=[number], daemon=True).start()
    threading.Thread(target=call, daemon=True).start()
time.sleep(0.3)
""",
    ],
    ids=["waits", "subscriptions", "daemons"],
)
def test_the_interpreter_ends_with_open_sessions(program: str, run: Run) -> None:
    ended = run(BEGIN + program + 'print("the last line")\n')
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "the last line\n", "")


def test_a_callback_that_does_not_return_holds_no_other_session(run: Run) -> None:
    ended = run(
        BEGIN
        + """
from libpims import _bridge
from libpims._parameters import encode
_bridge.EXIT_GRACE_SECONDS = 1
begun = threading.Event()
def stand(message):
    begun.set()
    time.sleep(1000)
_bridge.bridge.start("get", ACCOUNT, encode(ACTIVATED), stand, first._facade)
begun.wait()
def ask():
    try:
        second.get(ASK)
    except libpims.PimsError as error:
        os.write(1, b"the second session was closed\\n")
threading.Thread(target=ask, daemon=True).start()
# Kept: the call waits for an answer on this connection.
connection = listener.accept()
# Flushed: the interpreter flushes nothing while a thread of it stands.
print("the last line", flush=True)
"""
    )
    assert (ended.returncode, ended.stdout) == (0, "the last line\nthe second session was closed\n"), ended.stderr
    assert ended.stderr == "a callback of pims.authentication.account does not return: the program ends without it\n"


def test_a_forked_child_is_refused_and_the_parent_goes_on(run: Run) -> None:
    ended = run(
        BEGIN
        + """
asyncio_session = asyncio.run(libpims.aio.Session.open(waiting("third")))
child = os.fork()
if child == 0:
    refused = 0
    for call in (
        first.is_activated,
        lambda: first.get(ACCOUNT, ACTIVATED),
        lambda: first.subscribe(ACCOUNT, ACTIVATED, print),
        lambda: first.unsubscribe(ACCOUNT),
        first.close,
        lambda: asyncio.run(asyncio_session.is_activated()),
        lambda: asyncio.run(asyncio_session.close()),
        lambda: libpims.Session(waiting("fourth")),
        lambda: asyncio.run(libpims.aio.Session.open(waiting("fourth"))),
    ):
        try:
            call()
        except libpims.ForkedError:
            refused += 1
    # With all that an interpreter does when it ends.
    sys.exit(refused)
_, status = os.waitpid(child, 0)
assert os.WEXITSTATUS(status) == 9, status
assert not first.is_activated() and not second.is_activated()
asyncio.run(asyncio_session.close())
first.close()
print("the last line")
"""
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "the last line\n", "")
