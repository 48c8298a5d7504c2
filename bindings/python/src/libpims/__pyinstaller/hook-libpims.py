"""Adds the shared library to a PyInstaller program. No import names it, so PyInstaller cannot find
it."""

from __future__ import annotations

from libpims import _library

# A package without a library inside loads the system's library, also at run time.
binaries = [(str(file), "libpims/_lib") for file in [_library.IN_PACKAGE] if file.exists()]
