"""The shared library: where it is, and its functions with their types. It is loaded by the first call, not by the import.

It is looked for in this order: inside the wheel, at ``PIMS_LIBRARY`` in the environment, among the system's libraries.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import threading
from pathlib import Path
from typing import Optional

ABI_VERSION = 1

# The return values of pims.h.
OK = 0
ERROR_NOT_UTF8 = -3
ERROR_TOO_LONG = -4
ERROR_QUEUE_FULL = -5

# void (*)(const char *message, void *ctx): ctypes hands the message over as a copy, which outlives the callback.
CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p)

_IN_WHEEL = Path(__file__).with_name("_lib") / "libpims.so.0"
_SONAME = "libpims.so.0"

_loaded: Optional[ctypes.CDLL] = None
_loading = threading.RLock()


def load() -> ctypes.CDLL:
    """The library, loaded once. ``OSError`` where there is none, ``ImportError`` where it is another one than this package is for."""
    global _loaded
    if _loaded is not None:
        return _loaded
    # One that a signal's handler can take again.
    with _loading:
        if _loaded is None:
            _loaded = _open(path())
        return _loaded


def path() -> str:
    """The file, or the name, that the library is loaded from."""
    if _IN_WHEEL.exists():
        return str(_IN_WHEEL)
    return os.environ.get("PIMS_LIBRARY") or ctypes.util.find_library("pims") or _SONAME


def _open(name: str) -> ctypes.CDLL:
    # CDLL, not PyDLL: the interpreter's lock is released during each call, so other threads run and callbacks can come.
    library = ctypes.CDLL(name)
    text, message = ctypes.c_char_p, ctypes.c_void_p
    library.pims_abi_version.argtypes = []
    library.pims_abi_version.restype = ctypes.c_uint32
    found = library.pims_abi_version()
    if found != ABI_VERSION:
        raise ImportError(f"{name} has the C interface {found}, this package is for {ABI_VERSION}")
    library.pims_version.argtypes = []
    library.pims_version.restype = text
    for function in (library.pims_get, library.pims_set, library.pims_subscribe, library.pims_unsubscribe):
        function.argtypes = [text, text, CALLBACK, ctypes.c_void_p]
        function.restype = ctypes.c_int32
    library.pims_free.argtypes = []
    library.pims_free.restype = ctypes.c_int32
    library.pims_execute.argtypes = [text, text, text]
    # A pointer, not text: it is handed back with pims_string_free.
    library.pims_execute.restype = message
    library.pims_string_free.argtypes = [message]
    library.pims_string_free.restype = None
    return library
