#!/usr/bin/env python3
"""Measures what the program `pims` costs, against the embedded service:

    tools/bench-program.py PROGRAM LIBRARY [RUNS]

Prints medians in milliseconds of wall time: `pims --version`, `pims status` and `pims otp`, each as
a process of its own, and beside them what the library does for them in this process (`init`, the
call, `free`) on the same folder. A second folder of the same service has the enrollment of a third
one, which was exported and imported; the library makes a password there, too. The runs alternate,
so that a busy moment meets all. The last lines are ratios of medians.
"""

from __future__ import annotations

import ctypes
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, List

PIN = "1234"
NUMBER = "+33612345678"


class Library:
    """The library, by its C interface."""

    def __init__(self, path: str) -> None:
        self._library = ctypes.CDLL(path)
        self._library.pims_execute.restype = ctypes.c_void_p
        self._library.pims_execute.argtypes = [ctypes.c_char_p] * 3
        self._library.pims_string_free.argtypes = [ctypes.c_void_p]

    def call(self, method: str, api: str, params: str) -> Dict[str, object]:
        """Makes a call, which must succeed."""
        text = self._library.pims_execute(method.encode(), api.encode(), params.encode())
        message: Dict[str, object] = json.loads(ctypes.string_at(text))
        self._library.pims_string_free(text)
        assert message["status"] == "SUCCEEDED", message
        return message


def milliseconds(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


def main(program: str, library_path: str, runs: int) -> None:
    library = Library(library_path)
    with tempfile.TemporaryDirectory() as folder:

        def run_in(own: str, *arguments: str, text: str = "") -> None:
            command = [program, "--folder", str(Path(folder, own)), *arguments]
            subprocess.run(command, input=text.encode(), check=True, capture_output=True)

        def run(*arguments: str, text: str = "") -> None:
            run_in("own", *arguments, text=text)

        def configure(own: str) -> str:
            run_in(own, "init", "--embedded", "--username", "jane")
            path = Path(folder, own, "config.json")
            config = json.loads(path.read_text())
            # One service has all devices.
            config["embedded"] = {"database": str(Path(folder, "own", "state", "authority.db"))}
            path.write_text(json.dumps(config))
            return path.read_text()

        def enroll(own: str, *options: str) -> None:
            run_in(own, "enroll", "--request-only", *options)
            outbox = Path(folder, own, "state", "sms-outbox.jsonl").read_text()
            code = json.loads(outbox.splitlines()[-1])["code"]
            run_in(own, "enroll", "--no-request", *options, text=f"{code}\n{PIN}\n")

        own_config, _, imported_config = [configure(own) for own in ("own", "moved", "imported")]
        enroll("own", "--phone", NUMBER)
        enroll("moved")
        state = str(Path(folder, "moved.json"))
        run_in("moved", "export", "--plain", "--output", state, text=PIN + "\n")
        run_in("imported", "import", state, text=PIN + "\n")

        def in_library(api: str, params: Dict[str, str], config: str = own_config) -> None:
            library.call("init", "", config)
            library.call("get", api, json.dumps(params))
            library.call("free", "", "")

        password = {"action": "withPIN", "pinCode": PIN}
        activated = {"actionType": "strong", "type": "isDeviceActivated"}
        work: Dict[str, Callable[[], None]] = {
            "pims --version": lambda: run("--version"),
            "pims status": lambda: run("status"),
            "library: init, isDeviceActivated, free": lambda: in_library("pims.authentication.account", activated),
            "pims otp": lambda: run("otp", text=PIN + "\n"),
            "library: init, otp, free": lambda: in_library("pims.authentication.otp", password),
            "the same, imported state": lambda: in_library("pims.authentication.otp", password, imported_config),
        }
        times: Dict[str, List[float]] = {name: [] for name in work}
        for _ in range(runs):
            for name, measured in work.items():
                times[name].append(milliseconds(measured))
        for name, measurements in times.items():
            print(f"{name:40} {statistics.median(measurements):8.2f} ms   fastest {min(measurements):8.2f} ms")
        for name, base in (
            ("pims otp", "library: init, otp, free"),
            ("the same, imported state", "library: init, otp, free"),
        ):
            ratio = statistics.median(times[name]) / statistics.median(times[base])
            print(f"{name} / {base}: {ratio:.3f}   fastest {min(times[name]) / min(times[base]):.3f}")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) == 4 else 20)
