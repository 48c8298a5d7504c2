"""The place of a PIN between two passwords. By default there is none: each call brings the PIN.

The file of `PinMode.STORE` is readable for the user of Home Assistant alone, and nothing encrypts
it. Home Assistant has no secret store. The README says what follows from that.
"""

from __future__ import annotations

from typing import TypedDict

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN, PinMode

_REMEMBERED: HassKey[dict[str, str]] = HassKey(f"{DOMAIN}_pins")


class _Stored(TypedDict):
    pin: str


class Pins:
    """The PIN of one account."""

    def __init__(self, hass: HomeAssistant, account: str) -> None:
        self._account = account
        self._remembered = hass.data.setdefault(_REMEMBERED, {})
        self._store: Store[_Stored] = Store(hass, 1, f"{DOMAIN}.{account}.pin", private=True, atomic_writes=True)

    async def get(self) -> str | None:
        """Returns the PIN, or ``None`` if it is in no place."""
        if self._account in self._remembered:
            return self._remembered[self._account]
        stored = await self._store.async_load()
        return None if stored is None else stored["pin"]

    async def keep(self, mode: PinMode, pin: str | None) -> None:
        """Puts a PIN into the place of a mode, and removes it from each other one. Without a PIN,
        the one that is kept moves there."""
        if pin is None:
            pin = await self.get()
        await self.forget()
        if pin is not None and mode is PinMode.MEMORY:
            self._remembered[self._account] = pin
        if pin is not None and mode is PinMode.STORE:
            await self._store.async_save({"pin": pin})

    async def forget(self) -> None:
        """Removes the PIN from every place."""
        self._remembered.pop(self._account, None)
        await self._store.async_remove()
