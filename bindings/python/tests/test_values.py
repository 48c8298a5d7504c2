"""The values of parameters and results: Python's types, secrets, types for checkers, printed
forms."""

from __future__ import annotations

import asyncio
import collections
import copy
import json
import pickle
import pprint
import re
import threading
import types
from datetime import datetime, timedelta, timezone
from enum import Enum, IntEnum
from pathlib import Path, PurePosixPath
from typing import Any, Awaitable, Callable, Iterator, List, Mapping, Optional, Sequence

import pytest

import libpims
import libpims.aio
from conftest import DEADLINE, PHONE_NUMBER, PIN, REPOSITORY
from libpims import results
from libpims._bridge import Message, answer, bridge
from libpims._parameters import encode, encode_awaiting

ACCOUNT = "pims.authentication.account"
OTP = "pims.authentication.otp"


class Kind(Enum):
    STRONG = "strong"


class Number(IntEnum):
    ONE = 1


class Own(Mapping[str, Any]):
    """A Mapping that is no dict."""

    def __getitem__(self, name: str) -> Any:
        return {"deep": (1, 2)}[name]

    def __iter__(self) -> Iterator[str]:
        return iter(["deep"])

    def __len__(self) -> int:
        return 1


class OwnList(Sequence[Any]):
    """A Sequence that is no list."""

    def __getitem__(self, index: Any) -> Any:
        return ["a", "b"][index]

    def __len__(self) -> int:
        return 2


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (types.MappingProxyType({"a": types.MappingProxyType({"b": 1})}), {"a": {"b": 1}}),
        (Own(), {"deep": [1, 2]}),
        (collections.ChainMap({"a": 1}, {"b": 2}), {"a": 1, "b": 2}),
        (collections.OrderedDict(a=collections.UserDict(b=1)), {"a": {"b": 1}}),
        (OwnList(), ["a", "b"]),
        ((1, [2, collections.deque([3]), range(2)]), [1, [2, [3], [0, 1]]]),
        (Kind.STRONG, "strong"),
        ([Kind.STRONG, Number.ONE, libpims.AccountState.UNKNOWN, libpims.NextAction.UPDATE], ["strong", 1, "Unknown", "update"]),
        ({Kind.STRONG: 1, libpims.NextAction.UPDATE: 2}, {"strong": 1, "update": 2}),
        (PurePosixPath("a/b"), "a/b"),
        (b"1234", "1234"),
        (bytearray("é".encode()), "é"),
        (memoryview(b"1234"), "1234"),
        (lambda: b"1234", "1234"),
        (lambda: {"key": lambda: Kind.STRONG}, {"key": "strong"}),
        ([True, None, 1.5, -0.0, 2**70, ""], [True, None, 1.5, -0.0, 2**70, ""]),
    ],
)
def test_a_value_of_python_is_written_as_json(value: Any, written: Any) -> None:
    for parameters in ({"member": value}, types.MappingProxyType({"member": value}), Outer(value)):
        assert json.loads(encode(parameters).text) == {"member": written}
        assert json.loads(asyncio.run(encode_awaiting(parameters)).text) == {"member": written}


class Outer(collections.UserDict):  # type: ignore[type-arg]
    def __init__(self, value: Any) -> None:
        super().__init__({"member": value})


def contains_itself() -> Any:
    itself: List[Any] = []
    itself.append(itself)
    return itself


@pytest.mark.parametrize(
    ("value", "error", "told"),
    [
        ({"path": [object()]}, TypeError, "member.path[0]: a value of type object has no form in JSON"),
        ({1: 2}, TypeError, "member: a name is text, not int"),
        (float("inf"), ValueError, "member: NaN and infinity have no form in JSON"),
        (b"12\xff34", ValueError, "member: the bytes are not UTF-8"),
        ([{"a": {1}}], TypeError, "member[0].a: a value of type set has no form in JSON"),
        (lambda: print, TypeError, "member: a function returns a value, not another function"),
        (contains_itself(), ValueError, "the parameters are nested too deeply"),
        ([10**5000], ValueError, "a number has too many digits"),
    ],
)
def test_what_has_no_form_in_json_is_told_with_its_place(value: Any, error: type, told: str) -> None:
    with pytest.raises(error) as caught:
        libpims.get(OTP, {"member": value})
    assert str(caught.value) == told
    with pytest.raises(error) as caught:
        asyncio.run(libpims.aio.get(OTP, {"member": value}))
    assert str(caught.value) == told


