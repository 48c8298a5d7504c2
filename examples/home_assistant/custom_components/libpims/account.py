"""The account of a config entry: its folder, and the session of the library that is open in it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import secrets
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Coroutine, Mapping, Optional, TypeVar

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util.hass_dict import HassKey

import libpims
import libpims.aio

from .const import (
    CONF_ACTIVATIONS,
    CONF_BRAND,
    CONF_CA_FILE,
    CONF_CLIENT_ID,
    CONF_CVS_URL,
    CONF_INWEBO_URL,
    CONF_KIND,
    CONF_LOG_LEVEL,
    CONF_MAC_ID,
    CONF_PASSWORDS_PER_DAY,
    CONF_USERNAME,
    DEFAULT_ACTIVATIONS,
    DEFAULT_LOG_LEVEL,
    DEFAULT_PASSWORDS_PER_DAY,
    DOMAIN,
    Kind,
)

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigEntry

_LOGGER = logging.getLogger(__name__)

T = TypeVar("T")


class LibraryMissing(Exception):
    """The package is there, and its native library is not, or is of another system."""


class PinRefusedBefore(Exception):
    """The service has refused this PIN already. It is not sent again: the fifth wrong PIN blocks
    the account."""


def account_id(data: Mapping[str, Any]) -> str:
    """Returns the name of an account: 32 hex digits. The same service and user name have the same
    one, so a flow that begins anew finds the folder of the one before it."""
    url, mac_id = data.get(CONF_INWEBO_URL, ""), data.get(CONF_MAC_ID, "")
    parts = [data[CONF_KIND], url.lower().rstrip("/"), mac_id.lower(), data[CONF_USERNAME]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def folder_of(hass: HomeAssistant, name: str) -> Path:
    """Returns the folder of an account. The library creates it for its owner alone."""
    return Path(hass.config.path(STORAGE_DIR, DOMAIN, name))


def configuration(folder: Path, data: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the configuration of docs/configuration.md. It holds no secret."""
    made: dict[str, Any] = {
        "account": {"username": data[CONF_USERNAME]},
        "storage": {"path": folder},
        "limits": {
            "passwordsPerDay": int(options.get(CONF_PASSWORDS_PER_DAY, DEFAULT_PASSWORDS_PER_DAY)),
            "activations": int(options.get(CONF_ACTIVATIONS, DEFAULT_ACTIVATIONS)),
        },
        "monitoring": {"logLevel": options.get(CONF_LOG_LEVEL, DEFAULT_LOG_LEVEL), "newLogFile": "day"},
    }
    if data[CONF_KIND] == Kind.EMBEDDED:
        return made
    credential = {
        "inWeboURL": data[CONF_INWEBO_URL],
        "macID": data[CONF_MAC_ID],
        "cvsURL": data.get(CONF_CVS_URL),
        "clientId": data.get(CONF_CLIENT_ID),
        "caFile": data.get(CONF_CA_FILE),
    }
    made["environnement"] = "Production"
    made["mode"] = "B2C"
    made["credential"] = {name: value for name, value in credential.items() if value}
    if data.get(CONF_BRAND):
        made["profile"] = {"brand": data[CONF_BRAND]}
    return made


