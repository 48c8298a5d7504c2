"""The end of a process, and the limits of a forked one. Each program runs in an interpreter of its
own."""

from __future__ import annotations

import subprocess
import sys
from typing import Callable

import pytest

from conftest import DEADLINE

Run = Callable[[str], "subprocess.CompletedProcess[str]"]

BEGIN = """
import asyncio, os, socket, sys, threading, time
import libpims, libpims.aio
listener = socket.create_server(("127.0.0.1", 0))
service = f"http://127.0.0.1:{listener.getsockname()[1]}"
libpims.init({
    "storage": {"path": sys.argv[1]},
    "credential": {"inWeboURL": service, "macID": "0123456789abcdef0123456789abcdef"},
    "account": {"accessToken": "a-token"},
})
ASK = "pims.authentication.trustedphonenumber"
ACCOUNT = "pims.authentication.account"
ACTIVATED = {"actionType": "strong", "type": "isDeviceActivated"}
"""


def ends_well(ended: "subprocess.CompletedProcess[str]", status: int = 0) -> None:
    assert (ended.returncode, ended.stderr) == (status, "")
    assert ended.stdout == "the last line\n"


@pytest.mark.parametrize(
    "program",
    [
        # A cancelled await, a closed loop, and more calls in the queue.
        """
async def main():
    for _ in range(20):
        asyncio.ensure_future(libpims.aio.get(ASK))
    await asyncio.sleep(0)
asyncio.run(main())
""",
        # A daemon thread that waits.
        """
begun = threading.Event()
def ask():
    begun.set()
    try:
        libpims.get(ASK)
    except libpims.PimsError:
        pass
threading.Thread(target=ask, daemon=True).start()
begun.wait()
connection = listener.accept()
""",
        # A daemon thread that waits for a user's input, which never comes.
        """
begun = threading.Event()
def ask():
    begun.set()
    time.sleep(1000)
threading.Thread(target=libpims.get, args=[ASK, {"pinCode": ask}], daemon=True).start()
begun.wait()
""",
        # A subscription that the program did not close.
        """
subscription = libpims.subscribe(ACCOUNT, ACTIVATED, print)
""",
        # Daemon threads that never stop calling.
        """
def call():
    while True:
        try:
            libpims.get(ACCOUNT, ACTIVATED)
        except libpims.PimsError:
            pass
def call_and_await():
    async def main():
        while True:
            try:
                await libpims.aio.get(ACCOUNT, ACTIVATED)
            except libpims.PimsError:
                pass
    asyncio.run(main())
def begin_and_end():
    while True:
        libpims.free()
        try:
            libpims.init({"storage": {"path": sys.argv[1]}})
        except libpims.PimsError:
            pass
# The messages of a daemon at the end are not tested.
threading.excepthook = lambda told: None
for target in [call, call_and_await, begin_and_end] * 3:
    threading.Thread(target=target, daemon=True).start()
time.sleep(0.3)
""",
    ],
    ids=["awaits", "daemon", "asked", "subscription", "daemons"],
)
def test_the_interpreter_ends_while_calls_are_under_way(program: str, run: Run) -> None:
    ends_well(run(BEGIN + program + 'print("the last line")\n'))


@pytest.mark.parametrize(
    "failure", ["sys.exit(3)", "raise KeyboardInterrupt", "raise asyncio.CancelledError", "raise GeneratorExit", "exit(3)"]
)
def test_what_is_raised_inside_a_callback_is_logged_and_ends_nothing(failure: str, run: Run) -> None:
    ended = run(
        BEGIN
        + f"""
import json, logging
logging.basicConfig(format="%(name)s %(message)s")
sys.unraisablehook = lambda told: print("unraisable", told)
libpims.free()
libpims.init({{"storage": {{"path": sys.argv[1]}}}})
device = libpims.StrongAuthentication()
device.request_phone_number_code("+33612345678")
seen = []
over = threading.Event()
def on_event(event):
    seen.append(event)
    if len(seen) == 2:
        over.set()
    {failure}
def code():
    with open(os.path.join(sys.argv[1], "sms-outbox.jsonl")) as lines:
        return json.loads(lines.readlines()[-1])["code"]
with device.watch(on_event):
    device.enroll_with_phone_number("1234", code, "+33612345678")
    device.remove_enrollments()
    over.wait()
libpims.free()
print("the last line")
"""
    )
    assert (ended.returncode, ended.stdout) == (0, "the last line\n"), ended.stderr
    assert ended.stderr.count("pims the handler of the events of pims.authentication.account failed") == 2
    assert ended.stderr.count("Traceback") == 2


