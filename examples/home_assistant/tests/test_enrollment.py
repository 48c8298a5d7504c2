"""The enrollment by SMS, with the service inside the library."""

from __future__ import annotations

import re
import stat

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from conftest import (
    PHONE_NUMBER,
    PIN,
    Flow,
    code_in,
    enroll_embedded,
    folder_of_embedded,
    last_form,
    new_embedded,
    password,
    repair_of,
    sent_in,
)


async def test_a_user_enrolls_and_an_automation_gets_a_password(hass: HomeAssistant) -> None:
    flow = await Flow.begin(hass)
    assert flow.result["type"] == "menu" and flow.step == "user"
    await flow.choose("embedded")
    assert flow.step == "embedded"
    await flow.submit({"username": "local"})
    assert flow.step == "choose"
    await flow.choose("enroll")
    # The account has no number, which is the service's answer and no error of the user.
    assert flow.step == "untrusted"
    await flow.choose("phone")
    assert sent_in(folder_of_embedded(hass)) == 0
    await flow.submit({"phone_number": PHONE_NUMBER})
    assert flow.step == "phone_code" and sent_in(folder_of_embedded(hass)) == 1
    await flow.submit(last_form(hass))
    assert flow.result["type"] == "create_entry" and flow.result["title"] == "local"
    assert flow.result["description"] == "enrolled"
    await hass.async_block_till_done()

    entry = flow.result["result"]
    assert entry.state is ConfigEntryState.LOADED
    assert entry.unique_id == entry.runtime_data.name
    assert re.fullmatch("[0-9a-z]{1,8}", await password(hass, entry, pin=PIN))