@pytest.mark.parametrize("parameters", ['{"action":"withPIN"}', b"{}", 5, ["action"], {"a"}, True])
def test_parameters_that_are_no_mapping_are_a_clear_type_error(parameters: Any) -> None:
    told = f"parameters are a dict, not {type(parameters).__name__}"
    for call in (
        lambda: libpims.init(parameters),
        lambda: libpims.get(OTP, parameters),
        lambda: libpims.set(OTP, parameters),
        lambda: libpims.subscribe(ACCOUNT, parameters, print),
        lambda: libpims.unsubscribe(ACCOUNT, parameters),
        lambda: asyncio.run(libpims.aio.init(parameters)),
        lambda: asyncio.run(libpims.aio.get(OTP, parameters)),
        lambda: asyncio.run(libpims.aio.set(OTP, parameters)),
        lambda: asyncio.run(libpims.aio.subscribe(ACCOUNT, parameters).__aenter__()),
        lambda: asyncio.run(libpims.aio.unsubscribe(ACCOUNT, parameters)),
    ):
        with pytest.raises(TypeError) as caught:
            call()
        assert str(caught.value) == told


@pytest.mark.parametrize("api", [5, None, b"pims.sdk.version", {"action": "withPIN"}])
def test_a_name_that_is_no_text_is_a_clear_type_error(api: Any) -> None:
    told = f"the name of an api is text, not {type(api).__name__}"
    for call in (
        lambda: libpims.get(api),
        lambda: libpims.set(api),
        lambda: libpims.subscribe(api, None, print),
        lambda: libpims.unsubscribe(api),
        lambda: asyncio.run(libpims.aio.get(api)),
        lambda: asyncio.run(libpims.aio.set(api)),
        lambda: asyncio.run(libpims.aio.subscribe(api).__aenter__()),
        lambda: asyncio.run(libpims.aio.unsubscribe(api)),
    ):
        with pytest.raises(TypeError) as caught:
            call()
        assert str(caught.value) == told
    assert bridge.pending == 0


def test_secrets_are_bytes_functions_and_async_functions(tmp_path: Path, sms: Callable[[], str]) -> None:
    asked: List[str] = []

    async def pin() -> bytes:
        await asyncio.sleep(0)
        asked.append("pin")
        return PIN.encode()

    async def code() -> str:
        await asyncio.sleep(0)
        asked.append("code")
        return sms()

    async def key() -> bytearray:
        await asyncio.sleep(0)
        asked.append("key")
        return bytearray(b"MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")

    class Store:
        def fetch(self) -> "asyncio.Future[str]":
            """Returns a future, like a host that asks on another thread."""
            return asyncio.ensure_future(asyncio.to_thread(lambda: PIN))

    async def main() -> None:
        async with libpims.aio.session({"storage": {"path": tmp_path, "key": key}}) as device:
            await device.request_phone_number_code(PHONE_NUMBER)
            await device.enroll_with_phone_number(pin, code, PHONE_NUMBER)
            wiped = bytearray(PIN.encode())
            passwords = [await device.otp(secret) for secret in (pin, lambda: pin(), wiped, PIN, Store().fetch)]
            wiped[:] = bytes(len(wiped))
            assert all(passwords)
            assert await device.verify(passwords[-1])
            assert not await device.verify(passwords[-1])
            result = await device.get("pims.authentication.otp", {"action": "withPIN", "pinCode": pin})
            assert await device.verify(result["otp"].encode())

    asyncio.run(asyncio.wait_for(main(), DEADLINE))
    # The values of the parameters are fetched in their order.
    assert asked == ["key", "pin", "code", "pin", "pin", "pin"]


def test_a_bytearray_is_not_kept(enrolled: libpims.StrongAuthentication) -> None:
    pin = bytearray(PIN.encode())
    password = enrolled.otp(pin)
    # If a buffer refers to a bytearray, Python cannot make it longer.
    pin.extend(b"0")
    assert enrolled.verify(password)
    assert not enrolled.verify(password)


def test_an_async_secret_without_an_event_loop_is_refused_and_leaves_nothing(
    recwarn: pytest.WarningsRecorder, enrolled: libpims.StrongAuthentication
) -> None:
    async def pin() -> str:
        return PIN

    untyped: Any = pin
    for call in (
        lambda: enrolled.otp(untyped),
        lambda: enrolled.change_pin(untyped, untyped),
        lambda: libpims.init({"storage": {"key": pin}}),
    ):
        with pytest.raises(TypeError, match=r"^(pinCode|oldPIN|storage.key): an async function can be used with libpims.aio only$"):
            call()
    # No coroutine was created without an await.
    assert [str(warning.message) for warning in recwarn] == []


