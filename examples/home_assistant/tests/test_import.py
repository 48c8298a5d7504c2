"""The import of the state files of two public clients: that of psa_car_controller, which the user
uploads, and that of the integration stellantis_vehicles, which lies in the same Home Assistant."""

from __future__ import annotations

import base64
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from test_service import new_flow, other_device

from conftest import PIN, Flow, Service, password, sent_in


class IWData:
    """The values of a device, as the clients pickle them."""


class Otp:
    """The object that the clients pickle."""


def as_pickle(neutral: str) -> bytes:
    """Returns the state of a client, with the members that docs/enrollment-format.md names."""
    state = json.loads(neutral)
    data, otp = IWData(), Otp()
    data.__dict__.update(
        iwid=state["id"],
        iwsecid=state["service"],
        iwTsync=state["lastSync"],
        iwK0=state["k0"],
        iwK1=state["k1"],
        iwsecval=state["serviceSecret"],
    )
    first, second = state["serial"].split("/_/")
    otp.__dict__.update(macid=state["macID"], device_id=first, iwalea=second, Kfact=state["factoryKey"], data=data, codepin=PIN)
    return pickle.dumps(otp, protocol=4)


@pytest.fixture
async def neutral(service: Service, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The state of another client that is enrolled at the service, as neutral JSON."""
    return await other_device(service, tmp_path_factory.mktemp("other"))


@pytest.fixture
def found(hass: HomeAssistant, neutral: str) -> Path:
    """The state file of the integration in this Home Assistant."""
    file = Path(hass.config.path(".storage", "stellantis_vehicles", "AC123_otp.pickle"))
    file.parent.mkdir(parents=True)
    file.write_bytes(as_pickle(neutral))
    return file


async def to_import(hass: HomeAssistant, service: Service) -> Flow:
    flow = await (await new_flow(hass, service)).choose("import_state")
    assert flow.step == "import_state"
    return flow


async def upload(hass_client: ClientSessionGenerator, tmp_path: Path, name: str, content: bytes) -> str:
    """Uploads a file as the form of the user does. Returns its id."""
    file = tmp_path / name
    file.write_bytes(content)
    client = await hass_client()
    with file.open("rb") as opened:
        answer = await client.post("/api/file_upload", data={"file": opened})
    return str((await answer.json())["file_id"])


async def works(hass: HomeAssistant, service: Service, flow: Flow, sent: int) -> None:
    """Checks the end of an import: the enrollment works, the user is told what to do, no SMS was
    sent."""
    assert flow.result["type"] == "create_entry" and flow.result["description"] == "imported", flow.result
    assert "the other client must not use this enrollment any more" in flow.result["description_placeholders"]["warning"]
    await hass.async_block_till_done()
    entry = flow.result["result"]
    assert entry.state is ConfigEntryState.LOADED
    assert await password(hass, entry, pin=PIN)
    assert sent_in(service.folder) == sent


async def test_an_uploaded_file_is_imported(
    hass: HomeAssistant, service: Service, neutral: str, hass_client: ClientSessionGenerator, tmp_path: Path
) -> None:
    sent = sent_in(service.folder)
    flow = await to_import(hass, service)
    assert "found" not in flow.fields
    file = await upload(hass_client, tmp_path, "otp.bin", as_pickle(neutral))
    # A wrong PIN costs a try, and neither the file nor the code has to be given again.
    await flow.submit({"file": file, "pin": "9999", "pin_mode": "ask"})
    assert (flow.step, flow.error) == ("import_state", "pin_wrong")
    await flow.submit({"pin": PIN, "pin_mode": "ask"})
    await works(hass, service, flow, sent)


async def test_the_file_of_the_other_integration_is_offered_and_imported(hass: HomeAssistant, service: Service, found: Path) -> None:
    sent = sent_in(service.folder)
    flow = await to_import(hass, service)
    assert flow.fields["found"].config["options"] == [found.name]
    before = found.read_bytes()
    await flow.submit({"found": found.name, "pin": PIN, "pin_mode": "ask"})
    await works(hass, service, flow, sent)
    # Its removal is the user's decision.
    assert found.read_bytes() == before


async def test_the_other_integration_must_be_stopped_first(hass: HomeAssistant, service: Service, found: Path) -> None:
    other = MockConfigEntry(domain="stellantis_vehicles", state=ConfigEntryState.LOADED)
    other.add_to_hass(hass)
    flow = await to_import(hass, service)
    await flow.submit({"found": found.name, "pin": PIN, "pin_mode": "ask"})
    assert (flow.step, flow.error) == ("import_state", "other_client_runs")
    other.mock_state(hass, ConfigEntryState.NOT_LOADED)
    await flow.submit({"found": found.name, "pin": PIN, "pin_mode": "ask"})
    assert flow.result["type"] == "create_entry"
    await hass.async_block_till_done()


@pytest.mark.parametrize("form", ["neutral", "base64"])
async def test_a_text_is_imported(hass: HomeAssistant, service: Service, neutral: str, form: str) -> None:
    sent = sent_in(service.folder)
    text = neutral if form == "neutral" else base64.b64encode(as_pickle(neutral)).decode()
    flow = await to_import(hass, service)
    await flow.submit({"text": f"\n{text}\n", "pin": PIN, "pin_mode": "ask"})
    await works(hass, service, flow, sent)


async def test_what_is_no_state_is_told_and_changes_nothing(
    hass: HomeAssistant, service: Service, neutral: str, hass_client: ClientSessionGenerator, tmp_path: Path
) -> None:
    flow = await to_import(hass, service)

    async def refused(**fields: Any) -> str | None:
        await flow.submit({**fields, "pin": PIN, "pin_mode": "ask"})
        assert flow.step == "import_state"
        return flow.error

    assert await refused() == "state_missing"
    assert await refused(text="{}", file="0" * 32) == "state_twice"
    assert await refused(file="0" * 32) == "state_missing"
    assert await refused(text="{}") == "state_unfit"
    assert flow.result["description_placeholders"]["detail"]
    # The state that was refused is not used again.
    assert await refused() == "state_missing"
    assert await refused(file=await upload(hass_client, tmp_path, "large.bin", bytes(65537))) == "state_unreadable"
    # A pickle is a program, and this one would write a file.
    mark = tmp_path / "mark"
    harmful = pickle.dumps(Harmful(mark))
    assert await refused(file=await upload(hass_client, tmp_path, "harmful.bin", harmful)) == "state_unfit"
    assert not mark.exists()
    other = json.loads(neutral) | {"macID": "f" * 32}
    assert await refused(text=json.dumps(other)) == "state_unfit"

    await flow.submit({"text": neutral, "pin": PIN, "pin_mode": "ask"})
    assert flow.result["type"] == "create_entry"
    await hass.async_block_till_done()


class Harmful:
    """An object whose pickle writes a file when `pickle.load` reads it."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self._mark,)


async def test_a_name_outside_of_the_list_reads_no_file(hass: HomeAssistant, found: Path) -> None:
    from custom_components.libpims import states

    secret = Path(hass.config.path("secrets.yaml"))
    secret.write_text("pin: 1234")
    (found.parent / "link_otp.pickle").symlink_to(secret)
    assert states.found(hass) == [found.name]
    for name in ("../../secrets.yaml", "link_otp.pickle", "", "/etc/passwd"):
        with pytest.raises(FileNotFoundError):
            states.read_found(hass, name)
