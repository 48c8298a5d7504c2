"""Prose in printed files: code in it, and lines of 100 columns."""

from __future__ import annotations

import re
import textwrap
from typing import Callable

WIDTH = 100
CODE = re.compile(r"`([^`]+)`")
FAILURE = re.compile(r"`!(\d+)`")
NOTE = "Printed from tests/spec/api.json and operations.json by `make generate`: do not edit."


def prose(doc: str, failure: str, code: Callable[[str], str]) -> str:
    """Replaces `!2307` by the beginning of a sentence, and code by its form in a language.

    >>> prose("See `a`. `!2307` if not.", "Throws {}", lambda name: f"[{name}]")
    'See [a]. Throws 2307 if not.'
    """
    doc = FAILURE.sub(lambda found: failure.format(found[1]), doc)
    return CODE.sub(lambda found: code(found[1]), doc)


def wrapped(doc: str, first: str, rest: str) -> list[str]:
    """Returns lines of at most 100 columns.

    >>> wrapped("One two. */", "/* ", " * ")
    ['/* One two. */']
    >>> wrapped("o" * 97 + " */", "/* ", " * ")[1:]
    [' */']
    """
    lines = textwrap.wrap(doc, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False)
    return [line.replace("* */", "*/") for line in lines]
