"""The suite of all languages, see tests/conformance/README.md. It runs through the functions that
wait, and through asyncio."""

from __future__ import annotations

import asyncio
import json
import queue
import re
from pathlib import Path
from typing import Any, Awaitable, Callable, Dict, List, Optional, Set, Tuple

import pytest

import libpims
import libpims.aio
from conftest import DEADLINE, REPOSITORY

SUITE = json.loads((REPOSITORY / "tests/conformance/suite.json").read_text(encoding="utf-8"))

Message = Dict[str, Any]


class Runner:
    """The runner of the steps: it keeps their values for later steps, and checks their messages."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._storage = ""
        self._otp = ""
        self._state = ""
        self._device_id = ""
        self._number = ""

    def fill(self, value: Any) -> Any:
        if isinstance(value, str):
            return re.sub(r"\$\{(\w+)\}", lambda found: self._value(found[1]), value)
        if isinstance(value, list):
            return [self.fill(member) for member in value]
        if isinstance(value, dict):
            return {name: self.fill(member) for name, member in value.items()}
        return value

    def remember(self, step: Message, parameters: Any, message: Message) -> None:
        storage = parameters.get("storage") if step["call"] == "init" else None
        if isinstance(storage, dict) and isinstance(storage.get("path"), str):
            self._storage = storage["path"]
        if isinstance(message.get("result"), dict):
            self._otp = message["result"].get("otp", self._otp)
            self._state = message["result"].get("state", self._state)
            self._number = message["result"].get("number") or self._number
            devices = message["result"].get("devices") or [message["result"]]
            self._device_id = devices[0].get("deviceId") or self._device_id

    def matches(self, expected: Any, actual: Any) -> bool:
        if isinstance(expected, dict) and isinstance(actual, dict):
            return expected.keys() == actual.keys() and all(self.matches(expected[name], actual[name]) for name in expected)
        if isinstance(expected, list) and isinstance(actual, list):
            return len(expected) == len(actual) and all(map(self.matches, expected, actual))
        forms = {"$otp": r"[0-9a-z]{1,8}", "$path": re.escape(self._folder) + "/.*", "$version": r"\d+\.\d+\.\d+.*", "$text": ".+"}
        if isinstance(expected, str) and expected in forms:
            return isinstance(actual, str) and re.fullmatch(forms[expected], actual, re.DOTALL) is not None
        if expected == "$time":
            return type(actual) is int and len(str(actual)) == 13
        if expected == "$seconds":
            return type(actual) is int and 1 <= actual <= 86400
        # In Python, True is 1.
        return type(expected) is type(actual) and bool(expected == actual)

    def _value(self, name: str) -> str:
        if name in ("smsCode", "wrongSmsCode"):
            lines = Path(self._storage, "sms-outbox.jsonl").read_text(encoding="utf-8").splitlines()
            code: str = json.loads(lines[-1])["code"]
            return code if name == "smsCode" else increased(code)
        if name == "wrongNumber":
            return increased(self._number)
        kept = {"folder": self._folder, "otp": self._otp, "state": self._state, "deviceId": self._device_id, "number": self._number}
        return kept[name]


def increased(digits: str) -> str:
    """Returns digits with the last one increased by one; 9 becomes 0."""
    return digits[:-1] + str((int(digits[-1]) + 1) % 10)


def failed(error: libpims.PimsError) -> Message:
    told: Message = {"code": error.code, "label": error.label}
    if error.detail is not None:
        told["detail"] = error.detail
    if error.info:
        told["info"] = dict(error.info)
    return {"status": "FAILED", "error": told}


class Waiting:
    """The functions of libpims."""

    def __init__(self) -> None:
        self._events: "queue.Queue[Any]" = queue.Queue()
        # The list keeps the subscriptions: a dropped subscription ends.
        self._subscriptions: List[libpims.Subscription] = []

    async def perform(self, call: str, api: str, parameters: Any) -> Optional[Message]:
        if call == "event":
            return {"status": "RESULT", "result": self._events.get(timeout=DEADLINE)}
        if call == "free":
            libpims.free()
            assert self._events.empty()
            return None
        try:
            return {"status": "SUCCEEDED", "result": self._call(call, api, parameters)}
        except libpims.PimsError as error:
            return failed(error)

    def _call(self, call: str, api: str, parameters: Any) -> Any:
        if call == "init":
            return libpims.init(parameters)
        if call == "subscribe":
            self._subscriptions.append(libpims.subscribe(api, parameters, self._events.put))
            return None
        function: Callable[[str, Any], Any] = getattr(libpims, call)
        return function(api, parameters)


class Awaiting:
    """The coroutines of libpims.aio."""

    def __init__(self) -> None:
        self._events: List[libpims.aio.Events[Any]] = []

    async def perform(self, call: str, api: str, parameters: Any) -> Optional[Message]:
        if call == "event":
            return {"status": "RESULT", "result": await self._events[-1].__anext__()}
        if call == "free":
            await libpims.aio.free()
            assert [event for events in self._events async for event in events] == []
            self._events.clear()
            return None
        try:
            return {"status": "SUCCEEDED", "result": await self._call(call, api, parameters)}
        except libpims.PimsError as error:
            return failed(error)

    async def _call(self, call: str, api: str, parameters: Any) -> Any:
        if call == "init":
            return await libpims.aio.init(parameters)
        if call == "subscribe":
            self._events.append(await libpims.aio.subscribe(api, parameters).__aenter__())
            return None
        function: Callable[[str, Any], Awaitable[Any]] = getattr(libpims.aio, call)
        return await function(api, parameters)


@pytest.mark.parametrize("interface", [Waiting, Awaiting])
def test_every_message_is_the_one_of_the_suite(interface: Callable[[], Any], tmp_path: Path) -> None:
    async def run() -> int:
        runner, steps = Runner(tmp_path), 0
        for case in SUITE["cases"]:
            performer = interface()
            for number, step in enumerate(case["steps"], 1):
                parameters = runner.fill(step.get("parameters"))
                expected = runner.fill(step.get("expect"))
                message = await asyncio.wait_for(performer.perform(step["call"], step.get("api"), parameters), DEADLINE)
                assert runner.matches(expected, message), (case["name"], number, expected, message)
                if message is not None:
                    runner.remember(step, parameters, message)
                steps += 1
        return steps

    assert SUITE["format"] == 1
    assert asyncio.run(run()) == SUITE["steps"]


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"a": 1}),
        ({"a": 1}, {"a": True}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"a": None}, {}),
        ("$otp", "47NCKOXB"),
        ("$otp", ""),
        ("$path", "/somewhere/else"),
        ("$version", "1.2"),
        ("$text", ""),
        ("$time", "1700000000000"),
        ("$time", 1700000000),
        ("$seconds", "300"),
        ("$seconds", 0),
        ("$seconds", True),
        ("text", "$text"),
    ],
)
def test_what_differs_does_not_match(expected: Any, actual: Any, tmp_path: Path) -> None:
    assert not Runner(tmp_path).matches(expected, actual)


def test_the_suite_has_each_operation_of_the_reference_with_a_success_and_a_failure() -> None:
    reference = json.loads((REPOSITORY / "tests/spec/api.json").read_text(encoding="utf-8"))
    seen: Set[Tuple[str, str, Optional[str], str]] = set()
    for case in SUITE["cases"]:
        for step in case["steps"]:
            if "api" in step:
                parameters = step.get("parameters", {})
                operation = parameters.get("action", parameters.get("type"))
                if isinstance(operation, (str, type(None))):
                    seen.add((step["call"], step["api"], operation, step["expect"]["status"]))
    for told in reference["operations"]:
        operation = (told["method"], told["api"], told["operation"])
        if told["api"] == "pims.sdk.configuration":
            operation = (told["method"], told["api"], None)
        assert (*operation, "SUCCEEDED") in seen, operation
        assert not told["errors"] or (*operation, "FAILED") in seen, operation
