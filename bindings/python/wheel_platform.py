"""The platform of a wheel: the systems on which a shared library runs, read from the library.

A library for glibc says which symbols of glibc it needs, so its oldest manylinux is known. A
library for musl says no version. Its wheel is for musl 1.2, which Alpine has since 3.13.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Optional

# The module that all tools of the source use for built files.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import elf

MUSL = "musllinux_1_2"

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
    built = _read(library)
    processor, is_musl = built.processor, "musl" in built.c_libraries
    if processor is None:
        raise Unfit(f"{library} is for another processor (ELF machine {built.machine}): there are wheels for x86_64 and aarch64")
    if built.soname is None or not built.soname.startswith("libpims.so"):
        raise Unfit(f"{library} is not libpims: its SONAME is another one")
    if not is_musl and not built.glibc:
        raise Unfit(f"{library} needs neither glibc nor musl, so no wheel for Linux fits it")
    if is_musl and "glibc" in built.c_libraries:
        raise Unfit(f"{library} needs both glibc and musl, so it runs nowhere")
    tag = f"{MUSL}_{processor}" if is_musl else "manylinux_{}_{}_{}".format(*max(built.glibc), processor)
    if wanted is not None and wanted != tag:
        _compare(library, tag, wanted)
        tag = wanted
    promised = {"libc.so", f"libc.musl-{processor}.so.1"} if is_musl else {*_LIBRARIES_OF_GLIBC, _LOADERS_OF_GLIBC[processor]}
    for name in built.needed:
        if name not in promised:
            raise Unfit(f"{library} needs {name}, which not every system of {tag} has")
    return tag


def _read(library: Path) -> elf.Binary:
    try:
        built = elf.read(library)
    except elf.Foreign as foreign:
        raise Unfit(str(foreign)) from foreign
    if not built.is_shared_object:
        raise Unfit(f"{library} is no shared library")
    return built


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
