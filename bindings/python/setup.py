"""The wheel: the package with the library of ``PIMS_WHEEL_LIBRARY`` inside. Its tag names the
systems on which it runs.

The wheel has no extension module, so it needs no certain version of Python. It needs a C library
that has the symbols which the library imports. This script reads that from the library, and
``make wheel`` has auditwheel confirm it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Tuple

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.dist import Distribution

HERE = Path(__file__).resolve().parent
LIBRARY = Path(os.environ.get("PIMS_WHEEL_LIBRARY", HERE / "../../build/release/libpims.so.0")).resolve()


def version() -> str:
    """Returns the library's version: that of the workspace."""
    workspace = (HERE / "../../Cargo.toml").read_text(encoding="utf-8").split("[workspace.package]")[1]
    found = re.search(r'^version = "(.+)"$', workspace, re.MULTILINE)
    if found is None:
        raise SystemExit("Cargo.toml has no version")
    return found[1]


def platform() -> str:
    """Returns the oldest manylinux for the library, by its newest symbol of glibc. The ELF header
    gives the processor."""
    symbols = subprocess.run(
        ["objdump", "-T", str(LIBRARY)], check=True, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}
    ).stdout
    needed = [(int(major), int(minor)) for major, minor in re.findall(r"GLIBC_(\d+)\.(\d+)", symbols)]
    processor = {"elf64-x86-64": "x86_64", "elf64-littleaarch64": "aarch64"}
    form = re.search(r"file format (\S+)", symbols)
    if not needed or form is None or form[1] not in processor:
        raise SystemExit(f"{LIBRARY} is no shared library of glibc on x86_64 or aarch64")
    return "manylinux_{}_{}_{}".format(*max(needed), processor[form[1]])


class WithLibrary(build_py):
    """Puts the library beside the modules."""

    def run(self) -> None:
        super().run()
        folder = Path(self.build_lib) / "libpims" / "_lib"
        folder.mkdir(parents=True, exist_ok=True)
        # Tools that collect a program's files look for "lib*.so".
        shutil.copyfile(LIBRARY, folder / "libpims.so")


class Tagged(bdist_wheel):
    """The tag: any Python 3, this platform."""

    def get_tag(self) -> Tuple[str, str, str]:
        return "py3", "none", platform()


class Platform(Distribution):
    """A distribution that is installed in the folder for platform files."""

    def has_ext_modules(self) -> bool:
        return True


setup(version=version(), cmdclass={"build_py": WithLibrary, "bdist_wheel": Tagged}, distclass=Platform)
