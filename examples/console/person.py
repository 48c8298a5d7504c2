"""The terminal: what is said to the person, and what they type. Secrets are typed without an echo, or not at all."""

from __future__ import annotations

import getpass
import sys
import textwrap
import warnings


class Left(Exception):
    """The person ended the program: Ctrl-D, or `q` where it waited."""


class Person:
    """Whoever sits at the terminal."""

    def __init__(self) -> None:
        # Where the echo cannot be switched off, getpass would read all the same, after a warning.
        warnings.simplefilter("error", getpass.GetPassWarning)

    @staticmethod
    def is_there() -> bool:
        """Whether this is a terminal. Secrets are not read from anything else."""
        return sys.stdin.isatty() and sys.stdout.isatty()

    def say(self, text: str = "") -> None:
        """A paragraph. Its lines are kept within a terminal's width, its long words whole."""
        print(textwrap.fill(text, 78, break_long_words=False, break_on_hyphens=False), flush=True)

    def ask(self, question: str) -> str:
        """A line that may be seen. White space around it is not part of it."""
        try:
            return input(f"{question}: ").strip()
        except EOFError:
            raise Left from None

    def secret(self, question: str) -> str:
        """A PIN or a code: it does not appear while it is typed."""
        try:
            return getpass.getpass(f"{question} (it does not appear): ").strip()
        except EOFError:
            raise Left from None
        except getpass.GetPassWarning:
            self.say("This terminal would show what you type: nothing is read from it.")
            raise Left from None

    def agrees(self, question: str) -> bool:
        """Anything but a yes is a no."""
        return self.ask(f"{question} [y/N]").lower() in ("y", "yes")

    def waits(self, question: str) -> None:
        """Until Enter; `q` ends the program."""
        if self.ask(f"{question} [Enter, or q to leave]").lower() in ("q", "quit"):
            raise Left
