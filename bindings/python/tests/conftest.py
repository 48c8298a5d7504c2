"""The common parts of the tests: the repository, a folder for each test, and a check that no facade
is left."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Callable, Iterator

import pytest

import libpims

REPOSITORY = Path(__file__).resolve().parents[3]
PHONE_NUMBER = "+33612345678"
PIN = "1234"

#: The longest time that any step of a test may take, on the slowest machine.
DEADLINE = 300.0


@pytest.fixture(autouse=True)
def no_facade_is_left() -> Iterator[None]:
    yield
    libpims.free()


@pytest.fixture
def sms(tmp_path: Path) -> Callable[[], str]:
    """Returns a function that reads the code of the last SMS of the embedded authority."""

    def read() -> str:
        lines = (tmp_path / "sms-outbox.jsonl").read_text(encoding="utf-8").splitlines()
        code: str = json.loads(lines[-1])["code"]
        return code

    return read


@pytest.fixture
def enrolled(tmp_path: Path, sms: Callable[[], str]) -> libpims.StrongAuthentication:
    """Returns a device that is enrolled with the PIN."""
    libpims.init({"storage": {"path": tmp_path}})
    device = libpims.StrongAuthentication()
    device.request_phone_number_code(PHONE_NUMBER)
    device.enroll_with_phone_number(PIN, sms, PHONE_NUMBER)
    return device


@pytest.fixture
def run(tmp_path: Path) -> Callable[[str], "subprocess.CompletedProcess[str]"]:
    """Returns a function that runs a program in an interpreter of its own. The program's argument
    is the test's folder."""

    def program(text: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            # Python 3.12 and later warn of any fork in a process with threads.
            [sys.executable, "-X", "faulthandler", "-W", "ignore::DeprecationWarning", "-c", text, str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )

    return program
