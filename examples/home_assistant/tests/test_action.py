"""The action, and the place of the PIN between two calls."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
import voluptuous as vol
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from pytest_homeassistant_custom_component.common import MockUser, async_capture_events

from conftest import PIN, Flow, enroll_embedded, password, repair_of, repairs_of


async def refused(hass: HomeAssistant, entry: Any, **data: Any) -> str | None:
    """Calls the action, which fails. Returns the key of its sentence."""
    with pytest.raises(HomeAssistantError) as error:
        await password(hass, entry, **data)
    assert error.value.translation_domain in ("libpims", "homeassistant")
    # The sentence exists, and all of its placeholders are given.
    assert "{" not in str(error.value) and str(error.value) != error.value.translation_key
    return error.value.translation_key


async def test_the_response_is_the_password_alone(hass: HomeAssistant) -> None:
    entry = await enroll_embedded(hass)
    answer = await hass.services.async_call(
        "libpims", "one_time_password", {"config_entry_id": entry.entry_id, "pin": PIN}, blocking=True, return_response=True
    )
    assert answer is not None and list(answer) == ["otp"]
    assert await entry.runtime_data.device.verify(answer["otp"])


async def test_the_action_must_be_asked_for_its_response(hass: HomeAssistant) -> None:
    entry = await enroll_embedded(hass)
    with pytest.raises(ServiceValidationError):
        await hass.services.async_call("libpims", "one_time_password", {"config_entry_id": entry.entry_id, "pin": PIN}, blocking=True)


async def test_by_default_each_call_brings_the_pin(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    entry = await enroll_embedded(hass)
    assert await refused(hass, entry) == "pin_missing"
    assert await password(hass, entry, pin=PIN)
    assert await refused(hass, entry) == "pin_missing"
    assert not repairs_of(hass, entry)
    assert PIN not in json.dumps(entry.as_dict()["data"]) + json.dumps(entry.as_dict()["options"])
    assert not [key for key in hass_storage if key.endswith(".pin")]


async def test_a_pin_in_memory_is_asked_for_again_after_a_restart(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    entry = await enroll_embedded(hass, mode="memory")
    assert await password(hass, entry)
    assert not [key for key in hass_storage if key.endswith(".pin")]
    assert PIN not in json.dumps(entry.as_dict()["data"]) + json.dumps(entry.as_dict()["options"])

    hass.data["libpims_pins"].clear()
    assert await refused(hass, entry) == "pin_missing"
    flow = await (await repair_of(hass, entry)).choose("pin")
    await flow.submit({"pin": PIN, "pin_mode": "memory"})
    assert flow.result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert await password(hass, entry)


async def test_a_stored_pin_is_in_a_file_of_its_own(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    entry = await enroll_embedded(hass, mode="store")
    assert await password(hass, entry)
    key = f"libpims.{entry.unique_id}.pin"
    assert hass_storage[key]["data"] == {"pin": PIN}
    assert PIN not in json.dumps(entry.as_dict()["data"]) + json.dumps(entry.as_dict()["options"])
    await hass.config_entries.async_remove(entry.entry_id)
    assert key not in hass_storage


async def test_a_kept_pin_that_is_refused_is_tried_once(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    entry = await enroll_embedded(hass, mode="store")
    await entry.runtime_data.device.change_pin(PIN, "5678")
    assert await refused(hass, entry) == "pin_wrong"
    assert [await refused(hass, entry) for _ in range(10)] == ["pin_missing"] * 10
    assert f"libpims.{entry.unique_id}.pin" not in hass_storage
    flow = await (await repair_of(hass, entry)).choose("pin")
    await flow.submit({"pin": "5678", "pin_mode": "store"})
    await hass.async_block_till_done()
    assert await password(hass, entry)


async def test_a_wrong_pin_that_an_automation_repeats_costs_one_try(hass: HomeAssistant) -> None:
    entry = await enroll_embedded(hass)
    assert await refused(hass, entry, pin="9999") == "pin_wrong"
    assert [await refused(hass, entry, pin="9999") for _ in range(10)] == ["pin_refused_before"] * 10
    assert await refused(hass, entry, pin="8888") == "pin_wrong"
    assert entry.runtime_data.last_error["attempts_left"] == 3
    assert not repairs_of(hass, entry)
    assert await password(hass, entry, pin=PIN)
    # The right PIN has proved that the user is here. The wrong one is a new mistake now.
    assert await refused(hass, entry, pin="9999") == "pin_wrong"


async def test_a_wrong_pin_of_calls_at_once_costs_one_try(hass: HomeAssistant) -> None:
    entry = await enroll_embedded(hass)
    keys = await asyncio.gather(*(refused(hass, entry, pin="9999") for _ in range(5)))
    assert sorted(map(str, keys)) == ["pin_refused_before"] * 4 + ["pin_wrong"]
    assert entry.runtime_data.last_error["attempts_left"] == 4
    assert await password(hass, entry, pin=PIN)


@pytest.mark.parametrize("mode", ["memory", "store"])
async def test_a_kept_pin_that_calls_at_once_send_costs_one_try(hass: HomeAssistant, mode: str) -> None:
    entry = await enroll_embedded(hass, mode=mode)
    await entry.runtime_data.device.change_pin(PIN, "5678")
    keys = await asyncio.gather(*(refused(hass, entry) for _ in range(5)))
    assert sorted(map(str, keys)) == ["pin_missing"] * 4 + ["pin_wrong"]
    assert entry.runtime_data.last_error["attempts_left"] == 4
    assert await password(hass, entry, pin="5678")


async def test_a_wrong_pin_of_calls_that_are_cancelled_costs_one_try(hass: HomeAssistant) -> None:
    """An automation with `mode: restart` cancels the call before."""
    entry = await enroll_embedded(hass)
    account = entry.runtime_data
    for _ in range(5):
        sent = asyncio.Event()

        async def otp(pin: str, sent: asyncio.Event = sent) -> str:
            sent.set()
            return await account.device.otp(pin)

        calling = asyncio.ensure_future(account.with_pin("9999", otp))
        sending = asyncio.ensure_future(sent.wait())
        await asyncio.wait({calling, sending}, return_when=asyncio.FIRST_COMPLETED)
        calling.cancel()
        sending.cancel()
        await asyncio.wait({calling, sending})
    assert await refused(hass, entry, pin="9999") == "pin_refused_before"
    assert account.last_error["attempts_left"] == 4
    assert await password(hass, entry, pin=PIN)


async def test_a_pin_without_quotes_is_told(hass: HomeAssistant) -> None:
    entry = await enroll_embedded(hass)
    assert await refused(hass, entry, pin=1234) == "pin_not_text"
    assert await refused(hass, entry, pin="12") == "pin_form"
    assert await refused(hass, entry, pin="") == "pin_form"


async def test_an_entry_that_is_not_there_or_not_loaded_is_told(hass: HomeAssistant) -> None:
    entry = await enroll_embedded(hass)
    await hass.config_entries.async_unload(entry.entry_id)
    assert await refused(hass, entry, pin=PIN) == "service_config_entry_not_loaded"
    await hass.config_entries.async_remove(entry.entry_id)
    assert await refused(hass, entry, pin=PIN) == "service_config_entry_not_found"
    with pytest.raises(vol.Invalid):
        await hass.services.async_call("libpims", "one_time_password", {"pin": PIN}, blocking=True, return_response=True)


async def test_a_user_who_is_no_administrator_gets_no_password(hass: HomeAssistant, hass_read_only_user: MockUser) -> None:
    entry = await enroll_embedded(hass, mode="memory")
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            "libpims",
            "one_time_password",
            {"config_entry_id": entry.entry_id},
            blocking=True,
            return_response=True,
            context=Context(user_id=hass_read_only_user.id),
        )


async def test_the_options_move_the_pin(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    entry = await enroll_embedded(hass, mode="memory")
    key = f"libpims.{entry.unique_id}.pin"

    async def change(**values: Any) -> None:
        flow = await hass.config_entries.options.async_init(entry.entry_id)
        assert "{" not in str(flow["description_placeholders"]["account"])
        await hass.config_entries.options.async_configure(
            flow["flow_id"], {"passwords_per_day": 3, "activations": 20, "log_level": "high", **values}
        )
        await hass.async_block_till_done()

    await change(pin_mode="store")
    assert hass_storage[key]["data"] == {"pin": PIN} and not hass.data["libpims_pins"]
    assert await password(hass, entry)
    await change(pin_mode="store", pin="5678")
    assert hass_storage[key]["data"] == {"pin": "5678"}
    await change(pin_mode="ask")
    assert key not in hass_storage and not hass.data["libpims_pins"]
    assert entry.options == {"pin_mode": "ask", "passwords_per_day": 3, "activations": 20, "log_level": "high"}
    # The limit counts in the record of the device, over every loading of the entry.
    assert await password(hass, entry, pin=PIN) and await password(hass, entry, pin=PIN)
    assert await refused(hass, entry, pin=PIN) == "wait"


async def test_home_assistant_shows_the_data_of_an_action_to_everybody_who_listens(hass: HomeAssistant) -> None:
    """The reason for the warning in the README: the recorder stores these events."""
    entry = await enroll_embedded(hass)
    events = async_capture_events(hass, "call_service")
    assert await password(hass, entry, pin=PIN)
    assert events[0].data["service_data"]["pin"] == PIN


async def test_the_log_of_the_integration_holds_no_secret(hass: HomeAssistant, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    entry = await enroll_embedded(hass, mode="memory")
    made = await password(hass, entry)
    assert await refused(hass, entry, pin="9876") == "pin_wrong"
    ours = [one.getMessage() for one in caplog.records if one.name.startswith(("custom_components.libpims", "libpims"))]
    assert any("2308" in message for message in ours)
    for secret in (PIN, "9876", made):
        assert not [message for message in ours if secret in message]


async def test_a_flow_shows_no_pin(hass: HomeAssistant) -> None:
    entry = await enroll_embedded(hass, mode="memory")
    flow = await (await Flow.change(hass, entry)).choose("pin")
    assert PIN not in str({key: value for key, value in flow.result.items() if key != "flow_id"})
