"""The YAML of the README works."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from conftest import PIN, enroll_embedded

README = Path(__file__).resolve().parents[1] / "README.md"


def blocks() -> list[dict[str, Any]]:
    return [
        yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    ]


async def test_the_script_returns_a_password(hass: HomeAssistant) -> None:
    entry = await enroll_embedded(hass)
    (configuration,) = [block for block in blocks() if "script" in block]
    first = configuration["script"]["car_password"]["sequence"][0]
    assert first["data"]["pin"] == PIN
    first["data"]["config_entry_id"] = entry.entry_id
    assert await async_setup_component(hass, "script", configuration)
    answer = await hass.services.async_call("script", "car_password", blocking=True, return_response=True)
    assert answer is not None and await entry.runtime_data.device.verify(answer["otp"])


async def test_the_configuration_that_stores_no_pin_is_accepted(hass: HomeAssistant) -> None:
    (configuration,) = [block for block in blocks() if "recorder" in block]
    from homeassistant.components.recorder import CONFIG_SCHEMA

    assert CONFIG_SCHEMA({"recorder": configuration["recorder"]})["recorder"]["exclude"]["event_types"] == ["call_service"]
    (automation,) = configuration["automation"]
    automation |= {"triggers": {"trigger": "event", "event_type": "never"}, "actions": []}
    assert await async_setup_component(hass, "automation", configuration)
    await hass.async_block_till_done()
    assert hass.states.get("automation.with_a_pin") is not None


@pytest.mark.parametrize("stored_traces", [5, 0])
async def test_a_trace_has_the_password_unless_none_is_stored(hass: HomeAssistant, stored_traces: int) -> None:
    """The reason for the warning: a trace has the variables of each step."""
    from homeassistant.components.trace.const import DATA_TRACE

    entry = await enroll_embedded(hass, mode="memory")
    made: list[str] = []
    hass.bus.async_listen("made", lambda event: made.append(event.data["otp"]))
    call = {"action": "libpims.one_time_password", "data": {"config_entry_id": entry.entry_id}, "response_variable": "made"}
    automation = {
        "id": "password",
        "alias": "With a PIN in memory",
        "trace": {"stored_traces": stored_traces},
        "triggers": {"trigger": "event", "event_type": "begin"},
        "actions": [call, {"event": "made", "event_data": {"otp": "{{ made.otp }}"}}],
    }
    assert await async_setup_component(hass, "automation", {"automation": [automation]})
    await hass.async_block_till_done()
    hass.bus.async_fire("begin")
    await hass.async_block_till_done()
    assert len(made) == 1 and await entry.runtime_data.device.verify(made[0])
    traces = [trace.as_extended_dict() for stored in hass.data[DATA_TRACE].values() for trace in stored.all_traces()]
    assert len(traces) == min(stored_traces, 1)
    assert (made[0] in json.dumps(traces, default=str)) is bool(stored_traces)
