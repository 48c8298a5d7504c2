"""Tells PyInstaller of the shared library: no import names it, so PyInstaller cannot find it."""

from __future__ import annotations

from pims import _library

# A package without a library inside uses the system's, at run time too.
binaries = [(str(file), "pims/_lib") for file in [_library.IN_PACKAGE] if file.exists()]
