"""A user at a pseudo terminal: reads the program's output, types answers, presses Ctrl-C."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Optional, Type

CONSOLE = Path(__file__).resolve().parents[1] / "console.py"

#: The longest time that any step of a test may take, on the slowest machine.
DEADLINE = 300.0


class Terminal:
    """The running program. Its output is read as words with one space between them, so line breaks
    do not count."""

    def __init__(self, *arguments: object) -> None:
        self.shown = ""
        self._read_to = 0
        self._status: Optional[int] = None
        self._process, self._terminal = pty.fork()
        if self._process == 0:
            # If the tests run in the background, they ignore Ctrl-C, and the program would inherit
            # that.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execv(sys.executable, [sys.executable, str(CONSOLE), *map(str, arguments)])

    def reads(self, text: str) -> str:
        """Waits until the program prints a text, after the text that was read before. Returns the
        text between the two."""
        deadline = time.monotonic() + DEADLINE
        while True:
            words = re.sub(r"\s+", " ", self.shown)
            found = words.find(text, self._read_to)
            if found >= 0:
                between = words[self._read_to : found]
                self._read_to = found + len(text)
                return between
            assert self._more(deadline), f"it never showed {text!r}, but:\n{self.shown}"

    def types(self, line: str) -> None:
        """Types a line, and Enter."""
        os.write(self._terminal, (line + "\n").encode())

    def answers(self, question: str, line: str) -> None:
        """Waits for the question, then types."""
        self.reads(question)
        self.types(line)

    def ends_input(self) -> None:
        """Types Ctrl-D."""
        os.write(self._terminal, b"\x04")

    def interrupts(self) -> int:
        """Presses Ctrl-C, which the terminal turns into a signal. Returns the status with which the
        program ends.

        Python may lose a signal between the output of a prompt and the read, until the next one. So
        this method presses Ctrl-C again if nothing happens, as a user would.
        """
        deadline = time.monotonic() + DEADLINE
        while "Stopped." not in self.shown:
            os.write(self._terminal, b"\x03")
            patience = min(deadline, time.monotonic() + 20)
            while "Stopped." not in self.shown and self._is_more_within(patience):
                assert self._more(deadline), f"it ended without a word:\n{self.shown}"
            assert time.monotonic() < deadline, f"it goes on:\n{self.shown}"
        return self.ends()

    def ends(self) -> int:
        """Waits for the program's end. Returns its status."""
        deadline = time.monotonic() + DEADLINE
        while self._more(deadline):
            pass
        while self._status is None:
            process, status = os.waitpid(self._process, os.WNOHANG)
            if process:
                self._status = os.waitstatus_to_exitcode(status)
            assert time.monotonic() < deadline, "it does not end"
            time.sleep(0.01)
        return self._status

    def _more(self, deadline: float) -> bool:
        assert self._is_more_within(deadline), f"nothing more came:\n{self.shown}"
        try:
            text = os.read(self._terminal, 65536)
        except OSError:
            # The program closed its side of the terminal.
            return False
        self.shown += text.decode()
        return bool(text)

    def _is_more_within(self, deadline: float) -> bool:
        return bool(select.select([self._terminal], [], [], max(0.0, deadline - time.monotonic()))[0])

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], traceback: Optional[TracebackType]) -> None:
        if self._status is None:
            os.kill(self._process, 9)
            os.waitpid(self._process, 0)
        os.close(self._terminal)
