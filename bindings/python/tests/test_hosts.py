"""Interpreters that share their process with others, or whose threads or event loops come from
another library."""

from __future__ import annotations

import subprocess
from typing import Callable

import pytest

Run = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize("kind", ["isolated", "legacy"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_subinterpreter_is_refused_and_the_main_one_goes_on(kind: str, when: str, run: Run) -> None:
    ended = run(
        f"""
import sys
def in_another(code):
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
        interpreters.run_string(interpreters.create(isolated={kind == "isolated"}), code)
    else:
        failed = interpreters.exec(interpreters.create({kind!r}), code)
        assert failed is None, failed

REFUSED = '''
for turn in range(2):
    try:
        import libpims
        libpims.init({{}})
    except RuntimeError as error:
        assert "libpims cannot be used in a subinterpreter" in str(error), error
        print("refused", flush=True)
'''

def use():
    import libpims
    with libpims.session({{"storage": {{"path": sys.argv[1]}}}}) as device:
        with device.watch(print):
            print(device.is_activated(), flush=True)

if {when!r} == "after":
    use()
in_another(REFUSED)
in_another(REFUSED)
use()
"""
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == ["False"] * (when == "after") + ["refused"] * 4 + ["False"]


# A subscription is cancelled at any moment of its start. The next subscription is never refused.
STORM = """
import asyncio, random, sys
import libpims, libpims.aio
from libpims._bridge import bridge

async def main():
    async with libpims.aio.session({"storage": {"path": sys.argv[1]}}) as device:
        async def watch():
            async with device.watch() as events:
                async for _ in events:
                    pass
        for turn in range(1500):
            if turn % 2:
                task = asyncio.ensure_future(watch())
                await asyncio.sleep(random.random() * 0.0006)
                task.cancel()
                ended, = await asyncio.gather(task, return_exceptions=True)
                assert isinstance(ended, asyncio.CancelledError), ended
            else:
                try:
                    await asyncio.wait_for(watch(), random.random() * 0.0006)
                except asyncio.TimeoutError:
                    pass
        async with device.watch():
            assert bridge.pending == 1
    assert bridge.pending == 0
"""


@pytest.mark.parametrize("loop", ["asyncio.run(main())", "import uvloop; uvloop.install(); asyncio.run(main())"], ids=["asyncio", "uvloop"])
def test_a_subscription_after_one_that_was_cancelled_while_it_began_is_never_refused(loop: str, run: Run) -> None:
    ended = run("import warnings; warnings.simplefilter('ignore')\n" + STORM + loop + '\nprint("the last line")\n')
    assert (ended.returncode, ended.stdout) == (0, "the last line\n"), ended.stderr


@pytest.mark.parametrize("when", ["before", "after"])
def test_eventlet_is_refused_where_it_would_hang(when: str, run: Run) -> None:
    patch = "import eventlet; eventlet.monkey_patch()"
    ended = run(
        f"""
import warnings
warnings.simplefilter("ignore")
import asyncio, sys
if {when!r} == "before":
    {patch}
import libpims, libpims.aio
if {when!r} == "after":
    {patch}
ACCOUNT = "pims.authentication.account"
CHANGES = {{"actionType": "strong", "type": "isDeviceActivated"}}
with libpims.session({{"storage": {{"path": sys.argv[1]}}}}) as device:
    for call in (
        lambda: device.watch(print),
        lambda: libpims.subscribe(ACCOUNT, CHANGES, print),
        lambda: libpims.unsubscribe(ACCOUNT),
        lambda: asyncio.run(libpims.aio.get(ACCOUNT, CHANGES)),
    ):
        try:
            call()
        except RuntimeError as error:
            assert "eventlet.monkey_patch(thread=False)" in str(error), error
            print("refused")
    print(device.is_activated())
"""
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ["refused"] * 4 + ["False"]


def test_eventlet_that_leaves_threads_alone_works(run: Run) -> None:
    ended = run(
        """
import warnings
warnings.simplefilter("ignore")
import eventlet
eventlet.monkey_patch(thread=False)
import sys
import libpims
with libpims.session({"storage": {"path": sys.argv[1]}}) as device:
    with device.watch(print):
        print(device.is_activated())
"""
    )
    assert (ended.returncode, ended.stdout) == (0, "False\n"), ended.stderr


def test_gevent_works_also_where_nothing_else_runs_in_its_hub(run: Run) -> None:
    ended = run(
        """
import gevent.monkey
gevent.monkey.patch_all()
import sys
import libpims
with libpims.session({"storage": {"path": sys.argv[1]}}) as device:
    for _ in range(50):
        with device.watch(print):
            assert not device.is_activated()
    device.unsubscribe("pims.authentication.account")
libpims.init({"storage": {"path": sys.argv[1]}})
subscription = libpims.StrongAuthentication().watch(print)
print("the last line")
"""
    )
    assert (ended.returncode, ended.stdout) == (0, "the last line\n"), ended.stderr
