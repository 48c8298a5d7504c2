"""The life of an entry: two at once, unloading, loading anew, removal, diagnostics."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from homeassistant import block_async_io
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from test_service import enroll

import libpims
import libpims.aio
from conftest import DEADLINE, PHONE_NUMBER, PIN, Flow, Service, enroll_embedded, folder_of_embedded, new_embedded, password, repair_of
from custom_components.libpims.account import OPENED, Account
from custom_components.libpims.diagnostics import async_get_config_entry_diagnostics


async def test_two_accounts_work_at_once(hass: HomeAssistant) -> None:
    one = await enroll_embedded(hass, "one")
    two = await enroll_embedded(hass, "two")
    assert one.state is two.state is ConfigEntryState.LOADED
    assert one.runtime_data.folder != two.runtime_data.folder
    made = await asyncio.gather(*(password(hass, entry, pin=PIN) for entry in (one, two) * 3))
    assert len(set(made)) == 6
    # A password is right at its own account alone.
    assert await one.runtime_data.device.verify(made[4])
    assert not await two.runtime_data.device.verify(made[4])
    assert await two.runtime_data.device.verify(made[5])

    await hass.config_entries.async_unload(one.entry_id)
    assert await password(hass, two, pin=PIN)
    await hass.config_entries.async_setup(one.entry_id)
    assert await password(hass, one, pin=PIN)


async def test_unloading_closes_the_session_and_loading_opens_it_again(hass: HomeAssistant) -> None:
    entry = await enroll_embedded(hass)
    folder = folder_of_embedded(hass)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert entry.state is ConfigEntryState.NOT_LOADED
    # The folder is free: another session can open it.
    async with libpims.aio.session({"storage": {"path": folder}, "account": {"username": "local"}}) as device:
        assert await device.is_activated()
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert await password(hass, entry, pin=PIN)
    for _ in range(3):
        assert await hass.config_entries.async_reload(entry.entry_id)
    assert await password(hass, entry, pin=PIN)


def embedded_account(hass: HomeAssistant) -> Account:
    return Account(hass, {"kind": "embedded", "username": "local"}, {})


async def is_open(account: Account) -> bool:
    """Returns whether the session of an account that was opened is still open."""
    try:
        await account.device.is_activated()
    except libpims.PimsError as error:
        assert error.code == libpims.Code.NOT_INITIALIZED
        return False
    return True


async def test_of_accounts_that_open_one_folder_at_once_the_last_one_stays(hass: HomeAssistant) -> None:
    accounts = [embedded_account(hass) for _ in range(4)]
    await asyncio.gather(*(account.open() for account in accounts))
    assert [await is_open(account) for account in accounts] == [False] * 3 + [True]
    assert list(hass.data[OPENED].values()) == accounts[-1:]
    for account in accounts:
        await account.close()
    assert not hass.data[OPENED]
    # The folder is free: no session stayed that nobody knows.
    again = embedded_account(hass)
    await again.open()
    await again.close()


async def test_an_account_that_is_closed_while_it_opens_is_closed(hass: HomeAssistant) -> None:
    account = embedded_account(hass)
    opening = asyncio.ensure_future(account.open())
    await asyncio.sleep(0)
    await asyncio.gather(opening, account.close())
    assert not await is_open(account) and not hass.data[OPENED]


async def test_an_account_that_opens_while_home_assistant_stops_is_closed(hass: HomeAssistant) -> None:
    earlier, account = embedded_account(hass), embedded_account(hass)
    opening = asyncio.gather(earlier.open(), account.open())
    await asyncio.sleep(0)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await opening
    await hass.async_block_till_done()
    assert not await is_open(earlier) and not await is_open(account)
    assert not hass.data[OPENED]


async def test_a_flow_that_the_user_leaves_while_it_opens_the_folder_leaves_no_session(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on, opened = asyncio.Event(), asyncio.Event(), Account.open

    async def slow(self: Account) -> None:
        await opened(self)
        began.set()
        await go_on.wait()

    monkeypatch.setattr(Account, "open", slow)
    flow = await (await Flow.begin(hass)).choose("embedded")
    submitting = asyncio.ensure_future(flow.submit({"username": "local"}))
    await asyncio.wait_for(began.wait(), DEADLINE)
    hass.config_entries.flow.async_abort(flow.result["flow_id"])
    go_on.set()
    assert (await submitting).result["reason"] == "already_in_progress"
    await hass.async_block_till_done()
    assert not hass.data[OPENED]


async def test_an_account_whose_opening_is_cancelled_leaves_the_folder_free(hass: HomeAssistant) -> None:
    earlier, account = embedded_account(hass), embedded_account(hass)
    first, second = asyncio.ensure_future(earlier.open()), asyncio.ensure_future(account.open())
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait({first, second})
    assert second.cancelled() and await is_open(earlier)
    assert list(hass.data[OPENED].values()) == [earlier]
    await earlier.close()
    await account.close()


async def test_an_entry_whose_session_a_flow_closes_during_its_setup_is_tried_again(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await enroll_embedded(hass)
    await hass.config_entries.async_unload(entry.entry_id)
    flow, opened = embedded_account(hass), Account.open

    async def open_and_lose(self: Account) -> None:
        await opened(self)
        if self is not flow:
            await flow.open()

    monkeypatch.setattr(Account, "open", open_and_lose)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    monkeypatch.undo()
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert not await is_open(flow)
    assert await password(hass, entry, pin=PIN)


async def test_a_folder_that_others_can_change_is_told_and_tried_again(hass: HomeAssistant) -> None:
    entry = await enroll_embedded(hass)
    await hass.config_entries.async_unload(entry.entry_id)
    folder = folder_of_embedded(hass)
    folder.chmod(0o777)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert str(folder) in str(entry.reason)
    folder.chmod(0o700)
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert await password(hass, entry, pin=PIN)


async def test_an_entry_whose_device_is_not_enrolled_begins_a_repair(hass: HomeAssistant) -> None:
    entry = await enroll_embedded(hass)
    await hass.config_entries.async_unload(entry.entry_id)
    async with libpims.aio.session({"storage": {"path": folder_of_embedded(hass)}, "account": {"username": "local"}}) as device:
        await device.remove_enrollments()
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    flow = await repair_of(hass, entry)
    assert set(flow.result["menu_options"]) == {"enroll", "import_state"}


async def test_the_removal_of_an_entry_keeps_the_device_and_that_of_a_trial_keeps_nothing(hass: HomeAssistant, service: Service) -> None:
    trial = await enroll_embedded(hass)
    await hass.config_entries.async_remove(trial.entry_id)
    assert not folder_of_embedded(hass).exists()
    real = await enroll(hass, service)
    folder = real.runtime_data.folder
    await hass.config_entries.async_remove(real.entry_id)
    assert (folder / "state").exists() or any(folder.iterdir())


async def test_a_missing_library_is_one_clear_sentence(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    entry = await enroll_embedded(hass)
    await hass.config_entries.async_unload(entry.entry_id)

    def missing(_: Any) -> Any:
        raise OSError("libpims was not found")

    monkeypatch.setattr(libpims.aio.Session, "open", missing)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.reason is not None and "Install the wheel" in entry.reason
    assert "libpims was not found" in caplog.text
    flow = await new_embedded(hass, "another")
    assert flow.result["type"] == "abort" and flow.result["reason"] == "library_missing"


async def test_the_diagnostics_hold_no_secret(
    hass: HomeAssistant, service: Service, hass_client: ClientSessionGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await enroll(hass, service)
    # A key that a later version adds is not shown before somebody decides so.
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, "added_later": "added-secret"}, options={**entry.options, "pin_mode": "store", "more": "more-secret"}
    )
    from custom_components.libpims.pins import PinMode, Pins

    await Pins(hass, entry.unique_id or "").keep(PinMode.STORE, PIN)
    made = await password(hass, entry)
    with pytest.raises(HomeAssistantError):
        await password(hass, entry, pin="9999")

    shown = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert shown["is_pin_kept"] is True and shown["is_activated"] is True
    assert shown["last_error"]["code"] == 2308 and shown["last_error"]["attempts_left"] == 4
    assert shown["data"] == {"kind": "service", "brand": None}
    assert shown["given"] == {"cvs_url": False, "client_id": True, "ca_file": True}
    text = json.dumps(shown)
    secrets = [PIN, "9999", made, service.token, "demo", service.address, service.form["mac_id"], "added-secret", "more-secret"]
    secrets += [str(entry.unique_id), str(Path(hass.config.config_dir))]
    for secret in secrets:
        assert f'"{secret}' not in text and secret not in text.replace(str(shown["last_error"]["at"]), ""), secret


async def test_diagnostics_are_there_for_an_entry_that_is_not_loaded(hass: HomeAssistant) -> None:
    entry = await enroll_embedded(hass)
    await hass.config_entries.async_unload(entry.entry_id)
    shown = await async_get_config_entry_diagnostics(hass, entry)
    assert shown["is_activated"] is None and shown["data"]["kind"] == "embedded"


async def test_nothing_blocks_the_event_loop(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, disable_block_async_io: None, caplog: pytest.LogCaptureFixture
) -> None:
    # As outside of tests: each blocking call on this thread is an error, `open` among them.
    monkeypatch.setattr(block_async_io, "_IN_TESTS", False)
    block_async_io.enable()
    outbox = folder_of_embedded(hass) / "sms-outbox.jsonl"
    flow = await (await new_embedded(hass)).choose("enroll")
    await flow.choose("phone")
    await flow.submit({"phone_number": PHONE_NUMBER})
    code = await hass.async_add_executor_job(lambda: json.loads(outbox.read_text().splitlines()[-1])["code"])
    await flow.submit({"phone_number": PHONE_NUMBER, "sms_code": code, "pin": PIN, "pin_again": PIN, "pin_mode": "store"})
    await hass.async_block_till_done()
    (entry,) = hass.config_entries.async_entries("libpims")
    assert await password(hass, entry)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await async_get_config_entry_diagnostics(hass, entry)
    await hass.config_entries.async_remove(entry.entry_id)
    flow = await (await new_embedded(hass)).choose("import_state")
    await flow.submit({"file": "0" * 32, "pin": PIN, "pin_mode": "ask"})
    assert (flow.step, flow.error) == ("import_state", "state_missing")
    assert "blocking call" not in caplog.text.lower()
