"""Every error of the library as the error of a form. The answers are scripted here, since our
service never gives some of them."""

from __future__ import annotations

from typing import Any

import pytest
from homeassistant.core import HomeAssistant

from conftest import PHONE_NUMBER, Flow, last_form, new_embedded, sent_in
from custom_components.libpims.account import OPENED, Account
from custom_components.libpims.errors import KEYS, sentence
from libpims import Code, NextAction, PimsError, QueueFull

INFOS: list[dict[str, Any]] = [
    {},
    {"word": "NOK:ACCESS"},
    {"attemptsLeft": 3},
    {"retryAfterSeconds": 600},
    *({"nextAction": action.value} for action in NextAction),
]
LABELS = [f"Invalid {name} parameter" for name in ("pinCode", "smsCode", "phoneNumber", "state", "token", "other")]
ERRORS = [
    *(PimsError(code, code.name, "the detail", info) for code in Code for info in INFOS),
    *(PimsError(Code.INVALID_PARAMETER, label, "the detail") for label in LABELS),
    PimsError(2999, "a later one"),
]


async def to_phone(hass: HomeAssistant) -> tuple[Flow, Account]:
    flow = await (await (await new_embedded(hass)).choose("enroll")).choose("phone")
    (account,) = hass.data[OPENED].values()
    return flow, account


def script(account: Account, monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[str]:
    """The next requests for a code fail. Returns the list of their numbers."""
    asked: list[str] = []

    async def fail(number: str) -> None:
        asked.append(number)
        raise error

    monkeypatch.setattr(account.device, "request_phone_number_code", fail)
    return asked


async def test_each_error_is_told_and_the_form_can_be_submitted_again(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    flow, account = await to_phone(hass)
    told = set()
    for error in ERRORS:
        with monkeypatch.context() as patch:
            asked = script(account, patch, error)
            await flow.submit({"phone_number": PHONE_NUMBER})
            assert asked == [PHONE_NUMBER]
        expected = sentence(error).key
        told.add(expected)
        if expected == "phone_number_registered":
            # The account has a number after all: the service is asked for it.
            assert flow.step == "untrusted"
            await flow.choose("phone")
        else:
            assert (flow.step, flow.error) == ("phone", expected), error
        assert "the detail" not in str(flow.result["errors"])
    assert told == KEYS
    await flow.submit({"phone_number": PHONE_NUMBER})
    assert flow.step == "phone_code" and sent_in(account.folder) == 1


async def test_a_full_queue_is_told(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    flow, account = await to_phone(hass)
    script(account, monkeypatch, QueueFull("1024 calls wait"))
    await flow.submit({"phone_number": PHONE_NUMBER})
    assert (flow.step, flow.error) == ("phone", "busy")


async def test_a_session_that_was_closed_is_told(hass: HomeAssistant) -> None:
    flow, account = await to_phone(hass)
    await account.close()
    await flow.submit({"phone_number": PHONE_NUMBER})
    assert (flow.step, flow.error) == ("phone", "session_closed")


async def test_an_answer_that_was_lost_is_asked_for_again_and_enrolls_once(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    flow, account = await to_phone(hass)
    await flow.submit({"phone_number": PHONE_NUMBER})
    enroll = account.device.enroll_with_phone_number

    async def lost(*arguments: Any) -> None:
        await enroll(*arguments)
        raise PimsError(Code.TIMEOUT, "Timeout")

    with monkeypatch.context() as patch:
        patch.setattr(account.device, "enroll_with_phone_number", lost)
        await flow.submit(last_form(hass))
    assert (flow.step, flow.error) == ("phone_code", "timeout")
    # The device is enrolled, as the library now says. So the flow ends.
    await flow.submit(last_form(hass))
    assert flow.result["type"] == "create_entry"
    await hass.async_block_till_done()