def test_an_async_secret_that_fails_ends_the_call_and_the_other_secrets(recwarn: pytest.WarningsRecorder, tmp_path: Path) -> None:
    async def fails() -> str:
        raise KeyError("of the app")

    async def never_asked() -> str:
        raise AssertionError("it was asked")

    async def main() -> None:
        async with libpims.aio.session({"storage": {"path": tmp_path}}) as device:
            with pytest.raises(KeyError, match="of the app"):
                await device.change_pin(fails, never_asked)
        with pytest.raises(KeyError, match="of the app"):
            await libpims.aio.init({"storage": {"key": fails, "path": never_asked}})

    asyncio.run(main())
    assert [str(warning.message) for warning in recwarn] == []


def shown(value: Any) -> List[str]:
    return [repr(value), str(value), f"{value}", "%s" % (value,), pprint.pformat(value), pprint.pformat({"a": [value]})]


def test_a_printed_result_shows_no_password(enrolled: libpims.StrongAuthentication, caplog: pytest.LogCaptureFixture) -> None:
    result = libpims.get("pims.authentication.otp", {"action": "withPIN", "pinCode": PIN})
    password = result["otp"]
    assert 1 <= len(password) <= 8
    assert result == {"otp": password} and dict(result) == {"otp": password} and json.dumps(result) == f'{{"otp": "{password}"}}'
    for value in (result, copy.copy(result), copy.deepcopy(result), pickle.loads(pickle.dumps(result)), result.copy()):
        assert value == {"otp": password}
        assert shown(value) == ["{'otp': <not shown>}"] * 5 + ["{'a': [{'otp': <not shown>}]}"]
    # An exported enrollment has keys in clear.
    exported = libpims.set("pims.authentication.enrollment", {"action": "export", "pinCode": PIN, "plain": True})
    assert shown(exported) == ["{'state': <not shown>}"] * 5 + ["{'a': [{'state': <not shown>}]}"]
    assert json.loads(exported["state"])["id"] == json.loads(enrolled.export_enrollment(PIN))["id"]
    # Other results are shown in full.
    version = libpims.get("pims.sdk.version")
    assert repr(version) == repr(dict(version)) and "versionCore" in repr(version)


NOTE = {"wrongPinsSince": {"count": 4, "since": 1700000000123}}
SINCE = datetime(2023, 11, 14, 22, 13, 20, 123000, tzinfo=timezone.utc)


def test_wrong_pins_beside_a_result_are_told() -> None:
    told = answer(Message(json.dumps({"status": "SUCCEEDED", "result": {"otp": "secret"}, "info": NOTE}).encode()))
    assert told.result.wrong_pins == libpims.WrongPins(4, SINCE)
    assert libpims.info(told.result) == NOTE
    assert "secret" not in repr(told) + repr(told.result)
    assert libpims.info({}) == {} and libpims.Result({}).wrong_pins is None


@pytest.mark.parametrize(
    "info", [{}, {"wrongPinsSince": None}, {"wrongPinsSince": {"count": 4}}, {"wrongPinsSince": {"count": 4, "since": 10**30}}]
)
def test_a_note_that_is_missing_or_cannot_be_read_is_none(info: Any) -> None:
    assert results.wrong_pins(info) is None


@pytest.mark.parametrize("kind", ["sync", "aio"])
def test_the_operations_tell_of_wrong_pins(kind: str, tmp_path: Path) -> None:
    """Two devices of one account: one device reports the wrong PINs of the other."""
    database = tmp_path / "authority.db"

    def configuration(name: str) -> libpims.Parameters:
        return {"storage": {"path": tmp_path / name}, "embedded": {"database": database}, "account": {"id": "j"}}

    def code(name: str) -> str:
        text: str = json.loads((tmp_path / name / "sms-outbox.jsonl").read_text(encoding="utf-8").splitlines()[-1])["code"]
        return text

    with libpims.session(configuration("first")) as first:
        first.request_phone_number_code(PHONE_NUMBER)
        first.enroll_with_phone_number(PIN, lambda: code("first"), PHONE_NUMBER)
        assert first.wrong_pins is None
    with libpims.session(configuration("second")) as second:
        second.request_enrollment_code()
        second.enroll(PIN, lambda: code("second"))
        for _ in range(2):
            with pytest.raises(libpims.PimsError) as caught:
                second.otp("9999")
        assert caught.value.next_action is libpims.NextAction.RETRY_PIN
    before = datetime.now(timezone.utc) + timedelta(seconds=1)
    notes: List[Optional[libpims.WrongPins]] = []

    async def ask() -> None:
        async with libpims.aio.session(configuration("first")) as device:
            for _ in range(2):
                await device.otp(PIN)
                notes.append(device.wrong_pins)
                # An operation without a PIN changes nothing.
                await device.account_state()
                assert device.wrong_pins == notes[-1]

    if kind == "aio":
        asyncio.run(ask())
    else:
        with libpims.session(configuration("first")) as first:
            for _ in range(2):
                first.otp(PIN)
                notes.append(first.wrong_pins)
                first.account_state()
                assert first.wrong_pins == notes[-1]
    told, then = notes
    assert told is not None and told.count == 2 and told.since <= before
    assert then is None


