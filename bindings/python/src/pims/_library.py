"""The shared library: where it is, and its functions with their types. It is loaded by the first call, not by the import.

It is looked for in this order: inside the wheel, at ``PIMS_LIBRARY`` in the environment, among the system's libraries.
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import Any, Generator, Optional

_SUBINTERPRETER = (
    "pims cannot be used in a subinterpreter: the library calls back on a thread of its own, which Python runs "
    "in the main interpreter. Use the main interpreter (mod_wsgi: WSGIApplicationGroup %{GLOBAL}), or another process"
)

try:
    import ctypes
    import ctypes.util
except ModuleNotFoundError:
    raise
except ImportError as error:
    # Python 3.12 does not load ctypes into an isolated one.
    raise RuntimeError(_SUBINTERPRETER) from error


def _refuse_subinterpreter() -> None:
    python = getattr(ctypes, "pythonapi", None)
    # Another Python than CPython has neither.
    if python is None or not hasattr(python, "PyInterpreterState_Main"):
        return
    # Each is a function object of its own, so that its type is nobody else's.
    mine, main = python["PyInterpreterState_Get"], python["PyInterpreterState_Main"]
    mine.argtypes = main.argtypes = []
    mine.restype = main.restype = ctypes.c_void_p
    if mine() != main():
        raise RuntimeError(_SUBINTERPRETER)


# At the import: a callback into a subinterpreter would end the process.
_refuse_subinterpreter()

ABI_VERSION = 1

# The return values of pims.h.
OK = 0
ERROR_NOT_UTF8 = -3
ERROR_TOO_LONG = -4
ERROR_QUEUE_FULL = -5

# void (*)(const char *message, void *ctx): ctypes hands the message over as a copy, which outlives the callback.
CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p)

# Tools that collect the files of a program look for "lib*.so".
IN_PACKAGE = Path(__file__).with_name("_lib") / "libpims.so"
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
            with _file() as name:
                _loaded = _open(name)
        return _loaded


def path() -> str:
    """The file, or the name, that the library is loaded from. Inside a zip archive, a path into that."""
    if IN_PACKAGE.exists():
        return str(IN_PACKAGE)
    archived = _archived()
    if archived is not None:
        return str(archived)
    return os.environ.get("PIMS_LIBRARY") or ctypes.util.find_library("pims") or _SONAME


def _archived() -> Any:
    """The library as a resource, where the package is in a zip archive (zipapp). ``None`` where it has none."""
    # Here, as few programs need it.
    import importlib.resources

    try:
        # Listed, as in Python 3.9 each name of an archive is one of a file.
        inside = importlib.resources.files("pims").joinpath("_lib").iterdir()
        return next((file for file in inside if file.name == IN_PACKAGE.name), None)
    except (ImportError, OSError, TypeError, ValueError):
        # A loader without resources.
        return None


@contextlib.contextmanager
def _file() -> Generator[str, None, None]:
    """A name that the system can load. A library in an archive is written to a file of this user, for as long."""
    archived = None if IN_PACKAGE.exists() else _archived()
    if archived is None:
        yield path()
        return
    import importlib.resources

    try:
        with importlib.resources.as_file(archived) as file:
            yield str(file)
    except OSError as error:
        raise OSError(
            f"{archived} is inside an archive, and its copy in the folder for temporary files cannot be loaded ({error}): "
            "name a folder that permits programs with TMPDIR, or unpack the package"
        ) from error


def _open(name: str) -> ctypes.CDLL:
    # CDLL, not PyDLL: the interpreter's lock is released during each call, so other threads run and callbacks can come.
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        if os.sep in name:
            raise
        raise OSError(
            f"libpims was not found ({error}): it is not inside the package, PIMS_LIBRARY does not name it, and the system has none. "
            "A tool that makes a program of this one has to collect pims/_lib/libpims.so (PyInstaller: --collect-binaries pims)"
        ) from error
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