def test_an_exit_inside_the_callback_of_a_call_is_logged(run: Run) -> None:
    ended = run(
        BEGIN
        + """
from libpims._bridge import bridge
from libpims._parameters import encode
over = threading.Event()
def leave(message):
    over.set()
    sys.exit(3)
bridge.start("get", ACCOUNT, encode(ACTIVATED), leave)
over.wait()
libpims.free()
print("the last line")
"""
    )
    assert (ended.returncode, ended.stdout) == (0, "the last line\n")
    assert "SystemExit: 3" in ended.stderr and "a callback of pims.authentication.account failed" in ended.stderr


# A callback that still runs on the library's thread when the program ends.
STANDING = """
from libpims import _bridge
_bridge.EXIT_GRACE_SECONDS = 0.2
from libpims._parameters import encode
begun = threading.Event()
def stand(message):
    begun.set()
    STAND
_bridge.bridge.start("get", ACCOUNT, encode(ACTIVATED), stand)
begun.wait()
"""


@pytest.mark.parametrize(
    "stand",
    ["threading.Event().wait()", "time.sleep(1000)", "at_end.wait()"],
    ids=["waits", "sleeps", "waits for the end"],
)
@pytest.mark.parametrize("end", ["pass", "sys.exit(0)", "raise SystemExit"])
def test_a_program_ends_while_a_callback_does_not_return(stand: str, end: str, run: Run) -> None:
    begin = BEGIN + "import atexit\nat_end = threading.Event()\natexit.register(at_end.set)\n"
    ended = run(begin + STANDING.replace("STAND", stand) + f'print("the last line", flush=True)\n{end}\n')
    assert (ended.returncode, ended.stdout) == (0, "the last line\n")


def test_a_program_that_leaves_a_callback_behind_says_so(run: Run) -> None:
    ended = run(BEGIN + STANDING.replace("STAND", "time.sleep(1000)") + 'print("the last line", flush=True)\n')
    assert (ended.returncode, ended.stdout) == (0, "the last line\n")
    assert ended.stderr == "a callback of pims.authentication.account does not return: the program ends without it\n"


def test_ctrl_c_ends_a_program_that_waits_for_a_callback_at_its_end(run: Run) -> None:
    ended = run(
        BEGIN
        + STANDING.replace("STAND", "time.sleep(1000)").replace("0.2", "1000")
        + """
import atexit, signal
# A program that a shell starts in the background ignores Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Called after the package's own function, so before it returns.
def interrupt():
    while not _bridge.bridge._is_exiting:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt, daemon=True).start()
print("the last line", flush=True)
"""
    )
    assert ended.stdout == "the last line\n"
    assert "KeyboardInterrupt" in ended.stderr


