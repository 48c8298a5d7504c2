"""The common parts of the tests: Home Assistant with a folder of its own, and the service.

Nothing is a stand-in: the library runs, with the service inside it or with `pims-authority`.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from homeassistant.config_entries import SOURCE_RECONFIGURE, SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResult
from homeassistant.setup import async_setup_component

# Before the first `hass`: the test helpers have a package of the same name, which comes first on
# the path else.
import custom_components.libpims
from custom_components.libpims.account import account_id, folder_of
from custom_components.libpims.const import DOMAIN

#: The longest time that any step of a test may take, on the slowest machine.
DEADLINE = 300.0

PHONE_NUMBER = "+33612345678"
PIN = "1234"
MAC_ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    return hass_tmp_config_dir


@pytest.fixture(autouse=True)
async def integration(hass: HomeAssistant, enable_custom_integrations: None) -> None:
    """Home Assistant finds the integration, and takes uploaded files."""
    assert await async_setup_component(hass, "file_upload", {})


@dataclass
class Service:
    """A running `pims-authority serve --dev`."""

    folder: Path
    address: str

    @property
    def token(self) -> str:
        return (self.folder / "demo.token").read_text(encoding="utf-8").strip()

    @property
    def form(self) -> dict[str, Any]:
        """What the user enters about this service."""
        return {
            "username": "demo",
            "inwebo_url": self.address,
            "mac_id": MAC_ID,
            "client_id": "demo",
            "ca_file": str(self.folder / "certificate.pem"),
        }


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    command = [os.environ["PIMS_AUTHORITY"], "serve", "--dev", "--port", "0", "--folder", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Service(folder, next(line.split()[1] for line in process.stdout if line.lstrip().startswith("service ")))
        finally:
            process.terminate()


def code_in(folder: Path) -> str:
    """Returns the code of the last SMS."""
    return str(json.loads((folder / "sms-outbox.jsonl").read_text(encoding="utf-8").splitlines()[-1])["code"])


def sent_in(folder: Path) -> int:
    """Returns the number of SMS."""
    outbox = folder / "sms-outbox.jsonl"
    return len(outbox.read_text(encoding="utf-8").splitlines()) if outbox.exists() else 0


def folder_of_embedded(hass: HomeAssistant, username: str = "local") -> Path:
    return folder_of(hass, account_id({"kind": "embedded", "username": username}))


TRANSLATIONS = {
    file.stem: json.loads(file.read_text(encoding="utf-8"))
    for file in (Path(custom_components.libpims.__file__).parent / "translations").glob("*.json")
}


def check_sentences(result: FlowResult[Any, Any]) -> None:
    """Checks that each text which a form, a menu or an end needs is in every language, with the
    values of its placeholders."""
    for translations in TRANSLATIONS.values():
        config = translations["config"]
        texts = []
        if result["type"] == "abort":
            texts.append(config["abort"][result["reason"]])
        if result["type"] == "create_entry":
            texts.append(config["create_entry"][result["description"]])
        if result["type"] in ("form", "menu"):
            step = config["step"][result["step_id"]]
            texts += [step["title"], step["description"]]
            texts += [step["menu_options"][option] for option in result.get("menu_options") or []]
        if result["type"] == "form":
            fields = {str(key) for key in result["data_schema"].schema}
            # The field for a found file is there if there is one.
            assert fields | {"found"} == set(step.get("data", {})) | {"found"}, result["step_id"]
            assert set(step.get("data_description", {})) <= set(step.get("data", {}))
            texts += [config["error"][error] for error in (result["errors"] or {}).values()]
        for text in texts:
            text.format_map(result["description_placeholders"] or {})


class Flow:
    """A flow, as a user goes through it."""

    def __init__(self, hass: HomeAssistant, result: FlowResult[Any, Any]) -> None:
        self._hass = hass
        self.result = result
        check_sentences(result)

    @classmethod
    async def begin(cls, hass: HomeAssistant) -> Flow:
        return cls(hass, await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER}))

    @classmethod
    async def change(cls, hass: HomeAssistant, entry: Any) -> Flow:
        context = {"source": SOURCE_RECONFIGURE, "entry_id": entry.entry_id}
        return cls(hass, await hass.config_entries.flow.async_init(DOMAIN, context=context))

    @property
    def step(self) -> str:
        """The step of the form or the menu that is shown."""
        return str(self.result["step_id"])

    @property
    def error(self) -> str | None:
        return (self.result.get("errors") or {}).get("base")

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of the form that is shown, with their selectors."""
        return {str(key): selector for key, selector in self.result["data_schema"].schema.items()}

    async def choose(self, option: str) -> Flow:
        assert option in self.result["menu_options"], self.result
        return await self.submit({"next_step_id": option})

    async def submit(self, values: dict[str, Any]) -> Flow:
        self.result = await self._hass.config_entries.flow.async_configure(self.result["flow_id"], values)
        check_sentences(self.result)
        return self

    async def together(self, values: dict[str, Any]) -> list[Any]:
        """Submits a form twice at once."""
        configure = self._hass.config_entries.flow.async_configure
        return await asyncio.gather(*(configure(self.result["flow_id"], dict(values)) for _ in range(2)), return_exceptions=True)


async def new_embedded(hass: HomeAssistant, username: str = "local") -> Flow:
    """Returns a flow that has chosen the embedded service."""
    return await (await (await Flow.begin(hass)).choose("embedded")).submit({"username": username})


async def enroll_embedded(hass: HomeAssistant, username: str = "local", mode: str = "ask") -> Any:
    """Goes through the whole flow. Returns the entry."""
    flow = await new_embedded(hass, username)
    await flow.choose("enroll")
    await flow.choose("phone")
    await flow.submit({"phone_number": PHONE_NUMBER})
    await flow.submit(last_form(hass, username, mode=mode))
    assert flow.result["type"] == "create_entry", flow.result
    await hass.async_block_till_done()
    return flow.result["result"]


def last_form(hass: HomeAssistant, username: str = "local", pin: str = PIN, mode: str = "ask") -> dict[str, Any]:
    return {
        "phone_number": PHONE_NUMBER,
        "sms_code": code_in(folder_of_embedded(hass, username)),
        "pin": pin,
        "pin_again": pin,
        "pin_mode": mode,
    }


async def password(hass: HomeAssistant, entry: Any, **data: Any) -> str:
    """Calls the action."""
    answer = await hass.services.async_call(
        DOMAIN, "one_time_password", {"config_entry_id": entry.entry_id, **data}, blocking=True, return_response=True
    )
    assert answer is not None
    return str(answer["otp"])


def repairs_of(hass: HomeAssistant, entry: Any) -> list[str]:
    """Returns the flows that Home Assistant began for an entry by itself."""
    shown = hass.config_entries.flow.async_progress()
    return [one["flow_id"] for one in shown if one["context"].get("entry_id") == entry.entry_id]


async def repair_of(hass: HomeAssistant, entry: Any) -> Flow:
    """Waits for the flow that Home Assistant begins for an entry by itself."""
    deadline = time.monotonic() + DEADLINE
    while not (flows := repairs_of(hass, entry)):
        assert time.monotonic() < deadline, "no repair began"
        await asyncio.sleep(0.01)
    return Flow(hass, await hass.config_entries.flow.async_configure(flows[0]))
