"""The diagnostics of an entry. Each value is named here: what is not named is not shown. So a new
key of the entry is no secret that slips out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

import libpims

from .account import account_id
from .const import (
    CONF_ACTIVATIONS,
    CONF_BRAND,
    CONF_CA_FILE,
    CONF_CLIENT_ID,
    CONF_CVS_URL,
    CONF_KIND,
    CONF_LOG_LEVEL,
    CONF_PASSWORDS_PER_DAY,
    CONF_PIN_MODE,
)
from .pins import Pins

if TYPE_CHECKING:
    from .account import LibpimsConfigEntry

#: The keys whose values are shown: words and numbers out of a small set.
SHOWN_DATA = (CONF_KIND, CONF_BRAND)
SHOWN_OPTIONS = (CONF_PIN_MODE, CONF_PASSWORDS_PER_DAY, CONF_ACTIVATIONS, CONF_LOG_LEVEL)
#: The keys of which only the presence is shown.
SHOWN_PRESENCE = (CONF_CVS_URL, CONF_CLIENT_ID, CONF_CA_FILE)


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: LibpimsConfigEntry) -> dict[str, Any]:
    """Returns the diagnostics. No request is sent."""
    account = entry.runtime_data if entry.state is ConfigEntryState.LOADED else None
    wrong_pins = None if account is None else account.device.wrong_pins
    return {
        "library": await hass.async_add_executor_job(libpims.version),
        "data": {key: entry.data.get(key) for key in SHOWN_DATA},
        "options": {key: entry.options.get(key) for key in SHOWN_OPTIONS},
        "given": {key: bool(entry.data.get(key)) for key in SHOWN_PRESENCE},
        "is_pin_kept": await Pins(hass, account_id(entry.data)).get() is not None,
        "is_activated": None if account is None else await account.device.is_activated(),
        "wrong_pins": None if wrong_pins is None else wrong_pins.count,
        "last_error": None if account is None else account.last_error,
    }
