"""One-time passwords for a home-automation integration, with every secret in the host's own store.

What such integrations lose, and how this one does not:

- the PIN in a clear file: PIN, access token and the key of the device's state are in the store
  (here, the system's keyring). The library asks for each of them at the moment that it needs it. On
  the disk lies only a state that does not open without the key;
- the enrollment, when the host restarts while it is saved: the library saves it, whole or not at
  all;
- the account, blocked by a loop that repeats a wrong PIN: a PIN that was refused is not tried again
  before it was changed in the store.

    home_automation_otp.py enroll FOLDER +33612345678       once, by a person
    home_automation_otp.py otp FOLDER                       as often as the integration needs

FOLDER may hold `service.json`, the configuration without its secrets (docs/configuration.md).
Without it the embedded authority is used, whose SMS are in FOLDER/sms-outbox.jsonl. Needs the wheel
of this project and `pip install keyring`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import importlib
import json
import secrets
import sys
from getpass import getpass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Protocol

import libpims
import libpims.aio


class SecretStore(Protocol):
    """The secret store of the host: Home Assistant's, the system's keyring, Vault …"""

    def get(self, name: str) -> Optional[str]: ...

    def set(self, name: str, value: str) -> None: ...


class Keyring:
    """The keyring of the system."""

    def __init__(self, account: str) -> None:
        self._keyring: Any = importlib.import_module("keyring")
        self._account = account

    def get(self, name: str) -> Optional[str]:
        value: Optional[str] = self._keyring.get_password(f"pims {name}", self._account)
        return value

    def set(self, name: str, value: str) -> None:
        self._keyring.set_password(f"pims {name}", self._account, value)


class Integration:
    """The device of one account. ``async with`` opens and releases it."""

    def __init__(self, folder: Path, store: SecretStore) -> None:
        self._folder = folder
        self._store = store
        self._device = libpims.aio.StrongAuthentication()

    async def __aenter__(self) -> Integration:
        if self._store.get("storage key") is None:
            self._store.set("storage key", base64.b64encode(secrets.token_bytes(32)).decode())
        await libpims.aio.init(self._configuration())
        return self

    async def __aexit__(self, *_: object) -> None:
        await libpims.aio.free()

    async def enroll(self, phone_number: str, ask_pin: Callable[[], str], ask_code: Callable[[], str]) -> None:
        """Makes this host a device of the account. Stores the PIN after the service has accepted
        it."""
        if await self._device.is_activated():
            return
        entered: List[str] = []

        def pin() -> str:
            entered.append(ask_pin())
            return entered[-1]

        if await self._has_phone_number():
            await self._device.request_enrollment_code()
            await self._device.enroll(pin, ask_code)
        else:
            await self._device.request_phone_number_code(phone_number)
            await self._device.enroll_with_phone_number(pin, ask_code, phone_number)
        self._store.set("pin", entered.pop())

    async def otp(self) -> str:
        """Returns a one-time password. A refused PIN is tried once, no matter how often a caller
        repeats the call."""
        if self._refused() == self._fingerprint():
            raise PermissionError("the PIN in the store was refused: change it there first")
        try:
            return await self._device.otp(lambda: self._store.get("pin") or "")
        except libpims.PimsError as error:
            if error.attempts_left is not None:
                self._store.set("refused pin", self._fingerprint())
            raise

    async def _has_phone_number(self) -> bool:
        try:
            await self._device.trusted_phone_number()
        except libpims.PimsError as error:
            if error.code == libpims.Code.NO_PHONE_NUMBER:
                return False
            raise
        return True

    def _configuration(self) -> libpims.Parameters:
        file = self._folder / "service.json"
        configuration: Dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        # The secrets are functions: the caller of the library holds no secret, only a way to get
        # it.
        configuration["storage"] = {"path": self._folder, "key": lambda: self._store.get("storage key")}
        configuration.setdefault("account", {})["accessToken"] = lambda: self._store.get("access token")
        return configuration

    def _refused(self) -> Optional[str]:
        return self._store.get("refused pin")

    def _fingerprint(self) -> str:
        # A PIN is so short that a plain hash of it can be guessed. The key makes this hash useless
        # outside of the store.
        key = base64.b64decode(self._store.get("storage key") or "")
        return hashlib.blake2b((self._store.get("pin") or "").encode(), key=key).hexdigest()


async def run(arguments: List[str], store: Callable[[str], SecretStore] = Keyring) -> int:
    if len(arguments) < 2 or [arguments[0], len(arguments)] not in (["enroll", 3], ["otp", 2]):
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(arguments[1])
    try:
        async with Integration(folder, store(str(folder.resolve()))) as integration:
            if arguments[0] == "enroll":
                await integration.enroll(arguments[2], lambda: getpass("PIN: "), lambda: input("Code of the SMS: "))
            else:
                print(await integration.otp())
    except (libpims.PimsError, PermissionError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(run(sys.argv[1:])))
