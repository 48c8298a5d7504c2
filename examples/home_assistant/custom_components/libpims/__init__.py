"""One-time passwords of an account, made by libpims.

An entry is one account. Each entry has its own session of the library and its own folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryError, ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType

import libpims

from .account import Account, LibraryMissing, account_id, folder_of, remove_folder
from .const import CONF_KIND, DOMAIN, Kind
from .errors import sentence
from .pins import Pins
from .services import async_setup_services

if TYPE_CHECKING:
    from .account import LibpimsConfigEntry

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Registers the action, which exists also while no entry is loaded."""
    async_setup_services(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: LibpimsConfigEntry) -> bool:
    """Opens the session of an account. It asks the service nothing: only the device's own state
    says whether it is enrolled."""
    account = Account(hass, entry.data, entry.options)
    try:
        await account.open()
        is_activated = await account.run(account.device.is_activated())
    except LibraryMissing as error:
        raise ConfigEntryError(translation_domain=DOMAIN, translation_key="library_missing") from error
    except libpims.PimsError as error:
        await account.close()
        told = sentence(error)
        # Another process may have the folder, the disk may be full, a flow of the account may have
        # closed this session: all of that may end.
        may_end = error.code in (libpims.Code.CORE_NOT_CONFIGURED, libpims.Code.NOT_INITIALIZED)
        kind = ConfigEntryNotReady if may_end else ConfigEntryError
        raise kind(translation_domain=DOMAIN, translation_key=told.key, translation_placeholders=dict(told.placeholders)) from error
    if not is_activated:
        await account.close()
        raise ConfigEntryAuthFailed(translation_domain=DOMAIN, translation_key="not_enrolled")
    entry.runtime_data = account
    entry.async_create_background_task(hass, _watch(hass, entry), f"{DOMAIN} events of {entry.entry_id}")
    return True


async def async_unload_entry(hass: HomeAssistant, entry: LibpimsConfigEntry) -> bool:
    """Closes the session. The subscription of `_watch` ends with it."""
    await entry.runtime_data.close()
    return True


async def async_remove_entry(hass: HomeAssistant, entry: LibpimsConfigEntry) -> None:
    """Removes the PIN. The folder of a device stays, so that adding the account again costs no
    activation. That of the embedded service has no such value."""
    await Pins(hass, account_id(entry.data)).forget()
    if entry.data[CONF_KIND] == Kind.EMBEDDED:
        await hass.async_add_executor_job(remove_folder, folder_of(hass, account_id(entry.data)))


async def _watch(hass: HomeAssistant, entry: LibpimsConfigEntry) -> None:
    """Asks the user to act when the device is removed from the account, or its PIN is blocked."""
    try:
        async with entry.runtime_data.device.watch() as events:
            async for event in events:
                if event.get("isDeviceActivated") is False or event.get("isAccountBlocked") == libpims.AccountState.PIN_BLOCKED:
                    entry.async_start_reauth(hass)
    except libpims.PimsError as error:
        # The entry may be unloaded before the subscription begins.
        if error.code != libpims.Code.NOT_INITIALIZED:
            raise
