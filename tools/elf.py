#!/usr/bin/env python3
"""Checks that built files are of a target of Rust: its processor, and its C library.

    tools/elf.py TARGET FILE…

FILE is a shared library, a program or a static library. A static library names no C library: its
processor alone is checked. The tools that make packages call this before they pack a file.
"""

import pathlib
import struct
import sys

PROCESSORS = {62: "x86_64", 183: "aarch64"}
C_LIBRARIES = {"gnu": "glibc", "musl": "musl"}


class Foreign(Exception):
    """A file of another target, or no such file at all. The text is one sentence."""


def check(target, path):
    """Raises ``Foreign`` if a file is not of this target."""
    path = pathlib.Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Foreign(f"{path} cannot be read: {error.strerror}") from error
    processor, *_, c_library = target.split("-")
    if processor not in PROCESSORS.values() or c_library not in C_LIBRARIES:
        raise Foreign(f"{target} is no system of a release")
    members = list(archived(content)) if content.startswith(b"!<arch>\n") else [content]
    if not members:
        raise Foreign(f"{path} has no object")
    for member in members:
        if len(member) < 64 or member[:6] != b"\x7fELF\x02\x01":
            raise Foreign(f"{path} is no file for Linux on a 64-bit processor")
        machine = struct.unpack_from("<H", member, 18)[0]
        if PROCESSORS.get(machine) != processor:
            raise Foreign(f"{path} is for {PROCESSORS.get(machine, f'another processor (ELF machine {machine})')}, and not for {target}")
    if content is not members[0]:
        return
    names = needed(content)
    found = {"glibc" for name in names if name == "libc.so.6"} | {
        "musl" for name in names if name == "libc.so" or name.startswith("libc.musl-")
    }
    if found != {C_LIBRARIES[c_library]}:
        raise Foreign(f"{path} needs {' and '.join(sorted(found)) or 'no C library'}, and not that of {target}")


def archived(content):
    """Yields the objects of a static library. Its tables of symbols and long names are left out."""
    at = 8
    while at + 60 <= len(content):
        name, size = content[at : at + 16].strip(), int(content[at + 48 : at + 58])
        if name not in (b"/", b"//", b"/SYM64/"):
            yield content[at + 60 : at + 60 + size]
        at += 60 + size + size % 2


def needed(content):
    """Returns the names of the libraries that a linked file needs, from its dynamic section."""
    offset, size, count = struct.unpack_from("<Q", content, 32)[0], *struct.unpack_from("<HH", content, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", content, offset + index * size) for index in range(count)]
    dynamic = next(((header[2], header[5]) for header in headers if header[0] == 2), (0, 0))
    entries = [struct.unpack_from("<QQ", content, dynamic[0] + at) for at in range(0, dynamic[1], 16)]
    address = next((value for tag, value in entries if tag == 5), None)
    # The table of names, by its place in the file.
    table = next(
        (
            address - header[3] + header[2]
            for header in headers
            if header[0] == 1 and address is not None and 0 <= address - header[3] < header[5]
        ),
        None,
    )
    if table is None:
        return []
    return [content[table + value : content.index(b"\0", table + value)].decode() for tag, value in entries if tag == 1]


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        for file in sys.argv[2:]:
            check(sys.argv[1], file)
    except Foreign as foreign:
        sys.exit(str(foreign))
