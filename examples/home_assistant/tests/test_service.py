"""The flow with a service over HTTPS, `pims-authority serve --dev`: the token, and the PIN of an
account that has other devices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

import libpims
import libpims.aio
from conftest import PHONE_NUMBER, PIN, Flow, Service, code_in, password, repair_of, sent_in


def configuration(service: Service, folder: Path) -> dict[str, Any]:
    """Returns the configuration of a device that is no part of Home Assistant."""
    credential = {
        "inWeboURL": service.address,
        "macID": service.form["mac_id"],
        "clientId": "demo",
        "caFile": service.form["ca_file"],
    }
    return {
        "environnement": "Production",
        "credential": credential,
        "account": {"username": "demo", "accessToken": service.token},
        "storage": {"path": folder},
    }


async def other_device(service: Service, folder: Path) -> str:
    """Enrolls another device of the account, with a PIN. Returns its state as neutral JSON."""
    async with libpims.aio.session(configuration(service, folder)) as device:
        await device.request_phone_number_code(PHONE_NUMBER)
        await device.enroll_with_phone_number(PIN, code_in(service.folder), PHONE_NUMBER)
        return await device.export_enrollment(PIN)


async def new_flow(hass: HomeAssistant, service: Service, **changes: Any) -> Flow:
    return await (await (await Flow.begin(hass)).choose("service")).submit({**service.form, **changes})


async def enroll(hass: HomeAssistant, service: Service) -> Any:
    """Goes through the flow of an account without a number. Returns the entry."""
    flow = await (await new_flow(hass, service)).choose("enroll")
    await flow.submit({"access_token": service.token})
    await flow.choose("phone")
    await flow.submit({"phone_number": PHONE_NUMBER})
    code = code_in(service.folder)
    await flow.submit({"phone_number": PHONE_NUMBER, "sms_code": code, "pin": PIN, "pin_again": PIN, "pin_mode": "ask"})
    assert flow.result["type"] == "create_entry"
    await hass.async_block_till_done()
    return flow.result["result"]


async def test_a_device_joins_the_account_with_the_pin_of_the_account(
    hass: HomeAssistant, service: Service, tmp_path_factory: pytest.TempPathFactory
) -> None:
    await other_device(service, tmp_path_factory.mktemp("other"))
    sent = sent_in(service.folder)

    flow = await (await new_flow(hass, service)).choose("enroll")
    assert flow.step == "enroll" and flow.error is None
    await flow.submit({"access_token": "two words"})
    assert (flow.step, flow.error) == ("enroll", "token_form")
    await flow.submit({"access_token": "wrong"})
    assert (flow.step, flow.error) == ("enroll", "token_refused")
    await flow.submit({"access_token": service.token})
    assert flow.step == "trusted"
    await (await flow.choose("send_code")).submit({})
    assert sent_in(service.folder) == sent + 1
    await flow.submit({"sms_code": code_in(service.folder)})
    assert flow.step == "account_pin"

    for left in ("4", "3"):
        await flow.submit({"pin": {"4": "9999", "3": "8888"}[left], "pin_mode": "ask"})
        assert (flow.step, flow.error) == ("account_pin", "pin_wrong")
        assert flow.result["description_placeholders"]["attempts_left"] == left
    # A PIN that was refused is not sent again, so it costs no further try.
    await flow.submit({"pin": "9999", "pin_mode": "ask"})
    assert (flow.step, flow.error) == ("account_pin", "pin_refused_before")

    # The user closes the window. The next flow needs neither the code nor the token.
    hass.config_entries.flow.async_abort(flow.result["flow_id"])
    flow = await new_flow(hass, service)
    assert flow.step == "account_pin"
    await flow.submit({"pin": PIN, "pin_mode": "ask"})
    assert flow.result["type"] == "create_entry"
    assert sent_in(service.folder) == sent + 1
    await hass.async_block_till_done()

    entry = flow.result["result"]
    assert entry.state is ConfigEntryState.LOADED
    assert await password(hass, entry, pin=PIN)
    # The token is neither in the entry nor in a file.
    assert service.token not in str(entry.as_dict())
    for file in Path(hass.config.config_dir).rglob("*"):
        assert not file.is_file() or service.token.encode() not in file.read_bytes(), file


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"mac_id": "short"}, "configuration_invalid"),
        ({"inwebo_url": "http://example.com"}, "configuration_invalid"),
        ({"ca_file": "/nowhere.pem"}, "configuration_invalid"),
    ],
)
async def test_a_bad_address_is_told_with_its_reason(hass: HomeAssistant, service: Service, changes: dict[str, str], error: str) -> None:
    flow = await new_flow(hass, service, **changes)
    assert (flow.step, flow.error) == ("service", error)
    assert flow.result["description_placeholders"]["detail"]
    await flow.submit(service.form)
    assert flow.step == "choose"


async def test_a_service_that_is_not_there_is_told(hass: HomeAssistant, service: Service) -> None:
    form = {key: value for key, value in service.form.items() if key != "ca_file"}
    flow = await (await (await Flow.begin(hass)).choose("service")).submit({**form, "inwebo_url": "http://localhost:1"})
    await flow.choose("enroll")
    await flow.submit({"access_token": service.token})
    assert (flow.step, flow.error) == ("enroll", "cannot_connect")


async def test_a_server_with_an_unknown_certificate_is_told(hass: HomeAssistant, service: Service) -> None:
    form = {key: value for key, value in service.form.items() if key != "ca_file"}
    flow = await (await (await Flow.begin(hass)).choose("service")).submit(form)
    await flow.choose("enroll")
    await flow.submit({"access_token": service.token})
    assert (flow.step, flow.error) == ("enroll", "cannot_connect")


async def test_an_account_that_is_added_again_needs_no_sms(hass: HomeAssistant, service: Service) -> None:
    entry = await enroll(hass, service)
    sent = sent_in(service.folder)
    await hass.config_entries.async_remove(entry.entry_id)

    # The same service and account, written in another way.
    other = {"inwebo_url": f" {service.address.upper()}/", "mac_id": service.form["mac_id"].upper()}
    flow = await new_flow(hass, service, **other)
    assert flow.result["type"] == "create_entry"
    await hass.async_block_till_done()
    assert await password(hass, flow.result["result"], pin=PIN)
    assert sent_in(service.folder) == sent


async def test_a_service_that_blocks_the_pin_leads_to_a_new_pin_by_sms(hass: HomeAssistant, service: Service) -> None:
    entry = await enroll(hass, service)
    told = []
    for wrong in ("0000", "1111", "2222", "3333", "4444"):
        with pytest.raises(HomeAssistantError) as refused:
            await password(hass, entry, pin=wrong)
        told.append(refused.value.translation_key)
    assert told == ["pin_wrong"] * 4 + ["pin_blocked"]

    flow = await (await repair_of(hass, entry)).choose("reset_pin")
    sent = sent_in(service.folder)
    await flow.submit({"access_token": service.token})
    assert flow.step == "reset_code" and sent_in(service.folder) == sent + 1
    answers = {"sms_code": code_in(service.folder), "pin_mode": "ask"}
    await flow.submit({**answers, "pin": PIN, "pin_again": PIN})
    assert (flow.step, flow.error) == ("reset_code", "pin_reused")
    await flow.submit({**answers, "pin": "5678", "pin_again": "5678"})
    assert flow.result["reason"] == "reauth_successful"
    await hass.async_block_till_done()
    assert await password(hass, entry, pin="5678")
    assert sent_in(service.folder) == sent + 1