def test_a_next_action_is_an_enumeration_and_prints_as_its_text() -> None:
    error = libpims.PimsError(2317, "", None, {"nextAction": "requestSmsCode"})
    assert error.next_action == "requestSmsCode"
    assert error.next_action is libpims.NextAction.REQUEST_SMS_CODE
    assert f"{error.next_action} {str(error.next_action)} %s" % error.next_action == " ".join(["requestSmsCode"] * 3)
    # A next action of a newer library.
    assert libpims.PimsError(2317, "", None, {"nextAction": "other"}).next_action is None
    assert libpims.PimsError(2317, "").next_action is None


def test_the_code_of_a_gateway_is_a_text() -> None:
    assert libpims.PimsError(2301, "", None, {"gateway": "invalid_grant"}).gateway == "invalid_grant"
    assert libpims.PimsError(2301, "", None, {"gateway": 50000}).gateway is None
    assert libpims.PimsError(2301, "").gateway is None


def test_the_enumerations_are_those_of_the_library_and_of_the_readme() -> None:
    readme = (REPOSITORY / "bindings/python/README.md").read_text(encoding="utf-8")
    codes = re.findall(r"`([A-Z_]+)` (2\d{3})", readme)
    assert {name: int(code) for name, code in codes} == {code.name: int(code) for code in libpims.Code}
    actions = re.findall(r"`([A-Z_]+)` \(`([a-zA-Z]+)`\)", readme)
    assert dict(actions) == {action.name: action.value for action in libpims.NextAction}
    source = (REPOSITORY / "src/error.rs").read_text(encoding="utf-8")
    known = re.findall(r'Self::\w+ => "([a-zA-Z]+)"', source.split("impl NextAction")[1].split("\n}\n")[0])
    assert sorted(action.value for action in libpims.NextAction) == sorted(known)
    # The types of results have the same texts.
    assert set(results.NextActionText.__args__) == set(known)  # type: ignore[attr-defined]
    assert set(results.AccountStateText.__args__) == {state.value for state in libpims.AccountState}  # type: ignore[attr-defined]
    assert set(results.KeystoreText.__args__) == {keystore.value for keystore in libpims.Keystore}  # type: ignore[attr-defined]
    assert set(results.EnrollmentStatusText.__args__) == {status.value for status in libpims.EnrollmentStatus}  # type: ignore[attr-defined]


def test_a_star_import_hides_no_builtin() -> None:
    import builtins

    for module in (libpims, libpims.aio):
        assert not [name for name in module.__all__ if hasattr(builtins, name)]
        assert all(hasattr(module, name) for name in module.__all__)
        assert hasattr(module, "get") and hasattr(module, "set")


def typed() -> None:
    """The types of results that a type checker knows. This function is checked, and not run."""
    otp: str = libpims.get("pims.authentication.otp", {})["otp"]
    since: int = libpims.get("pims.authentication.devices")["devices"][0]["since"]
    state: results.AccountStateText = libpims.get("pims.authentication.account", {})["isAccountBlocked"]
    action: Optional[libpims.NextAction] = libpims.PimsError(2000, "").next_action

    def on_event(event: libpims.Account) -> None:
        activated: bool = event["isDeviceActivated"]
        print(activated)

    async def later() -> None:
        async with libpims.aio.subscribe("pims.authentication.account", {}) as events:
            async for event in events:
                on_event(event)
        verified: bool = (await libpims.aio.set("pims.authority.otp", {}))["verified"]
        coroutine: Callable[[], Awaitable[bytes]] = asyncio.Queue[bytes]().get
        await libpims.aio.StrongAuthentication().otp(coroutine)
        print(verified)

    libpims.subscribe("pims.authentication.account", {}, on_event).close()
    libpims.StrongAuthentication().watch(on_event).close()
    print(otp, since, state, action, threading.get_ident(), later)
