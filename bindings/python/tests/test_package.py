"""The installed package: the library and its place, the types, the catalogue."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

import pytest

import libpims
from conftest import DEADLINE, REPOSITORY
from libpims import _library

PACKAGE = Path(libpims.__file__).parent


def test_the_installed_wheel_brings_its_library_and_its_types() -> None:
    assert REPOSITORY / "bindings" not in PACKAGE.parents
    assert Path(libpims.library_path()).parent == PACKAGE / "_lib"
    assert (PACKAGE / "py.typed").exists()
    assert libpims.version() == importlib.metadata.version("libpims")


def test_the_codes_are_those_of_the_catalogue() -> None:
    page = (REPOSITORY / "docs/api.md").read_text(encoding="utf-8")
    documented = {int(code) for code in re.findall(r"^\| (2\d{3}) \|", page, re.MULTILINE)}
    # The codes that have a label and no cause.
    rest = page.split("The rest of the reference's catalogue")[1].split("\n\n")[0]
    documented |= {int(code) for code in re.findall(r"\b2\d{3}\b", rest)}
    assert {int(code) for code in libpims.Code} == documented
    source = (REPOSITORY / "src/error.rs").read_text(encoding="utf-8")
    assert {int(code) for code in re.findall(r"^    \w+ = (2\d{3}), \"", source, re.MULTILINE)} == documented


def run_without_its_library(folder: Path, environment: Dict[str, str]) -> "subprocess.CompletedProcess[str]":
    shutil.copytree(PACKAGE, folder / "libpims", ignore=shutil.ignore_patterns("_lib", "__pycache__"))
    return subprocess.run(
        [sys.executable, "-c", "import libpims; print(libpims.version(), libpims.library_path())"],
        cwd=folder,
        env={**{name: value for name, value in os.environ.items() if name != "PIMS_LIBRARY"}, **environment},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )


def test_without_a_library_inside_the_environment_names_one(tmp_path: Path) -> None:
    library = libpims.library_path()
    ended = run_without_its_library(tmp_path, {"PIMS_LIBRARY": library})
    assert ended.stdout == f"{libpims.version()} {library}\n", ended.stderr


def test_without_a_library_inside_that_of_the_system_is_taken(tmp_path: Path) -> None:
    system = tmp_path / "lib"
    system.mkdir()
    shutil.copy(libpims.library_path(), system / "libpims.so.0")
    ended = run_without_its_library(tmp_path, {"LD_LIBRARY_PATH": str(system)})
    assert ended.stdout.startswith(libpims.version()), ended.stderr


def test_a_library_of_another_interface_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "libother.so"
    source = "unsigned pims_abi_version(void) { return 7; }"
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(other)], input=source, text=True, check=True)
    ended = run_without_its_library(tmp_path, {"PIMS_LIBRARY": str(other)})
    assert ended.returncode == 1
    assert "has the C interface 7, this package is for 1" in ended.stderr


def failure_with(library: Path, folder: Path) -> str:
    """Returns the last line of a program that loads a library."""
    ended = run_without_its_library(folder, {"PIMS_LIBRARY": str(library)})
    assert ended.returncode == 1
    return ended.stderr.splitlines()[-1]


@pytest.mark.parametrize("machine, processor", [(40, "ELF machine 40 with 64 bits"), (243, "riscv64")])
def test_a_library_for_another_processor_is_refused_in_one_sentence(machine: int, processor: str, tmp_path: Path) -> None:
    content = bytearray(Path(libpims.library_path()).read_bytes())
    content[18:20] = machine.to_bytes(2, "little")
    other = tmp_path / "libother.so"
    other.write_bytes(content)
    here = platform.machine()
    assert failure_with(other, tmp_path) == (
        f"OSError: {other} cannot be loaded: it is for {processor}, and this Python is for {here}. Install the wheel for this system"
    )


@pytest.mark.skipif(not _library.is_glibc(), reason="musl loads this library, which needs no symbol")
def test_a_library_for_another_c_library_is_refused_in_one_sentence(tmp_path: Path) -> None:
    musl, other = tmp_path / "libc.so", tmp_path / "libother.so"
    link = ["cc", "-shared", "-nostdlib", "-Wl,--no-as-needed", "-x", "c", "/dev/null", "-x", "none"]
    subprocess.run([*link, "-Wl,-soname,libc.musl-here.so.1", "-o", str(musl)], check=True)
    subprocess.run([*link, str(musl), "-o", str(other)], check=True)
    assert failure_with(other, tmp_path) == (
        f"OSError: {other} cannot be loaded: it is for musl, and this Python is for glibc. Install the wheel for this system"
    )


def foreign_libraries() -> List[str]:
    """Returns the libraries of the wheels for other systems, which tools/test-wheels.sh names."""
    return [library for library in os.environ.get("PIMS_FOREIGN_LIBRARIES", "").split(":") if library]


@pytest.mark.skipif(not foreign_libraries(), reason="PIMS_FOREIGN_LIBRARIES names no library: make test-wheels")
def test_a_library_of_another_system_is_refused_in_one_sentence(tmp_path: Path) -> None:
    here = {"processor": platform.machine(), "libc": "glibc" if _library.is_glibc() else "musl"}
    for number, library in enumerate(foreign_libraries()):
        folder = tmp_path / str(number)
        folder.mkdir()
        kind, _, _, processor = Path(library).parent.name.split("_", 3)
        libc = {"manylinux": "glibc", "musllinux": "musl"}[kind]
        difference = (processor, here["processor"]) if processor != here["processor"] else (libc, here["libc"])
        assert failure_with(Path(library), folder) == (
            f"OSError: {library} cannot be loaded: it is for {difference[0]}, and this Python is for {difference[1]}. "
            "Install the wheel for this system"
        )


def test_a_library_that_is_not_libpims_is_refused_in_one_sentence(tmp_path: Path) -> None:
    other = tmp_path / "libother.so"
    subprocess.run(["cc", "-shared", "-nostdlib", "-x", "c", "/dev/null", "-o", str(other)], check=True)
    assert failure_with(other, tmp_path) == f"ImportError: {other} is not libpims: it has no function pims_abi_version"


def test_a_library_that_is_older_than_the_package_is_refused_in_one_sentence(tmp_path: Path) -> None:
    other = tmp_path / "libother.so"
    source = f"unsigned pims_abi_version(void) {{ return {_library.ABI_VERSION}; }} const char *pims_version(void) {{ return 0; }}"
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(other)], input=source, text=True, check=True)
    assert failure_with(other, tmp_path) == f"ImportError: {other} is older than this package: it has no function pims_open"


def test_a_file_that_is_no_library_is_refused_in_one_sentence(tmp_path: Path) -> None:
    other = tmp_path / "libother.so"
    other.write_bytes(b"<html>404</html>")
    assert failure_with(other, tmp_path) == (
        f"OSError: {other} cannot be loaded: it is no shared library for Linux. Install the wheel for this system"
    )


def test_a_library_that_is_missing_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.so"
    last = failure_with(missing, tmp_path)
    assert last.startswith("OSError: ") and str(missing) in last and "No such file" in last
