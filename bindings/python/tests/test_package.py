"""The installed package: the library and its place, the types, the catalogue."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict

import libpims
from conftest import DEADLINE, REPOSITORY

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