async def test_the_folder_is_the_owners_alone(hass: HomeAssistant) -> None:
    await enroll_embedded(hass)
    folder = folder_of_embedded(hass)
    assert folder.is_relative_to(hass.config.path(".storage"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    for file in folder.rglob("*"):
        assert not file.stat().st_mode & 0o077, file


async def test_an_account_is_set_up_once(hass: HomeAssistant) -> None:
    await enroll_embedded(hass)
    flow = await new_embedded(hass)
    assert flow.result["type"] == "abort" and flow.result["reason"] == "already_configured"


async def to_last_form(hass: HomeAssistant) -> Flow:
    flow = await (await new_embedded(hass)).choose("enroll")
    await flow.choose("phone")
    return await flow.submit({"phone_number": PHONE_NUMBER})


async def test_a_mistake_is_told_and_corrected_without_another_sms(hass: HomeAssistant) -> None:
    flow = await (await new_embedded(hass)).choose("enroll")
    await flow.choose("phone")
    await flow.submit({"phone_number": "none"})
    assert (flow.step, flow.error) == ("phone", "phone_number_form")
    await flow.submit({"phone_number": PHONE_NUMBER})

    right = last_form(hass)
    wrong_code = f"{(int(right['sms_code']) + 1) % 1_000_000:06}"
    for mistake, error in [
        ({"pin_again": "4321"}, "pins_differ"),
        ({"pin": "12", "pin_again": "12"}, "pin_form"),
        ({"sms_code": "1"}, "code_form"),
        ({"sms_code": wrong_code}, "code_wrong"),
    ]:
        await flow.submit({**right, **mistake})
        assert (flow.step, flow.error) == ("phone_code", error)
    assert flow.result["description_placeholders"]["attempts_left"] == "4"
    await flow.submit(right)
    assert flow.result["type"] == "create_entry"
    assert sent_in(folder_of_embedded(hass)) == 1
    await hass.async_block_till_done()


async def test_a_code_without_tries_leads_to_the_next_one_and_its_waiting_time(hass: HomeAssistant) -> None:
    flow = await to_last_form(hass)
    right = last_form(hass)
    wrong = {**right, "sms_code": f"{(int(right['sms_code']) + 1) % 1_000_000:06}"}
    for _ in range(4):
        await flow.submit(wrong)
        assert flow.error == "code_wrong"
    await flow.submit(wrong)
    assert (flow.step, flow.error) == ("phone", "code_used")
    await flow.submit({"phone_number": PHONE_NUMBER})
    assert (flow.step, flow.error) == ("phone", "wait")
    assert int(flow.result["description_placeholders"]["minutes"]) > 0
    assert sent_in(folder_of_embedded(hass)) == 1


async def test_a_flow_that_begins_anew_uses_the_code_of_the_flow_before_it(hass: HomeAssistant) -> None:
    flow = await to_last_form(hass)
    hass.config_entries.flow.async_abort(flow.result["flow_id"])
    await hass.async_block_till_done()

    flow = await (await new_embedded(hass)).choose("enroll")
    await flow.choose("phone_code")
    await flow.submit(last_form(hass))
    assert flow.result["type"] == "create_entry"
    assert sent_in(folder_of_embedded(hass)) == 1
    await hass.async_block_till_done()


async def test_a_flow_that_was_left_open_ends_when_the_next_one_begins(hass: HomeAssistant) -> None:
    left = await to_last_form(hass)
    flow = await (await new_embedded(hass)).choose("enroll")
    assert left.result["flow_id"] not in {one["flow_id"] for one in hass.config_entries.flow.async_progress()}
    await flow.choose("phone_code")
    await flow.submit(last_form(hass))
    assert flow.result["type"] == "create_entry"
    await hass.async_block_till_done()


async def test_a_form_that_is_submitted_twice_at_once_counts_once(hass: HomeAssistant) -> None:
    flow = await (await new_embedded(hass)).choose("enroll")
    await flow.choose("phone")
    shown = await flow.together({"phone_number": PHONE_NUMBER})
    assert [one["step_id"] for one in shown] == ["phone_code"] * 2
    assert sent_in(folder_of_embedded(hass)) == 1

    ended = await flow.together(last_form(hass))
    assert sorted(one["type"] for one in ended) == ["create_entry", "form"]
    await hass.async_block_till_done()
    (entry,) = hass.config_entries.async_entries("libpims")
    assert await password(hass, entry, pin=PIN)


async def test_a_device_that_was_removed_is_enrolled_again_by_the_repair(hass: HomeAssistant) -> None:
    entry = await enroll_embedded(hass)
    await entry.runtime_data.device.remove_enrollments()
    flow = await repair_of(hass, entry)
    assert set(flow.result["menu_options"]) == {"enroll", "import_state"}

    await flow.choose("enroll")
    assert flow.step == "trusted" and flow.result["description_placeholders"]["phone_number"] == PHONE_NUMBER
    before = sent_in(folder_of_embedded(hass))
    await flow.choose("send_code")
    assert sent_in(folder_of_embedded(hass)) == before
    assert [one["step_id"] for one in await flow.together({})] == ["code", "code"]
    assert sent_in(folder_of_embedded(hass)) == before + 1
    await flow.submit({"sms_code": "000"})
    assert (flow.step, flow.error) == ("code", "code_form")
    await flow.submit({"sms_code": code_in(folder_of_embedded(hass))})
    # The account has no PIN any more, so the user chooses one.
    assert flow.step == "new_pin"
    await flow.submit({"pin": "5678", "pin_again": "5678", "pin_mode": "ask"})
    assert flow.result["type"] == "abort" and flow.result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert await password(hass, entry, pin="5678")


async def test_an_enrollment_that_waits_for_its_pin_goes_on_in_the_next_flow(hass: HomeAssistant) -> None:
    entry = await enroll_embedded(hass)
    await entry.runtime_data.device.remove_enrollments()
    flow = await repair_of(hass, entry)
    await (await (await flow.choose("enroll")).choose("send_code")).submit({})
    await flow.submit({"sms_code": code_in(folder_of_embedded(hass))})
    assert flow.step == "new_pin"
    hass.config_entries.flow.async_abort(flow.result["flow_id"])
    sent = sent_in(folder_of_embedded(hass))

    flow = await Flow.change(hass, entry)
    await flow.choose("account_pin")
    await flow.submit({"pin": PIN, "pin_mode": "ask"})
    assert flow.result["reason"] == "reconfigure_successful"
    assert sent_in(folder_of_embedded(hass)) == sent
    await hass.async_block_till_done()
    assert await password(hass, entry, pin=PIN)