def test_a_call_after_the_end_is_refused(run: Run) -> None:
    ended = run(
        """
import atexit, sys
@atexit.register
def late():
    try:
        libpims.get("pims.sdk.version")
    except libpims.ShutdownError as error:
        print("the last line")
import libpims
libpims.init({"storage": {"path": sys.argv[1]}})
"""
    )
    ends_well(ended)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_child_that_is_forked_while_a_thread_is_inside_the_package_is_refused_and_does_not_wait(run: Run) -> None:
    ended = run(
        BEGIN
        + f"""
import signal
from libpims._bridge import bridge
subscription = libpims.subscribe(ACCOUNT, ACTIVATED, print)
held, go_on = threading.Event(), threading.Event()
def hold():
    with bridge._lock:
        held.set()
        go_on.wait()
holder = threading.Thread(target=hold)
holder.start()
held.wait()
child = os.fork()
if child == 0:
    # A thread that waits in there waits for ever.
    signal.alarm({DEADLINE / 2:.0f})
    refused = 0
    for call in (
        libpims.free,
        subscription.close,
        lambda: libpims.subscribe(ACCOUNT, ACTIVATED, print),
        lambda: libpims.unsubscribe(ACCOUNT),
    ):
        try:
            call()
        except libpims.ForkedError:
            refused += 1
    sys.exit(refused)
_, status = os.waitpid(child, 0)
go_on.set()
holder.join()
assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 4, status
subscription.close()
print("the last line")
"""
    )
    ends_well(ended)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_child_is_refused_and_ends_and_the_parent_goes_on(run: Run) -> None:
    ended = run(
        BEGIN
        + """
child = os.fork()
if child == 0:
    refused = 0
    for call in (
        lambda: libpims.get("pims.sdk.version"),
        lambda: libpims.subscribe(ACCOUNT, ACTIVATED, print),
        lambda: asyncio.run(libpims.aio.get("pims.sdk.version")),
        libpims.free,
        libpims.init,
    ):
        try:
            call()
        except libpims.ForkedError:
            refused += 1
    # With all that an interpreter does when it ends.
    sys.exit(refused)
_, status = os.waitpid(child, 0)
assert os.WEXITSTATUS(status) == 5, status
assert libpims.get(ACCOUNT, ACTIVATED) == {"isDeviceActivated": False}
print("the last line")
"""
    )
    ends_well(ended)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.parametrize(
    "program",
    [
        """
def work():
    with libpims.session({"storage": {"path": sys.argv[1]}}) as device, device.watch(print):
        fork(device)
""",
        """
def work():
    async def main():
        async with libpims.aio.session({"storage": {"path": sys.argv[1]}}) as device:
            async with device.watch():
                fork(device)
    asyncio.run(main())
""",
    ],
    ids=["session", "aio.session"],
)
@pytest.mark.parametrize("end", ["sys.exit(5)", "return", "raise KeyError", "os._exit(6)"])
def test_a_child_that_is_forked_inside_a_session_ends_as_it_wants_to(program: str, end: str, run: Run) -> None:
    status = {"sys.exit(5)": 5, "return": 0, "raise KeyError": 1, "os._exit(6)": 6}[end]
    ended = run(
        BEGIN
        + f"""
import signal
libpims.free()
from libpims._bridge import bridge
from libpims._parameters import encode
def fork(device):
    child = os.fork()
    if child == 0:
        # One that hangs is killed.
        signal.alarm({DEADLINE / 2:.0f})
        {end}
    _, status = os.waitpid(child, 0)
    assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == {status}, status
    told = bridge.execute("get", ACCOUNT, encode(ACTIVATED), device._facade).result
    assert told == {{"isDeviceActivated": False}}, told
    print("the last line", flush=True)
    # An event loop does not outlive a child that closed it: asyncio shares what it waits on with the child.
    os._exit(0)
{program}
work()
"""
    )
    assert (ended.returncode, ended.stdout) == (0, "the last line\n"), ended.stderr
    assert "ForkedError" not in ended.stderr


def test_a_process_that_forks_before_it_uses_the_library_has_it_in_both(run: Run) -> None:
    ended = run(
        """
import os, sys
import libpims
child = os.fork()
libpims.init({"storage": {"path": os.path.join(sys.argv[1], "child" if child == 0 else "parent")}})
assert libpims.get("pims.sdk.version")["versionCore"] == libpims.version()
if child != 0:
    _, status = os.waitpid(child, 0)
    assert status == 0, status
    print("the last line")
"""
    )
    ends_well(ended)


def test_another_process_on_the_same_storage_is_told_of_the_lock(run: Run) -> None:
    ended = run(
        BEGIN
        + """
import subprocess
told = subprocess.run([sys.executable, "-c", '''
import sys, libpims
try:
    libpims.init({"storage": {"path": sys.argv[1]}})
except libpims.PimsError as error:
    print(error.code, "pims.lock" in (error.detail or ""))
''', sys.argv[1]], capture_output=True, text=True)
assert told.stdout == "2006 True\\n", told
print("the last line")
"""
    )
    ends_well(ended)
