"""The terminal: texts for the user, and the user's input. Secrets are typed without an echo, or not
at all."""

from __future__ import annotations

import getpass
import sys
import textwrap
import warnings


class Left(Exception):
    """An exception: the user ended the program, by Ctrl-D, or by `q` at a pause."""


class Person:
    """The user at the terminal."""

    def __init__(self) -> None:
        # If getpass cannot switch off the echo, it would only warn and still read. This makes the
        # warning an error.
        warnings.simplefilter("error", getpass.GetPassWarning)

    @staticmethod
    def is_there() -> bool:
        """Returns true if this is a terminal. The program reads secrets from nothing else."""
        return sys.stdin.isatty() and sys.stdout.isatty()

    def say(self, text: str = "") -> None:
        """Prints a paragraph. Its lines fit into a terminal; long words stay whole."""
        print(textwrap.fill(text, 78, break_long_words=False, break_on_hyphens=False), flush=True)

    def ask(self, question: str) -> str:
        """Asks for a line, with an echo. Strips white space around it."""
        try:
            return input(f"{question}: ").strip()
        except EOFError:
            raise Left from None

    def secret(self, question: str) -> str:
        """Asks for a PIN or a code, without an echo."""
        try:
            return getpass.getpass(f"{question} (it does not appear): ").strip()
        except EOFError:
            raise Left from None
        except getpass.GetPassWarning:
            self.say("This terminal would show what you type: nothing is read from it.")
            raise Left from None

    def agrees(self, question: str) -> bool:
        """Asks a question. Returns true for a yes, and false for any other answer."""
        return self.ask(f"{question} [y/N]").lower() in ("y", "yes")

    def waits(self, question: str) -> None:
        """Waits for Enter. `q` ends the program."""
        if self.ask(f"{question} [Enter, or q to leave]").lower() in ("q", "quit"):
            raise Left
