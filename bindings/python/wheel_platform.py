"""The platform of a wheel: the systems on which a shared library runs, read from the library.

A library for glibc says which symbols of glibc it needs, so its oldest manylinux is known. A
library for musl says no version. Its wheel is for musl 1.2, which Alpine has since 3.13.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import List, Optional, Tuple

MUSL = "musllinux_1_2"

_PROCESSORS = {62: "x86_64", 183: "aarch64"}

# The libraries that every system of a platform has. manylinux permits more; this library needs
# none of those.
_LIBRARIES_OF_GLIBC = {"libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0", "libgcc_s.so.1"}
_LOADERS_OF_GLIBC = {"x86_64": "ld-linux-x86-64.so.2", "aarch64": "ld-linux-aarch64.so.1"}


class Unfit(Exception):
    """A library that fits no wheel, or not the one that was asked for. The text is one sentence for
    the person who builds the wheel."""


def platform_of(library: Path, wanted: Optional[str] = None) -> str:
    """Returns the platform tag of a wheel with this library: the wanted one, such as
    ``musllinux_1_2_aarch64``, or else the oldest one on which the library runs.

    Raises ``Unfit`` if the library does not run on every system of that platform.
    """
    processor = _processor(library)
    needed, glibc = _needed(library)
    is_musl = any(name == "libc.so" or name.startswith("libc.musl-") for name in needed)
    if not is_musl and not glibc:
        raise Unfit(f"{library} needs neither glibc nor musl, so no wheel for Linux fits it")
    if is_musl and glibc:
        raise Unfit(f"{library} needs both glibc and musl, so it runs nowhere")
    tag = f"{MUSL}_{processor}" if is_musl else "manylinux_{}_{}_{}".format(*max(glibc), processor)
    if wanted is not None and wanted != tag:
        _compare(library, tag, wanted)
        tag = wanted
    promised = {"libc.so", f"libc.musl-{processor}.so.1"} if is_musl else {*_LIBRARIES_OF_GLIBC, _LOADERS_OF_GLIBC[processor]}
    for name in needed:
        if name not in promised:
            raise Unfit(f"{library} needs {name}, which not every system of {tag} has")
    return tag


def _processor(library: Path) -> str:
    try:
        with library.open("rb") as file:
            header = file.read(20)
    except OSError as error:
        raise Unfit(f"{library} cannot be read: {error.strerror}") from error
    # 64 bits, little-endian, a shared object.
    if len(header) < 20 or header[:6] != b"\x7fELF\x02\x01" or header[16:18] != b"\x03\x00":
        raise Unfit(f"{library} is no shared library for Linux on a 64-bit processor")
    machine = int.from_bytes(header[18:20], "little")
    if machine not in _PROCESSORS:
        raise Unfit(f"{library} is for another processor (ELF machine {machine}): there are wheels for x86_64 and aarch64")
    return _PROCESSORS[machine]


def _needed(library: Path) -> Tuple[List[str], List[Tuple[int, int]]]:
    """Returns the names of the libraries that this one needs, and the versions of glibc's symbols
    that it needs."""
    try:
        told = subprocess.run(
            ["readelf", "--wide", "--dynamic", "--version-info", str(library)],
            capture_output=True,
            text=True,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        raise Unfit("readelf is missing: install binutils") from None
    if told.returncode != 0:
        raise Unfit(f"readelf cannot read {library}: {told.stderr.strip()}")
    if re.search(r"\(SONAME\).*\[libpims\.so", told.stdout) is None:
        raise Unfit(f"{library} is not libpims: its SONAME is another one")
    needed = re.findall(r"\(NEEDED\).*\[(.+)\]", told.stdout)
    versions = re.findall(r"Name: GLIBC_(\d+)\.(\d+)", told.stdout)
    return needed, [(int(major), int(minor)) for major, minor in versions]


def _compare(library: Path, tag: str, wanted: str) -> None:
    """Raises ``Unfit`` if a library whose oldest platform is ``tag`` does not run on ``wanted``."""
    form = re.fullmatch(r"(manylinux|musllinux)_(\d+)_(\d+)_(\w+)", wanted)
    if form is None:
        raise Unfit(f"{wanted} is no platform of a wheel: write manylinux_2_28_x86_64, for example")
    kind, major, minor, processor = tag.split("_", 3)
    if processor != form[4]:
        raise Unfit(f"{library} is for {processor}, and {wanted} is for {form[4]}")
    if kind != form[1]:
        libraries = {"manylinux": "glibc", "musllinux": "musl"}
        raise Unfit(f"{library} is for {libraries[kind]}, and {wanted} is for {libraries[form[1]]}")
    if (int(major), int(minor)) > (int(form[2]), int(form[3])):
        reason = f"needs GLIBC_{major}.{minor}" if kind == "manylinux" else f"is for musl {major}.{minor}"
        raise Unfit(f"{library} {reason}, which not every system of {wanted} has")


if __name__ == "__main__":
    try:
        print(platform_of(Path(sys.argv[1]), *sys.argv[2:3]))
    except Unfit as unfit:
        raise SystemExit(str(unfit)) from unfit