class Account:
    """A session of the library in the folder of one account. Each account has its own."""

    def __init__(self, hass: HomeAssistant, data: Mapping[str, Any], options: Mapping[str, Any]) -> None:
        self.name = account_id(data)
        self.folder = folder_of(hass, self.name)
        self._hass = hass
        self._configuration = configuration(self.folder, data, options)
        # One lock for all sessions in this folder.
        self._folder_lock = hass.data.setdefault(_FOLDER_LOCKS, {}).setdefault(self.name, asyncio.Lock())
        self._proving = asyncio.Lock()
        self._forget_stop: Optional[Callable[[], None]] = None
        self._refused: set[bytes] = set()
        self._session: Optional[libpims.aio.Session] = None
        #: The last error of an operation, for the diagnostics: numbers and fixed words only.
        self.last_error: Optional[dict[str, Any]] = None

    @property
    def device(self) -> libpims.aio.Session:
        """The operations of the library. After `close` each of them raises 2001."""
        if self._session is None:
            raise RuntimeError("the session was never opened")
        return self._session

    async def open(self) -> None:
        """Opens the session, until `close` or the end of Home Assistant. If another flow has one in
        the same folder, that one is closed first; if another one is just being opened, this one
        waits. The library reads its files on another thread."""
        self._forget_stop = self._hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, self._stop)
        try:
            async with self._folder_lock:
                opened = self._hass.data.setdefault(OPENED, {})
                earlier = opened.get(self.name)
                if earlier is not None:
                    await earlier._close()
                opened[self.name] = self
                self._session = await libpims.aio.Session.open(self._configuration)
        except (OSError, ImportError) as error:
            _LOGGER.error("The native library of libpims is not usable here: %s", error)
            await self.close()
            raise LibraryMissing from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Closes the session, and waits for the operation that runs. A session that is just being
        opened is closed afterwards. A second call waits, too."""
        async with self._folder_lock:
            await self._close()

    async def _close(self) -> None:
        """Closes the session, with the lock of its folder held."""
        forget, self._forget_stop = self._forget_stop, None
        if forget is not None:
            forget()
        if self._session is not None:
            await self._session.close()
        opened = self._hass.data.get(OPENED, {})
        if opened.get(self.name) is self:
            del opened[self.name]

    async def _stop(self, _: Event) -> None:
        # Home Assistant has removed the listener already.
        self._forget_stop = None
        await self.close()

    async def run(self, operation: Awaitable[T]) -> T:
        """Awaits an operation, and remembers its error for the diagnostics."""
        try:
            return await operation
        except libpims.PimsError as error:
            self.last_error = {
                "at": int(time.time()),
                "code": int(error.code),
                "label": error.label,
                "next_action": None if error.next_action is None else str(error.next_action),
                "attempts_left": error.attempts_left,
                "retry_after_seconds": error.retry_after_seconds,
            }
            # The detail is made for logs: it has no secret.
            _LOGGER.info("libpims: %s", error)
            raise

    async def with_pin(self, pin: str, operation: Callable[[str], Awaitable[T]]) -> T:
        """Runs an operation that proves a PIN, see `prove`, when it is its turn, see `in_turn`."""
        return await self.in_turn(lambda: self.prove(pin, operation))

    async def in_turn(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Runs work that calls `prove`, one after another: each work knows the PINs that were
        refused before it. Work that has begun goes on if its caller is cancelled, because the
        service counts the wrong PIN all the same."""
        await self._proving.acquire()
        task = self._hass.async_create_task(work(), f"{DOMAIN} proves a PIN")
        task.add_done_callback(self._end_turn)
        # Unlike `shield`, this reports no error of work whose caller is gone.
        await asyncio.wait({task})
        return task.result()

    def _end_turn(self, task: asyncio.Task[Any]) -> None:
        self._proving.release()
        if not task.cancelled():
            # asyncio reports an error that nobody has looked at.
            task.exception()

    async def prove(self, pin: str, operation: Callable[[str], Awaitable[T]]) -> T:
        """Runs an operation that proves a PIN, inside of `in_turn`. A PIN that the service refused
        is not sent again before another one was accepted, or before the entry is loaded again. So
        an automation that repeats a wrong PIN costs one try."""
        mark = hashlib.blake2b(pin.encode(), key=_PROCESS_KEY).digest()
        if mark in self._refused:
            raise PinRefusedBefore
        try:
            answer = await self.run(operation(pin))
        except libpims.PimsError as error:
            if error.attempts_left is not None and error.code == libpims.Code.ACCESS_REFUSED:
                self._refused.add(mark)
            raise
        self._refused.clear()
        return answer

    async def is_started(self) -> bool:
        """Returns whether an SMS code was accepted and its enrollment waits for the PIN. No request
        is sent: the library answers from the state of the device."""
        try:
            await self.device.otp_without_pin()
        except libpims.PimsError as error:
            return error.code == libpims.Code.FORBIDDEN and error.next_action is None
        return False


# A PIN is so short that a plain hash of it can be guessed.
_PROCESS_KEY = secrets.token_bytes(32)

#: The open accounts of entries and flows, by their names.
OPENED: HassKey[dict[str, Account]] = HassKey(f"{DOMAIN}_opened")

_FOLDER_LOCKS: HassKey[dict[str, asyncio.Lock]] = HassKey(f"{DOMAIN}_folder_locks")


def remove_folder(folder: Path) -> None:
    """Removes the folder of an account. It reads the disk: not on the event loop's thread."""
    shutil.rmtree(folder, ignore_errors=True)


if TYPE_CHECKING:
    LibpimsConfigEntry = ConfigEntry[Account]
