"""libpims as a host application in Python uses it: the shared library through ctypes, JSON in, JSON
out."""

from __future__ import annotations

import ctypes
import json
import os
import pathlib

LIBRARY = os.environ.get("PIMS_LIBRARY", str(pathlib.Path(__file__).parents[2] / "build/debug/libpims.so.0"))


class Failed(Exception):
    """A FAILED message of a call."""

    def __init__(self, error: dict):
        super().__init__(f"{error['code']} {error['label']}: {error.get('detail')}")
        self.code = error["code"]
        self.info = error.get("info", {})


class Pims:
    """The library, initialised. A process has one at a time."""

    def __init__(self, configuration: dict):
        self.library = ctypes.CDLL(LIBRARY)
        text = ctypes.c_char_p
        # The address and not the text: it must be passed back.
        self.library.pims_execute.restype = ctypes.c_void_p
        self.library.pims_execute.argtypes = [text, text, text]
        self.library.pims_string_free.restype = None
        self.library.pims_string_free.argtypes = [ctypes.c_void_p]
        self.library.pims_version.restype = text
        self.execute("init", "", configuration)

    def get(self, api: str, **parameters: object) -> object:
        return self.execute("get", f"pims.authentication.{api}", parameters)

    def set(self, api: str, **parameters: object) -> object:
        return self.execute("set", f"pims.authentication.{api}", parameters)

    def free(self) -> None:
        self.execute("free", "", {})

    def execute(self, method: str, api: str, parameters: dict) -> object:
        address = self.library.pims_execute(method.encode(), api.encode(), json.dumps(parameters).encode())
        if not address:
            raise ValueError("an argument is misused")
        try:
            message = json.loads(ctypes.string_at(address))
        finally:
            self.library.pims_string_free(address)
        if message["status"] != "SUCCEEDED":
            raise Failed(message["error"])
        return message["result"]
