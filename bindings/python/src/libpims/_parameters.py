"""The parameters as JSON.

They hold secrets, and an error tracker sends the local variables of each frame of a traceback to a
server. So no frame here keeps a value after an exception left it, and the printed form of encoded
parameters shows nothing.
"""

from __future__ import annotations

import inspect
import json
import math
import os
from enum import Enum
from typing import Any, Awaitable, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

Parameters = Mapping[str, Any]

#: A secret as a value. The package reads a ``bytearray`` when it makes the request, and does not
#: keep it: wipe it then.
SecretText = Union[str, bytes, bytearray]

#: A PIN, a code, a key or a token; or a function that fetches it. The package calls the function
#: when it makes the request.
Secret = Union[SecretText, Callable[[], SecretText]]

#: A secret for :mod:`libpims.aio`. The package also awaits the return value of a function.
AsyncSecret = Union[SecretText, Callable[[], Union[SecretText, Awaitable[SecretText]]]]

_PLAIN = frozenset([str, int, bool, type(None)])

# Deeper than the library reads (127). So the library refuses parameters that are too deep, unless a
# list contains itself.
_MAX_DEPTH = 200


class Encoded:
    """The parameters in the form that the library takes."""

    __slots__ = ("text",)

    def __init__(self, text: bytes) -> None:
        self.text = text

    def __repr__(self) -> str:
        return "<parameters of libpims>"


#: A call without parameters.
NOTHING = Encoded(b"")


def encode(parameters: Optional[Parameters]) -> Encoded:
    """Encodes parameters. Calls the functions among them on this thread."""
    try:
        draft = Draft(parameters)
    finally:
        del parameters
    draft.refuse_awaitables()
    return draft.encode()


async def encode_awaiting(parameters: Optional[Parameters]) -> Encoded:
    """Encodes parameters. Calls the functions among them on the event loop, and awaits their return
    values."""
    try:
        draft = Draft(parameters)
    finally:
        del parameters
    await draft.resolve()
    return draft.encode()


class Draft:
    """Parameters after the calls of their functions. Awaitables among the values are still to be
    awaited."""

    __slots__ = ("_awaited", "_root")

    def __init__(self, parameters: Optional[Parameters]) -> None:
        self._awaited: List[_Awaited] = []
        self._root: Optional[Dict[str, Any]] = None
        try:
            if parameters is not None:
                if not _is(parameters, (dict, Mapping)):
                    raise TypeError(f"parameters are a dict, not {type(parameters).__name__}")
                self._root = self._plain(parameters, (), None)
        except BaseException:
            self._close()
            raise
        finally:
            del parameters

    def refuse_awaitables(self) -> None:
        """Raises ``TypeError`` if an awaitable needs an event loop."""
        if self._awaited:
            path = _text(self._awaited[0].path)
            self._close()
            raise TypeError(f"{path}: an async function can be used with libpims.aio only")

    async def resolve(self) -> None:
        """Awaits the return values of the functions, one after the other."""
        try:
            while self._awaited:
                awaited = self._awaited.pop(0)
                awaited.container[awaited.path[-1]] = self._plain(await awaited.value, awaited.path, awaited.container)
        except BaseException:
            self._close()
            raise

    def encode(self) -> Encoded:
        """Writes JSON in ASCII, with escapes. So the library itself refuses a text that is no
        Unicode."""
        if self._root is None:
            return NOTHING
        try:
            return Encoded(_ENCODER.encode(self._root).encode())
        except ValueError:
            # Its traceback would show frames of the encoder, with all values that they encode.
            pass
        finally:
            self._root = None
        raise ValueError("a number has too many digits")

    def _plain(self, value: Any, path: Tuple[Any, ...], container: Any) -> Any:
        """Converts a value to one that the encoder knows. ``container`` holds it under the last
        name of ``path``."""
        made: Any = None
        try:
            # Most values are of these types; the checks below take longer.
            if type(value) in _PLAIN:
                return value
            if len(path) > _MAX_DEPTH:
                raise ValueError("the parameters are nested too deeply")
            if _is(value, Enum):
                return self._plain(value.value, path, container)
            if _is(value, (str, int)):
                return value
            if _is(value, float):
                if math.isfinite(value):
                    return value
                raise ValueError(f"{_text(path)}: NaN and infinity have no form in JSON")
            if _is(value, (bytes, bytearray, memoryview)):
                return _decoded(value, path)
            if _is(value, os.PathLike):
                return os.fsdecode(value)
            if _is(value, (dict, Mapping)):
                made = {}
                for name in value:
                    key = name if type(name) is str else _key(name, path)
                    made[key] = None
                    made[key] = self._plain(value[name], (*path, key), made)
                return made
            if _is(value, Sequence):
                made = [None] * len(value)
                for index in range(len(made)):
                    made[index] = self._plain(value[index], (*path, index), made)
                return made
            if inspect.isawaitable(value):
                self._awaited.append(_Awaited(value, path, container))
                return None
            if callable(value):
                return self._called(value, path, container)
            raise TypeError(f"{_text(path)}: a value of type {type(value).__name__} has no form in JSON")
        finally:
            # ``container`` holds the values beside this one.
            del value, made, container

    def _called(self, function: Callable[[], Any], path: Tuple[Any, ...], container: Any) -> Any:
        try:
            made = function()
            if callable(made):
                raise TypeError(f"{_text(path)}: a function returns a value, not another function")
            return self._plain(made, path, container)
        finally:
            made = None
            del function, container

    def _close(self) -> None:
        """Closes the values that nothing awaits any more."""
        awaited, self._awaited, self._root = self._awaited, [], None
        for one in awaited:
            close = getattr(one.value, "close", None)
            if close is not None:
                close()


class _Awaited:
    """An awaitable from a function, and the container of its result."""

    __slots__ = ("path", "container", "value")

    def __init__(self, value: Awaitable[Any], path: Tuple[Any, ...], container: Any) -> None:
        self.value = value
        self.path = path
        self.container = container


def _is(value: Any, kinds: Any) -> bool:
    """Does the same as ``isinstance``, for values of any type: the check happens at run time."""
    return isinstance(value, kinds)


def _key(name: Any, path: Tuple[Any, ...]) -> str:
    key: Any = name.value if isinstance(name, Enum) else name
    if not isinstance(key, str):
        raise TypeError(f"{_text(path)}: a name is text, not {type(key).__name__}")
    return key


def _decoded(value: Any, path: Tuple[Any, ...]) -> str:
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError:
        # The exception holds the bytes.
        pass
    finally:
        del value
    raise ValueError(f"{_text(path)}: the bytes are not UTF-8")


def _text(path: Tuple[Any, ...]) -> str:
    """Writes a path, such as ``storage.key`` or ``type[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "parameters"


_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
