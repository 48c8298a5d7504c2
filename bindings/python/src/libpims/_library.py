"""The shared library: its place, and its functions with their types. The first call loads it, not
the import.

The search has this order: inside the wheel, ``PIMS_LIBRARY`` in the environment, the system's
libraries.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import threading
from pathlib import Path
from typing import Any, Generator, Optional

_SUBINTERPRETER = (
    "libpims cannot be used in a subinterpreter: the library calls back on a thread of its own, which Python runs "
    "in the main interpreter. Use the main interpreter (mod_wsgi: WSGIApplicationGroup %{GLOBAL}), or another process"
)

try:
    import ctypes
    import ctypes.util
except ModuleNotFoundError:
    raise
except ImportError as error:
    # Python 3.12 does not load ctypes into an isolated subinterpreter.
    raise RuntimeError(_SUBINTERPRETER) from error


def _refuse_subinterpreter() -> None:
    python = getattr(ctypes, "pythonapi", None)
    # A Python other than CPython has neither.
    if python is None or not hasattr(python, "PyInterpreterState_Main"):
        return
    # Each lookup gives a function object of its own, so this code alone sets its type.
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
ERROR_NO_FACADE = -6

#: The handle of the facade that ``init`` makes and ``free`` releases.
DEFAULT_FACADE = 1

# void (*)(const char *message, void *ctx): ctypes copies the message, and the copy outlives the
# callback.
CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p)

# Tools that collect a program's files look for "lib*.so".
IN_PACKAGE = Path(__file__).with_name("_lib") / "libpims.so"
_SONAME = "libpims.so.0"

# The bytes of an ELF file up to the processor.
_HEADER = 20

_loaded: Optional[ctypes.CDLL] = None
_loading = threading.RLock()


def load() -> ctypes.CDLL:
    """Returns the library, which is loaded once. Raises ``OSError`` if there is none, and
    ``ImportError`` if its C interface has another version than this package."""
    global _loaded
    if _loaded is not None:
        return _loaded
    # Reentrant: the handler of a signal may take it again.
    with _loading:
        if _loaded is None:
            with _file() as name:
                _loaded = _open(name)
        return _loaded


def path() -> str:
    """Returns the file or the name from which the library is loaded. For a zip archive it is a path
    into the archive."""
    if IN_PACKAGE.exists():
        return str(IN_PACKAGE)
    archived = _archived()
    if archived is not None:
        return str(archived)
    return os.environ.get("PIMS_LIBRARY") or ctypes.util.find_library("pims") or _SONAME


def _archived() -> Any:
    """Returns the library as a resource if the package is in a zip archive (zipapp). Returns
    ``None`` if the archive has no library."""
    # Imported here, because few programs need it.
    import importlib.resources

    try:
        # The folder is listed, because in Python 3.9 each name in an archive counts as a file.
        inside = importlib.resources.files("libpims").joinpath("_lib").iterdir()
        return next((file for file in inside if file.name == IN_PACKAGE.name), None)
    except (ImportError, OSError, TypeError, ValueError):
        # The loader has no resources.
        return None


@contextlib.contextmanager
def _file() -> Generator[str, None, None]:
    """Yields a name that the system can load. A library in an archive is copied to a file of this
    user, which exists until the block ends. Another user cannot exchange it: that user could
    otherwise run code in this process."""
    archived = None if IN_PACKAGE.exists() else _archived()
    if archived is None or isinstance(archived, Path):
        yield path()
        return
    # Imported here, because few programs need it.
    import tempfile

    try:
        # The real one: a link in the name could be exchanged.
        folder = os.path.realpath(tempfile.gettempdir())
        _refuse_exchangeable(folder)
        with tempfile.NamedTemporaryFile(prefix="libpims-", suffix=".so", dir=folder) as file:
            file.write(archived.read_bytes())
            file.flush()
            yield file.name
    except OSError as error:
        raise OSError(
            f"{archived} is inside an archive, and its copy in the folder for temporary files cannot be loaded ({error}): "
            "name a folder that permits programs, and that no other user can change, with TMPDIR, or unpack the package"
        ) from error


def _refuse_exchangeable(folder: str) -> None:
    """Raises ``OSError`` if another user can exchange a file of this user in a folder: if the
    folder or one of its parents belongs to a user other than this one and root, or if others may
    write to it and it has no sticky bit, which keeps them from renaming files of other users."""
    if not hasattr(os, "geteuid") or hasattr(sys, "getandroidapilevel"):
        # On Android each app has a folder of its own, and the parents belong to the system.
        return
    user = os.geteuid()
    for place in (Path(folder), *Path(folder).parents):
        try:
            facts = place.stat()
        except PermissionError:
            # A sandbox may hide the parent.
            continue
        mode = stat.S_IMODE(facts.st_mode)
        if facts.st_uid not in (0, user) and not _is_root_outside(facts.st_uid):
            raise OSError(f"the folder {place} belongs to user {facts.st_uid}, and this process runs as user {user}")
        is_open = mode & stat.S_IWOTH or (mode & stat.S_IWGRP and not _is_private_group(facts.st_gid))
        if is_open and not mode & stat.S_ISVTX:
            raise OSError(f"others than its owner may write to the folder {place} (mode {mode:04o}), which has no sticky bit")


def _is_private_group(group: int) -> bool:
    """Returns true if a group is the private one of this user or root: it has the user's name and
    no other member."""
    import grp
    import pwd

    found = [entry for entry in grp.getgrall() if entry.gr_gid == group]
    primary = {entry.pw_uid for entry in pwd.getpwall() if entry.pw_gid == group}
    for user in (0, os.geteuid()):
        with contextlib.suppress(KeyError):
            name = pwd.getpwuid(user).pw_name
            if found and primary <= {user} and all(entry.gr_name == name and {*entry.gr_mem} <= {name} for entry in found):
                return True
    return False


def _is_root_outside(owner: int) -> bool:
    """Returns true if an owner may be root of the host, seen from a container without root: all
    users that the container does not know have the same number there."""
    try:
        unknown = int(Path("/proc/sys/kernel/overflowuid").read_text(encoding="ascii"))
        known = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return False
    return owner == unknown and known not in ([], ["0", "0", "4294967295"])


def _refuse_foreign(name: str) -> None:
    """Raises ``OSError`` if a file is for another processor than this Python. musl does not look,
    and would run the code of the other processor."""
    if os.sep not in name:
        return
    try:
        with open(name, "rb") as file:
            library = file.read(_HEADER)
        # Python itself, or the loader that runs it.
        with open("/proc/self/exe", "rb") as file:
            python = file.read(_HEADER)
    except OSError:
        return
    if library[:4] != b"\x7fELF" or len(library) < _HEADER:
        raise OSError(f"{name} cannot be loaded: it is no shared library for Linux. Install the wheel for this system")
    # The processor, then its word size and byte order.
    if any(library[part] != python[part] for part in (slice(18, 20), slice(4, 6))):
        raise _foreign(name, _processor(library), _processor(python))


def _is_for_glibc(name: str) -> bool:
    """Returns true if a library is for glibc, and false if it is for musl. Without a sign of either
    it is for the C library of this Python."""
    try:
        library = Path(name).read_bytes()
    except OSError:
        return is_glibc()
    if b"\0libc.so.6\0" in library:
        return True
    return is_glibc() and b"\0libc.so\0" not in library and b"\0libc.musl-" not in library


def _foreign(name: str, library: str, python: str) -> OSError:
    return OSError(f"{name} cannot be loaded: it is for {library}, and this Python is for {python}. Install the wheel for this system")


def _processor(header: bytes) -> str:
    bits = {1: 32, 2: 64}.get(header[4], 0)
    machine = int.from_bytes(header[18:20], "little" if header[5] == 1 else "big")
    known = {(3, 32): "x86", (40, 32): "arm", (62, 64): "x86_64", (183, 64): "aarch64", (243, 64): "riscv64"}
    return known.get((machine, bits), f"ELF machine {machine} with {bits} bits")


def is_glibc() -> bool:
    """Returns true if this Python is for glibc."""
    try:
        # musl knows the name, and has no value.
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (AttributeError, OSError, ValueError):
        return False


def _open(name: str) -> ctypes.CDLL:
    # CDLL, not PyDLL: each call releases the interpreter's lock, so other threads run and callbacks
    # can come.
    _refuse_foreign(name)
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        if os.sep in name and _is_for_glibc(name) != is_glibc():
            raise _foreign(name, *(("musl", "glibc") if is_glibc() else ("glibc", "musl"))) from error
        if os.sep in name:
            raise
        raise OSError(
            f"libpims was not found ({error}): it is not inside the package, PIMS_LIBRARY does not name it, and the system has none. "
            "A tool that makes a program of this one has to collect libpims/_lib/libpims.so (PyInstaller: --collect-binaries libpims)"
        ) from error
    text, message = ctypes.c_char_p, ctypes.c_void_p
    if not hasattr(library, "pims_abi_version"):
        raise ImportError(f"{name} is not libpims: it has no function pims_abi_version")
    library.pims_abi_version.argtypes = []
    library.pims_abi_version.restype = ctypes.c_uint32
    found = library.pims_abi_version()
    if found != ABI_VERSION:
        raise ImportError(f"{name} has the C interface {found}, this package is for {ABI_VERSION}")
    library.pims_version.argtypes = []
    library.pims_version.restype = text
    if not hasattr(library, "pims_open"):
        raise ImportError(f"{name} is older than this package: it has no function pims_open")
    for method in ("get", "set", "subscribe", "unsubscribe"):
        function = getattr(library, "pims_facade_" + method)
        function.argtypes = [ctypes.c_uint64, text, text, CALLBACK, ctypes.c_void_p]
        function.restype = ctypes.c_int32
    library.pims_free.argtypes = []
    library.pims_free.restype = ctypes.c_int32
    library.pims_close.argtypes = [ctypes.c_uint64]
    library.pims_close.restype = ctypes.c_int32
    # A pointer, not text: pims_string_free takes it back.
    library.pims_execute.argtypes = [text, text, text]
    library.pims_execute.restype = message
    library.pims_facade_execute.argtypes = [ctypes.c_uint64, text, text, text]
    library.pims_facade_execute.restype = message
    library.pims_string_free.argtypes = [message]
    library.pims_string_free.restype = None
    return library
