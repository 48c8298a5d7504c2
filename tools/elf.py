#!/usr/bin/env python3
"""Reads built files for Linux: their processor, the libraries that they need, the versions of
glibc.

    tools/elf.py TARGET FILE…

checks that files are of a target of Rust: its processor, and its C library. FILE is a shared
library, a program or a static library. A static library names no C library: its processor alone is
checked. The tools that make packages call this before they pack a file.

`setup.py` of bindings/python uses this module, so it runs on Python 3.9.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import struct
import sys
from typing import FrozenSet, Iterator, List, Optional, Tuple

PROCESSORS = {62: "x86_64", 183: "aarch64"}
C_LIBRARIES = {"gnu": "glibc", "musl": "musl"}

_SHARED_OBJECT = 3
# Kinds of segments, and entries of the dynamic section.
_LOAD, _DYNAMIC = 1, 2
_NEEDED, _STRINGS, _SONAME, _VERSIONS, _VERSION_FILES = 1, 5, 14, 0x6FFFFFFE, 0x6FFFFFFF


class Foreign(Exception):
    """A file of another target, or no such file at all. The text is one sentence."""


@dataclasses.dataclass(frozen=True)
class Binary:
    """A file for Linux on a 64-bit processor, as its headers and its dynamic section describe
    it."""

    # ELF's number of the processor.
    machine: int
    # A program that is loaded anywhere is one, too.
    is_shared_object: bool
    soname: Optional[str]
    # The names of the libraries that it needs.
    needed: Tuple[str, ...]
    # The versions of the symbols of glibc that it needs: major and minor number.
    glibc: FrozenSet[Tuple[int, int]]

    @property
    def processor(self) -> Optional[str]:
        """The processor's name in a target of Rust; None for one that no release is for."""
        return PROCESSORS.get(self.machine)

    @property
    def c_libraries(self) -> FrozenSet[str]:
        """The C libraries that it needs, `glibc` or `musl`."""
        is_glibc = "libc.so.6" in self.needed or bool(self.glibc)
        is_musl = any(name == "libc.so" or name.startswith("libc.musl-") for name in self.needed)
        return frozenset(name for name, is_it in (("glibc", is_glibc), ("musl", is_musl)) if is_it)


def read(path: str | os.PathLike[str]) -> Binary:
    """Reads a shared library or a program. Raises ``Foreign`` if the file is neither."""
    return _parsed(path, _content(path))


def check(target: str, path: str | os.PathLike[str]) -> None:
    """Raises ``Foreign`` if a file is not of this target of Rust."""
    processor, *_, c_library = target.split("-")
    if processor not in PROCESSORS.values() or c_library not in C_LIBRARIES:
        raise Foreign(f"{target} is no system of a release")
    content = _content(path)
    is_archive = content.startswith(b"!<arch>\n")
    members = [_parsed(path, member) for member in (_archived(path, content) if is_archive else [content])]
    if not members:
        raise Foreign(f"{path} has no object")
    for member in members:
        if member.processor != processor:
            other = member.processor or f"another processor (ELF machine {member.machine})"
            raise Foreign(f"{path} is for {other}, and not for {target}")
        if not is_archive and member.c_libraries != {C_LIBRARIES[c_library]}:
            raise Foreign(f"{path} needs {' and '.join(sorted(member.c_libraries)) or 'no C library'}, and not that of {target}")


def _content(path: str | os.PathLike[str]) -> bytes:
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as error:
        raise Foreign(f"{path} cannot be read: {error.strerror}") from error


def _archived(path: str | os.PathLike[str], content: bytes) -> Iterator[bytes]:
    """Yields the objects of a static library. Its tables of symbols and long names are left out."""
    at = 8
    while at + 60 <= len(content):
        name, size = content[at : at + 16].strip(), content[at + 48 : at + 58].strip()
        if not size.isdigit():
            raise Foreign(f"{path} is damaged: a member of it has no size")
        if name not in (b"/", b"//", b"/SYM64/"):
            yield content[at + 60 : at + 60 + int(size)]
        at += 60 + int(size) + int(size) % 2


def _parsed(path: str | os.PathLike[str], content: bytes) -> Binary:
    # 64 bits, little-endian.
    if len(content) < 64 or content[:6] != b"\x7fELF\x02\x01":
        raise Foreign(f"{path} is no file for Linux on a 64-bit processor")
    try:
        return _Reader(content).binary()
    except (struct.error, ValueError) as error:
        raise Foreign(f"{path} is damaged: its headers lead out of it") from error


class _Reader:
    """A reader of one file's tables. Its methods raise ``struct.error`` or ``ValueError`` if a
    table is not inside the file."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        offset, size, count = struct.unpack_from("<Q", content, 32)[0], *struct.unpack_from("<HH", content, 54)
        self._segments = [struct.unpack_from("<IIQQQQQQ", content, offset + index * size) for index in range(count)]
        dynamic = next(((segment[2], segment[5]) for segment in self._segments if segment[0] == _DYNAMIC), (0, 0))
        self._dynamic: List[Tuple[int, int]] = []
        for at in range(dynamic[0], sum(dynamic), 16):
            tag, value = struct.unpack_from("<QQ", content, at)
            if tag == 0:
                break
            self._dynamic.append((tag, value))

    def binary(self) -> Binary:
        kind, machine = struct.unpack_from("<HH", self._content, 16)
        soname = self._entry(_SONAME)
        return Binary(
            machine=machine,
            is_shared_object=kind == _SHARED_OBJECT,
            soname=None if soname is None else self._name(soname),
            needed=tuple(self._name(value) for tag, value in self._dynamic if tag == _NEEDED),
            glibc=frozenset(
                (int(version[1]), int(version[2]))
                for version in (re.match(r"GLIBC_(\d+)\.(\d+)", name) for name in self._versions())
                if version is not None
            ),
        )

    def _entry(self, wanted: int) -> Optional[int]:
        return next((value for tag, value in self._dynamic if tag == wanted), None)

    def _place(self, address: Optional[int]) -> int:
        """Returns where an address is in the file."""
        for kind, _, offset, start, _, size, *_ in self._segments:
            if kind == _LOAD and address is not None and 0 <= address - start < size:
                return int(address - start + offset)
        raise ValueError(address)

    def _name(self, at: int) -> str:
        at += self._place(self._entry(_STRINGS))
        return self._content[at : self._content.index(b"\0", at)].decode()

    def _versions(self) -> Iterator[str]:
        """Yields the names of the versions that the file needs of other libraries."""
        count = self._entry(_VERSION_FILES) or 0
        at = self._place(self._entry(_VERSIONS)) if count else 0
        for _ in range(count):
            versions, first, following = (struct.unpack_from("<HHIII", self._content, at)[part] for part in (1, 3, 4))
            one = at + first
            for _ in range(versions):
                name, step = struct.unpack_from("<IHHII", self._content, one)[3:]
                yield self._name(name)
                one += step
            if following == 0:
                return
            at += following


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        for file in sys.argv[2:]:
            check(sys.argv[1], file)
    except Foreign as foreign:
        sys.exit(str(foreign))
