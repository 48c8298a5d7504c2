"""The wheel: the package with the library of ``PIMS_WHEEL_LIBRARY`` inside. Its tag names the
systems on which it runs: those of ``PIMS_WHEEL_PLATFORM``, or else all that the library permits.

The wheel has no extension module, so it needs no certain version of Python. It needs the processor
and the C library of the shared library; ``wheel_platform.py`` says which, by ``tools/elf.py``.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Tuple

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.dist import Distribution

HERE = Path(__file__).resolve().parent
# A build backend runs this file without its folder on the path.
sys.path.insert(0, str(HERE))

from wheel_platform import Unfit, platform_of  # noqa: E402

LIBRARY = Path(os.environ.get("PIMS_WHEEL_LIBRARY", HERE / "../../build/release/libpims.so.0")).resolve()


def version() -> str:
    """Returns the library's version: that of the workspace."""
    workspace = (HERE / "../../Cargo.toml").read_text(encoding="utf-8").split("[workspace.package]")[1]
    found = re.search(r'^version = "(.+)"$', workspace, re.MULTILINE)
    if found is None:
        raise SystemExit("Cargo.toml has no version")
    return found[1]


def platform() -> str:
    """Returns the platform of the wheel, and ends with a sentence if the library does not fit."""
    try:
        return platform_of(LIBRARY, os.environ.get("PIMS_WHEEL_PLATFORM") or None)
    except Unfit as unfit:
        raise SystemExit(str(unfit)) from unfit


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
