"""The platform of a wheel, and the one sentence for a library that does not fit it."""

from __future__ import annotations

import importlib.util
import platform
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Optional

import pytest

import libpims
from conftest import REPOSITORY


def load() -> ModuleType:
    """Returns the module, which is in no package: only the build of a wheel needs it."""
    file = REPOSITORY / "bindings/python/wheel_platform.py"
    spec = importlib.util.spec_from_file_location("wheel_platform", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


wheel_platform = load()
GLIBC = Path(libpims.library_path())


def processor(library: Path, machine: int) -> Path:
    """Changes the processor in the header of a library."""
    content = bytearray(library.read_bytes())
    content[18:20] = machine.to_bytes(2, "little")
    library.write_bytes(content)
    return library


def linked(folder: Path, *needed: str, soname: str = "libpims.so.0") -> Path:
    """Returns a library for x86_64 that needs libraries of these names, and no symbol."""
    folder.mkdir(exist_ok=True)
    cc = ["cc", "-shared", "-nostdlib", "-Wl,--no-as-needed", "-x", "c", "/dev/null", "-x", "none"]
    empty = []
    for name in needed:
        subprocess.run([*cc, "-o", str(folder / name), f"-Wl,-soname,{name}"], check=True)
        empty.append(str(folder / name))
    library = folder / "libmade.so"
    subprocess.run([*cc, *empty, "-o", str(library), f"-Wl,-soname,{soname}"], check=True)
    return processor(library, 62)


def refused(library: Path, wanted: Optional[str] = None) -> str:
    with pytest.raises(wheel_platform.Unfit) as caught:
        wheel_platform.platform_of(library, wanted)
    sentence = str(caught.value)
    assert sentence.startswith(str(library) + " ") and "\n" not in sentence
    return sentence[len(str(library)) + 1 :]


def test_a_library_of_musl_is_for_musl_1_2(tmp_path: Path) -> None:
    assert wheel_platform.platform_of(linked(tmp_path, "libc.so")) == "musllinux_1_2_x86_64"
    alpine = linked(tmp_path / "alpine", "libc.musl-x86_64.so.1")
    assert wheel_platform.platform_of(alpine) == "musllinux_1_2_x86_64"
    assert refused(linked(tmp_path / "other", "libc.so", soname="libother.so.1")) == "is not libpims: its SONAME is another one"
    assert wheel_platform.platform_of(alpine, "musllinux_1_2_x86_64") == "musllinux_1_2_x86_64"
    assert wheel_platform.platform_of(processor(linked(tmp_path, "libc.so"), 183)) == "musllinux_1_2_aarch64"
    assert refused(alpine, "musllinux_1_1_x86_64") == "is for musl 1.2, which not every system of musllinux_1_1_x86_64 has"
    assert refused(alpine, "musllinux_1_2_aarch64") == "is for x86_64, and musllinux_1_2_aarch64 is for aarch64"
    assert refused(alpine, "manylinux_2_28_x86_64") == "is for musl, and manylinux_2_28_x86_64 is for glibc"
    gcc = linked(tmp_path / "gcc", "libc.so", "libgcc_s.so.1")
    assert refused(gcc) == "needs libgcc_s.so.1, which not every system of musllinux_1_2_x86_64 has"


def test_a_library_of_glibc_is_for_the_glibc_of_its_newest_symbol() -> None:
    here = platform.machine()
    other = {"x86_64": "aarch64", "aarch64": "x86_64"}[here]
    kind, major, minor, machine = wheel_platform.platform_of(GLIBC).split("_", 3)
    assert (kind, major, machine) == ("manylinux", "2", here)
    newer = f"manylinux_2_{int(minor) + 1}_{here}"
    assert wheel_platform.platform_of(GLIBC, newer) == newer
    assert refused(GLIBC, f"manylinux_2_17_{here}") == f"needs GLIBC_2.{minor}, which not every system of manylinux_2_17_{here} has"
    assert refused(GLIBC, f"musllinux_1_2_{here}") == f"is for glibc, and musllinux_1_2_{here} is for musl"
    assert refused(GLIBC, f"manylinux_2_99_{other}") == f"is for {here}, and manylinux_2_99_{other} is for {other}"


def test_the_header_gives_the_processor(tmp_path: Path) -> None:
    other = tmp_path / "libpims.so"
    other.write_bytes(GLIBC.read_bytes())
    assert refused(processor(other, 243)) == "is for another processor (ELF machine 243): there are wheels for x86_64 and aarch64"


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"!<arch>\n" + bytes(100), b"\x7fELF\x01\x01" + bytes(100)])
def test_a_file_that_is_no_library_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "libpims.so"
    file.write_bytes(content)
    assert refused(file) == "is no file for Linux on a 64-bit processor"
    assert refused(tmp_path / "missing.so") == "cannot be read: No such file or directory"


def test_a_program_and_a_damaged_library_are_refused(tmp_path: Path) -> None:
    content = bytearray(linked(tmp_path, "libc.so").read_bytes())
    program = tmp_path / "program"
    program.write_bytes(content[:16] + b"\x02\x00" + content[18:])
    assert refused(program) == "is no shared library"
    damaged = tmp_path / "damaged"
    for length in range(64, len(content), 64):
        damaged.write_bytes(content[:length])
        # The tables of sections at the end are not read.
        try:
            assert wheel_platform.platform_of(damaged) == "musllinux_1_2_x86_64"
        except wheel_platform.Unfit as unfit:
            assert str(unfit) == f"{damaged} is damaged: its headers lead out of it"
    damaged.write_bytes(content[:64])
    assert refused(damaged) == "is damaged: its headers lead out of it"
